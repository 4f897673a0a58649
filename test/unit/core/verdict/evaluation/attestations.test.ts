// SPDX-License-Identifier: Apache-2.0
import type { IdentitySigner } from '../../../../../core/policy/signers/identity/identity-signer.ts';
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { preAuthenticationEncoding } from '../../../../../core/formats/dsse-envelope.ts';
import { EngineError } from '../../../../../core/errors.ts';
import { evaluateAttestations } from '../../../../../core/verdict/evaluation/attestations.ts';
import type { ProvenBy, TimeOf } from '../../../../../core/verdict/evaluation/attestations.ts';
import type { AttestationCandidate, EvidenceFault, ResolvedImage } from '../../../../../core/signatures/types.ts';
import { prepareInProcess } from '../../../../../core/policy/evaluator/in-process.ts';
import type { DemandTexts } from '../../../../../core/policy/expressions/types.ts';
import type { AttestationDemand } from '../../../../../core/policy/types.ts';

const VULNERABILITIES = 'https://cosign.sigstore.dev/attestation/vuln/v1';
const CUSTOM = 'https://cosign.sigstore.dev/attestation/v1';
const SPDX = 'https://spdx.dev/Document';

const IMAGE: ResolvedImage = {
  repository: { registry: 'registry.example.test', path: 'team/app' },
  digest: `sha256:${'a'.repeat(64)}`,
  tag: '1.0',
};

const anything = { source: '/.*/', matches: () => true };
const named = (name: string): IdentitySigner => ({
  kind: 'identity',
  name,
  issuer: anything,
  subject: anything,
  trustRoot: 'x',
  claims: [],
});
const SCANNER = named('scanner');
const BUILDER = named('builder');

function attestation(predicateType: string, predicate: unknown, source = 'x'): AttestationCandidate {
  return {
    format: 'bundle',
    source,
    signedBytes: preAuthenticationEncoding('x', Buffer.from(JSON.stringify({ predicateType, predicate }))),
    signature: Buffer.alloc(0),
    annotations: {},
    material: { kind: 'bundle', bundle: {} },
    predicateType,
  };
}

interface Written extends Partial<AttestationDemand> {
  readonly schema?: object;
  readonly conditions?: DemandTexts['conditions'];
}

function demand({ schema, conditions = [], ...change }: Written = {}): AttestationDemand {
  const { check } = prepareInProcess({ conditions, ...(schema && { schema: JSON.stringify(schema) }) });
  return { name: 'scan', predicateType: VULNERABILITIES, check, signers: [SCANNER], ...change };
}

function condition(expression: string, message = ''): DemandTexts['conditions'][number] {
  return { expression, message };
}

const ended = async () => Promise.reject(new EngineError('EvaluationTimeout', 'it was ended'));
const large = async () => ({ steps: 6_000_000 });
const asking = { owner: 'team', signal: new AbortController().signal };

const NOW = Date.parse('2026-06-08T00:00:00Z');
const untimed: TimeOf = async () => ({ ok: false, reason: 'nothing proves it' });

// oxlint-disable-next-line max-params -- what each test differs in
function evaluate(
  demands: readonly AttestationDemand[],
  candidates: readonly AttestationCandidate[],
  image: ResolvedImage,
  provenBy: ProvenBy,
  faults: readonly EvidenceFault[] = [],
) {
  return evaluateAttestations({ demands, candidates, faults, image, provenBy, timeOf: untimed, now: NOW, asking });
}

/** Everything is by the scanner. */
const byScanner: ProvenBy = async (_, signers) => {
  const signer = signers.find(({ name }) => name === 'scanner');
  return signer && { ...BY_SCANNER, signer };
};
const byNobody: ProvenBy = async () => undefined;
const byStranger: ProvenBy = async (_, _signers, note) => {
  note('ci: the certificate is of somebody else');
  return undefined;
};
const BY_SCANNER = {
  signer: SCANNER,
  holder: 'certificate',
  fingerprint: 'sha256:0',
  shown: { name: 'scanner', fingerprint: 'sha256:0', format: 'bundle' },
} as const;

const noCritical = condition(
  'predicate.vulnerabilities.all(v, v.severity != "CRITICAL")',
  'fix the critical ones first',
);
const CLEAN = attestation(VULNERABILITIES, { vulnerabilities: [{ severity: 'LOW' }] });
const CRITICAL = attestation(VULNERABILITIES, { vulnerabilities: [{ severity: 'CRITICAL' }] });

