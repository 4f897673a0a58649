// SPDX-License-Identifier: Apache-2.0
// The evaluation alone, on evidence and proofs that are given: who counts, and why somebody does not.
import type { IdentitySigner } from '../../../../../core/policy/signers/identity/identity-signer.ts';
import type { KeySigner } from '../../../../../core/policy/signers/key/key-signer.ts';
import type { TextMatcher } from '../../../../../core/policy/signers/common/text-matcher.ts';
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, test } from 'node:test';
import type { AttestationCandidate, CertificateIdentity, EvidenceFault } from '../../../../../core/signatures/types.ts';
import type { CompiledPolicy } from '../../../../../core/policy/types.ts';
import { ImageEvidence } from '../../../../../core/verdict/evidence/evidence.ts';
import { createWorkBudget } from '../../../../../core/verdict/evaluation/work-budget.ts';
import { evaluate } from '../../../../../core/verdict/evaluation/evaluate.ts';
import type { PolicyEvaluation } from '../../../../../core/verdict/evaluation/evaluate.ts';
import { createSignatureVerifier } from '../../../../../core/policy/signers/verification/signature-verifier.ts';
import type { SignatureVerifier } from '../../../../../core/policy/signers/verification/signature-verifier.ts';
import { claiming } from '../../policy/examples.ts';

const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const NOW = 1000;
const HEX = { a: 'aa'.repeat(32), b: 'bb'.repeat(32), c: 'cc'.repeat(32) } as const;
const DEV: CertificateIdentity = {
  issuer: 'https://issuer',
  subject: 'dev',
  claims: { sourceRepositoryRef: 'refs/heads/main' },
  fingerprint: `sha256:${HEX.c}`,
};

const key = (name: 'a' | 'b' | 'c', window: Partial<KeySigner> = {}): KeySigner => ({
  kind: 'key',
  name,
  fingerprint: `sha256:${HEX[name]}`,
  algorithm: 'ECDSA-P256',
  key: publicKey,
  ...window,
});
/** Of a key that `key` made. */
const nameOf = (fingerprint: string): string => fingerprint.charAt('sha256:'.length);
const exactly = (text: string): TextMatcher => ({ source: text, matches: (other) => other === text });
const identity = (
  name: string,
  { issuer, subject } = { issuer: 'https://issuer', subject: 'dev' },
): IdentitySigner => ({
  kind: 'identity',
  name,
  issuer: exactly(issuer),
  subject: exactly(subject),
  trustRoot: 'root',
  claims: [],
});

/** A candidate, and who made it in truth. */
interface Signed extends AttestationCandidate {
  readonly by?: string;
  readonly certified?: CertificateIdentity;
  readonly logged?: boolean;
}

const signed = (truth: Partial<Signed>): Signed => ({
  format: 'simple-signing',
  source: 'test',
  signedBytes: Buffer.alloc(0),
  signature: Buffer.alloc(0),
  annotations: {},
  material: truth.certified ? { kind: 'annotations', certificate: 'pem' } : { kind: 'annotations' },
  predicateType: 'type',
  ...truth,
});

/** Knows the truth, and notes what it is asked. */
function knowingProver(asked: string[] = []): SignatureVerifier {
  const real = createSignatureVerifier({ names: () => [], load: () => Promise.reject(new Error('there is no root')) });
  return {
    ...real,
    signedBy: (candidate: Partial<Signed>, { fingerprint }) => {
      asked.push(`key ${nameOf(fingerprint)}`);
      return candidate.by === nameOf(fingerprint);
    },
    certifiedBy: async ({ certified }: Partial<Signed>, root, log) => {
      asked.push(`certificate ${root} ${log}`);
      return certified ? { ok: true, value: certified } : { ok: false, reason: 'none' };
    },
    loggedBy: async ({ logged }: Partial<Signed>, { fingerprint }) => {
      asked.push(`log ${nameOf(fingerprint)}`);
      return logged === true ? { ok: true, value: true } : { ok: false, reason: 'not in the log' };
    },
  };
}

interface Scene {
  readonly policy?: Partial<CompiledPolicy>;
  readonly signatures?: readonly Signed[];
  readonly attestations?: readonly Signed[];
  readonly faults?: readonly EvidenceFault[];
  readonly asked?: string[];
}

