// SPDX-License-Identifier: Apache-2.0
// Attestations by cosign, which is asked by `verify-attestation`.
import type { SigningFormat } from '../../vectors/cosign/workshop.ts';
import type { Bench } from '../bench.ts';
import { fileIn } from '../pieces.ts';
import type { Made, Row } from '../row.ts';

const topic = 'Attestations';
const SCAN = 'https://example.com/scan/v1';
const KEY = ['--key', 'release.key'];

interface Type {
  /** What `cosign attest --type` calls it. */
  readonly type: string;
  readonly predicateType: string;
  readonly predicate: object;
  readonly condition: string;
}

const VULNERABILITIES: Type = {
  type: 'vuln',
  predicateType: 'https://cosign.sigstore.dev/attestation/vuln/v1',
  predicate: {
    invocation: { parameters: null, uri: '', event_id: '', 'builder.id': '' },
    scanner: { uri: 'trivy', version: '1', db: { uri: '', version: '' }, result: { Results: [] } },
    metadata: { scanStartedOn: '2026-11-29T00:00:00Z', scanFinishedOn: '2026-11-29T00:01:00Z' },
  },
  condition: 'timestamp(predicate.metadata.scanFinishedOn) > timestamp("2026-01-01T00:00:00Z")',
};

const TYPES: readonly Type[] = [
  {
    type: 'slsaprovenance',
    predicateType: 'https://slsa.dev/provenance/v0.2',
    predicate: { builder: { id: 'b' }, buildType: 't', invocation: {}, materials: [] },
    condition: 'predicate.builder.id == "b"',
  },
  {
    type: 'slsaprovenance1',
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: { buildDefinition: { buildType: 't', externalParameters: {} }, runDetails: { builder: { id: 'b' } } },
    condition: 'predicate.runDetails.builder.id == "b"',
  },
  {
    type: 'spdxjson',
    predicateType: 'https://spdx.dev/Document',
    predicate: { spdxVersion: 'SPDX-2.3', packages: [] },
    condition: 'predicate.spdxVersion == "SPDX-2.3"',
  },
  {
    type: 'cyclonedx',
    predicateType: 'https://cyclonedx.org/bom',
    predicate: { bomFormat: 'CycloneDX', specVersion: '1.6' },
    condition: 'predicate.specVersion == "1.6"',
  },
  VULNERABILITIES,
  {
    type: 'openvex',
    predicateType: 'https://openvex.dev/ns',
    predicate: {
      '@context': 'https://openvex.dev/ns/v0.2.0',
      '@id': 'i',
      author: 'a',
      timestamp: '2026-11-29T00:00:00Z',
      version: 1,
      statements: [],
    },
    condition: 'predicate.author == "a"',
  },
  {
    type: 'custom',
    predicateType: 'https://cosign.sigstore.dev/attestation/v1',
    predicate: { a: 1 },
    condition: 'predicate.Data.contains("a")',
  },
  { type: SCAN, predicateType: SCAN, predicate: { a: 1 }, condition: 'predicate.a == 1' },
];

interface Attesting {
  readonly type: string;
  readonly predicate: object | string;
  readonly environment?: Readonly<Record<string, string>>;
}

async function attest(
  { workshop }: Bench,
  format: SigningFormat,
  image: string,
  { type, predicate, environment }: Attesting,
): Promise<void> {
  const file = await fileIn(
    workshop,
    'predicate',
    typeof predicate === 'string' ? predicate : JSON.stringify(predicate),
  );
  await workshop.cosign('attest', format, [...KEY, '--predicate', file, '--type', type, image], { ...environment });
}

/** What both are asked: an attestation of this type, and nothing else. */
export function asked(
  image: string,
  type: string,
  demand: { readonly predicateType: string; readonly conditions?: readonly object[] },
  more: object = {},
): Made {
  const policy = { threshold: 0, attestations: [{ name: 'it', ...demand }], ...more };
  return { image, cosignCommand: 'verify-attestation', cosignFlags: ['--type', type], policy };
}

/** One after the other about one image; the policy wants none with findings. */
function scans(bench: Bench, format: SigningFormat, found: readonly (readonly [at: string, critical: number])[]) {
  return async (choice: object): Promise<Made> => {
    const image = await bench.push();
    for (const [at, critical] of found) await attest(bench, format, image, { type: SCAN, predicate: { at, critical } });
    const conditions = [{ expression: 'predicate.critical == 0' }];
    return asked(image, SCAN, Object.assign({ predicateType: SCAN, conditions }, choice));
  };
}

