// SPDX-License-Identifier: Apache-2.0
import { X509Certificate } from 'node:crypto';
import type { HashName } from '../../keys/algorithms.ts';
import { bytesOf, fieldsOf, has, listOf, member, jsonNode, textOf } from '../../formats/protojson.ts';
import type { JsonNode } from '../../formats/protojson.ts';
import { parseJson } from '../../json.ts';
import { parsePublicKey } from '../../keys/public-key.ts';
import { hashOf } from '../bundle/signed-content.ts';
import type { SignedContent } from '../bundle/signed-content.ts';
import type { LogEntry } from '../bundle/verification-material.ts';

/** Who must have made the entry: this very certificate, or this key. */
export interface ExpectedSigner {
  /** SubjectPublicKeyInfo. */
  readonly keyDer: Uint8Array;
  readonly certificateDer?: Uint8Array;
  /** What the signature is over; null for Ed25519 without one. */
  readonly hash: HashName | null;
}

type ReadDigest = (hash: HashName) => Uint8Array | undefined;

const MAXIMUM_BYTES = 4 * 1024 * 1024;
const HASHES: Readonly<Record<string, HashName>> = {
  sha256: 'sha256',
  sha384: 'sha384',
  sha512: 'sha512',
  SHA2_256: 'sha256',
  SHA2_384: 'sha384',
  SHA2_512: 'sha512',
};
const HEX = /^(?:[0-9a-f]{2}){32,64}$/;

/**
 * Requires the body of a log entry to be about this signature, by this signer, over these bytes. An entry that
 * differs in any of the three is someone else's, however well it is proven to be in the log (CVE-2022-36056).
 * @throws Error with one sentence.
 */
export function requireBody(entry: LogEntry, content: SignedContent, signer: ExpectedSigner): void {
  const body = jsonNode(parseJson(entry.body, MAXIMUM_BYTES, `${entry.path}.canonicalizedBody`), 'the log entry: body');
  const kind = textOf(member(body, 'kind'));
  const version = textOf(member(body, 'apiVersion'));
  if ((entry.kind ?? kind) !== kind || (entry.version ?? version) !== version) {
    throw new Error(`${entry.path}.kindVersion is not that of its body`);
  }
  const require = Object.hasOwn(KINDS, `${kind}/${version}`) ? KINDS[`${kind}/${version}`] : undefined;
  if (require === undefined) throw new Error(`${entry.path} is of a kind that is not supported`);
  require({ content, signer, spec: member(body, 'spec') });
}

interface Binding {
  readonly content: SignedContent;
  readonly signer: ExpectedSigner;
  readonly spec: JsonNode;
}

const KINDS: Readonly<Record<string, (binding: Binding) => void>> = {
  'hashedrekord/0.0.1': requireHashedRekord1,
  'hashedrekord/0.0.2': requireHashedRekord2,
  'dsse/0.0.1': requireDsse1,
  'dsse/0.0.2': requireDsse2,
  'intoto/0.0.1': requireIntoto1,
  'intoto/0.0.2': requireIntoto2,
};

function requireHashedRekord1({ content, signer, spec }: Binding): void {
  const signature = member(spec, 'signature');
  requireDigest(member(member(spec, 'data'), 'hash'), 'value', signedDigest(content, signer));
  requireSignature(bytesOf(member(signature, 'content')), content);
  requirePem(member(member(signature, 'publicKey'), 'content'), signer);
}

function requireHashedRekord2({ content, signer, spec }: Binding): void {
  const entry = member(spec, 'hashedRekordV002');
  const signature = member(entry, 'signature');
  requireDigest(member(entry, 'data'), 'digest', signedDigest(content, signer));
  requireSignature(bytesOf(member(signature, 'content')), content);
  requireVerifier(member(signature, 'verifier'), signer);
}

function requireDsse1({ content, signer, spec }: Binding): void {
  requireDigest(member(spec, 'payloadHash'), 'value', payloadDigest(content));
  const signature = only(member(spec, 'signatures'));
  requireSignature(bytesOf(member(signature, 'signature')), content);
  requirePem(member(signature, 'verifier'), signer);
}

function requireDsse2({ content, signer, spec }: Binding): void {
  const entry = member(spec, 'dsseV002');
  requireDigest(member(entry, 'payloadHash'), 'digest', payloadDigest(content));
  const signature = only(member(entry, 'signatures'));
  requireSignature(bytesOf(member(signature, 'content')), content);
  requireVerifier(member(signature, 'verifier'), signer);
}

