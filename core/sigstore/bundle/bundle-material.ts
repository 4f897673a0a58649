// SPDX-License-Identifier: Apache-2.0
import { bytesOf, has, integerOf, listOf, member, jsonNode, requireOnly, textOf } from '../../formats/protojson.ts';
import type { JsonNode } from '../../formats/protojson.ts';
import { bundleVersion } from '../../formats/sigstore-bundle.ts';
import type { BundleVersion } from '../../formats/sigstore-bundle.ts';
import type { InclusionProof, LogEntry, SigningMaterial } from './verification-material.ts';

const SIGNERS = ['publicKey', 'x509CertificateChain', 'certificate'];
/** As many as other clients read. */
const MAXIMUM_ENTRIES = 32;
const MAXIMUM_TIMESTAMPS = 32;
const MAXIMUM_CHAIN = 8;
/** `any`: also in version 0.3, as cosign 3.1 writes them. */
type Chains = 'by version' | 'any';

/** More than the 2^63 entries that a log could have would need. */
const MAXIMUM_HASHES = 64;

/**
 * The verification material of a Sigstore bundle, each version by its own rules (protobuf-specs,
 * sigstore_bundle.proto): 0.1 needs inclusion promises, later ones proofs with checkpoints; 0.3 has no chain.
 * @throws Error with one sentence that names the field.
 */
export function readBundleMaterial(json: unknown, chains: Chains = 'by version'): SigningMaterial {
  const bundle = jsonNode(json, '');
  const version = versionOf(bundle);
  requireOnly(bundle, ['mediaType', 'verificationMaterial', 'messageSignature', 'dsseEnvelope']);
  const material = member(bundle, 'verificationMaterial');
  requireOnly(material, [...SIGNERS, 'tlogEntries', 'timestampVerificationData']);
  const certificate = readCertificate(material, chains === 'any' ? '0.2' : version);
  const timestampData = member(material, 'timestampVerificationData');
  const timestamps = timestampData.value === undefined ? [] : readTimestamps(timestampData);
  const logEntries = listOf(member(material, 'tlogEntries'), MAXIMUM_ENTRIES).map((at) => readEntry(at, version));
  return certificate === undefined ? { logEntries, timestamps } : { certificate, logEntries, timestamps };
}

function versionOf(bundle: JsonNode): BundleVersion {
  const mediaType = textOf(member(bundle, 'mediaType'));
  const version = bundleVersion(mediaType);
  if (version === undefined) {
    throw new Error(`mediaType is not that of a Sigstore bundle 0.1 to 0.3: ${mediaType.slice(0, 80)}`);
  }
  return version;
}

function readCertificate(material: JsonNode, version: BundleVersion): Uint8Array | undefined {
  const given = SIGNERS.filter((name) => has(material, name));
  if (given.length > 1) throw new Error(`${material.path} has both ${given.join(' and ')}`);
  const [name] = given;
  if (name === undefined) throw new Error(`${material.path} has neither a publicKey nor a certificate`);
  const signer = member(material, name);
  if (name === 'publicKey') {
    requireOnly(signer, ['hint']);
    return undefined;
  }
  if (name === 'certificate') return bytesIn(signer, 'rawBytes');
  if (version === '0.3') throw new Error(`${material.path}.${name} is not allowed in version 0.3`);
  requireOnly(signer, ['certificates']);
  return leafOf(member(signer, 'certificates'));
}

/** The bytes of a message that has nothing else. */
function bytesIn(at: JsonNode, name: string): Uint8Array {
  requireOnly(at, [name]);
  return bytesOf(member(at, name));
}

/** Only the leaf: the rest of a chain comes from the trust root, never from the signer. */
function leafOf(certificates: JsonNode): Uint8Array {
  const [leaf] = listOf(certificates, MAXIMUM_CHAIN).map((one) => bytesIn(one, 'rawBytes'));
  if (leaf === undefined) throw new Error(`${certificates.path} is empty`);
  return leaf;
}

function readTimestamps(data: JsonNode): readonly Uint8Array[] {
  requireOnly(data, ['rfc3161Timestamps']);
  return listOf(member(data, 'rfc3161Timestamps'), MAXIMUM_TIMESTAMPS).map((one) => bytesIn(one, 'signedTimestamp'));
}

const PROMISE = 'signedEntryTimestamp';
const ENTRY = [
  'logIndex',
  'logId',
  'kindVersion',
  'integratedTime',
  'inclusionPromise',
  'inclusionProof',
  'canonicalizedBody',
];

function readEntry(at: JsonNode, version: BundleVersion): LogEntry {
  requireOnly(at, ENTRY);
  const promise = readPromise(member(at, 'inclusionPromise'));
  const proof = member(at, 'inclusionProof');
  if (version === '0.1' && promise === undefined) throw new Error(`${at.path}.inclusionPromise is missing`);
  if (version !== '0.1' && proof.value === undefined) throw new Error(`${proof.path} is missing`);
  const kindVersion = member(at, 'kindVersion');
  requireOnly(kindVersion, ['kind', 'version']);
  const integratedTime = has(at, 'integratedTime') ? Number(integerOf(member(at, 'integratedTime'))) : 0;
  return {
    path: at.path,
    logId: bytesIn(member(at, 'logId'), 'keyId'),
    logIndex: has(at, 'logIndex') ? integerOf(member(at, 'logIndex')) : 0n, // protojson leaves out a zero
    body: bytesOf(member(at, 'canonicalizedBody')),
    kind: textOf(member(kindVersion, 'kind')),
    version: textOf(member(kindVersion, 'version')),
    ...(integratedTime === 0 ? {} : { integratedTime }),
    ...(promise === undefined ? {} : { promise }),
    ...(proof.value === undefined ? {} : readProof(proof, version)),
  };
}

/** In protobuf, a message without its only member says the same as none. */
function readPromise(at: JsonNode): Uint8Array | undefined {
  if (at.value === undefined) return undefined;
  requireOnly(at, [PROMISE]);
  const timestamp = member(at, PROMISE);
  return timestamp.value === undefined || timestamp.value === '' ? undefined : bytesOf(timestamp);
}

/** Version 0.1 allowed proofs without a checkpoint; they prove nothing and are left out. */
function readProof(at: JsonNode, version: BundleVersion): { proof?: InclusionProof } {
  requireOnly(at, ['logIndex', 'rootHash', 'treeSize', 'hashes', 'checkpoint']);
  const checkpoint = member(at, 'checkpoint');
  if (version === '0.1' && checkpoint.value === undefined) return {};
  requireOnly(checkpoint, ['envelope']);
  return {
    proof: {
      logIndex: has(at, 'logIndex') ? integerOf(member(at, 'logIndex')) : 0n,
      treeSize: integerOf(member(at, 'treeSize')),
      rootHash: bytesOf(member(at, 'rootHash')),
      hashes: listOf(member(at, 'hashes'), MAXIMUM_HASHES).map(bytesOf),
      checkpoint: textOf(member(checkpoint, 'envelope')),
    },
  };
}
