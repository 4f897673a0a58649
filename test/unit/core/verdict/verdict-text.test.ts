// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Verdict } from '../../../../core/verdict/types.ts';
import { verdictText } from '../../../../core/verdict/verdict-text.ts';

const denied: Verdict = {
  image: 'docker.io/acme/app:1.2',
  outcome: 'denied',
  mode: 'Enforce',
  code: 'NoSignature',
  policies: ['prod', 'prod-eu'],
  message: 'image docker.io/acme/app:1.2 has no signature',
  remedy: 'Sign it: cosign sign --key cosign.key docker.io/acme/app:1.2',
  signers: [],
  registryRequests: 1,
};

describe('a verdict as text', () => {
  test('a denial names image, code, reason, policies and what to do', () => {
    assert.equal(
      verdictText(denied),
      [
        'DENIED  docker.io/acme/app:1.2  (NoSignature)',
        '  reason   image docker.io/acme/app:1.2 has no signature',
        '  to do    Sign it: cosign sign --key cosign.key docker.io/acme/app:1.2',
        '  policy   prod, prod-eu',
        '  asked    1 registry request',
      ].join('\n'),
    );
  });

  test('an admission names the digest and who signed', () => {
    const text = verdictText({
      ...denied,
      outcome: 'allowed',
      code: 'Verified',
      resolved: 'docker.io/acme/app@sha256:00',
      remedy: '',
      signers: [{ name: 'release', fingerprint: 'sha256:11', format: 'bundle' }],
      registryRequests: 2,
    });
    assert.match(
      text,
      /^ALLOWED {2}docker\.io\/acme\/app:1\.2 {2}\(Verified\)\n {2}digest {3}docker\.io\/acme\/app@sha256:00\n/,
    );
    assert.match(text, /\n {2}signer {3}release {2}sha256:11 {2}\(bundle\)\n/);
    assert.match(text, /\n {2}asked {4}2 registry requests$/);
    assert.doesNotMatch(text, /to do/);
  });

  test('what the certificate of a signer says follows it, a line each', () => {
    const claims = { issuer: 'https://issuer.example', sourceRepositoryRef: 'refs/heads/main\nALLOWED' };
    const signers = [{ name: 'ci', fingerprint: 'sha256:11', format: 'bundle' as const, claims }];
    assert.match(
      verdictText({ ...denied, outcome: 'allowed', signers }),
      /\(bundle\)\n {2}claim {4}issuer: https:\/\/issuer\.example\n {2}claim {4}sourceRepositoryRef: refs\/heads\/main\uFFFDALLOWED\n/,
    );
  });

  test('a denial that only warns says that the image is admitted', () => {
    assert.match(verdictText({ ...denied, mode: 'Warn' }), /\n {2}mode {5}Warn: admitted/);
    assert.doesNotMatch(verdictText(denied), /mode/);
  });

  test("text of a registry can't steer the terminal or make lines of its own", () => {
    const text = verdictText({ ...denied, message: 'a\u001b[2Jb\nALLOWED\u202Ec\u0085d\u2028e' });
    assert.match(text, / a\uFFFD\[2Jb\uFFFDALLOWED\uFFFDc\uFFFDd\uFFFDe\n/);
    assert.equal(text.split('\n').length, verdictText(denied).split('\n').length);
  });
});
