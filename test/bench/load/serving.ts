// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { stringify } from 'yaml';
import type { ImagePolicySpec } from '../../../core/policy/documents/image-policy.gen.ts';
import { NODE_FLAGS } from '../../../release/image.ts';
import { issueCertificateAuthority, issueServingCertificate } from '../../../operator/certificates/issue.ts';
import { LOCAL_NAMES } from '../../../operator/certificates/server-names.ts';
import { ALLOCATOR, heapFlags } from '../image-memory.ts';
import { startMeasured } from './measured-process.ts';
import type { MeasuredProcess } from './measured-process.ts';

const DAY = 86_400_000;
const ROOT = path.resolve(import.meta.dirname, '../../..');

/** A folder with a serving certificate, policies and a configuration, for the processes of one benchmark. */
export interface Serving {
  /** PEM of the authority that clients trust. */
  readonly ca: string;
  readonly certificateFile: string;
  readonly keyFile: string;
  /** Writes the policy that processes follow: started ones reload it. */
  writePolicy(spec: ImagePolicySpec): Promise<void>;
  /** `cosignet serve` of dist/, or of another program, ready; the policy must have been written. `match`: webhook, metrics. */
  start(configuration: object, program?: string): Promise<MeasuredProcess>;
  close(): Promise<void>;
}

/** Rejects where dist/ was not built. */
export async function openServing(): Promise<Serving> {
  const folder = await mkdtemp(path.join(tmpdir(), 'cosignet-bench-'));
  const file = (name: string) => path.join(folder, name);
  const validity = { notBefore: Date.now() - DAY, notAfter: Date.now() + DAY };
  const authority = await issueCertificateAuthority({ ...validity, commonName: 'benchmark authority' });
  const pair = await issueServingCertificate({ ...validity, authority, commonName: 'localhost', ...LOCAL_NAMES });
  await writeFile(file('tls.crt'), pair.certificate);
  await writeFile(file('tls.key'), pair.privateKey, { mode: 0o600 });
  return {
    ca: authority.certificate,
    certificateFile: file('tls.crt'),
    keyFile: file('tls.key'),
    writePolicy: (spec) =>
      writeFile(
        file('policy.yaml'),
        stringify({ apiVersion: 'cosignet.dev/v1', kind: 'ImagePolicy', metadata: { name: 'bench' }, spec }),
      ),
    start: async (configuration, program = path.join(ROOT, 'dist/cosignet.js')) => {
      await writeFile(file('config.yaml'), stringify(configuration));
      const options = {
        policies: file('policy.yaml'),
        config: file('config.yaml'),
        listen: '127.0.0.1:0',
        'metrics-listen': '127.0.0.1:0',
        'tls-cert': file('tls.crt'),
        'tls-key': file('tls.key'),
        'log-format': 'json',
        // One line a decision, as in production; it is read and thrown away.
        'log-level': 'info',
      };
      const flags = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
      const ready = /"webhook":"(https:[^"]+)","metrics":"(http:[^"]+)"/;
      return startMeasured([...NODE_FLAGS, ...heapFlags(), program, 'serve', ...flags], ready, ALLOCATOR);
    },
    close: () => rm(folder, { recursive: true, force: true }),
  };
}
