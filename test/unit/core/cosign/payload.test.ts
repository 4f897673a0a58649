// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { parsePayload, signedRepository } from '../../../../core/cosign/payload.ts';
import { EngineError } from '../../../../core/errors.ts';
import { digestOf } from '../../../../core/image/digest.ts';

const digest = digestOf(Buffer.from('an image'));
const other = digestOf(Buffer.from('another image'));
const parse = (payload: unknown) =>
  parsePayload(Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload)), digest, 65536);

const payload = (changes: { critical?: object; optional?: unknown } = {}) => ({
  critical: {
    identity: { 'docker-reference': 'registry.example.com/app' },
    image: { 'docker-manifest-digest': digest },
    type: 'cosign container image signature',
    ...changes.critical,
  },
  optional: changes.optional ?? null,
});

function tekton(optional: object): string {
  const critical = {
    Identity: { 'docker-reference': 'registry.example.com/app' },
    Image: { 'Docker-manifest-digest': digest },
    Type: 'Tekton container signature',
  };
  return JSON.stringify({ Critical: critical, Optional: optional });
}

describe('parsePayload', () => {
  test('gives the claims of cosign sign -a', () => {
    assert.deepEqual(parse(payload()), {});
    assert.deepEqual(parse(payload({ optional: { environment: 'production' } })), { environment: 'production' });
  });

  test("leaves out claims that are no texts, as podman's timestamp", () => {
    assert.deepEqual(parse(payload({ optional: { creator: 'podman', timestamp: 1670870391 } })), { creator: 'podman' });
  });

  test('keeps claims apart that differ in case', () => {
    assert.deepEqual(parse(payload({ optional: { a: '1', A: '2' } })), { a: '1', A: '2' });
  });

  test('reads the capitalised form of early cosign', () => {
    const early =
      `{"Critical":{"Identity":{"docker-reference":""},"Image":{"Docker-manifest-digest":"${digest}"},` +
      '"Type":"cosign container signature"},"Optional":null}';
    assert.deepEqual(parse(early), {});
    assert.throws(() => parse(early.replace(digest, other)), { message: 'the payload names another image' });
  });

  test('reads what Tekton Chains writes, and its claims', () => {
    assert.deepEqual(parse(tekton({})), {});
    assert.deepEqual(parse(tekton({ Builder: 'ci' })), { Builder: 'ci' });
    assert.throws(() => parse(tekton({}).replace(digest, other)), { message: 'the payload names another image' });
    for (const [written, mixed] of [
      ['Critical', 'critical'],
      ['Image', 'image'],
      ['Docker-manifest-digest', 'docker-manifest-digest'],
      ['Type', 'type'],
      ['Optional', 'optional'],
      ['Identity', 'IDENTITY'],
    ] as const) {
      const text = tekton({}).replace(`"${written}"`, `"${mixed}"`);
      assert.throws(() => parse(text), { name: 'EngineError', code: 'MalformedSignature' }, mixed);
    }
  });

  for (const [what, value, message] of [
    ['names another image', payload({ critical: { image: { 'docker-manifest-digest': other } } }), /another image/],
    ['names no image', payload({ critical: { image: {} } }), /another image/],
    [
      'names an image in capitals',
      payload({ critical: { image: { 'docker-manifest-digest': digest.toUpperCase() } } }),
      /another/,
    ],
    [
      'is of another type',
      payload({ critical: { type: 'atomic container signature' } }),
      /type is "atomic container signature", which is no/,
    ],
    ['has no type', payload({ critical: { type: undefined } }), /type is none/],
    ['has claims that are a list', payload({ optional: ['a'] }), /"optional" that is no object/],
    ['is a text', '"payload"', /type is none/],
    ['is empty', '', /not JSON/],
    [
      'names the image twice, in two cases',
      JSON.stringify(payload()).replace('"docker-m', `"Docker-Manifest-Digest":"${other}","docker-m`),
      /mixes spellings: "Docker-Manifest-Digest" where docker-manifest-digest/,
    ],
    [
      'has a second "critical" that only Go would read as one',
      `{${JSON.stringify(payload()).slice(1, -1)},"CRITICAL":{}}`,
      /mixes spellings: "CRITICAL" where critical/,
    ],
    ['has something after it', `${JSON.stringify(payload())}{}`, /not JSON/],
  ] as const) {
    test(`refuses a payload that ${what}`, () => {
      assert.throws(() => parse(value), { name: 'EngineError', code: 'MalformedSignature', message });
    });
  }

  test('refuses a field whose name only Go would fold into one of a payload', () => {
    // U+017F folds to s: Go reads "docker-manife\u017Ft-digest" as the digest.
    const text = JSON.stringify(payload()).replace('manifest-digest', 'manife\u017Ft-digest');
    assert.throws(() => parse(text), /mixes spellings/);
  });

  test('refuses a payload larger than allowed', () => {
    assert.throws(() => parse(payload({ optional: { a: 'x'.repeat(65536) } })), { code: 'ResponseTooLarge' });
  });

  test('never takes a payload in which the digest is changed, whatever else it says', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.nat(63), (extra, at) => {
        const changed = digest.slice(0, 7 + at) + (digest[7 + at] === '0' ? '1' : '0') + digest.slice(8 + at);
        const value = { ...payload({ critical: { image: { 'docker-manifest-digest': changed } } }), extra };
        assert.throws(() => parse(JSON.stringify(value)), EngineError);
      }),
    );
  });

  test('throws an EngineError and nothing else for any JSON', () => {
    fc.assert(fc.property(fc.json(), (text) => assert.throws(() => parse(text), EngineError)));
  });
});

const signedFor = (value: unknown) => {
  const found = signedRepository(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)));
  return found && `${found.registry}/${found.path}`;
};
const named = (identity: unknown) => payload({ critical: { identity } });

describe('the repository that a payload was signed for', () => {
  test('is its docker-reference, in both spellings of the rest', () => {
    assert.equal(signedFor(payload()), 'registry.example.com/app');
    assert.equal(signedFor(tekton({})), 'registry.example.com/app');
  });

  for (const [reference, expected] of [
    ['index.docker.io/library/nginx', 'docker.io/library/nginx'],
    ['registry.example.com/app:1.0', 'registry.example.com/app'],
    [`registry.example.com:5000/app@${digest}`, 'registry.example.com:5000/app'],
    ['', undefined],
    ['registry.example.com/App', undefined],
    [7, undefined],
  ] as const) {
    test(`is ${expected ?? 'none'} where it says ${JSON.stringify(reference)}`, () => {
      assert.equal(signedFor(named({ 'docker-reference': reference })), expected);
    });
  }

  test('is none where it is not there, or two readers could find another', () => {
    assert.equal(signedFor(named({})), undefined);
    assert.equal(signedFor(named(null)), undefined);
    const both = { 'docker-reference': 'registry.example.com/app', 'Docker-Reference': 'registry.example.com/other' };
    assert.equal(signedFor(named(both)), undefined);
    assert.equal(signedFor(named({ 'Docker-Reference': 'registry.example.com/app' })), undefined);
  });
});
