// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { DEFAULT_KMS } from '../../../../core/config/types.ts';
import { parseKmsReference } from '../../../../core/kms/reference.ts';
import { readPluginKey } from '../../../../core/kms/plugin.ts';
import { kmsMeans, makeKey } from '../../../fakes/kms-service.ts';

const KEY = makeKey();
const answer = JSON.stringify({ publicKey: { publicKeyPEM: Buffer.from(KEY.pem).toString('base64') } });

/** Shell scripts that speak, or misspeak, sigstore's protocol. */
const PLUGINS: Readonly<Record<string, string>> = {
  // The exit status is ignored, by the protocol.
  good: `printf '%s\\n%s' "$1" "$2" > "$(dirname "$0")/asked"; printf '%s' '${answer}'; exit 7`,
  refusing: `printf '{"errorMessage":"the token is not plugged in"}'`,
  garbled: 'echo nothing',
  empty: `printf '{"publicKey":{}}'`,
  variables: `printf '{"errorMessage":"%s %s"}' "\${HSM_SLOT:-unset}" "\${SECRET_OF_OTHERS:-unset}"`,
  unlisted: `printf '%s' '${answer}'`,
};

describe('plugins', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'plugins-'));
    for (const [name, script] of Object.entries(PLUGINS)) {
      const file = path.join(folder, `sigstore-kms-${name}`);
      await writeFile(file, `#!/bin/sh\n${script}\n`);
      await chmod(file, 0o755);
    }
  });
  after(() => rm(folder, { recursive: true }));

  const read = (text: string) => {
    const names = Object.keys(PLUGINS).filter((name) => name !== 'unlisted');
    const settings = { ...DEFAULT_KMS, plugins: { folder, names, environment: ['HSM_SLOT'] } };
    const environment = { PATH: '/usr/bin:/bin', HSM_SLOT: '7', SECRET_OF_OTHERS: 'x' };
    return readPluginKey(parseKmsReference(text), kmsMeans({ settings, environment }));
  };

  test("are asked by sigstore's protocol", async () => {
    assert.deepEqual(await read('good://slot/7'), [KEY.pem]);
    const [version, question = ''] = (await readFile(path.join(folder, 'asked'), 'utf8')).split('\n');
    const ctxDeadline = '2026-01-02T03:04:15.000Z';
    assert.equal(version, 'v1');
    assert.deepEqual(JSON.parse(question), {
      initOptions: { ctxDeadline, protocolVersion: 'v1', keyResourceID: 'slot/7', hashFunc: 5, rpcOptions: {} },
      methodName: 'publicKey',
      publicKey: { publicKeyOptions: { rpcOptions: { ctxDeadline } } },
    });
  });

  test('run only where the configuration lists them', async () => {
    await assert.rejects(read('unlisted://x'), /lists no KMS plugin unlisted$/);
    await assert.rejects(read('awskm:///alias/x'), /lists no KMS plugin awskm; did you mean awskms:\/\/\?$/);
    await assert.rejects(
      readPluginKey(parseKmsReference('good://x'), kmsMeans({ environment: { PATH: folder } })),
      /lists no KMS plugin good/,
    );
  });

  test('get no variables but those that clouds define and those that are listed', async () => {
    await assert.rejects(read('variables://x'), /says: 7 unset$/);
  });

  test('that refuse or answer otherwise give no key', async () => {
    await assert.rejects(read('refusing://x'), /says: the token is not plugged in$/);
    await assert.rejects(read('garbled://x'), /answered no JSON/);
    await assert.rejects(read('empty://x'), /answered no public key/);
  });
});
