// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signerWith } from '../../../../release/tools/cosign.ts';

test('a key in a file needs its password in a variable: nobody is there to be asked', () => {
  assert.throws(() => signerWith('cosign.key', {}), /COSIGN_PASSWORD is not set/);
  assert.doesNotThrow(() => signerWith('cosign.key', { COSIGN_PASSWORD: '' }));
  assert.doesNotThrow(() => signerWith('awskms:///alias/release', {}));
});
