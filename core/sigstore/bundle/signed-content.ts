// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { signedHash } from '../../keys/algorithms.ts';
import type { HashName, VerificationKey } from '../../keys/algorithms.ts';
import { decodeBase64 } from '../../base64.ts';
import { isJsonObject } from '../../json.ts';
import type { SignatureCandidate } from '../../signatures/types.ts';

/** A signature and what it is over, as log entries and timestamps commit to it. */
export interface SignedContent {
  readonly signature: Uint8Array;
  /** What timestamps are over: the signature but for `.att` layers, where cosign stamps the whole envelope. */
  readonly stamped: Uint8Array;
  /** The hash that the signature is over, null for Ed25519 without one; undefined where it is not by the key. */
  readonly signedHash: (key: VerificationKey) => HashName | null | undefined;
  /** Digest of the signed bytes; undefined where only another digest of them is at hand. */
  readonly digest: (hash: HashName) => Uint8Array | undefined;
  /** For a DSSE envelope only. */
  readonly envelope?: SignedEnvelope;
}

export interface SignedEnvelope {
  readonly payload: Uint8Array;
  /** The envelope as cosign uploads it, where it was not stored byte for byte; undefined where unknown. */
  readonly encoded?: Uint8Array;
}

export function hashOf(hash: HashName, bytes: Uint8Array): Uint8Array {
  return createHash(hash).update(bytes).digest();
}

/** The content of a signature whose bytes are at hand. */
export function contentOf(signedBytes: Uint8Array, signature: Uint8Array, envelope?: SignedEnvelope): SignedContent {
  const content: SignedContent = {
    signature,
    stamped: signature,
    signedHash: (key) => signedHash(key, signedBytes, signature),
    digest: (hash) => hashOf(hash, signedBytes),
  };
  return envelope === undefined ? content : { ...content, envelope };
}

/** Bundles about images are always DSSE envelopes; layers are where they carry an envelope (`.att`). */
export function contentOfCandidate(candidate: SignatureCandidate): SignedContent {
  const { material, signedBytes, signature } = candidate;
  const envelope = material.kind === 'annotations' ? material.envelope : undefined;
  if (material.kind === 'annotations' && envelope === undefined) return contentOf(signedBytes, signature);
  const payload = payloadOf(signedBytes);
  const encoded = encodedEnvelope(envelope);
  if (encoded === undefined) return contentOf(signedBytes, signature, { payload });
  return { ...contentOf(signedBytes, signature, { payload, encoded }), stamped: encoded };
}

/** The payload inside of a DSSE pre-authentication encoding: `DSSEv1 <n> <type> <n> <payload>`. */
function payloadOf(preAuthEncoding: Uint8Array): Uint8Array {
  const bytes = Buffer.from(preAuthEncoding.buffer, preAuthEncoding.byteOffset, preAuthEncoding.byteLength);
  const typeStart = bytes.indexOf(' ', 'DSSEv1 '.length) + 1;
  const typeLength = Number(bytes.toString('latin1', 'DSSEv1 '.length, typeStart - 1));
  const lengthStart = typeStart + typeLength + 1;
  return bytes.subarray(bytes.indexOf(' ', lengthStart) + 1);
}

/**
 * The envelope as Go's encoding/json writes it (secure-systems-lab/dsse, Envelope): older log entries and
 * timestamps of `.att` layers are over exactly these bytes. Undefined where it has another shape.
 */
function encodedEnvelope(envelope: unknown): Uint8Array | undefined {
  if (!isJsonObject(envelope) || !Array.isArray(envelope['signatures'])) return undefined;
  const { payloadType, payload } = envelope;
  const signatures = envelope['signatures'].map((one: unknown) => ({
    keyid: isJsonObject(one) && typeof one['keyid'] === 'string' ? one['keyid'] : '',
    sig: isJsonObject(one) ? one['sig'] : undefined,
  }));
  if (typeof payload !== 'string' || decodeBase64(payload) === undefined) return undefined;
  return Buffer.from(JSON.stringify({ payloadType, payload, signatures }));
}