function evaluateScene({
  policy,
  signatures = [],
  attestations = [],
  faults = [],
  asked,
}: Scene): Promise<PolicyEvaluation> {
  const evidence = new ImageEvidence([], () => NOW);
  evidence.signatures = signatures;
  evidence.attestations = attestations;
  evidence.faults = faults;
  const compiled: CompiledPolicy = { ...claiming('test', []), signers: [key('a'), key('b')], ...policy };
  const repository = { registry: 'registry.example.com', path: 'app' };
  return evaluate(compiled, evidence, {
    verifier: knowingProver(asked),
    image: { repository, digest: `sha256:${HEX.a}` },
    now: NOW,
    asking: { owner: '', signal: new AbortController().signal },
    budget: createWorkBudget(1000, new AbortController().signal),
  });
}

async function codeOf(scene: Scene): Promise<string> {
  const evaluation = await evaluateScene(scene);
  return evaluation.satisfied ? 'satisfied' : evaluation.code;
}

async function reasonOf(scene: Scene): Promise<string> {
  const evaluation = await evaluateScene(scene);
  return evaluation.satisfied ? 'satisfied' : evaluation.reason;
}

describe("an identity's signature", () => {
  const signatures = [signed({ certified: DEV })];

  test('counts where issuer and subject are the wanted ones', async () => {
    const evaluation = await evaluateScene({ policy: { signers: [identity('dev')] }, signatures });
    const signer = { name: 'dev', fingerprint: DEV.fingerprint, format: 'simple-signing', claims: DEV.claims };
    assert.deepEqual(evaluation, { satisfied: true, signers: [signer] });
  });

  for (const [what, other] of [
    ['issuer', { issuer: 'https://other', subject: 'dev' }],
    ['subject', { issuer: 'https://issuer', subject: 'other' }],
  ] as const) {
    test(`does not count where only the ${what} is another`, async () => {
      assert.equal(await codeOf({ policy: { signers: [identity('dev', other)] }, signatures }), 'UntrustedSignature');
    });
  }

  test('does not count where the certificate is not proven', async () => {
    const unproven = [signed({ material: { kind: 'bundle', bundle: {} } })];
    assert.equal(await codeOf({ policy: { signers: [identity('dev')] }, signatures: unproven }), 'UntrustedSignature');
  });

  test('is looked for in bundles too, under the trust root and the demand for a log of the policy', async () => {
    const asked: string[] = [];
    const bundle = [signed({ certified: DEV, material: { kind: 'bundle', bundle: {} } })];
    const policy = { signers: [identity('dev')], transparencyLog: 'Require' } as const;
    assert.equal(await codeOf({ policy, signatures: bundle, asked }), 'satisfied');
    assert.deepEqual(asked, ['certificate root Require']);
  });

  test('is not asked about where nothing comes with it', async () => {
    const asked: string[] = [];
    await evaluateScene({ policy: { signers: [identity('dev')] }, signatures: [signed({})], asked });
    assert.deepEqual(asked, []);
  });

  test('counts once for two identities that it fits', async () => {
    const policy = { signers: [identity('x'), identity('y')], threshold: 2 };
    assert.equal(await codeOf({ policy, signatures }), 'ThresholdNotMet');
    const two = [...signatures, signed({ certified: { ...DEV, subject: 'other' } })];
    assert.equal(await codeOf({ policy, signatures: two }), 'ThresholdNotMet');
  });

  test('of two holders counts twice', async () => {
    const other = { issuer: 'https://issuer', subject: 'other' };
    const policy = { signers: [identity('x'), identity('y', other)], threshold: 2 };
    const two = [...signatures, signed({ certified: { ...DEV, subject: 'other' } })];
    assert.equal(await codeOf({ policy, signatures: two }), 'satisfied');
  });

  test('needs no proof from the log beside that of its certificate', async () => {
    const asked: string[] = [];
    await evaluateScene({ policy: { signers: [identity('dev')], transparencyLog: 'Require' }, signatures, asked });
    assert.ok(!asked.some((question) => question.startsWith('log')));
  });
});

const at = (milliseconds: number) => new Date(milliseconds).toISOString();

