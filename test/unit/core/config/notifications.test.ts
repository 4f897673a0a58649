// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { parseConfiguration } from '../../../../core/config/configuration.ts';
import { ConfigurationError } from '../../../../core/config/faults.ts';
import { urlFault } from '../../../../core/config/notifications.ts';

const SECRET = 'https://hooks.example.com/services/T0/B0/very-secret';

function refusal(...items: readonly object[]): string {
  try {
    parseConfiguration(JSON.stringify({ notifications: items }));
  } catch (error) {
    assert.ok(error instanceof ConfigurationError, String(error));
    return error.message;
  }
  return assert.fail('accepted');
}

describe('notifications', () => {
  test('a name and an address are enough', () => {
    const { notifications } = parseConfiguration(`notifications: [{name: ops, url: "${SECRET}"}]`);
    assert.deepEqual(notifications, [
      {
        name: 'ops',
        url: SECRET,
        template: 'json',
        outcomes: ['denied', 'error'],
        codes: [],
        ratePerMinute: 6,
        insecure: false,
      },
    ]);
  });

  test('every field that is written counts', () => {
    const written = {
      name: 'ops',
      urlSecret: { name: 'hooks', key: 'slack' },
      template: 'slack',
      outcomes: ['error'],
      codes: ['RegistryUnavailable'],
      ratePerMinute: 1,
      insecure: true,
    };
    assert.deepEqual(parseConfiguration(JSON.stringify({ notifications: [written] })).notifications, [written]);
  });

  for (const [why, item, at] of [
    ['no address', { name: 'ops' }, /\$\.notifications\[0\]: needs exactly one of url and urlSecret/],
    ['two addresses', { name: 'ops', url: SECRET, urlSecret: { name: 'a', key: 'b' } }, /needs exactly one/],
    ['plain HTTP', { name: 'ops', url: SECRET.replace('https', 'http') }, /\[0\]\.url: must begin with https/],
    ['a file', { name: 'ops', url: 'file:///very-secret', insecure: true }, /must begin with https:\/\/ or http/],
    ['no URL at all', { name: 'ops', url: 'very-secret' }, /is not a URL/],
    ['a password in the URL', { name: 'ops', url: 'https://me:very-secret@example.com/' }, /must not have a user/],
    ['an outcome that is none to tell of', { name: 'ops', url: SECRET, outcomes: ['allowed'] }, /must be one of/],
    ['a code that does not exist', { name: 'ops', url: SECRET, codes: ['Bad'] }, /must be one of Verified/],
    ['a rate of nothing', { name: 'ops', url: SECRET, ratePerMinute: 0 }, /must be from 1 to 600/],
    ['a name that is no label', { name: 'Ops!', url: SECRET }, /is not valid/],
    ['half of a Secret', { name: 'ops', urlSecret: { name: 'hooks' } }, /needs the field key/],
  ] as const) {
    test(`${why} is refused, and the address is not repeated`, () => {
      const message = refusal(item);
      assert.match(message, at);
      assert.doesNotMatch(message, /very-secret/);
    });
  }

  test('one name twice is refused', () => {
    assert.match(refusal({ name: 'ops', url: SECRET }, { name: 'ops', url: SECRET }), /names ops a second time/);
  });
});

describe('urlFault', () => {
  test('without insecure nothing but https passes', () => {
    fc.assert(
      fc.property(fc.oneof(fc.webUrl({ validSchemes: ['http', 'ftp', 'ws'] }), fc.string()), (text) => {
        fc.pre(!/^\s*https:/i.test(text));
        assert.notEqual(urlFault(text, false), undefined);
      }),
    );
  });
});
