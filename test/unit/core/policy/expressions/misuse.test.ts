// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compileCondition, compileTime } from '../../../../../core/policy/expressions/condition.ts';

describe('an expression that can not mean anything', () => {
  const faults: readonly (readonly [expression: string, fault: RegExp])[] = [
    ['signer.claim.x == "a"', /^signer has no field "claim": known are name, issuer, subject, claims, time$/],
    ['!has(signer.mail)', /^signer has no field "mail"/],
    ['image.tags == ""', /^image has no field "tags": known are repository, digest, tag$/],
    [
      '!has(signer.claims.sourceRepositoryUri)',
      /^signer.claims has no field "sourceRepositoryUri": did you mean sourceRepositoryURI\?$/,
    ],
    ['signer.claims["repository"] == "a"', /^signer.claims has no field "repository": known are .*sourceRepositoryURI/],
    ['!("repository" in signer.claims)', /^signer.claims has no field "repository"/],
    ['predicate.l.all(x, x == image.name)', /^image has no field "name"/],
    ['now - timestamp(predicate.t) < duration("7d")', /^duration\("7d"\) is none: .*"168h"$/],
    ['timestamp("2026-01-31") < now', /^timestamp\("2026-01-31"\) is none: .*RFC 3339/],
  ];
  for (const [expression, fault] of faults) {
    test(`is refused when it is compiled: ${expression}`, () => {
      assert.throws(() => compileCondition(expression, ''), { message: fault });
    });
  }

  test('is refused as newestBy too', () => {
    assert.throws(() => compileTime('timestamp("today")'), { message: /^timestamp\("today"\) is none/ });
  });

  const sound = [
    'has(signer.time) && signer.claims.sourceRepositoryRef.startsWith("refs/tags/")',
    '"runnerEnvironment" in signer.claims && signer.claims["runnerEnvironment"] == "github-hosted"',
    'signer.claims.all(name, name != "x")',
    'image.repository + image.digest + image.tag == signer.name + signer.issuer + signer.subject',
    'predicate.signer.mail == "x" && predicate.image.tags == ""',
    '["a"].exists(signer, signer.mail == "a")',
    'now - duration(predicate.age) < timestamp(predicate.at) && duration("1h30m") > duration("-1.5s")',
    'timestamp("2026-01-31T00:00:00+02:00") < now',
  ];
  for (const expression of sound) {
    test(`is not: ${expression}`, () => {
      assert.equal(compileCondition(expression, '').expression, expression);
    });
  }
});
