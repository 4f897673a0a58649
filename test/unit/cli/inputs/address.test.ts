// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseAddress } from '../../../../cli/inputs/address.ts';
import { UsageError } from '../../../../cli/output/exit.ts';

describe('an address to listen on', () => {
  test('is a host and a port, the host left out for all of both families', () => {
    assert.deepEqual(parseAddress('--listen', '0.0.0.0:8443'), { host: '0.0.0.0', port: 8443 });
    assert.deepEqual(parseAddress('--listen', 'localhost:0'), { host: 'localhost', port: 0 });
    assert.deepEqual(parseAddress('--listen', ':8443'), { host: '', port: 8443 });
    assert.deepEqual(parseAddress('--listen', '[::]:8443'), { host: '::', port: 8443 });
    assert.deepEqual(parseAddress('--listen', '[::1]:65535'), { host: '::1', port: 65_535 });
  });

  test('anything else is wrong usage that names the option', () => {
    for (const text of [
      '',
      '8443',
      'localhost',
      'localhost:',
      'localhost:65536',
      '::1:8443',
      'a b:1',
      'http://a:1',
      'a:-1',
    ]) {
      assert.throws(
        () => parseAddress('--listen', text),
        (error: Error) => {
          assert.ok(error instanceof UsageError, text);
          assert.match(error.message, /^--listen .*host:port$/s);
          return true;
        },
      );
    }
  });
});
