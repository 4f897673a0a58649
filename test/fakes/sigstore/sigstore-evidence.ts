// SPDX-License-Identifier: Apache-2.0
import { createHash, X509Certificate } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { VerificationMaterial } from '../../../core/signatures/types.ts';
import { sha256, spkiOf, toPem } from './certificates.ts';
import type { LoggedEntry } from './sigstore.ts';

/** Log entries and bundles as the tools of Sigstore write them, around material of `createSigstore`. */
export interface Signed {
  readonly signature: Buffer;
  /** What was signed: artifact, payload or pre-authentication encoding. */
  readonly bytes: Buffer;
  readonly verifier: Verifier;
  readonly hash?: 'sha256' | 'sha384' | 'sha512';
}

export type Verifier = { readonly certificate: Buffer } | { readonly key: KeyObject };

export interface Envelope {
  readonly payloadType: string;
  readonly payload: string;
  readonly signatures: readonly { readonly sig: string; readonly keyid?: string }[];
}

export const IN_TOTO = 'application/vnd.in-toto+json';
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

export function preAuthEncoding(payload: Uint8Array, type = IN_TOTO): Buffer {
  return Buffer.concat([Buffer.from(`DSSEv1 ${type.length} ${type} ${payload.length} `), payload]);
}

export function envelopeOf(payload: Buffer, signature: Buffer): Envelope {
  return { payloadType: IN_TOTO, payload: base64(payload), signatures: [{ sig: base64(signature) }] };
}

export function pemOf(verifier: Verifier): string {
  return 'key' in verifier ? toPem('PUBLIC KEY', spkiOf(verifier.key)) : toPem('CERTIFICATE', verifier.certificate);
}

const pem64 = (verifier: Verifier): string => base64(Buffer.from(pemOf(verifier)));
const hexDigest = (bytes: Uint8Array) => ({ algorithm: 'sha256', value: sha256(bytes).toString('hex') });

export function hashedRekord1({ signature, bytes, verifier, hash = 'sha256' }: Signed) {
  const value = createHash(hash).update(bytes).digest('hex');
  return {
    apiVersion: '0.0.1',
    kind: 'hashedrekord',
    spec: {
      data: { hash: { algorithm: hash, value } },
      signature: { content: base64(signature), publicKey: { content: pem64(verifier) } },
    },
  };
}

export function dsse1({ signature, verifier }: Signed, payload: Buffer) {
  const envelope = Buffer.from(JSON.stringify(envelopeOf(payload, signature)));
  return {
    apiVersion: '0.0.1',
    kind: 'dsse',
    spec: {
      envelopeHash: hexDigest(envelope),
      payloadHash: hexDigest(payload),
      signatures: [{ signature: base64(signature), verifier: pem64(verifier) }],
    },
  };
}

export function intoto2({ signature, verifier }: Signed, payload: Buffer) {
  const envelope = Buffer.from(JSON.stringify(envelopeOf(payload, signature)));
  const sig = base64(Buffer.from(base64(signature)));
  return {
    apiVersion: '0.0.2',
    kind: 'intoto',
    spec: {
      content: {
        envelope: { payloadType: IN_TOTO, signatures: [{ publicKey: pem64(verifier), sig }] },
        hash: hexDigest(envelope),
        payloadHash: hexDigest(payload),
      },
    },
  };
}

/** Written by cosign 1 for attestations: holds the hash of the envelope, `keyid` included. */
export function intoto1({ signature, verifier }: Signed, payload: Buffer) {
  const encoded = {
    payloadType: IN_TOTO,
    payload: base64(payload),
    signatures: [{ keyid: '', sig: base64(signature) }],
  };
  return {
    apiVersion: '0.0.1',
    kind: 'intoto',
    spec: {
      content: { hash: hexDigest(Buffer.from(JSON.stringify(encoded))), payloadHash: hexDigest(payload) },
      publicKey: pem64(verifier),
    },
  };
}

const NAMES = { sha256: 'SHA2_256', sha384: 'SHA2_384', sha512: 'SHA2_512' };

function verifier2(verifier: Verifier) {
  return 'key' in verifier
    ? { keyDetails: keyDetailsOf(verifier.key), publicKey: { rawBytes: base64(spkiOf(verifier.key)) } }
    : {
        keyDetails: keyDetailsOf(new X509Certificate(verifier.certificate).publicKey),
        x509Certificate: { rawBytes: base64(verifier.certificate) },
      };
}

