// SPDX-License-Identifier: Apache-2.0
import type { HashName } from '../../keys/algorithms.ts';
import { parseEnvelope } from '../../formats/dsse-envelope.ts';
import {
  bytesOf,
  enumOf,
  fieldsOf,
  has,
  listOf,
  member,
  jsonNode,
  requireOnly,
  textOf,
} from '../../formats/protojson.ts';
import type { JsonNode } from '../../formats/protojson.ts';
import { isStatementType, MAXIMUM_DIGESTS, MAXIMUM_SUBJECTS } from '../../formats/in-toto-statement.ts';
import { parseJson } from '../../json.ts';
import { verifyPrehashed } from '../../keys/prehashed.ts';
import { digestOfArtifact } from './artifact.ts';
import type { Artifact } from './artifact.ts';
import { contentOf } from './signed-content.ts';
import type { SignedContent } from './signed-content.ts';

export interface BundleContent {
  readonly content: SignedContent;
  /** Of a statement. */
  readonly predicateType?: string;
}

const ALGORITHMS = new Map<string | number, HashName>([
  ['SHA2_256', 'sha256'],
  ['SHA2_384', 'sha384'],
  ['SHA2_512', 'sha512'],
  [1, 'sha256'],
  [2, 'sha384'],
  [3, 'sha512'],
]);
const SUBJECT_ALGORITHMS: readonly HashName[] = ['sha256', 'sha384', 'sha512'];
const MAXIMUM_PAYLOAD_BYTES = 32 * 1024 * 1024;

/**
 * What the bundle's signature is over, required to be about the artifact.
 * @throws Error or EngineError with one sentence.
 */
export function readBundleContent(bundle: JsonNode, artifact: Artifact): BundleContent {
  const isMessage = has(bundle, 'messageSignature');
  if (isMessage === has(bundle, 'dsseEnvelope')) {
    throw new Error('the bundle does not have exactly one of messageSignature and dsseEnvelope');
  }
  return isMessage
    ? { content: messageContent(member(bundle, 'messageSignature'), artifact) }
    : envelopeContent(member(bundle, 'dsseEnvelope'), artifact);
}

/** A signature over the artifact itself. */
function messageContent(message: JsonNode, artifact: Artifact): SignedContent {
  requireOnly(message, ['messageDigest', 'signature']);
  const signature = bytesOf(member(message, 'signature'));
  if (has(message, 'messageDigest')) requireMessageDigest(member(message, 'messageDigest'), artifact);
  if (artifact instanceof Uint8Array) return contentOf(artifact, signature);
  return {
    signature,
    stamped: signature,
    signedHash: (key) => (verifyPrehashed(key, artifact, signature) ? artifact.hash : undefined),
    digest: (hash) => digestOfArtifact(artifact, hash),
  };
}

/** The digest proves nothing, but one of something else means that this bundle belongs to something else. */
function requireMessageDigest(at: JsonNode, artifact: Artifact): void {
  requireOnly(at, ['algorithm', 'digest']);
  const hash = enumOf(member(at, 'algorithm'), ALGORITHMS);
  if (hash === undefined) throw new Error(`${at.path}.algorithm is not supported`);
  const actual = digestOfArtifact(artifact, hash);
  if (actual === undefined) throw new Error(`${at.path} is of another kind: the artifact itself is needed`);
  if (!bytesOf(member(at, 'digest')).equals(actual)) throw new Error(`${at.path} is that of another artifact`);
}

/** A signature over an in-toto statement: DSSE binds it to nothing, so the subject has to. */
function envelopeContent(envelope: JsonNode, artifact: Artifact): BundleContent {
  requireOnly(envelope, ['payload', 'payloadType', 'signatures']);
  for (const one of listOf(member(envelope, 'signatures'), 1)) requireOnly(one, ['sig', 'keyid']);
  const { payload, signature, signedBytes } = parseEnvelope(envelope.value);
  const json = parseJson(payload, MAXIMUM_PAYLOAD_BYTES, 'the statement');
  const statement = jsonNode(json, 'the statement: ');
  if (!isStatementType(textOf(member(statement, '_type')))) throw new Error('the payload is not an in-toto statement');
  const subjects = listOf(member(statement, 'subject'), MAXIMUM_SUBJECTS);
  if (!subjects.some((subject) => isAbout(subject, artifact))) {
    throw new Error('the statement is not about this artifact');
  }
  const predicateType = textOf(member(statement, 'predicateType'));
  return { content: contentOf(signedBytes, signature, { payload }), predicateType };
}

/** Every digest of the subject that can be computed agrees, and there is one. */
function isAbout(subject: JsonNode, artifact: Artifact): boolean {
  const digests = member(subject, 'digest');
  // Builders name sources by their address alone; another subject is the artifact.
  if (digests.value === undefined) return false;
  if (Object.keys(fieldsOf(digests)).length > MAXIMUM_DIGESTS)
    throw new Error(`${digests.path} has more than ${MAXIMUM_DIGESTS} digests`);
  const answers = SUBJECT_ALGORITHMS.filter((hash) => has(digests, hash)).map((hash) => {
    const actual = digestOfArtifact(artifact, hash);
    return actual === undefined ? undefined : Buffer.from(actual).toString('hex') === textOf(member(digests, hash));
  });
  return answers.some((same) => same === true) && answers.every((same) => same !== false);
}
