// SPDX-License-Identifier: Apache-2.0
import { sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { ed25519ph } from '@noble/curves/ed25519.js';
import * as make from './certificates.ts';
import type { KeyKind, KeyPair } from './certificates.ts';
import { der, sequence, utf8String } from './der.ts';
import type { Der } from './der.ts';
import { certificatePromise, promiseList } from './promises.ts';
import type { PromiseRequest } from './promises.ts';
import { timestampInfo, timestampResponse } from './timestamps.ts';

/**
 * A Sigstore of one's own, in memory: certificate authority with an intermediate, certificate log, two
 * transparency logs (Rekor v1 and v2) and a timestamp authority. The real cosign accepts what it issues
 * (test/e2e/signatures/sigstore-oracle.test.ts), so a test that refuses a changed copy refuses it for the change.
 */
export interface Sigstore {
  /** trusted_root.json, as an object to be changed by tests. */
  readonly trustedRoot: TrustedRootJson;
  readonly fulcio: Fulcio;
  readonly certificateLog: KeyPair;
  readonly rekor1: Rekor;
  readonly rekor2: Rekor;
  readonly tsa: TimestampAuthority;
}

export interface TrustedRootJson {
  mediaType: string;
  tlogs: LogJson[];
  certificateAuthorities: AuthorityJson[];
  ctlogs: LogJson[];
  timestampAuthorities: AuthorityJson[];
}

export interface LogJson {
  baseUrl: string;
  hashAlgorithm: string;
  publicKey: { rawBytes: string; keyDetails: string; validFor: WindowJson };
  logId: { keyId: string };
}

export interface AuthorityJson {
  subject: { organization: string; commonName: string };
  uri: string;
  certChain: { certificates: { rawBytes: string }[] };
  validFor: WindowJson;
}

export interface WindowJson {
  start?: string;
  end?: string;
}

export interface LeafRequest {
  readonly publicKey: KeyObject;
  readonly subject: Der;
  readonly issuer: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** Instead of the issuer extensions, usages and promise that Fulcio adds. */
  readonly extensions?: readonly Der[];
  readonly withoutPromise?: boolean;
  /** Instead of the one of the certificate log. */
  readonly promises?: (request: PromiseRequest) => readonly Buffer[];
  readonly codeSigning?: string;
  /** Instead of the key usage for signatures. */
  readonly usage?: Der;
}

export interface Fulcio {
  readonly issue: (request: LeafRequest) => Buffer;
}

export interface LogBody {
  readonly kind: string;
  readonly apiVersion: string;
}

/** Under which names the log signs its checkpoint, where not under its own. */
export interface CheckpointNames {
  readonly origin?: string;
  readonly signer?: string;
  /** What Rekor v1 appends to its name. */
  readonly tree?: string;
}

export interface Rekor {
  readonly log: (body: LogBody, time: Date, names?: CheckpointNames) => LoggedEntry;
}

/** An entry as bundles hold it (protojson). */
export interface LoggedEntry {
  logIndex: string;
  logId: { keyId: string };
  kindVersion: { kind: string; version: string };
  integratedTime?: string;
  inclusionPromise?: { signedEntryTimestamp: string };
  inclusionProof?: {
    logIndex: string;
    rootHash: string;
    treeSize: string;
    hashes: string[];
    checkpoint: { envelope: string };
  };
  canonicalizedBody: string;
}

export interface TimestampAuthority {
  /** An RFC 3161 response over `signature`. */
  readonly stamp: (signature: Uint8Array, time: Date) => Buffer;
}

const CODE_SIGNING = '1.3.6.1.5.5.7.3.3';
const TIME_STAMPING = '1.3.6.1.5.5.7.3.8';
export const EPOCH = new Date('2026-01-01T00:00:00Z');
const END = new Date('2036-01-01T00:00:00Z');

/** @param rekor2 the kind of its key */
export function createSigstore({ rekor2: kind = 'Ed25519' }: { rekor2?: 'Ed25519' | 'P-256' } = {}): Sigstore {
  const ct = make.generateKeys('P-256');
  const fulcio = createFulcio(ct);
  const rekor1 = createRekor1('rekor.example.test');
  const rekor2 = createRekor2('log2026-1.rekor.example.test', kind);
  const tsa = createTimestampAuthority();
  return {
    fulcio,
    certificateLog: ct,
    rekor1,
    rekor2,
    tsa,
    trustedRoot: {
      mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
      tlogs: [rekor1.trusted, rekor2.trusted],
      certificateAuthorities: [fulcio.trusted],
      ctlogs: [trustedLog('https://ct.example.test', ct.publicKey, make.sha256(make.spkiOf(ct.publicKey)))],
      timestampAuthorities: [tsa.trusted],
    },
  };
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

export function trustedLog(baseUrl: string, key: KeyObject, keyId: Uint8Array): LogJson {
  const keyDetails = key.asymmetricKeyType === 'ed25519' ? 'PKIX_ED25519' : 'PKIX_ECDSA_P256_SHA_256';
  return {
    baseUrl,
    hashAlgorithm: 'SHA2_256',
    publicKey: { rawBytes: base64(make.spkiOf(key)), keyDetails, validFor: { start: EPOCH.toISOString() } },
    logId: { keyId: base64(keyId) },
  };
}

export function trustedAuthority(uri: string, chain: readonly Buffer[]): AuthorityJson {
  return {
    subject: { organization: 'example.test', commonName: uri },
    uri,
    certChain: { certificates: chain.map((certificate) => ({ rawBytes: base64(certificate) })) },
    validFor: { start: EPOCH.toISOString() },
  };
}

interface Authority {
  readonly keys: KeyPair;
  readonly root: Buffer;
}

function createRoot(subject: string): Authority {
  const keys = make.generateKeys('P-256');
  const { publicKey, privateKey } = keys;
  const extensions = [make.certificateAuthority(), make.keyCertSign(), make.subjectKeyId(publicKey)];
  const times = { notBefore: EPOCH, notAfter: END };
  return {
    keys,
    root: make.makeCertificate({ subject, issuer: subject, publicKey, signedBy: privateKey, extensions, ...times }),
  };
}

function createFulcio(ct: KeyPair): Fulcio & { readonly trusted: AuthorityJson } {
  const { keys: rootKeys, root } = createRoot('fake fulcio');
  const keys = make.generateKeys('P-256');
  const intermediate = make.makeCertificate({
    subject: 'fake fulcio intermediate',
    issuer: 'fake fulcio',
    publicKey: keys.publicKey,
    signedBy: rootKeys.privateKey,
    notBefore: EPOCH,
    notAfter: END,
    extensions: [
      make.certificateAuthority(),
      make.keyCertSign(),
      make.extendedKeyUsage(CODE_SIGNING),
      make.subjectKeyId(keys.publicKey),
      make.authorityKeyId(rootKeys.publicKey),
    ],
  });
  const issue = (leaf: LeafRequest): Buffer => {
    const request = {
      subject: '',
      issuer: 'fake fulcio intermediate',
      publicKey: leaf.publicKey,
      signedBy: keys.privateKey,
      notBefore: leaf.notBefore,
      notAfter: leaf.notAfter,
      serial: Buffer.concat([Buffer.from([0x41]), make.sha256(make.spkiOf(leaf.publicKey)).subarray(0, 15)]),
      extensions: [
        leaf.usage ?? make.digitalSignature(),
        make.extendedKeyUsage(leaf.codeSigning ?? CODE_SIGNING),
        make.subjectKeyId(leaf.publicKey),
        make.authorityKeyId(keys.publicKey),
        make.subjectAlternativeName(leaf.subject),
        ...(leaf.extensions ?? [issuerV1(leaf.issuer), issuerV2(leaf.issuer)]),
      ],
    };
    if (leaf.withoutPromise === true) return make.makeCertificate(request);
    const asked = { certificate: make.toBeSigned(request), issuer: keys.publicKey, time: leaf.notBefore };
    const promises = leaf.promises?.(asked) ?? [certificatePromise(ct, asked)];
    return make.makeCertificate({ ...request, extensions: [...request.extensions, promiseList(promises)] });
  };
  return { issue, trusted: trustedAuthority('https://fulcio.example.test', [intermediate, root]) };
}

export const issuerV1 = (issuer: string): Der => make.extension('1.3.6.1.4.1.57264.1.1', Buffer.from(issuer));
export const issuerV2 = (issuer: string): Der => make.extension('1.3.6.1.4.1.57264.1.8', utf8String(issuer));

/** Fulcio's extensions by the last number of their OIDs, as it writes them: the first as bare text. */
export function fulcioExtensions(values: Readonly<Record<number, string>>): readonly Der[] {
  return Object.entries(values).map(([number, text]) =>
    make.extension(`1.3.6.1.4.1.57264.1.${number}`, Number(number) < 7 ? Buffer.from(text) : utf8String(text)),
  );
}

/** Rekor v1: promise, and a proof in a shard of 7 entries. */
function createRekor1(host: string): Rekor & { readonly trusted: LogJson } {
  const { publicKey, privateKey } = make.generateKeys('P-256');
  const logId = make.sha256(make.spkiOf(publicKey));
  const log = (body: LogBody, time: Date, names: CheckpointNames = {}): LoggedEntry => {
    const { origin = host, signer = host, tree = ' - 1193050959916656506' } = names;
    const bytes = canonical(body);
    const logIndex = 1_000_004;
    const integratedTime = Math.floor(time.getTime() / 1000);
    const promised = { body: base64(bytes), integratedTime, logIndex, logID: logId.toString('hex') };
    const checkpoint = (size: number, root: Buffer): string => {
      const note = `${origin}${tree}\n${size}\n${base64(root)}\n`;
      return signedNote(note, signer, logId, sign('sha256', Buffer.from(note), privateKey));
    };
    return {
      logIndex: String(logIndex),
      logId: { keyId: base64(logId) },
      kindVersion: kindOf(body),
      integratedTime: String(integratedTime),
      inclusionPromise: { signedEntryTimestamp: base64(sign('sha256', canonical(promised), privateKey)) },
      inclusionProof: proofIn(bytes, 7, 4, checkpoint),
      canonicalizedBody: base64(bytes),
    };
  };
  return { log, trusted: trustedLog(`https://${host}`, publicKey, logId) };
}

/** Rekor v2: neither a date nor a promise; the id of its Ed25519 key includes its name (c2sp.org/signed-note). */
function createRekor2(host: string, kind: 'Ed25519' | 'P-256'): Rekor & { readonly trusted: LogJson } {
  const { publicKey, privateKey } = make.generateKeys(kind);
  const spki = make.spkiOf(publicKey);
  const named = [Buffer.from(`${host}\n`), Buffer.from([1]), spki.subarray(-32)];
  const logId = make.sha256(...(kind === 'Ed25519' ? named : [spki]));
  const hash = kind === 'Ed25519' ? null : 'sha256';
  const log = (body: LogBody, _time: Date, { origin = host, signer = host }: CheckpointNames = {}): LoggedEntry => {
    const bytes = canonical(body);
    const checkpoint = (size: number, root: Buffer): string => {
      const note = `${origin}\n${size}\n${base64(root)}\n`;
      return signedNote(note, signer, logId, sign(hash, Buffer.from(note), privateKey));
    };
    return {
      logIndex: '5',
      logId: { keyId: base64(logId) },
      kindVersion: kindOf(body),
      inclusionProof: proofIn(bytes, 11, 5, checkpoint),
      canonicalizedBody: base64(bytes),
    };
  };
  return { log, trusted: trustedLog(`https://${host}`, publicKey, logId) };
}

function kindOf({ kind, apiVersion }: LogBody): { kind: string; version: string } {
  return { kind, version: apiVersion };
}

function signedNote(note: string, name: string, keyId: Buffer, signature: Buffer): string {
  return `${note}\n\u2014 ${name} ${base64(Buffer.concat([keyId.subarray(0, 4), signature]))}\n`;
}

/** RFC 8785 for what is in log entries: objects, texts, whole numbers. */
export function canonical(value: unknown): Buffer {
  return Buffer.from(canonicalText(value));
}

function canonicalText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, one]) => `${JSON.stringify(key)}:${canonicalText(one)}`).join(',')}}`;
}

function proofIn(leaf: Buffer, size: number, index: number, checkpoint: (size: number, root: Buffer) => string) {
  const leaves = Array.from({ length: size }, (_, at) => leafHash(at === index ? leaf : Buffer.from(`entry ${at}`)));
  const root = treeHash(leaves);
  return {
    logIndex: String(index),
    rootHash: base64(root),
    treeSize: String(size),
    hashes: path(index, leaves).map(base64),
    checkpoint: { envelope: checkpoint(size, root) },
  };
}

export const leafHash = (leaf: Buffer): Buffer => make.sha256(Buffer.from([0]), leaf);

/** MTH (RFC 6962, 2.1). */
export function treeHash(leaves: readonly Buffer[]): Buffer {
  const [only] = leaves;
  if (only !== undefined && leaves.length === 1) return only;
  const split = splitOf(leaves.length);
  return make.sha256(Buffer.from([1]), treeHash(leaves.slice(0, split)), treeHash(leaves.slice(split)));
}

/** PATH (RFC 6962, 2.1.1). */
export function path(index: number, leaves: readonly Buffer[]): readonly Buffer[] {
  if (leaves.length === 1) return [];
  const split = splitOf(leaves.length);
  return index < split
    ? [...path(index, leaves.slice(0, split)), treeHash(leaves.slice(split))]
    : [...path(index - split, leaves.slice(split)), treeHash(leaves.slice(0, split))];
}

const splitOf = (length: number): number => 2 ** Math.floor(Math.log2(length - 1));

function createTimestampAuthority(): TimestampAuthority & { readonly trusted: AuthorityJson } {
  const { keys: rootKeys, root } = createRoot('fake tsa');
  const keys = make.generateKeys('P-256');
  const serial = Buffer.from('4102030405060708', 'hex');
  const signing = make.makeCertificate({
    subject: 'fake tsa signing',
    issuer: 'fake tsa',
    publicKey: keys.publicKey,
    signedBy: rootKeys.privateKey,
    notBefore: EPOCH,
    notAfter: END,
    serial,
    extensions: [
      make.digitalSignature(),
      make.extendedKeyUsage(TIME_STAMPING, true),
      make.subjectKeyId(keys.publicKey),
      make.authorityKeyId(rootKeys.publicKey),
    ],
  });
  const signer = sequence(make.nameOf('fake tsa'), der(0x02, serial));
  const stamp = (signature: Uint8Array, time: Date): Buffer =>
    timestampResponse(timestampInfo(signature, time), { signer, key: keys.privateKey, time, signing });
  return { stamp, trusted: trustedAuthority('https://tsa.example.test/api/v1/timestamp', [signing, root]) };
}

/** A signature as cosign makes it with a key of this kind; Ed25519 prehashed where asked for. */
export function signWith(keys: KeyPair, kind: KeyKind, bytes: Uint8Array, prehashed = false): Buffer {
  if (kind === 'Ed25519' && prehashed) {
    const { d = '' } = keys.privateKey.export({ format: 'jwk' });
    return Buffer.from(ed25519ph.sign(bytes, Buffer.from(d, 'base64url')));
  }
  const hashes = { 'P-256': 'sha256', 'P-384': 'sha384', 'P-521': 'sha512', RSA: 'sha256', Ed25519: null };
  return sign(hashes[kind], bytes, keys.privateKey);
}
