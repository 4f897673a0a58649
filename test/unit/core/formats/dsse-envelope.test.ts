// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { parseEnvelope, preAuthenticationEncoding } from '../../../../core/formats/dsse-envelope.ts';
import { EngineError } from '../../../../core/errors.ts';

const envelope = (changes: object = {}) => ({
  payload: 'e30=',
  payloadType: 'application/vnd.in-toto+json',
  signatures: [{ sig: 'AQI=' }],
  ...changes,
});

describe('preAuthenticationEncoding', () => {
  test('is as in the example of the DSSE protocol', () => {
    const encoded = preAuthenticationEncoding('http://example.com/HelloWorld', Buffer.from('hello world'));
    assert.equal(Buffer.from(encoded).toString(), 'DSSEv1 29 http://example.com/HelloWorld 11 hello world');
  });

  test('counts bytes, not characters', () => {
    assert.equal(Buffer.from(preAuthenticationEncoding('é', Buffer.from('€'))).toString(), 'DSSEv1 2 é 3 €');
  });

  test('never encodes two messages alike', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), fc.string(), (typeA, bodyA, typeB, bodyB) => {
        const a = Buffer.from(preAuthenticationEncoding(typeA, Buffer.from(bodyA)));
        const b = Buffer.from(preAuthenticationEncoding(typeB, Buffer.from(bodyB)));
        assert.equal(a.equals(b), typeA === typeB && bodyA === bodyB);
      }),
    );
  });
});

describe('parseEnvelope', () => {
  test('gives payload, signature and the bytes that were signed', () => {
    const { payload, signature, signedBytes } = parseEnvelope(envelope());
    assert.equal(Buffer.from(payload).toString(), '{}');
    assert.deepEqual([...signature], [1, 2]);
    assert.equal(Buffer.from(signedBytes).toString(), 'DSSEv1 28 application/vnd.in-toto+json 2 {}');
  });

  test('reads base64 in either alphabet, with or without padding (DSSE protocol, 1)', () => {
    for (const sig of ['+/+/+w==', '-_-_-w==', '+/+/+w', '-_-_-w']) {
      assert.equal(
        Buffer.from(parseEnvelope(envelope({ signatures: [{ sig }] })).signature).toString('hex'),
        'fbffbffb',
      );
    }
  });

  for (const [what, value, message] of [
    ['is no object', null, /not an object/],
    ['is of another payload type', envelope({ payloadType: 'text/plain' }), /payload type/],
    ['has no signature', envelope({ signatures: [] }), /exactly one signature/],
    ['has two signatures', envelope({ signatures: [{ sig: 'AQI=' }, { sig: 'AQI=' }] }), /exactly one signature/],
    ['has signatures that are no list', envelope({ signatures: { sig: 'AQI=' } }), /exactly one signature/],
    ['has a null signature', envelope({ signatures: [null] }), /signature that is not valid base64/],
    ['has an empty signature', envelope({ signatures: [{ sig: '' }] }), /signature that is not valid base64/],
    ['has a signature in lax base64', envelope({ signatures: [{ sig: 'AQJ' }] }), /signature that is not valid base64/],
    ['has no payload', envelope({ payload: undefined }), /payload that is not valid base64/],
    ['has a payload in lax base64', envelope({ payload: 'e30 =' }), /payload that is not valid base64/],
  ] as const) {
    test(`refuses an envelope that ${what}`, () => {
      assert.throws(() => parseEnvelope(value), { name: 'EngineError', code: 'MalformedSignature', message });
    });
  }

  test('throws an EngineError and nothing else for any value', () => {
    fc.assert(fc.property(fc.anything(), (value) => assert.throws(() => parseEnvelope(value), EngineError)));
  });
});
