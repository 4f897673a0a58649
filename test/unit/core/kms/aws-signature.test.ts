// SPDX-License-Identifier: Apache-2.0
// Against `post-vanilla` of the test suite that AWS gave out for Signature Version 4.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { signAwsRequest } from '../../../../core/kms/aws-signature.ts';

const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };
const signing = { credentials, region: 'us-east-1', service: 'service', now: Date.UTC(2015, 7, 30, 12, 36) };
const vanilla = { url: new URL('https://example.amazonaws.com/'), headers: {}, body: '' };

describe('a signed request to AWS', () => {
  test('is signed as AWS signs it', () => {
    assert.deepEqual(signAwsRequest(vanilla, signing), {
      host: 'example.amazonaws.com',
      'x-amz-date': '20150830T123600Z',
      authorization:
        'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, ' +
        'SignedHeaders=host;x-amz-date, ' +
        'Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b',
    });
  });

  test('has another signature where anything of it is another', () => {
    const signed = [
      signAwsRequest(vanilla, signing),
      signAwsRequest({ ...vanilla, body: 'x' }, signing),
      signAwsRequest({ ...vanilla, headers: { 'x-amz-target': 'a' } }, signing),
      signAwsRequest({ ...vanilla, headers: { 'x-amz-target': 'b' } }, signing),
      signAwsRequest({ ...vanilla, url: new URL('https://other.amazonaws.com/') }, signing),
      signAwsRequest(vanilla, { ...signing, region: 'eu-west-1' }),
      signAwsRequest(vanilla, { ...signing, service: 'kms' }),
      signAwsRequest(vanilla, { ...signing, now: signing.now + 1000 }),
      signAwsRequest(vanilla, { ...signing, credentials: { ...credentials, secretAccessKey: 's' } }),
      signAwsRequest(vanilla, { ...signing, credentials: { ...credentials, sessionToken: 't' } }),
    ];
    const signatures = signed.map(({ authorization }) => /Signature=(.*)$/.exec(authorization ?? '')?.[1]);
    assert.equal(new Set(signatures).size, signed.length);
  });
});