const BY_SCAN = { select: 'Newest', newestBy: 'timestamp(predicate.at)' } as const;
const CLEAN_THEN_DIRTY = [
  ['2026-11-01T00:00:00Z', 0],
  ['2026-11-02T00:00:00Z', 3],
] as const;
const DIRTY_WRITTEN_LAST = [
  ['2026-11-02T00:00:00Z', 0],
  ['2026-11-01T00:00:00Z', 3],
] as const;

const both = { topic, registry: 'referrers', cosign: 'accepts' } as const;
const SELECTIONS = ['Any', 'All', 'Newest'] as const;

function typeRow(format: SigningFormat, name: string, { type, predicateType, predicate, condition }: Type): Row {
  return {
    ...both,
    input: `${name} of the type \`${type}\``,
    source: '`cosign attest --type`',
    make: async (bench) => {
      const image = await bench.push();
      await attest(bench, format, image, { type, predicate });
      return asked(image, type, { predicateType, conditions: [{ expression: condition }] });
    },
    cosignet: 'Verified',
  };
}

function selectRow(format: SigningFormat, name: string, select: (typeof SELECTIONS)[number]): Row {
  const { cosignet, why }: Pick<Row, 'cosignet' | 'why'> =
    select === 'Any'
      ? { cosignet: 'Verified' }
      : { cosignet: 'AttestationFailed', why: 'cosign takes any of them; the policy asks for more.' };
  return {
    ...both,
    input: `${name} of a clean scan, and a later one with findings: \`select: ${select}\``,
    source: 'a scan each night',
    make: (bench) => scans(bench, format, CLEAN_THEN_DIRTY)(select === 'Newest' ? BY_SCAN : { select }),
    cosignet,
    ...(why !== undefined && { why }),
  };
}

function rowsIn(format: SigningFormat, name: string): readonly Row[] {
  return [
    ...TYPES.map((type) => typeRow(format, name, type)),
    {
      ...both,
      input: `${name} of a text as predicate`,
      source: '`cosign attest --type spdx`, SPDX as text',
      make: async (bench) => {
        const image = await bench.push();
        await attest(bench, format, image, { type: 'spdx', predicate: 'SPDXVersion: SPDX-2.3' });
        return asked(image, 'spdx', { predicateType: 'https://spdx.dev/Document' });
      },
      cosign: 'refuses',
      cosignet: 'Verified',
      why: 'cosign writes it, and reads only objects. The key of the policy signed it, with this type and about this digest.',
    },
    {
      ...both,
      input: `${name} where the policy has cosign's short name of the type`,
      source: 'people who know `cosign verify-attestation --type vuln`',
      make: async (bench) => {
        const image = await bench.push();
        await attest(bench, format, image, VULNERABILITIES);
        return asked(image, 'vuln', { predicateType: 'vuln' });
      },
      cosignet: 'AttestationMissing',
      why: 'A policy names the type as it is signed; `cosignet lint` and `kubectl apply` tell of short names.',
      says: ['there are some of "https://cosign.sigstore.dev/attestation/vuln/v1"'],
    },
    {
      ...both,
      input: `${name}, an attestation, in another repository`,
      source: '`COSIGN_REPOSITORY`, `signatureRepository`',
      make: async (bench) => {
        const image = await bench.push();
        const signatureRepository = `${bench.host}/${bench.repository}/signatures`;
        const environment = { COSIGN_REPOSITORY: signatureRepository };
        await attest(bench, format, image, { type: SCAN, predicate: { a: 1 }, environment });
        const made = asked(image, SCAN, { predicateType: SCAN }, { signatureRepository });
        return { ...made, cosignEnvironment: environment };
      },
      cosignet: 'Verified',
    },
    ...SELECTIONS.map((select) => selectRow(format, name, select)),
    {
      ...both,
      input: `${name} of a clean scan, and an older one with findings that was attested later: \`select: Newest\``,
      source: 'scanners that run side by side',
      make: (bench) => scans(bench, format, DIRTY_WRITTEN_LAST)(BY_SCAN),
      cosignet: 'Verified',
    },
    {
      ...both,
      input: `${name} whose time nothing proves: \`select: Newest\` without \`newestBy\``,
      source: 'attestations by key without a log',
      make: (bench) => scans(bench, format, [['2026-11-01T00:00:00Z', 0]])({ select: 'Newest' }),
      cosignet: 'AttestationFailed',
      why: 'cosign takes any of them; which is the newest is not proven.',
      says: ['has no time: no trusted log or timestamp authority proves its time'],
    },
  ];
}

export const attestationRows: readonly Row[] = [
  ...rowsIn('simple-signing', 'an `.att`'),
  ...rowsIn('bundle', 'a bundle'),
];