describe('attestations are evaluated', () => {
  test('as good where nothing is demanded', async () => {
    assert.deepEqual(await evaluate([], [], IMAGE, byNobody), { ok: true, proofs: [] });
  });

  test('as good where one of the type, by a signer, meets all that is asked', async () => {
    const schema = { type: 'object', required: ['vulnerabilities'] };
    const evaluated = await evaluate([demand({ schema, conditions: [noCritical] })], [CLEAN], IMAGE, byScanner);
    assert.deepEqual(evaluated, { ok: true, proofs: [BY_SCANNER] });
  });

  test('as good where one fails and another does not', async () => {
    assert.deepEqual(await evaluate([demand({ conditions: [noCritical] })], [CRITICAL, CLEAN], IMAGE, byScanner), {
      ok: true,
      proofs: [BY_SCANNER],
    });
  });

  test('not at all where an evaluation did not end: that says nothing of the attestation', async () => {
    await assert.rejects(evaluate([demand({ check: ended })], [CLEAN], IMAGE, byScanner), {
      code: 'EvaluationTimeout',
    });
  });

  test('within one budget for all demands, the same where answers are remembered', async () => {
    const two = [demand({ check: large }), demand({ check: large, name: 'again' })];
    assert.deepEqual(await evaluate(two, [CLEAN], IMAGE, byScanner), { ok: true, proofs: [BY_SCANNER, BY_SCANNER] });
    assert.deepEqual(await evaluate([...two, demand({ check: large, name: 'third' })], [CLEAN], IMAGE, byScanner), {
      ok: false,
      code: 'AttestationFailed',
      message: `attestation "third" (${VULNERABILITIES}): all evaluations take more than 16000000 steps`,
    });
  });

  test('as missing where there is none at all', async () => {
    assert.deepEqual(await evaluate([demand()], [], IMAGE, byScanner), {
      ok: false,
      code: 'AttestationMissing',
      message: `attestation "scan" (${VULNERABILITIES}): none was found`,
    });
  });

  test('as missing with the types that are there instead, and what can not be used', async () => {
    const others = [attestation(SPDX, {}), attestation(SPDX, {}), attestation('x\u202e'.repeat(200), {})];
    const faults = [{ source: 'sha256-0.att#0', message: 'the DSSE envelope has no signature, or more than 4' }];
    const evaluated = await evaluate([demand()], others, IMAGE, byNobody, faults);
    const message = evaluated.ok ? '' : evaluated.message;
    const start = `attestation "scan" (${VULNERABILITIES}): none was found; there are some of "${SPDX}", "x\\u202e`;
    assert.ok(message.startsWith(start), message);
    assert.ok(message.endsWith('; sha256-0.att#0: the DSSE envelope has no signature, or more than 4'), message);
    assert.ok(message.length < 900, message);
  });

  test('as missing where all are of another type', async () => {
    const evaluated = await evaluate(
      [demand()],
      [attestation(SPDX, {}), attestation(`${VULNERABILITIES}x`, {})],
      IMAGE,
      byScanner,
    );
    assert.equal(!evaluated.ok && evaluated.code, 'AttestationMissing');
  });

  test('as missing where nobody trusted made it, whatever it says', async () => {
    assert.deepEqual(await evaluate([demand({ conditions: [noCritical] })], [CRITICAL], IMAGE, byNobody), {
      ok: false,
      code: 'AttestationMissing',
      message: `attestation "scan" (${VULNERABILITIES}): 1 found, none by a trusted signer`,
    });
  });

  test("as missing with the reasons why each is nobody's, each once", async () => {
    const evaluated = await evaluate([demand()], [CLEAN, CRITICAL], IMAGE, byStranger);
    assert.equal(
      !evaluated.ok && evaluated.message,
      `attestation "scan" (${VULNERABILITIES}): 2 found, none by a trusted signer (ci: the certificate is of somebody else)`,
    );
  });

  test("as missing where another of the policy's signers made it", async () => {
    const evaluated = await evaluate([demand({ signers: [BUILDER] })], [CLEAN], IMAGE, byScanner);
    assert.equal(!evaluated.ok && evaluated.code, 'AttestationMissing');
  });

  test("as failed with the author's words where a condition is not met", async () => {
    assert.deepEqual(await evaluate([demand({ conditions: [noCritical] })], [CRITICAL], IMAGE, byScanner), {
      ok: false,
      code: 'AttestationFailed',
      message: `attestation "scan" (${VULNERABILITIES}): fix the critical ones first`,
    });
  });

  test('as failed where one of two conditions is not met', async () => {
    const never = condition('false', 'never');
    const evaluated = await evaluate([demand({ conditions: [noCritical, never] })], [CLEAN], IMAGE, byScanner);
    assert.match(evaluated.ok ? '' : evaluated.message, /never$/);
  });

  test('as failed where a condition cannot be evaluated, with the reason', async () => {
    const evaluated = await evaluate(
      [demand({ conditions: [noCritical] })],
      [attestation(VULNERABILITIES, {})],
      IMAGE,
      byScanner,
    );
    assert.match(evaluated.ok ? '' : evaluated.message, /fix the critical ones first \(.*vulnerabilities.*\)/);
    assert.equal(!evaluated.ok && evaluated.code, 'AttestationFailed');
  });

  test('as failed where the predicate does not fit the schema', async () => {
    const schema = { type: 'object', required: ['scanner'] };
    const evaluated = await evaluate([demand({ schema })], [CLEAN], IMAGE, byScanner);
    assert.match(evaluated.ok ? '' : evaluated.message, /must have required property 'scanner'/);
  });

  test('all together: one demand that is not met refuses the image', async () => {
    const sbom = demand({ name: 'sbom', predicateType: SPDX });
    const evaluated = await evaluate([demand(), sbom], [CLEAN], IMAGE, byScanner);
    assert.match(
      evaluated.ok ? '' : evaluated.message,
      /^attestation "sbom" \(https:\/\/spdx\.dev\/Document\): none was found/,
    );
    assert.equal((await evaluate([demand(), sbom], [CLEAN, attestation(SPDX, {})], IMAGE, byScanner)).ok, true);
  });

  test('by conditions that see the image as it was asked for', async () => {
    const seesImage = condition(
      `image.repository == "registry.example.test/team/app" && image.tag == "1.0" && image.digest == "${IMAGE.digest}"`,
      'no',
    );
    assert.equal((await evaluate([demand({ conditions: [seesImage] })], [CLEAN], IMAGE, byScanner)).ok, true);
    const { repository, digest } = IMAGE;
    const untagged = await evaluate([demand({ conditions: [seesImage] })], [CLEAN], { repository, digest }, byScanner);
    assert.equal(untagged.ok, false);
  });

  test('by what cosign wraps into its custom predicate', async () => {
    const custom = demand({
      predicateType: CUSTOM,
      conditions: [condition('predicate.Data == "approved"', 'ask for approval')],
    });
    const good = attestation(CUSTOM, { Data: 'approved', Timestamp: '2026-01-01T00:00:00Z' });
    const bad = attestation(CUSTOM, { Data: 'rejected', Timestamp: '2026-01-01T00:00:00Z' });
    assert.equal((await evaluate([custom], [good], IMAGE, byScanner)).ok, true);
    assert.match(JSON.stringify(await evaluate([custom], [bad], IMAGE, byScanner)), /ask for approval/);
  });

  test('with a message that stays short, however many there are', async () => {
    const conditions = [condition('predicate.missing == 1', 'x'.repeat(500))];
    const many = Array.from({ length: 30 }, (_, index) =>
      attestation(VULNERABILITIES, { [`${'k'.repeat(400)}${index}`]: 1 }),
    );
    const evaluated = await evaluate([demand({ conditions })], many, IMAGE, byScanner);
    assert.ok(!evaluated.ok && evaluated.message.length < 1000);
  });

  test('and a failure to ask who made it is no permission', async () => {
    await assert.rejects(
      evaluate([demand()], [CLEAN], IMAGE, async () => {
        throw new Error('no trust root');
      }),
      /no trust root/,
    );
  });
});