/** This kind holds no signature of its own: it is in the envelope, whose hash it holds. */
function requireIntoto1({ content, signer, spec }: Binding): void {
  const entry = member(spec, 'content');
  const encoded = content.envelope?.encoded;
  requireDigest(member(entry, 'hash'), 'value', (hash) => (encoded === undefined ? undefined : hashOf(hash, encoded)));
  if (has(entry, 'payloadHash')) requireDigest(member(entry, 'payloadHash'), 'value', payloadDigest(content));
  requirePem(member(spec, 'publicKey'), signer);
}

function requireIntoto2({ content, signer, spec }: Binding): void {
  const entry = member(spec, 'content');
  requireDigest(member(entry, 'payloadHash'), 'value', payloadDigest(content));
  const signature = only(member(member(entry, 'envelope'), 'signatures'));
  // Encoded twice: the envelope's own base64 is the content of a bytes field.
  const inner = bytesOf(member(signature, 'sig')).toString('latin1');
  requireSignature(bytesOf(jsonNode(inner, `${signature.path}.sig`)), content);
  requirePem(member(signature, 'publicKey'), signer);
}

/** The digest that was signed, and no other one of the same content (Rekor v2 specification, 6.1.4). */
function signedDigest({ digest }: SignedContent, { hash }: ExpectedSigner): ReadDigest {
  return (named) => (hash === null || hash === named ? digest(named) : undefined);
}

function payloadDigest({ envelope }: SignedContent): ReadDigest {
  return (hash) => (envelope === undefined ? undefined : hashOf(hash, envelope.payload));
}

function only(signatures: JsonNode): JsonNode {
  const list = listOf(signatures, 64);
  const [signature] = list;
  if (signature === undefined || list.length > 1) throw new Error(`${signatures.path} has not exactly one signature`);
  return signature;
}

function requireDigest(at: JsonNode, name: 'digest' | 'value', actual: ReadDigest): void {
  const algorithm = textOf(member(at, 'algorithm'));
  const hash = Object.hasOwn(HASHES, algorithm) ? HASHES[algorithm] : undefined;
  if (hash === undefined) throw new Error(`${at.path}.algorithm is not supported`);
  const expected = name === 'digest' ? bytesOf(member(at, name)) : hexOf(member(at, name));
  const digest = actual(hash);
  if (digest === undefined || !expected.equals(digest)) throw new Error(`${at.path} is that of other content`);
}

function hexOf(at: JsonNode): Buffer {
  const text = textOf(at);
  if (!HEX.test(text)) throw new Error(`${at.path} is not a digest`);
  return Buffer.from(text, 'hex');
}

function requireSignature(signature: Uint8Array, content: SignedContent): void {
  if (Buffer.compare(signature, content.signature) !== 0) throw new Error('the log entry is for another signature');
}

/** Rekor v1: PEM of a certificate or of a key. */
function requirePem(at: JsonNode, signer: ExpectedSigner): void {
  const pem = bytesOf(at).toString('latin1');
  if (pem.includes('BEGIN CERTIFICATE')) {
    requireCertificate(new X509Certificate(pem), signer);
  } else {
    requireKey(pem, signer);
  }
}

/** Rekor v2: a message with either of the two. */
function requireVerifier(at: JsonNode, signer: ExpectedSigner): void {
  fieldsOf(at);
  if (has(at, 'x509Certificate')) {
    requireCertificate(new X509Certificate(bytesOf(member(member(at, 'x509Certificate'), 'rawBytes'))), signer);
  } else {
    const der = bytesOf(member(member(at, 'publicKey'), 'rawBytes'));
    requireKey(`-----BEGIN PUBLIC KEY-----\n${der.toString('base64')}\n-----END PUBLIC KEY-----`, signer);
  }
}

function requireCertificate(certificate: X509Certificate, { keyDer, certificateDer }: ExpectedSigner): void {
  const same =
    certificateDer === undefined
      ? Buffer.compare(certificate.publicKey.export({ format: 'der', type: 'spki' }), keyDer) === 0
      : certificate.raw.equals(certificateDer);
  if (!same) throw new Error('the log entry is by another certificate');
}

function requireKey(pem: string, { keyDer, certificateDer }: ExpectedSigner): void {
  const { der } = parsePublicKey(pem);
  if (certificateDer !== undefined || Buffer.compare(der, keyDer) !== 0) {
    throw new Error('the log entry is by another key');
  }
}
