// SPDX-License-Identifier: Apache-2.0
// What a bundle's signature is over, read without verifying it: which artifacts it may be about.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { readBundleContent } from '../../../../../core/sigstore/bundle/bundle-content.ts';
import { parseArtifactDigest } from '../../../../../core/sigstore/bundle/artifact.ts';
import type { Artifact, ArtifactDigest } from '../../../../../core/sigstore/bundle/artifact.ts';
import { jsonNode } from '../../../../../core/formats/protojson.ts';
import type { HashName } from '../../../../../core/keys/algorithms.ts';

const ARTIFACT = Buffer.from('an artifact\n');

const hashed = (hash: string, encoding: 'hex' | 'base64', bytes = ARTIFACT): string =>
  createHash(hash).update(bytes).digest(encoding);

function digestBy(hash: HashName): ArtifactDigest {
  const digest = parseArtifactDigest(`${hash}:${hashed(hash, 'hex')}`);
  assert.ok(digest !== undefined);
  return digest;
}

const DIGEST = digestBy('sha256');

function readMessage(change: object, artifact: Artifact = ARTIFACT): string | undefined {
  const messageSignature = { signature: 'AAAA', ...change };
  return readBundleContent(jsonNode({ messageSignature }, ''), artifact).predicateType;
}

function readStatement(change: object, artifact: Artifact = ARTIFACT, envelope: object = {}): string | undefined {
  const statement = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ digest: { sha256: hashed('sha256', 'hex') } }],
    predicateType: 'type',
    ...change,
  };
  const payload = Buffer.from(JSON.stringify(statement)).toString('base64');
  const dsseEnvelope = {
    payload,
    payloadType: 'application/vnd.in-toto+json',
    signatures: [{ sig: 'AAAA' }],
    ...envelope,
  };
  return readBundleContent(jsonNode({ dsseEnvelope }, ''), artifact).predicateType;
}

function subjectsOfOthers(count: number): readonly object[] {
  return Array.from({ length: count }, () => ({ digest: { sha256: '00' } }));
}

function otherDigests(count: number): object {
  return Object.fromEntries(Array.from({ length: count }, (_, at) => [`x${at}`, '00']));
}

describe('an artifact that is not at hand', () => {
  test('is given by one of three digests', () => {
    for (const hash of ['sha256', 'sha384', 'sha512'] as const) {
      const hex = hashed(hash, 'hex');
      assert.deepEqual(parseArtifactDigest(`${hash}:${hex}`), { hash, digest: Buffer.from(hex, 'hex') });
    }
  });

  test('is given by nothing else', () => {
    const hex = hashed('sha256', 'hex');
    const others = ['', 'sha256:', hex, `sha1:${'0'.repeat(40)}`, `sha256:${hex}0`, `sha512:${hex}`, ` sha256:${hex}`];
    for (const text of [
      ...others,
      `sha256:${hex}\n`,
      `sha256:${hex.toUpperCase()}`,
      `SHA256:${hex}`,
      `sha256:${hex}:`,
    ]) {
      assert.equal(parseArtifactDigest(text), undefined, text);
    }
  });
});

