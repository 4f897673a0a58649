// SPDX-License-Identifier: Apache-2.0
import { createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { X509Certificate } from '@sigstore/core';
import { errorText } from '../../text.ts';
import { extendedKeyUsages, TIME_STAMPING } from './certificate.ts';
import { requireModestDer } from './der-effort.ts';
import {
  bytesOf,
  enumOf,
  has,
  listOf,
  member,
  jsonNode,
  requireOnly,
  textOf,
  parseProtojson,
} from '../../formats/protojson.ts';
import type { JsonNode } from '../../formats/protojson.ts';

/** Whom keyless signatures are believed on: the content of a trusted_root.json, read strictly. Immutable. */
export interface TrustRoot {
  readonly certificateAuthorities: readonly CertificateAuthority[];
  readonly timestampAuthorities: readonly CertificateAuthority[];
  readonly transparencyLogs: readonly TransparencyLog[];
  readonly certificateLogs: readonly TransparencyLog[];
  /** Whether a certificate has to be promised by one of the `certificateLogs`. Not in the file: its reader says so. */
  readonly certificateLog: 'Require' | 'Ignore';
}

/** Trust roots by name; `load` rejects where the name is unknown or the file cannot be used. */
export interface TrustRoots {
  readonly names: () => readonly string[];
  readonly load: (name: string) => Promise<TrustRoot>;
}

export interface Window {
  readonly start: Date;
  readonly end: Date;
}

export interface CertificateAuthority {
  /** From the issuer of leaves (or, for timestamps, the signing certificate) up to the anchor. */
  readonly certChain: readonly X509Certificate[];
  readonly validFor: Window;
}

export interface TransparencyLog {
  /** As in the trusted root; names the log in messages. */
  readonly baseUrl: string;
  readonly logId: Buffer;
  /** What the log's checkpoints call its key; equals `logId` unless the trusted root says otherwise. */
  readonly checkpointKeyId: Buffer;
  readonly key: KeyObject;
  /** The digest of the log's signatures; null for Ed25519, which has its own. */
  readonly hash: string | null;
  readonly validFor: Window;
}

const MAXIMUM_CHARACTERS = 1024 * 1024;
const MAXIMUM_AUTHORITIES = 64;
const MAXIMUM_CHAIN = 8;
const MEDIA_TYPE = /^application\/vnd\.dev\.sigstore\.trustedroot(\+json;version=0\.[12]|\.v0\.[12]\+json)$/;
const TIME = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$/;
const END = new Date(8_640_000_000_000_000);

/** How a log's key is written, and the hash of its signatures; null for Ed25519, which has its own. */
interface KeyKind {
  readonly type: 'pkcs1' | 'spki';
  readonly hash: string | null;
}

const SHA256: KeyKind = { type: 'spki', hash: 'sha256' };
const KEY_KINDS: readonly (readonly [name: string, number: number, KeyKind])[] = [
  ['PKCS1_RSA_PKCS1V5', 1, { type: 'pkcs1', hash: 'sha256' }],
  ['PKIX_RSA_PKCS1V5', 3, SHA256],
  ['PKIX_ECDSA_P256_SHA_256', 5, SHA256],
  ['PKIX_ED25519', 7, { type: 'spki', hash: null }],
  ['PKIX_RSA_PKCS1V15_2048_SHA256', 9, SHA256],
  ['PKIX_RSA_PKCS1V15_3072_SHA256', 10, SHA256],
  ['PKIX_RSA_PKCS1V15_4096_SHA256', 11, SHA256],
  ['PKIX_ECDSA_P384_SHA_384', 12, { type: 'spki', hash: 'sha384' }],
  ['PKIX_ECDSA_P521_SHA_512', 13, { type: 'spki', hash: 'sha512' }],
];
/** Each key type that logs use (protobuf-specs, PublicKeyDetails). */
const LOG_KEYS = new Map<string | number, KeyKind>(
  KEY_KINDS.flatMap(([name, number, kind]) => [
    [name, kind],
    [number, kind],
  ]),
);

/**
 * Reads a trusted_root.json (protobuf-specs, sigstore_trustroot.proto).
 * @throws Error with one sentence that names the field at fault.
 */
export function parseTrustRoot(text: string, certificateLog: TrustRoot['certificateLog'] = 'Require'): TrustRoot {
  if (text.length > MAXIMUM_CHARACTERS) throw new Error(`the trusted root is longer than ${MAXIMUM_CHARACTERS} bytes`);
  const root = jsonNode(parse(text), '');
  const mediaType = textOf(member(root, 'mediaType'));
  if (!MEDIA_TYPE.test(mediaType))
    throw new Error(`mediaType is not that of a trusted root: ${mediaType.slice(0, 100)}`);
  const each = <T>(name: string, read: (at: JsonNode) => T): T[] =>
    listOf(member(root, name), MAXIMUM_AUTHORITIES).map(read);
  return {
    certificateAuthorities: each('certificateAuthorities', readAuthority),
    timestampAuthorities: each('timestampAuthorities', readTimestampAuthority),
    transparencyLogs: each('tlogs', readLog),
    certificateLogs: each('ctlogs', readLog),
    certificateLog,
  };
}

function parse(text: string): unknown {
  try {
    return parseProtojson(Buffer.from(text), 4 * MAXIMUM_CHARACTERS, 'the trusted root');
  } catch (cause) {
    throw new Error(errorText(cause), { cause });
  }
}

function readAuthority(at: JsonNode): CertificateAuthority {
  const certificates = member(member(at, 'certChain'), 'certificates');
  const certChain = listOf(certificates, MAXIMUM_CHAIN).map((one) => readCertificate(member(one, 'rawBytes')));
  if (certChain.length === 0) throw new Error(`${certificates.path} is empty`);
  return { certChain, validFor: readWindow(member(at, 'validFor')) };
}

function readTimestampAuthority(at: JsonNode): CertificateAuthority {
  const authority = readAuthority(at);
  const [signing] = authority.certChain;
  // RFC 3161, 2.3: without it any certificate under the same anchor could make time. A chain of authorities only is one
  // whose signing certificate comes with each timestamp, and is looked at then.
  if (signing?.isCA === false && !extendedKeyUsages(signing).includes(TIME_STAMPING)) {
    throw new Error(`${at.path}.certChain does not begin with a certificate for time stamping`);
  }
  return authority;
}

function readCertificate(at: JsonNode): X509Certificate {
  const der = bytesOf(at);
  try {
    requireModestDer(der);
    const certificate = X509Certificate.parse(der);
    createPublicKey({ key: certificate.publicKey, format: 'der', type: 'spki' });
    return certificate;
  } catch (cause) {
    throw new Error(`${at.path} is not a certificate: ${errorText(cause)}`, { cause });
  }
}

function readLog(at: JsonNode): TransparencyLog {
  const publicKey = member(at, 'publicKey');
  const details = member(publicKey, 'keyDetails');
  const kind = enumOf(details, LOG_KEYS);
  if (kind === undefined) throw new Error(`${details.path} is not supported: ${String(details.value).slice(0, 60)}`);
  const logId = bytesOf(member(member(at, 'logId'), 'keyId'));
  const checkpointKeyId = has(at, 'checkpointKeyId') ? bytesOf(member(member(at, 'checkpointKeyId'), 'keyId')) : logId;
  return {
    baseUrl: has(at, 'baseUrl') ? textOf(member(at, 'baseUrl')) : '',
    logId,
    checkpointKeyId,
    key: readKey(member(publicKey, 'rawBytes'), kind.type),
    hash: kind.hash,
    validFor: readWindow(member(publicKey, 'validFor')),
  };
}

function readKey(at: JsonNode, type: 'pkcs1' | 'spki'): KeyObject {
  const key = bytesOf(at);
  try {
    return createPublicKey({ key, format: 'der', type });
  } catch (cause) {
    throw new Error(`${at.path} is not a public key`, { cause });
  }
}

/** The start is required (sigstore_trustroot.proto): who left it out said nothing of when to trust the key. */
function readWindow(at: JsonNode): Window {
  if (at.value === undefined) throw new Error(`${at.path} is missing`);
  // An end that is written otherwise would be none.
  requireOnly(at, ['start', 'end']);
  const end = member(at, 'end');
  return { start: readTime(member(at, 'start')), end: end.value === undefined ? END : readTime(end) };
}

/** Whether the key is still in use, as far as the trusted root knows. */
export function isOpenEnded({ end }: Window): boolean {
  return end.getTime() === END.getTime();
}

function readTime(at: JsonNode): Date {
  if (at.value === undefined) throw new Error(`${at.path} is missing`);
  const text = textOf(at);
  const time = new Date(text);
  if (!TIME.test(text) || Number.isNaN(time.getTime()))
    throw new Error(`${at.path} is not a time: ${text.slice(0, 40)}`);
  return time;
}
