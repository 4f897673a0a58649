// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseChallenges } from '../../../../../core/registry/authorization/challenge.ts';
import { processorTime } from '../../../../fakes/processor-time.ts';

const quote = (value: string) => `"${value.replaceAll(/["\\]/g, '\\$&')}"`;
const plain = (header: string | string[] | undefined) =>
  parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);

describe('parseChallenges', () => {
  test('reads the challenge of a registry', () => {
    const header =
      'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/nginx:pull"';
    assert.deepEqual(plain(header), [
      [
        'bearer',
        {
          realm: 'https://auth.docker.io/token',
          service: 'registry.docker.io',
          scope: 'repository:library/nginx:pull',
        },
      ],
    ]);
  });

  test('reads several challenges in one header and in several', () => {
    const one = plain('Negotiate, Bearer realm="https://a/t", Basic realm="r"');
    const several = plain(['Negotiate', 'Bearer realm="https://a/t"', 'Basic realm="r"']);
    assert.deepEqual(one, [
      ['negotiate', {}],
      ['bearer', { realm: 'https://a/t' }],
      ['basic', { realm: 'r' }],
    ]);
    assert.deepEqual(several, one);
  });

  test('keeps commas, spaces and escapes of quoted values', () => {
    assert.deepEqual(
      plain('BEARER Realm="https://a/t?x=1,2" , scope="a:b:pull,push c:d:pull", error="a \\"b\\" \\\\"'),
      [['bearer', { realm: 'https://a/t?x=1,2', scope: 'a:b:pull,push c:d:pull', error: 'a "b" \\' }]],
    );
  });

  test('reads unquoted values, blanks around the equals sign and token68', () => {
    assert.deepEqual(plain('Digest realm = x ,\tqop=auth, Negotiate YII=, Basic realm=y'), [
      ['digest', { realm: 'x', qop: 'auth' }],
      ['negotiate', {}],
      ['basic', { realm: 'y' }],
    ]);
  });

  test('lets the first of two equal parameters stand', () => {
    assert.deepEqual(plain('Bearer realm="https://good/t",realm="https://evil/t"'), [
      ['bearer', { realm: 'https://good/t' }],
    ]);
  });

  test('does not let a quoted value pose as a challenge', () => {
    assert.deepEqual(plain('Basic realm="x, Bearer realm=https://evil/t"'), [
      ['basic', { realm: 'x, Bearer realm=https://evil/t' }],
    ]);
  });

  test('stops at an unterminated quote and keeps what came before', () => {
    assert.deepEqual(plain('Basic realm="r", Bearer realm="https://a'), [
      ['basic', { realm: 'r' }],
      ['bearer', {}],
    ]);
  });

  test('finds nothing in nothing, in noise and in what is absurdly long', () => {
    assert.deepEqual(plain(undefined), []);
    assert.deepEqual(plain(''), []);
    assert.deepEqual(plain('"""'), []);
    assert.deepEqual(plain(`Bearer realm="${'x'.repeat(20_000)}"`), []);
  });

  test('reads back any quoted value', () => {
    const text = fc.string({ unit: 'grapheme-ascii' });
    fc.assert(
      fc.property(text, text, (realm, scope) => {
        const header = `Basic realm="x", Bearer realm=${quote(realm)},scope=${quote(scope)}`;
        assert.deepEqual(plain(header), [
          ['basic', { realm: 'x' }],
          ['bearer', { realm, scope }],
        ]);
      }),
    );
  });

  test('ends on any text, in time linear in its length', () => {
    fc.assert(fc.property(fc.string(), (text) => void parseChallenges(text)));
    const started = processorTime();
    for (const unit of ['a ', 'a=', 'a a=', 'a b,', '"', '\\"', 'a=" ', ' ,', 'ab', 'a =', '= ']) {
      parseChallenges(unit.repeat(16 * 1024).slice(0, 16 * 1024));
      parseChallenges(`Basic ${unit.repeat(16 * 1024).slice(0, 16_000)}!`);
    }
    assert.ok(processorTime() - started < 2000);
  });
});