describe("a key's signature", () => {
  test('counts from the first to the last millisecond of its window', async () => {
    for (const [window, code] of [
      [{ notBefore: NOW, notAfter: NOW }, 'satisfied'],
      [{ notBefore: NOW + 1 }, 'UntrustedSignature'],
      [{ notAfter: NOW - 1 }, 'UntrustedSignature'],
      [{ notBefore: NOW - 1 }, 'satisfied'],
      [{ notAfter: NOW + 1 }, 'satisfied'],
    ] as const) {
      assert.equal(await codeOf({ policy: { signers: [key('a', window)] }, signatures: [signed({ by: 'a' })] }), code);
    }
  });

  test('outside of its window is said to be so, by the name of the key', async () => {
    for (const [window, text] of [
      [{ notAfter: NOW - 1 }, `"a" expired at ${at(NOW - 1)}`],
      [{ notBefore: NOW + 1 }, `"a" counts from ${at(NOW + 1)} on`],
    ] as const) {
      const signers = [key('a', window), key('b')];
      const alone = await evaluateScene({ policy: { signers }, signatures: [signed({ by: 'a' })] });
      assert.ok(!alone.satisfied && alone.reason.endsWith(`none by a trusted signer; ${text}`), JSON.stringify(alone));
      const both = { policy: { signers, threshold: 2 }, signatures: [signed({ by: 'a' }), signed({ by: 'b' })] };
      const short = await evaluateScene(both);
      assert.ok(!short.satisfied && short.reason.endsWith(`2 are needed; ${text}`), JSON.stringify(short));
    }
  });

  test('is tried with the hinted key first of two, and with all the others after it', async () => {
    const keyHint = Buffer.from(HEX.b, 'hex').toString('base64');
    const asked: string[] = [];
    assert.equal(await codeOf({ signatures: [signed({ by: 'b', keyHint })], asked }), 'satisfied');
    assert.deepEqual(asked, ['key b']);
    assert.equal(await codeOf({ signatures: [signed({ by: 'a', keyHint })] }), 'satisfied');
  });

  test('counts for each signer that holds the key, and once', async () => {
    const twin = { ...key('a'), name: 'twin' };
    const policy = { signers: [key('a'), twin], required: ['a', 'twin'] };
    const evaluation = await evaluateScene({ policy, signatures: [signed({ by: 'a' }), signed({ by: 'a' })] });
    assert.ok(evaluation.satisfied);
    assert.deepEqual(
      evaluation.signers.map(({ name }) => name),
      ['a', 'twin'],
    );
    assert.equal(
      await codeOf({ policy: { ...policy, threshold: 2 }, signatures: [signed({ by: 'a' })] }),
      'ThresholdNotMet',
    );
  });

  test('is shown once for each format', async () => {
    const signatures = [signed({ by: 'a' }), signed({ by: 'a', format: 'bundle' }), signed({ by: 'a' })];
    const evaluation = await evaluateScene({ signatures });
    assert.ok(evaluation.satisfied);
    assert.deepEqual(
      evaluation.signers.map(({ format }) => format),
      ['simple-signing', 'bundle'],
    );
  });

  test('counts only with its log entry where that is required', async () => {
    const policy = { transparencyLog: 'Require' } as const;
    assert.equal(await codeOf({ policy, signatures: [signed({ by: 'a', logged: true })] }), 'satisfied');
    assert.equal(await codeOf({ policy, signatures: [signed({ by: 'a' })] }), 'TransparencyLogMissing');
    assert.equal(await reasonOf({ policy, signatures: [signed({ by: 'a' })] }), 'a: not in the log');
    assert.equal(await codeOf({ signatures: [signed({ by: 'a' })] }), 'satisfied');
  });
});

describe('claims', () => {
  const policy = { annotations: { environment: 'production' } };

  test('must be there, and be equal', async () => {
    const [right, wrong] = [{ environment: 'production', more: 'x' }, { environment: 'test' }];
    assert.equal(await codeOf({ policy, signatures: [signed({ by: 'a', annotations: right })] }), 'satisfied');
    assert.equal(await codeOf({ policy, signatures: [signed({ by: 'a', annotations: wrong })] }), 'AnnotationMismatch');
    const reason = await reasonOf({ policy, signatures: [signed({ by: 'a' })] });
    assert.equal(reason, 'a: annotation environment is missing, wanted "production"');
  });

  test('are not inherited', async () => {
    const inherited = { annotations: { constructor: 'x' } };
    assert.match(await reasonOf({ policy: inherited, signatures: [signed({ by: 'a' })] }), /constructor is missing/);
  });

  test('of strangers are not looked at', async () => {
    assert.equal(await codeOf({ policy, signatures: [signed({ by: 'stranger' })] }), 'UntrustedSignature');
  });
});

