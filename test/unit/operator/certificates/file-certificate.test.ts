// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { silentLogger } from '../../../../core/observe.ts';
import {
  followFileCertificate,
  type FileCertificate,
  type ServingPair,
} from '../../../../operator/certificates/file-certificate.ts';
import { issueCertificateAuthority, type CertifiedKey } from '../../../../operator/certificates/issue.ts';
import { eventually } from '../eventually.ts';

function issue(): Promise<CertifiedKey> {
  return issueCertificateAuthority({ commonName: 'x', notBefore: Date.now() - 1000, notAfter: Date.now() + 60_000 });
}

describe('followFileCertificate', () => {
  let folder: string;
  let changes: ServingPair[];
  let complaints: number;
  let files: FileCertificate | undefined;

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'tls-'));
    changes = [];
    complaints = 0;
  });
  afterEach(async () => {
    await files?.stop();
    files = undefined;
    await rm(folder, { recursive: true });
  });

  const certFile = () => path.join(folder, 'tls.crt');
  const keyFile = () => path.join(folder, 'tls.key');
  async function follow(): Promise<FileCertificate> {
    files = await followFileCertificate({
      certFile: certFile(),
      keyFile: keyFile(),
      log: { ...silentLogger, error: () => (complaints += 1) },
    });
    files.listen((pair) => changes.push(pair));
    return files;
  }

  test('takes a renewed pair once both halves of it are there', async () => {
    const [first, second] = await Promise.all([issue(), issue()]);
    await writeFile(certFile(), first.certificate);
    await writeFile(keyFile(), first.privateKey);
    const { current } = await follow();
    await writeFile(certFile(), second.certificate);
    await eventually(() => complaints > 0);
    assert.equal(current().cert, first.certificate, 'half a renewal is not used');
    await writeFile(keyFile(), second.privateKey);
    await eventually(() => changes.length === 2);
    assert.equal(changes[0]?.cert, first.certificate, 'who listens is told of the present one');
    assert.deepEqual(current(), { cert: second.certificate, key: second.privateKey });
  });

  test('does not start with files that are missing or do not fit', async () => {
    await assert.rejects(follow(), /ENOENT/);
    const [first, second] = await Promise.all([issue(), issue()]);
    await writeFile(certFile(), first.certificate);
    await writeFile(keyFile(), second.privateKey);
    await assert.rejects(follow(), /belong together/);
  });
});
