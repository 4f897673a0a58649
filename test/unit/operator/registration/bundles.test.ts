// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { before, describe, test } from 'node:test';
import { issueCertificateAuthority } from '../../../../operator/certificates/issue.ts';
import { rememberingBundles } from '../../../../operator/registration/bundles.ts';
import { leastTime } from '../least-time.ts';

describe('authorities in bundles', () => {
  let [first, second] = ['', ''];

  before(async () => {
    const dates = { notBefore: Date.now() - 1000, notAfter: Date.now() + 3_600_000 };
    first = (await issueCertificateAuthority({ commonName: 'first', ...dates })).certificate;
    second = (await issueCertificateAuthority({ commonName: 'second', ...dates })).certificate;
  });

  test('are found whoever was asked for before, beside others and beside what is no certificate', () => {
    const has = rememberingBundles();
    const bundles = [first, first + second, `${first.replace('MII', 'MI')}${second}`, ''].map((pem) => btoa(pem));
    for (const authority of [first, second, first, second]) {
      const expected = authority === first ? [true, true, false, false] : [false, true, true, false];
      assert.deepEqual(
        bundles.map((bundle) => has(bundle, authority)),
        expected,
      );
    }
  });

  test('cost a review nothing: a bundle is read once, however often it is asked about', () => {
    const has = rememberingBundles();
    const bundle = btoa(first + second);
    const reading = leastTime(() => new X509Certificate(first));
    const asking = leastTime(() => has(bundle, second));
    assert.ok(asking < reading / 3, `${asking} ms for a thousand questions, ${reading} ms for reading a thousand`);
  });
});