describe('an untrusted signature', () => {
  test('of a certificate is told with whose it is, or why it proves nothing', async () => {
    const policy = { signers: [identity('dev', { issuer: 'https://issuer', subject: 'other' })] };
    const none = '1 signature(s), none by a trusted signer';
    const stranger = await reasonOf({ policy, signatures: [signed({ certified: DEV })] });
    assert.equal(stranger, `${none} (dev: the certificate is for dev, vouched for by https://issuer)`);
    const unproven = [signed({ material: { kind: 'bundle', bundle: {} } })];
    assert.equal(await reasonOf({ policy, signatures: unproven }), `${none} (dev: none)`);
  });

  test('of a key is told alone', async () => {
    assert.equal(await reasonOf({ signatures: [signed({})] }), '1 signature(s), none by a trusted signer');
  });
});

describe('what is missing', () => {
  const fault = { source: 'tag', message: 'is broken' };

  test('is told by what came closest', async () => {
    assert.equal(await codeOf({}), 'NoSignature');
    assert.equal(await codeOf({ faults: [fault] }), 'MalformedSignature');
    assert.equal(await codeOf({ faults: [fault], signatures: [signed({})] }), 'UntrustedSignature');
    assert.equal(await reasonOf({ faults: [fault] }), 'tag: is broken');
  });

  test('is told of three faults at most', async () => {
    assert.equal(await reasonOf({ faults: [fault, fault, fault] }), Array(3).fill('tag: is broken').join('; '));
    assert.match(await reasonOf({ faults: [fault, fault, fault, fault] }), /; tag: is broken \(\+1 more\)$/);
    const reason = await reasonOf({ faults: [fault, fault, fault, fault, fault] });
    assert.equal(reason, `${Array(3).fill('tag: is broken').join('; ')} (+2 more)`);
  });

  test('is a required signer, or one more', async () => {
    const signatures = [signed({ by: 'a' })];
    assert.match(await reasonOf({ policy: { required: ['b'] }, signatures }), /; b must be among them$/);
    assert.match(await reasonOf({ policy: { threshold: 2 }, signatures }), /^1 distinct .*; 2 are needed$/);
    const both = [...signatures, signed({ by: 'b' })];
    assert.equal(await codeOf({ policy: { required: ['b'], threshold: 2 }, signatures: both }), 'satisfied');
  });
});

describe('attestations', () => {
  const [maker, holder] = [key('a'), identity('dev')];
  // The same objects, as compiling a policy gives them.
  const signers = [maker, holder, key('b')];
  const demand = { name: 'tests', predicateType: 'type', conditions: [], signers: [maker, holder] };
  const signatures = [signed({ by: 'b' })];
  const attested = (attestation: Partial<Signed>): Promise<string> =>
    codeOf({ policy: { signers, attestations: [demand] }, signatures, attestations: [signed(attestation)] });

  test('count by the signers of the demand, keys and identities', async () => {
    assert.equal(await attested({ by: 'a' }), 'satisfied');
    assert.equal(await attested({ certified: DEV }), 'satisfied');
    assert.equal(await attested({ by: 'b' }), 'AttestationMissing');
  });

  test('do not count by a key whose window is over', async () => {
    const late = key('a', { notAfter: NOW - 1 });
    const policy = { signers: [late, key('b')], attestations: [{ ...demand, signers: [late] }] };
    assert.equal(await codeOf({ policy, signatures, attestations: [signed({ by: 'a' })] }), 'AttestationMissing');
  });

  test('need their own log entry where that is required, if a key made them', async () => {
    const policy = { transparencyLog: 'Require' } as const;
    const logged = [signed({ by: 'b', logged: true })];
    const scene = (attestation: Partial<Signed>): Scene => ({
      policy: { ...policy, signers, attestations: [demand] },
      signatures: logged,
      attestations: [signed(attestation)],
    });
    assert.equal(await codeOf(scene({ by: 'a', logged: true })), 'satisfied');
    assert.equal(await codeOf(scene({ by: 'a' })), 'AttestationMissing');
    assert.equal(await codeOf(scene({ certified: DEV })), 'satisfied');
  });

  test('do not make up for a signature that is missing', async () => {
    const scene = { policy: { signers, attestations: [demand] }, attestations: [signed({ by: 'a' })] };
    assert.equal(await codeOf(scene), 'NoSignature');
  });
});
