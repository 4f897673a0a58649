// SPDX-License-Identifier: Apache-2.0
import { isJsonObject } from '../json.ts';
import { EngineError } from '../errors.ts';
import { parseEnvelope } from '../formats/dsse-envelope.ts';
import { parseProtojson } from '../formats/protojson.ts';
import { bundleVersion } from '../formats/sigstore-bundle.ts';
import { readAttested } from './attested-statement.ts';
import type { JsonObject } from '../json.ts';
import { COSIGN_SIGNATURE } from './statement.ts';
import { requireModest, type StoredText } from './stored-text.ts';
import type { EvidenceBatch, SignatureCandidate } from '../signatures/types.ts';

/**
 * One Sigstore bundle v0.3 with a DSSE envelope: a signature of the image where its predicate type is
 * cosign's, else an attestation about it. (An SBOM signed with the release key is no release.)
 * Log entries and certificates are kept as they are; they are checked where a policy asks for them.
 *
 * @throws EngineError MalformedSignature, ResponseTooLarge
 */
export function parseBundle(text: Omit<StoredText, 'kind'>): EvidenceBatch {
  const { bytes, maximumBytes, source } = text;
  const bundle = parseProtojson(bytes, maximumBytes, 'the bundle');
  if (!isJsonObject(bundle)) throw malformed('is not an object');
  if (bundleVersion(bundle['mediaType']) !== '0.3') throw malformed('is not of version 0.3');
  if (bundle['messageSignature'] !== undefined || bundle['dsseEnvelope'] === undefined) {
    throw malformed('does not contain a DSSE envelope, which a signature of an image has');
  }
  const keyHint = parseMaterial(bundle['verificationMaterial']);
  const { dsseEnvelope, ...facts } = bundle;
  const { payload, signature, signedBytes } = parseEnvelope(dsseEnvelope);
  const { statement, faults } = readAttested(payload, text);
  const { annotations } = statement;
  requireModest(text, [facts, annotations]);
  const candidate: SignatureCandidate = {
    format: 'bundle',
    source,
    signedBytes,
    signature,
    annotations,
    ...(keyHint !== undefined && { keyHint }),
    material: { kind: 'bundle', bundle: facts },
  };
  if (statement.predicateType !== COSIGN_SIGNATURE) {
    return { signatures: [], attestations: [{ ...candidate, ...statement }], faults };
  }
  return { signatures: statement.unreadable === undefined ? [candidate] : [], attestations: [], faults };
}

const SIGNERS = ['publicKey', 'certificate', 'x509CertificateChain'];

/**
 * Exactly one of a key's hint, a certificate and a chain. Version 0.3 has no chain, but cosign 3 writes one with
 * `--certificate-chain`, and then can't verify it: a key that a policy names verifies the signature all the same, as
 * what is signed is the image. Certificates are read, by the format's own rules, where an identity is asked for.
 *
 * @returns the hint
 */
function parseMaterial(material: unknown): string | undefined {
  if (!isJsonObject(material)) throw malformed('has no verificationMaterial');
  if (SIGNERS.filter((name) => material[name] !== undefined).length !== 1) {
    throw malformed('does not have exactly one of a public key, a certificate and a certificate chain');
  }
  const { publicKey } = material;
  return publicKey === undefined ? undefined : hintOf(publicKey);
}

function hintOf(publicKey: unknown): string | undefined {
  const { hint }: JsonObject = isJsonObject(publicKey) ? publicKey : {};
  return typeof hint === 'string' ? hint : undefined;
}

function malformed(what: string): EngineError {
  return new EngineError('MalformedSignature', `the bundle ${what}`);
}
