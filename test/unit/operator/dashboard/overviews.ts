// SPDX-License-Identifier: Apache-2.0
import { DEFAULT_CONFIGURATION } from '../../../../core/config/configuration.ts';
import type { AffectedStatus } from '../../../../core/policy/documents/image-policy.gen.ts';
import type { Overview, PolicyView } from '../../../../operator/dashboard/overview.ts';
import { createRecentDenials } from '../../../../operator/dashboard/recent-denials.ts';
import { compiled, publicKeyPem } from '../../../fakes/engine.ts';
import { found } from '../scan/found.ts';
import { denial, refusal } from '../telemetry/notifications/denials.ts';

export const NOW = Date.UTC(2026, 10, 28, 12);

export function overview(more: Partial<Overview> = {}): Overview {
  return {
    identity: 'cosignet-0',
    version: '1.2.3',
    leads: true,
    notReady: [],
    notInForce: [],
    configuration: DEFAULT_CONFIGURATION,
    policies: [],
    running: undefined,
    denials: [],
    now: NOW,
    ...more,
  };
}

export function view(name: string, spec: Parameters<typeof compiled>[1], affected?: AffectedStatus): PolicyView {
  const policy = { apiVersion: 'cosignet.dev/v1', kind: 'ImagePolicy', metadata: { name }, spec } as const;
  return { policy, compiled: compiled(name, spec), affected };
}

/** A bit of everything that the page shows. */
export function fullOverview(): Overview {
  const keys = [{ name: 'release', pem: publicKeyPem('release') }];
  const unsigned = refusal('registry.example.com/shop/unsigned:1.0', {
    policies: ['default'],
    refusedBy: ['default'],
    grounds: { policy: 'default', demand: 'a signature by "release"', reason: 'no signature was found' },
  });
  const denials = createRecentDenials(() => NOW - 60_000);
  denials.record(denial('', { name: 'tried', verdicts: [unsigned] }));
  denials.record(denial('', { name: 'tried', verdicts: [unsigned] }));
  return overview({
    policies: [
      view('default', { images: ['registry.example.com/**'], keys }, { wouldDeny: 0, undecided: 0, sample: [] }),
      view(
        'vendor',
        { images: ['vendor.example.com/**'], keys, mode: 'Audit' },
        {
          wouldDeny: 3,
          undecided: 1,
          sample: ['tools/scanner-0: vendor.example.com/scanner:2: NoSignature'],
        },
      ),
      view('broken', { images: ['registry.example.com/app:1.0'], keys }),
    ],
    running: found(
      {
        'shop/web': ['allowed', 'Verified'],
        'shop/unsigned': ['denied', 'NoSignature', 'demo'],
        'tools/scanner': ['error', 'RegistryUnavailable', 'demo'],
        'web/front': ['allowed', 'Verified'],
        'web/later': undefined,
      },
      ['demo'],
    ),
    denials: denials.list(),
  });
}