const UNREADABLE: AttestationCandidate = {
  ...attestation(VULNERABILITIES, undefined),
  source: 'sha256:1',
  unreadable: 'the statement nests deeper than 64 levels',
};
const atNoon = async () => ({ steps: 1, time: NOW });
const CANT = "sha256:1 can't be read: the statement nests deeper than 64 levels";

describe('an attestation that only another reader can read', () => {
  for (const select of ['All', 'Newest'] as const) {
    test(`fails what asks for ${select}, by name: it may be what fails, or newer`, async () => {
      const timed = { check: async () => ({ steps: 1 }), newestBy: atNoon };
      const evaluated = await evaluate([demand({ select, ...timed })], [CLEAN, UNREADABLE], IMAGE, byScanner);
      const message = `attestation "scan" (${VULNERABILITIES}): ${CANT}`;
      assert.deepEqual(evaluated, { ok: false, code: 'AttestationFailed', message });
    });

    test(`fails ${select} whatever its type is where readers may differ in that`, async () => {
      const untyped = { ...UNREADABLE, predicateType: '' };
      assert.equal((await evaluate([demand({ select })], [untyped], IMAGE, byScanner)).ok, false);
    });

    test(`is nothing to ${select} where nobody trusted made it`, async () => {
      const byKind: ProvenBy = async (candidate, ...rest) =>
        candidate === UNREADABLE ? undefined : byScanner(candidate, ...rest);
      const evaluated = await evaluate([demand({ select, newestBy: atNoon })], [CLEAN, UNREADABLE], IMAGE, byKind);
      assert.equal(evaluated.ok, true);
    });
  }

  test('meets nothing, not even a demand without conditions', async () => {
    const evaluated = await evaluate([demand()], [UNREADABLE], IMAGE, byScanner);
    const message = `attestation "scan" (${VULNERABILITIES}): ${CANT}`;
    assert.deepEqual(evaluated, { ok: false, code: 'AttestationFailed', message });
    const { check: _, ...unchecked } = demand();
    assert.equal((await evaluate([unchecked], [UNREADABLE], IMAGE, byScanner)).ok, false);
  });

  test('takes nothing from one that can be read, where any is enough', async () => {
    assert.equal((await evaluate([demand()], [UNREADABLE, CLEAN], IMAGE, byScanner)).ok, true);
  });
});
