// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { rootCertificates } from 'node:tls';
import { UsageError } from '../../../../cli/output/exit.ts';
import { registrySettings } from '../../../../cli/inputs/registries.ts';
import { DEFAULT_CONFIGURATION } from '../../../../core/config/configuration.ts';

const configured = {
  ...DEFAULT_CONFIGURATION,
  registries: [{ host: 'a.example.com', mirrors: ['m.example.com'], insecure: false }],
};

describe('registries on the command line', () => {
  test('--insecure-registry counts for that host alone, and leaves its other settings', async () => {
    const settings = await registrySettings(configured, { insecureRegistry: ['a.example.com', 'LOCALHOST:5000'] });
    assert.deepEqual(settings('a.example.com'), { host: 'a.example.com', mirrors: ['m.example.com'], insecure: true });
    assert.equal(settings('localhost:5000')?.insecure, true);
    for (const host of ['localhost', 'localhost:5001', 'b.example.com']) assert.equal(settings(host), undefined);
  });

  test('--registry-ca counts for every registry that is not insecure', async (t) => {
    const folder = await mkdtemp(path.join(tmpdir(), 'cosignet-'));
    t.after(() => rm(folder, { recursive: true }));
    const registryCa = path.join(folder, 'ca.pem');
    const pem = rootCertificates[0] ?? '';
    await writeFile(registryCa, pem);
    const settings = await registrySettings(configured, { insecureRegistry: ['plain.example.com'], registryCa });
    assert.equal(settings('a.example.com')?.ca, pem);
    assert.deepEqual(settings('b.example.com'), { host: 'b.example.com', mirrors: [], insecure: false, ca: pem });
    assert.deepEqual(settings('plain.example.com'), { host: 'plain.example.com', mirrors: [], insecure: true });

    await writeFile(registryCa, 'no certificate');
    await assert.rejects(registrySettings(configured, { insecureRegistry: [], registryCa }), UsageError);
  });
});
