// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createKeyRing } from '../../../../core/keys/key-ring.ts';
import { publicKeyPem } from '../../../fakes/engine.ts';

test('one text is one key object, and another text another', () => {
  const parse = createKeyRing();
  assert.equal(parse(publicKeyPem('release')), parse(publicKeyPem('release')));
  assert.notEqual(parse(publicKeyPem('release')).fingerprint, parse(publicKeyPem('other')).fingerprint);
});

test('a text that is no key fails each time', () => {
  const parse = createKeyRing();
  for (const _ of [1, 2]) assert.throws(() => parse('nonsense'), /PEM/);
});
