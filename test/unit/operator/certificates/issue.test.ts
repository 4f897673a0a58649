// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { coversNames, isIssuedBy, isPair, parseCertificateInfo } from './certificate-info.ts';
import { issueCertificateAuthority, issueServingCertificate } from '../../../../operator/certificates/issue.ts';
import { LOCAL_NAMES, serviceDnsNames } from '../../../../operator/certificates/server-names.ts';

const notBefore = Date.UTC(2031, 4, 6, 7, 8, 9);
const notAfter = Date.UTC(2061, 4, 6, 7, 8, 9);
const NAMES = ['cosignet.security.svc', 'cosignet.security.svc.cluster.local', 'cosignet.security'];

const ca = await issueCertificateAuthority({ commonName: 'Cosignet webhook CA', notBefore, notAfter });
const otherCa = await issueCertificateAuthority({ commonName: 'Cosignet webhook CA', notBefore, notAfter });
const leaf = await issueServingCertificate({
  authority: ca,
  commonName: 'cosignet',
  dnsNames: [...serviceDnsNames('cosignet', 'security'), ...LOCAL_NAMES.dnsNames],
  ipAddresses: LOCAL_NAMES.ipAddresses,
  notBefore,
  notAfter: notBefore + 86_400_000,
});

const openssl = (...parameters: string[]): string => execFileSync('openssl', parameters, { encoding: 'utf8' });

describe('a certificate authority', () => {
  test('signs itself, for the times asked for, as an authority', () => {
    assert.ok(isIssuedBy(ca.certificate, ca.certificate));
    const info = parseCertificateInfo(ca.certificate);
    assert.deepEqual([info.notBefore, info.notAfter, info.isAuthority], [notBefore, notAfter, true]);
    assert.equal(info.subject, 'CN=Cosignet webhook CA');
  });

  test('has an RSA key of 2,048 bits that belongs to it', () => {
    assert.ok(isPair(ca));
    const { publicKey } = new X509Certificate(ca.certificate);
    assert.deepEqual([publicKey.asymmetricKeyType, publicKey.asymmetricKeyDetails?.modulusLength], ['rsa', 2048]);
  });
});

describe('a serving certificate', () => {
  test('is issued by its authority and by no other of the same name', () => {
    assert.ok(isIssuedBy(leaf.certificate, ca.certificate));
    assert.ok(!isIssuedBy(leaf.certificate, otherCa.certificate));
    assert.ok(!isIssuedBy(leaf.certificate, leaf.certificate));
  });

  test('is good for the names of the Service and of this machine, and for no others', () => {
    assert.ok(coversNames(leaf.certificate, [...NAMES, 'localhost', '127.0.0.1', '::1']));
    for (const name of ['cosignet.other.svc', 'security.svc', 'a.cosignet.security.svc', '127.0.0.2', 'cosignet']) {
      assert.ok(!coversNames(leaf.certificate, [...NAMES, name]), name);
    }
  });

  test('is a server, and no authority', () => {
    assert.equal(parseCertificateInfo(leaf.certificate).isAuthority, false);
    assert.deepEqual(new X509Certificate(leaf.certificate).keyUsage, ['1.3.6.1.5.5.7.3.1']);
  });

  test('has a key that belongs to it, and not to its authority', () => {
    assert.ok(isPair(leaf));
    assert.ok(!isPair({ certificate: leaf.certificate, privateKey: ca.privateKey }));
  });

  test('is signed with SHA-256 and passes the checks of OpenSSL for a TLS server', () => {
    const folder = mkdtempSync(join(tmpdir(), 'cosignet-tls-'));
    after(() => rmSync(folder, { recursive: true }));
    const [caFile, leafFile] = [join(folder, 'ca.pem'), join(folder, 'leaf.pem')];
    writeFileSync(caFile, ca.certificate);
    writeFileSync(leafFile, leaf.certificate);
    const at = String(notBefore / 1000 + 60);
    const verified = openssl(
      'verify',
      '-x509_strict',
      '-purpose',
      'sslserver',
      '-attime',
      at,
      '-CAfile',
      caFile,
      leafFile,
    );
    assert.match(verified, /: OK/);
    const text = openssl('x509', '-in', leafFile, '-noout', '-text');
    assert.match(text, /Signature Algorithm: sha256WithRSAEncryption/);
  });
});

test('serial numbers are positive, 16 bytes long and all different', () => {
  const serials = [ca, otherCa, leaf].map(({ certificate }) => new X509Certificate(certificate).serialNumber);
  for (const serial of serials) assert.match(serial, /^[4-7][0-9A-F]{31}$/);
  assert.equal(new Set(serials).size, 3);
});

test('a common name longer than X.509 allows is cut, and the DNS names are kept whole', async () => {
  const long = `${'a'.repeat(60)}.${'b'.repeat(60)}.svc`;
  const { certificate } = await issueServingCertificate({
    authority: ca,
    commonName: long,
    dnsNames: [long],
    notBefore,
    notAfter,
  });
  assert.equal(parseCertificateInfo(certificate).subject, `CN=${long.slice(0, 64)}`);
  assert.ok(coversNames(certificate, [long]));
});

test('an authority that cannot be read rejects', async () => {
  for (const authority of [
    { certificate: 'garbage', privateKey: ca.privateKey },
    { certificate: ca.certificate, privateKey: 'garbage' },
  ]) {
    const request = { authority, commonName: 'a', dnsNames: ['a'], notBefore, notAfter };
    await assert.rejects(issueServingCertificate(request));
  }
});

test('node-forge is not loaded until a certificate is due', async () => {
  const script = `
    const { createRequire } = await import('node:module');
    const loaded = () => Object.keys(createRequire(import.meta.url).cache).some((path) => path.includes('node-forge'));
    const { issueCertificateAuthority } = await import('./operator/certificates/issue.ts');
    await import('./webhook/http/server.ts');
    const before = loaded();
    await issueCertificateAuthority({ commonName: 'a', notBefore: 0, notAfter: 1000 });
    console.log(before, loaded());`;
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  assert.equal(output.trim(), 'false true');
});
