// SPDX-License-Identifier: Apache-2.0
import type { SignatureCandidate, VerificationMaterial } from '../../../core/signatures/types.ts';
import { emailName, generateKeys, sha256 } from './certificates.ts';
import type { KeyKind, KeyPair } from './certificates.ts';
import type { Der } from './der.ts';
import * as evidence from './sigstore-evidence.ts';
import type { Verifier } from './sigstore-evidence.ts';
import { createSigstore, signWith } from './sigstore.ts';
import type { CheckpointNames, LeafRequest, LogBody, LoggedEntry, Sigstore, TrustedRootJson } from './sigstore.ts';

export const SUBJECT = 'dev@example.test';
export const ISSUER = 'https://accounts.example.test';
/** The certificate's ten minutes, and the moment of signing in the middle of them. */
export const VALID_FROM = new Date('2026-06-01T00:00:00Z');
export const SIGNED_AT = new Date('2026-06-01T00:05:00Z');
export const VALID_UNTIL = new Date('2026-06-01T00:10:00Z');
export const LATER = new Date('2026-06-01T01:00:00Z');

/** All that goes into one signature's evidence; tests change one thing of it. */
export interface Signing {
  readonly sigstore: Sigstore;
  readonly keys: KeyPair;
  root: TrustedRootJson;
  verifier: Verifier;
  /** The artifact that the statement is about. */
  artifact: Buffer;
  payload: Buffer;
  signedBytes: Buffer;
  signature: Buffer;
  /** What the signature is over, as log entries say. */
  hash: 'sha256' | 'sha384' | 'sha512';
  entries: LoggedEntry[];
  timestamps: Buffer[];
}

export type EntryKind = 'dsse1' | 'intoto1' | 'intoto2' | 'hashedrekord1' | 'hashedrekord2' | 'dsse2';

export interface SigningOptions {
  readonly sigstore?: Sigstore;
  readonly kind?: KeyKind;
  readonly prehashed?: boolean;
  readonly subject?: Der;
  readonly leaf?: Partial<LeafRequest>;
  /** With a key: no certificate. */
  readonly withKey?: boolean;
  /** Signs the artifact itself, not a statement about it. */
  readonly message?: boolean;
  readonly artifact?: string;
  /** Another statement than `statementAbout` makes. */
  readonly statement?: object;
  readonly entry?: EntryKind;
  readonly loggedAt?: Date;
  readonly stampedAt?: Date;
  /** A P-384 key that signs SHA-256, as older cosign. */
  readonly sign?: (keys: KeyPair, bytes: Buffer) => Buffer;
}

const HASHES = { 'P-256': 'sha256', 'P-384': 'sha384', 'P-521': 'sha512', RSA: 'sha256', Ed25519: 'sha512' } as const;

export function statementAbout(artifact: Buffer): Buffer {
  return Buffer.from(
    JSON.stringify({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ name: 'artifact', digest: { sha256: sha256(artifact).toString('hex') } }],
      predicateType: 'https://slsa.dev/provenance/v1',
      predicate: { buildDefinition: {} },
    }),
  );
}

/** A signature that is right in every respect. */
export function signKeyless(options: SigningOptions = {}): Signing {
  const { sigstore = createSigstore(), kind = 'P-256', entry, stampedAt } = options;
  const keys = generateKeys(kind);
  const artifact = Buffer.from(options.artifact ?? 'an artifact\n');
  const payload =
    options.statement === undefined ? statementAbout(artifact) : Buffer.from(JSON.stringify(options.statement));
  const signedBytes = options.message === true ? artifact : evidence.preAuthEncoding(payload);
  const signature = options.sign?.(keys, signedBytes) ?? signWith(keys, kind, signedBytes, options.prehashed);
  const verifier =
    options.withKey === true ? { key: keys.publicKey } : { certificate: certificateFor(sigstore, keys, options) };
  const signing: Signing = {
    sigstore,
    keys,
    root: structuredClone(sigstore.trustedRoot),
    verifier,
    artifact,
    payload,
    signedBytes,
    signature,
    hash: options.sign === undefined ? HASHES[kind] : 'sha256',
    entries: [],
    timestamps: stampedAt === undefined ? [] : [sigstore.tsa.stamp(signature, stampedAt)],
  };
  if (entry !== undefined) signing.entries.push(logEntry(signing, entry, options.loggedAt));
  return signing;
}

function certificateFor(sigstore: Sigstore, keys: KeyPair, { subject, leaf }: SigningOptions): Buffer {
  return sigstore.fulcio.issue({
    publicKey: keys.publicKey,
    subject: subject ?? emailName(SUBJECT),
    issuer: ISSUER,
    notBefore: VALID_FROM,
    notAfter: VALID_UNTIL,
    ...leaf,
  });
}

export function entryBody(signing: Signing, kind: EntryKind): LogBody {
  const { signature, signedBytes: bytes, verifier, hash } = signing;
  const signed = { signature, bytes, verifier, hash };
  switch (kind) {
    case 'dsse1':
      return evidence.dsse1(signed, signing.payload);
    case 'dsse2':
      return evidence.dsse2(signed, signing.payload);
    case 'intoto1':
      return evidence.intoto1(signed, signing.payload);
    case 'intoto2':
      return evidence.intoto2(signed, signing.payload);
    case 'hashedrekord1':
      return evidence.hashedRekord1(signed);
    case 'hashedrekord2':
      return evidence.hashedRekord2(signed);
    default:
      throw new Error(`no such kind: ${String(kind)}`);
  }
}

export function logEntry(signing: Signing, kind: EntryKind, time = SIGNED_AT, names?: CheckpointNames): LoggedEntry {
  const { rekor1, rekor2 } = signing.sigstore;
  const log = kind === 'dsse2' || kind === 'hashedrekord2' ? rekor2 : rekor1;
  return log.log(entryBody(signing, kind), time, names);
}

export function bundleFor(signing: Signing, version: '0.1' | '0.2' | '0.3' = '0.3') {
  const { verifier, entries, timestamps, signature, payload, artifact, signedBytes } = signing;
  const content =
    signedBytes === artifact
      ? { messageSignature: evidence.messageSignature(artifact, signature) }
      : { dsseEnvelope: evidence.envelopeOf(payload, signature) };
  return evidence.bundleOf({ verifier, entries, timestamps, content, version });
}

/** As a candidate about an image: from a bundle, or from the annotations of a `.sig` or `.att` layer. */
export function candidateFor(signing: Signing, from: 'bundle' | 'annotations'): SignatureCandidate {
  return {
    format: from === 'bundle' ? 'bundle' : 'simple-signing',
    source: 'test',
    signedBytes: signing.signedBytes,
    signature: signing.signature,
    annotations: {},
    material: from === 'bundle' ? { kind: 'bundle', bundle: bundleFor(signing) } : annotationsFor(signing),
  };
}

function annotationsFor(signing: Signing): VerificationMaterial {
  const { verifier, entries, timestamps, signedBytes, artifact, payload, signature } = signing;
  const [entry] = entries;
  const [timestamp] = timestamps;
  return evidence.annotationsOf(verifier, {
    ...(entry === undefined ? {} : { entry }),
    ...(timestamp === undefined ? {} : { timestamp }),
    ...(signedBytes === artifact ? {} : { envelope: evidence.envelopeOf(payload, signature) }),
  });
}

/** A copy with one bit changed. */
export function flipped(bytes: Uint8Array, at = bytes.length - 1): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}

export const flipped64 = (text: string, at?: number): string =>
  flipped(Buffer.from(text, 'base64'), at).toString('base64');