describe("a message's digest", () => {
  for (const [algorithm, hash] of [
    ['SHA2_256', 'sha256'],
    ['SHA2_384', 'sha384'],
    ['SHA2_512', 'sha512'],
    [1, 'sha256'],
    [2, 'sha384'],
    [3, 'sha512'],
  ] as const) {
    test(`of ${algorithm} has to be the artifact's`, () => {
      const right = { messageDigest: { algorithm, digest: hashed(hash, 'base64') } };
      assert.equal(readMessage(right), undefined);
      const wrong = { messageDigest: { algorithm, digest: hashed(hash, 'base64', Buffer.from('other')) } };
      assert.throws(() => readMessage(wrong), /that of another artifact/);
    });
  }

  test('cannot be compared with a SHA-256 alone where it is another', () => {
    const sha512 = { messageDigest: { algorithm: 'SHA2_512', digest: hashed('sha512', 'base64') } };
    assert.throws(() => readMessage(sha512, DIGEST), /the artifact itself is needed/);
    const sha256 = { messageDigest: { algorithm: 'SHA2_256', digest: hashed('sha256', 'base64') } };
    assert.equal(readMessage(sha256, DIGEST), undefined);
    assert.equal(readMessage(sha512, digestBy('sha512')), undefined);
    assert.throws(() => readMessage(sha256, digestBy('sha512')), /the artifact itself is needed/);
  });

  test('may be left out, and has no members that nobody knows', () => {
    assert.equal(readMessage({}), undefined);
    const digest = { algorithm: 'SHA2_256', digest: hashed('sha256', 'base64') };
    assert.throws(() => readMessage({ MessageDigest: digest }), /unknown member/);
    assert.throws(() => readMessage({ messageDigest: { ...digest, more: 1 } }), /unknown member/);
    assert.throws(() => readMessage({ messageDigest: { ...digest, algorithm: 'constructor' } }), /not supported/);
  });
});

describe('a statement', () => {
  test('is of version 1 or 0.1', () => {
    assert.equal(readStatement({}), 'type');
    assert.equal(readStatement({ _type: 'https://in-toto.io/Statement/v0.1' }), 'type');
    assert.throws(() => readStatement({ _type: 'https://in-toto.io/Statement/v2' }), /not an in-toto statement/);
  });

  for (const hash of ['sha384', 'sha512'] as const) {
    test(`may name the artifact by its ${hash} alone, where the artifact is at hand`, () => {
      const subject = [{ digest: { [hash]: hashed(hash, 'hex') } }];
      assert.equal(readStatement({ subject }), 'type');
      assert.throws(() => readStatement({ subject }, DIGEST), /not about this artifact/);
      assert.equal(readStatement({ subject }, digestBy(hash)), 'type');
    });

    test(`is not about an artifact with another ${hash}`, () => {
      const other = hashed(hash, 'hex', Buffer.from('other'));
      const subject = [{ digest: { sha256: hashed('sha256', 'hex'), [hash]: other } }];
      assert.throws(() => readStatement({ subject }), /not about this artifact/);
      assert.equal(readStatement({ subject }, DIGEST), 'type');
    });
  }

  test('may have subjects without a digest beside the artifact, and is not about those', () => {
    const nameless = [{ name: 'source', uri: 'git+https://example.test' }, { digest: null }];
    assert.throws(() => readStatement({ subject: nameless }), /not about this artifact/);
    const subject = [...nameless, { digest: { sha256: hashed('sha256', 'hex') } }];
    assert.equal(readStatement({ subject }), 'type');
  });

  test('has 32 digests of one subject at most', () => {
    const right = { sha256: hashed('sha256', 'hex') };
    assert.equal(readStatement({ subject: [{ digest: { ...right, ...otherDigests(31) } }] }), 'type');
    assert.throws(
      () => readStatement({ subject: [{ digest: { ...right, ...otherDigests(32) } }] }),
      /more than 32 digests/,
    );
  });

  test('has 1024 subjects at most', () => {
    const subject = { digest: { sha256: hashed('sha256', 'hex') } };
    assert.equal(readStatement({ subject: [...subjectsOfOthers(1023), subject] }), 'type');
    assert.throws(() => readStatement({ subject: [...subjectsOfOthers(1024), subject] }), /more than 1024/);
  });

  test('stands in an envelope without members that nobody knows, under one signature', () => {
    assert.equal(readStatement({}, ARTIFACT, { signatures: [{ sig: 'AAAA', keyid: 'x' }] }), 'type');
    assert.throws(() => readStatement({}, ARTIFACT, { more: 1 }), /unknown member/);
    assert.throws(() => readStatement({}, ARTIFACT, { signatures: [{ sig: 'AAAA', Sig: 'BBBB' }] }), /unknown member/);
    assert.throws(
      () => readStatement({}, ARTIFACT, { signatures: [{ sig: 'AAAA' }, { sig: 'AAAA' }] }),
      /more than 1 /,
    );
  });
});
