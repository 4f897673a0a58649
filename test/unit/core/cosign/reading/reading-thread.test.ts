// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { createReadingThread, type ReadingThread } from '../../../../../core/cosign/reading/reading-thread.ts';
import { readStored } from '../../../../../core/cosign/reading/read-stored.ts';
import type { StoredText } from '../../../../../core/cosign/stored-text.ts';
import { EngineError } from '../../../../../core/errors.ts';
import type { EvidenceBatch, SignatureCandidate } from '../../../../../core/signatures/types.ts';

const digest = `sha256:${'a'.repeat(64)}` as const;
const asking = { owner: 'registry.example.test/app', signal: new AbortController().signal };
const monotonic = () => performance.now();
const IN_TOTO = 'application/vnd.in-toto+json';

function envelope(predicate: unknown, of = digest) {
  const subject = [{ name: 'app', digest: { sha256: of.slice(7) }, annotations: { a: 'b' } }];
  const statement = { _type: 'https://in-toto.io/Statement/v1', subject, predicateType: 'sbom', predicate };
  const payload = Buffer.from(JSON.stringify(statement)).toString('base64');
  return { payloadType: IN_TOTO, payload, signatures: [{ sig: 'AAAA', keyid: 'k' }] };
}

function stored(kind: StoredText['kind'], json: unknown): StoredText {
  return { kind, bytes: Buffer.from(JSON.stringify(json)), maximumBytes: 4 * 2 ** 20, digest, source: 'here' };
}

function bundle(dsseEnvelope: unknown, verificationMaterial: object = { publicKey: { hint: 'x' } }): StoredText {
  const mediaType = 'application/vnd.dev.sigstore.bundle.v0.3+json';
  return stored('bundle', { mediaType, verificationMaterial, dsseEnvelope });
}

const LARGE = Array.from({ length: 20_000 }, (_, index) => ({ name: `package-${index}` }));

/** Bytes as text: a Buffer is no other value than an array of the same bytes. */
function told(one: SignatureCandidate): object {
  const [signedBytes, signature] = [one.signedBytes, one.signature].map((bytes) => Buffer.from(bytes).toString('hex'));
  return { ...one, signedBytes, signature };
}

function plain({ signatures, attestations, faults }: EvidenceBatch): unknown {
  return [signatures.map(told), attestations.map(told), faults];
}

describe('the thread that reads large texts', () => {
  let thread: ReadingThread;
  afterEach(() => thread.stop());

  test('reads what this thread reads', async () => {
    thread = createReadingThread({ monotonic });
    for (const text of [bundle(envelope(LARGE)), stored('attestation', envelope(LARGE)), bundle(envelope('small'))]) {
      assert.deepEqual(plain(await thread.readStored(text, asking)), plain(readStored(text)));
    }
  });

  test('leaves the text to others who hold it', async () => {
    thread = createReadingThread({ monotonic });
    const text = bundle(envelope(LARGE));
    const before = text.bytes.length;
    await Promise.all([thread.readStored(text, asking), thread.readStored(text, asking)]);
    assert.equal(text.bytes.length, before);
  });

  test('gives bytes that hold nothing but themselves, so that what is kept is what is counted', async () => {
    thread = createReadingThread({ monotonic });
    const { attestations } = await thread.readStored(bundle(envelope(LARGE)), asking);
    for (const { signedBytes, signature } of attestations) {
      assert.equal(signedBytes.buffer.byteLength, signedBytes.length);
      assert.equal(signature.buffer.byteLength, signature.length);
    }
  });

  const other = `sha256:${'b'.repeat(64)}` as const;
  const padding = 'x'.repeat(300_000);
  for (const [what, text] of [
    ['is about another image', bundle(envelope(LARGE, other))],
    ['has more than a signature needs beside what is signed', bundle(envelope('small'), { publicKey: { padding } })],
    [
      'has that in an attestation',
      stored('attestation', { ...envelope('small'), signatures: [{ sig: 'AAAA', padding }] }),
    ],
    ['is not what it says', stored('bundle', padding)],
  ] as const) {
    test(`refuses, as this thread does and in the same words, what ${what}`, async () => {
      thread = createReadingThread({ monotonic });
      const refusal = thrownBy(() => readStored(text));
      assert.ok(refusal instanceof EngineError);
      const { code, message } = refusal;
      await assert.rejects(async () => thread.readStored(text, asking), { name: 'EngineError', code, message });
    });
  }

  const source = new URL('./failing-worker.ts', import.meta.url);
  for (const fault of ['endless', 'memory', 'ends']) {
    test(`is replaced where it fails, which says nothing of the text: ${fault}`, async () => {
      const ended: string[] = [];
      thread = createReadingThread({ monotonic, source, backstop: 2000, onEnded: (_, owner) => ended.push(owner) });
      const text = { ...bundle(envelope(LARGE)), source: fault };
      await assert.rejects(async () => thread.readStored(text, asking), { code: 'DeadlineExceeded' });
      const next = await thread.readStored({ ...text, source: 'good' }, asking);
      assert.deepEqual([next, ended], [{ signatures: [], attestations: [], faults: [] }, [asking.owner]]);
    });
  }

  test('is never asked about small texts', async () => {
    thread = createReadingThread({ monotonic, source: new URL('https://example.test/nowhere.js') });
    const small = bundle(envelope('small'));
    assert.deepEqual(plain(await thread.readStored(small, asking)), plain(readStored(small)));
  });
});

function thrownBy(work: () => unknown): unknown {
  try {
    return work();
  } catch (thrown) {
    return thrown;
  }
}