/** As protobuf-specs names them (PublicKeyDetails). */
function keyDetailsOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): string {
  if (asymmetricKeyType === 'ed25519') return 'PKIX_ED25519_PH';
  if (asymmetricKeyType === 'rsa') return `PKIX_RSA_PKCS1V15_${asymmetricKeyDetails?.modulusLength}_SHA256`;
  const curves = { secp384r1: 'PKIX_ECDSA_P384_SHA_384', secp521r1: 'PKIX_ECDSA_P521_SHA_512' };
  const named = Object.entries(curves).find(([curve]) => curve === asymmetricKeyDetails?.namedCurve);
  return named?.[1] ?? 'PKIX_ECDSA_P256_SHA_256';
}

export function hashedRekord2({ signature, bytes, verifier, hash = 'sha256' }: Signed) {
  return {
    apiVersion: '0.0.2',
    kind: 'hashedrekord',
    spec: {
      hashedRekordV002: {
        data: { algorithm: NAMES[hash], digest: createHash(hash).update(bytes).digest('base64') },
        signature: { content: base64(signature), verifier: verifier2(verifier) },
      },
    },
  };
}

export function dsse2({ signature, verifier }: Signed, payload: Buffer) {
  return {
    apiVersion: '0.0.2',
    kind: 'dsse',
    spec: {
      dsseV002: {
        payloadHash: { algorithm: 'SHA2_256', digest: base64(sha256(payload)) },
        signatures: [{ content: base64(signature), verifier: verifier2(verifier) }],
      },
    },
  };
}

export interface BundleParts {
  readonly verifier: Verifier;
  readonly entries?: readonly LoggedEntry[];
  readonly timestamps?: readonly Buffer[];
  readonly content:
    { readonly dsseEnvelope: Envelope } | { readonly messageSignature: ReturnType<typeof messageSignature> };
  readonly version?: '0.1' | '0.2' | '0.3';
}

export function messageSignature(artifact: Uint8Array, signature: Buffer) {
  return {
    messageDigest: { algorithm: 'SHA2_256', digest: base64(sha256(artifact)) },
    signature: base64(signature),
  };
}

export function bundleOf({ verifier, entries = [], timestamps = [], content, version = '0.3' }: BundleParts) {
  const signer =
    'key' in verifier
      ? { publicKey: { hint: base64(sha256(spkiOf(verifier.key))) } }
      : version === '0.3'
        ? { certificate: { rawBytes: base64(verifier.certificate) } }
        : { x509CertificateChain: { certificates: [{ rawBytes: base64(verifier.certificate) }] } };
  return {
    mediaType:
      version === '0.3'
        ? 'application/vnd.dev.sigstore.bundle.v0.3+json'
        : `application/vnd.dev.sigstore.bundle+json;version=${version}`,
    verificationMaterial: {
      ...signer,
      ...(entries.length === 0 ? {} : { tlogEntries: entries }),
      ...(timestamps.length === 0
        ? {}
        : {
            timestampVerificationData: {
              rfc3161Timestamps: timestamps.map((one) => ({ signedTimestamp: base64(one) })),
            },
          }),
    },
    ...content,
  };
}

/** The annotation `dev.sigstore.cosign/bundle` for an entry of Rekor v1. */
export function rekorBundle(entry: LoggedEntry): string {
  return JSON.stringify({
    SignedEntryTimestamp: entry.inclusionPromise?.signedEntryTimestamp,
    Payload: {
      body: entry.canonicalizedBody,
      integratedTime: Number(entry.integratedTime),
      logIndex: Number(entry.logIndex),
      logID: Buffer.from(entry.logId.keyId, 'base64').toString('hex'),
    },
  });
}

export function annotationsOf(
  verifier: Verifier,
  extras: { entry?: LoggedEntry; timestamp?: Buffer; envelope?: Envelope } = {},
): Extract<VerificationMaterial, { kind: 'annotations' }> {
  const { entry, timestamp, envelope } = extras;
  return {
    kind: 'annotations',
    ...('certificate' in verifier ? { certificate: pemOf(verifier) } : {}),
    ...(entry === undefined ? {} : { rekorBundle: rekorBundle(entry) }),
    ...(timestamp === undefined
      ? {}
      : { rfc3161Timestamp: JSON.stringify({ SignedRFC3161Timestamp: base64(timestamp) }) }),
    ...(envelope === undefined ? {} : { envelope }),
  };
}
