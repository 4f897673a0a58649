// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { EXTENSION_OID_SCT, X509SCTExtension } from '@sigstore/core';
import type { X509Certificate } from '@sigstore/core';
import { includes } from '../trust/chain.ts';
import type { TransparencyLog } from '../trust/trust-root.ts';

type Promise6962 = X509SCTExtension['signedCertificateTimestamps'][number];

/** SignatureAlgorithm and HashAlgorithm of TLS 1.2 (RFC 5246, 7.4.1.4.1), as promises label them. */
const KEY_TYPES: Readonly<Record<string, number>> = { rsa: 1, ec: 3 };
const HASHES: Readonly<Record<string, number>> = { sha256: 4, sha384: 5, sha512: 6 };

/**
 * Requires at least one embedded promise (SCT: RFC 6962, 3.3) by a log of the trust root. Promises of other logs prove
 * nothing, and take nothing away.
 * @throws Error with one sentence.
 */
export function requirePromise(
  certificate: X509Certificate,
  issuer: X509Certificate,
  logs: readonly TransparencyLog[],
): void {
  // A copy, as taking the extension out changes it.
  const copy = certificate.clone();
  const { extensions } = copy;
  const at = extensions.findIndex((one) => one.subs[0]?.toOID() === EXTENSION_OID_SCT);
  const [extension] = at === -1 ? [] : extensions.splice(at, 1);
  if (extension === undefined) throw new Error('the certificate carries no promise of a certificate log (SCT)');
  const promised = precertificate(copy, issuer);
  const promises = new X509SCTExtension(extension).signedCertificateTimestamps;
  if (!promises.some((one) => logs.some((log) => isPromiseOf(log, one, promised)))) {
    throw new Error('none of the SCTs in the certificate is by a trusted certificate log');
  }
}

/** What a promise is over (RFC 6962, 3.2): the certificate without promises, and who issued it. */
function precertificate(withoutPromises: X509Certificate, issuer: X509Certificate): Buffer {
  const body = withoutPromises.tbsCertificate.toDER();
  const length = Buffer.alloc(3);
  length.writeUIntBE(body.length, 0, 3);
  return Buffer.concat([createHash('sha256').update(issuer.publicKey).digest(), length, body]);
}

function isPromiseOf(log: TransparencyLog, promise: Promise6962, promised: Buffer): boolean {
  const { logId, key, hash, validFor } = log;
  return (
    logId.equals(promise.logID) &&
    includes(validFor, promise.datetime) &&
    promise.signatureAlgorithm === KEY_TYPES[key.asymmetricKeyType ?? ''] &&
    promise.hashAlgorithm === HASHES[hash ?? ''] &&
    promise.verify(promised, key)
  );
}
