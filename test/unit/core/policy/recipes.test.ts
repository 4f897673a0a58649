// SPDX-License-Identifier: Apache-2.0
// The policies of docs/how-to/require-attestations.md, on predicates as their tools write them: each condition is met, and fails alone.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import type { ImagePolicy, PolicyAttestation } from '../../../../core/policy/documents/image-policy.gen.ts';
import { compileDemand } from '../../../../core/policy/expressions/demand.ts';
import type { Circumstances } from '../../../../core/policy/expressions/types.ts';
import { codeBlocks } from '../../../checks/markdown.ts';
import { read } from '../../../checks/sources.ts';

const policies = codeBlocks(read('docs/how-to/require-attestations.md'), ['yaml']).map((text): ImagePolicy =>
  parse(text),
);
const NOW = Date.parse('2026-06-08T00:00:00Z');
const BUILDER =
  'https://github.com/slsa-framework/slsa-github-generator/.github/workflows/generator_container_slsa3.yml@refs/tags/v2.1.0';
const HERE: Circumstances = {
  image: { repository: 'ghcr.io/acme/app', digest: `sha256:${'a'.repeat(64)}`, tag: '1.0' },
  signer: { name: 'ci', issuer: 'https://token.actions.githubusercontent.com', subject: BUILDER, claims: {} },
  now: NOW,
};

function scan(finished: string, ...severities: readonly string[]): object {
  const found = severities.map((Severity) => ({ VulnerabilityID: 'CVE-2026-1', Severity }));
  const Results = [{ Target: 'app (debian 13)' }, { Target: 'node', Vulnerabilities: found }];
  return { invocation: {}, scanner: { uri: 'trivy', result: { Results } }, metadata: { scanFinishedOn: finished } };
}
const provenance = (id: string, uri: string) => ({ builder: { id }, invocation: { configSource: { uri } } });
const openVex = (...statuses: readonly string[]) => ({
  timestamp: '2026-06-01T00:00:00Z',
  statements: statuses.map((status) => ({ vulnerability: { name: 'CVE-2026-1' }, status })),
});
const summary = (change: object = {}) => ({
  verifier: { id: 'https://verifier.acme.example' },
  timeVerified: '2026-06-01T00:00:00Z',
  resourceUri: 'ghcr.io/acme/app',
  verificationResult: 'PASSED',
  verifiedLevels: ['SLSA_BUILD_LEVEL_3'],
  ...change,
});

interface Recipe {
  readonly good: object;
  /** What fails, by the message of the one condition that it does not meet. */
  readonly bad: Readonly<Record<string, object>>;
}

const RECENT = '2026-06-01T00:00:00Z';
const RECIPES: Readonly<Record<string, Recipe>> = {
  'scanned-this-week/scan': {
    good: scan(RECENT, 'LOW'),
    bad: {
      'the last scan is older than seven days': scan('2026-05-31T23:59:59Z', 'LOW'),
      'the last scan found critical vulnerabilities': scan(RECENT, 'LOW', 'CRITICAL'),
    },
  },
  'explained/vex': {
    good: openVex('not_affected', 'fixed'),
    bad: { 'the VEX document has vulnerabilities that are open': openVex('not_affected', 'under_investigation') },
  },
  'explained/scan': {
    good: scan(RECENT, 'HIGH'),
    bad: { 'there are critical vulnerabilities that no VEX document explains': scan(RECENT, 'CRITICAL') },
  },
  'slsa-build-level-3/provenance': {
    good: provenance(BUILDER, 'git+https://github.com/acme/app@refs/tags/v1'),
    bad: {
      'the builder that is named did not sign it': provenance(
        'https://evil.example',
        'git+https://github.com/acme/app',
      ),
      'it was not built from a repository of acme': provenance(BUILDER, 'git+https://github.com/evil/acme'),
    },
  },
  'verified-elsewhere/summary': {
    good: summary(),
    bad: {
      'another verifier': summary({ verifier: { id: 'https://evil.example' } }),
      'the verification did not pass': summary({ verificationResult: 'FAILED' }),
      'it was not verified for SLSA build level 3': summary({ verifiedLevels: ['SLSA_BUILD_LEVEL_2'] }),
      'the summary is about another repository': summary({ resourceUri: 'ghcr.io/evil/app' }),
      'the verification is older than thirty days': summary({ timeVerified: '2026-05-08T23:59:59Z' }),
    },
  },
};

const attestations = new Map(
  policies.flatMap(({ metadata, spec }) =>
    (spec.attestations ?? []).map((attestation) => [`${metadata.name}/${attestation.name}`, attestation] as const),
  ),
);

/** Undefined: all conditions hold. */
function faultOf({ conditions = [] }: PolicyAttestation, predicate: object): string | undefined {
  const { faults, check } = compileDemand({ conditions });
  assert.deepEqual(faults, []);
  return check({ statement: {}, predicate }, HERE).fault;
}

describe('the recipes for attestations', () => {
  test('are the ones that are tested', () => {
    assert.deepEqual([...attestations.keys()].toSorted(), Object.keys(RECIPES).toSorted());
  });

  for (const [name, attestation] of attestations) {
    const { good = {}, bad = {} } = RECIPES[name] ?? {};
    test(`${name} takes what is good, and refuses by each condition`, () => {
      assert.equal(faultOf(attestation, good), undefined);
      for (const [message, predicate] of Object.entries(bad)) assert.equal(faultOf(attestation, predicate), message);
      assert.equal(Object.keys(bad).length, attestation.conditions?.length, 'a condition without a case');
    });

    test(`${name} knows the time of what its tool writes`, () => {
      const { newestBy } = attestation;
      if (attestation.select !== 'Newest' || newestBy === undefined) return assert.equal(newestBy, undefined);
      const { time } = compileDemand({ conditions: [], newestBy }).check({ statement: {}, predicate: good }, HERE);
      assert.equal(time, Date.parse(RECENT));
    });
  }
});
