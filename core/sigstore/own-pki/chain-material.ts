// SPDX-License-Identifier: Apache-2.0
import { decodeBase64 } from '../../base64.ts';
import { isJsonObject } from '../../json.ts';
import { bytesOf, jsonNode, listOf, member } from '../../formats/protojson.ts';
import type { SignatureCandidate, VerificationMaterial } from '../../signatures/types.ts';

/** The signing certificate first. DER, untrusted; the signer chose them. */
export type SentCertificates = readonly [Uint8Array, ...Uint8Array[]];

const MAXIMUM_CERTIFICATES = 8;
const MAXIMUM_CHARACTERS = 128 * 1024;
const BLOCK = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/g;

/** Whether a certificate comes with it; spares the loading of what reads one. */
export function carriesCertificate({ material }: SignatureCandidate): boolean {
  if (material.kind === 'annotations') return material.certificate !== undefined;
  const facts = isJsonObject(material.bundle) ? material.bundle['verificationMaterial'] : undefined;
  return isJsonObject(facts) && ('certificate' in facts || 'x509CertificateChain' in facts);
}

/**
 * The certificates that came with a signature: annotations of a layer, or one certificate or a chain of a bundle. cosign
 * 3.1 writes a chain into bundles of version 0.3, which have none by the format's rules.
 * @throws Error with one sentence.
 */
export function sentCertificates(material: VerificationMaterial): SentCertificates {
  const sent = material.kind === 'annotations' ? inAnnotations(material) : inBundle(material.bundle);
  const [leaf, ...others] = sent;
  if (leaf === undefined) throw new Error('it carries no certificate');
  if (sent.length > MAXIMUM_CERTIFICATES) throw new Error(`it carries more than ${MAXIMUM_CERTIFICATES} certificates`);
  return [leaf, ...others];
}

function inAnnotations({ certificate = '', chain = '' }: { readonly certificate?: string; readonly chain?: string }) {
  const leaf = inPem(certificate);
  if (leaf.length > 1) throw new Error('the certificate annotation is not one certificate');
  return [...leaf, ...inPem(chain)];
}

function inPem(pem: string): readonly Uint8Array[] {
  if (pem.length > MAXIMUM_CHARACTERS) throw new Error('its certificates are too long');
  return [...pem.matchAll(BLOCK)].slice(0, MAXIMUM_CERTIFICATES + 1).map(([, body = '']) => {
    const der = decodeBase64(body.replace(/\s+/g, ''));
    if (der === undefined) throw new Error('a certificate in the annotations is not valid base64');
    return der;
  });
}

function inBundle(bundle: unknown): readonly Uint8Array[] {
  const facts = member(jsonNode(bundle, ''), 'verificationMaterial');
  const one = member(facts, 'certificate');
  if (one.value !== undefined) return [bytesOf(member(one, 'rawBytes'))];
  const chain = member(member(facts, 'x509CertificateChain'), 'certificates');
  return listOf(chain, MAXIMUM_CERTIFICATES).map((each) => bytesOf(member(each, 'rawBytes')));
}
