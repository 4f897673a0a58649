// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createHelperRunner } from '../../../../../core/registry/credentials/helper.ts';

/** Shell scripts that speak, or misspeak, the protocol of docker-credential-helpers. */
const HELPERS: Readonly<Record<string, string>> = {
  good: '[ "$1" = get ] || exit 9\nread -r host\nprintf \'{"ServerURL":"%s","Username":"alice","Secret":"for %s"}\' "$host" "$host"',
  token: 'printf \'{"Username":"<token>","Secret":"refresh"}\'',
  missing: 'echo "credentials not found in native keychain"; exit 1',
  failing: 'echo "secret leaks here"; exit 3',
  garbled: 'echo "secret, no JSON"',
  empty: "printf '{}'",
  slow: 'exec sleep 30',
  endless: 'exec yes secret',
  environment: 'printf \'{"Username":"u","Secret":"%s"}\' "${COSIGNET_TEST_VARIABLE:-unset}"',
};

describe('createHelperRunner', () => {
  let directory = '';
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'helpers-'));
    for (const [name, script] of Object.entries(HELPERS)) {
      const path = join(directory, `docker-credential-${name}`);
      await writeFile(path, `#!/bin/sh\n${script}\n`);
      await chmod(path, 0o755);
    }
  });
  after(() => rm(directory, { recursive: true }));

  const run = (name: string, timeoutMilliseconds = 5000) => {
    const environment = { PATH: `${directory}:/usr/bin:/bin` };
    return createHelperRunner({ environment, timeoutMilliseconds })(name, 'registry.example.com');
  };

  test('gives the host on stdin and reads the credentials', async () => {
    assert.deepEqual(await run('good'), { username: 'alice', password: 'for registry.example.com' });
  });

  test('takes the secret of the user <token> for a refresh token', async () => {
    assert.deepEqual(await run('token'), { username: '<token>', password: '', identityToken: 'refresh' });
  });

  test('finds nothing where the helper has nothing', async () => {
    assert.equal(await run('missing'), undefined);
    assert.equal(await run('empty'), undefined);
  });

  test('passes its own environment only', async () => {
    process.env['COSIGNET_TEST_VARIABLE'] = 'inherited';
    assert.deepEqual(await run('environment'), { username: 'u', password: 'unset' });
    delete process.env['COSIGNET_TEST_VARIABLE'];
  });

  for (const [name, message] of [
    ['failing', 'docker-credential-failing failed with exit code 3'],
    ['garbled', 'docker-credential-garbled answered no JSON'],
    ['endless', 'docker-credential-endless printed more than 65536 bytes'],
    ['absent', "docker-credential-absent can't be run (ENOENT)"],
    ['../good', 'the name of a credential helper is not valid'],
    ['a b', 'the name of a credential helper is not valid'],
    ['', 'the name of a credential helper is not valid'],
  ] as const) {
    test(`fails for "${name}" with a message that holds no output`, () => assert.rejects(run(name), { message }));
  }

  test('ends a helper that takes too long', async () => {
    const started = Date.now();
    await assert.rejects(run('slow', 200), /took longer than 200 ms/);
    // It would take thirty seconds.
    assert.ok(Date.now() - started < 15_000);
  });
});
