// SPDX-License-Identifier: Apache-2.0
import { X509Certificate } from 'node:crypto';
import { bytesOf, integerOf, member, jsonNode, textOf } from '../../formats/protojson.ts';
import { parseJson } from '../../json.ts';
import type { VerificationMaterial } from '../../signatures/types.ts';
import type { LogEntry, SigningMaterial } from './verification-material.ts';

type Annotations = Extract<VerificationMaterial, { kind: 'annotations' }>;

const MAXIMUM_CHARACTERS = 1024 * 1024;
const LOG_ID = /^[0-9a-f]{64}$/;
const ONE_CERTIFICATE = /^\s*-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*$/;

/**
 * The annotations of a `.sig` or `.att` layer (cosign, specs/SIGNATURE_SPEC.md) in the form that bundles
 * have. The chain annotation is not used: it comes from the signer, and the trust root has its own.
 * @throws Error with one sentence.
 */
export function readAnnotationMaterial(material: Annotations): SigningMaterial {
  const logEntries = material.rekorBundle === undefined ? [] : [readRekorBundle(material.rekorBundle)];
  const timestamps = material.rfc3161Timestamp === undefined ? [] : [readTimestamp(material.rfc3161Timestamp)];
  if (material.certificate === undefined) return { logEntries, timestamps };
  return { certificate: readCertificate(material.certificate), logEntries, timestamps };
}

function readCertificate(pem: string): Uint8Array {
  if (pem.length > MAXIMUM_CHARACTERS || !ONE_CERTIFICATE.test(pem)) {
    throw new Error('the certificate annotation is not one PEM certificate');
  }
  try {
    return new X509Certificate(pem).raw;
  } catch (cause) {
    throw new Error('the certificate annotation is not a certificate', { cause });
  }
}

/** `{"SignedEntryTimestamp":…,"Payload":{"body":…,"integratedTime":…,"logIndex":…,"logID":…}}` */
function readRekorBundle(text: string): LogEntry {
  const path = 'the bundle annotation: Payload';
  const bundle = jsonNode(
    parseJson(Buffer.from(text), MAXIMUM_CHARACTERS, 'the bundle annotation'),
    'the bundle annotation',
  );
  const payload = jsonNode(member(bundle, 'Payload').value, path);
  const logId = textOf(member(payload, 'logID'));
  if (!LOG_ID.test(logId)) throw new Error(`${path}.logID is not 64 hexadecimal digits`);
  return {
    path,
    logId: Buffer.from(logId, 'hex'),
    logIndex: integerOf(member(payload, 'logIndex')),
    integratedTime: Number(integerOf(member(payload, 'integratedTime'))),
    body: bytesOf(member(payload, 'body')),
    promise: bytesOf(member(bundle, 'SignedEntryTimestamp')),
  };
}

function readTimestamp(text: string): Uint8Array {
  const what = 'the rfc3161timestamp annotation';
  return bytesOf(
    member(jsonNode(parseJson(Buffer.from(text), MAXIMUM_CHARACTERS, what), what), 'SignedRFC3161Timestamp'),
  );
}
