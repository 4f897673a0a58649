// SPDX-License-Identifier: Apache-2.0
import { fieldOf, isJsonObject, parseJson, parseJsonObject, textEntries } from '../json.ts';
import type { JsonObject } from '../json.ts';
import { EngineError } from '../errors.ts';
import { isStatementType, MAXIMUM_DIGESTS, MAXIMUM_SUBJECTS, STATEMENT_V1 } from '../formats/in-toto-statement.ts';
import { hexOf } from '../image/digest.ts';
import type { Digest } from '../image/digest.ts';

/** The predicate type that makes a statement a signature of an image, as against a claim about it. */
export const COSIGN_SIGNATURE = 'https://sigstore.dev/cosign/sign/v1';

const MAXIMUM_TYPE_CHARACTERS = 1024;

/** An in-toto statement that has the image among its subjects. */
export interface Statement {
  readonly predicateType: string;
  /** Of the subject that is the image: where cosign puts the claims of `sign -a`. */
  readonly annotations: Readonly<Record<string, string>>;
}

/** Of a statement that can be read, and says nothing about the image. */
class AnotherImage extends EngineError {}

/**
 * Reads an in-toto statement and requires it to be about `digest`. DSSE itself binds nothing to an
 * artifact: without this, a signature of one image passes for another's.
 *
 * @throws EngineError MalformedSignature, ResponseTooLarge
 */
export function parseStatement(bytes: Uint8Array, digest: Digest, maximumBytes: number): Statement {
  const json = parseJson(bytes, maximumBytes, 'the statement');
  if (!isJsonObject(json)) throw malformed('is not an object');
  const { _type: type, predicateType } = json;
  if (!isStatementType(type)) throw malformed('is not an in-toto statement v1 or v0.1');
  if (typeof predicateType !== 'string' || predicateType === '') throw malformed('has no predicateType');
  if (predicateType.length > MAXIMUM_TYPE_CHARACTERS) throw malformed('has an absurdly long predicateType');
  if (predicateType === COSIGN_SIGNATURE && type !== STATEMENT_V1)
    throw malformed('is a signature of the wrong version');
  return { predicateType, annotations: annotationsOf(json['subject'], digest) };
}

function annotationsOf(subjects: unknown, digest: Digest): Readonly<Record<string, string>> {
  if (!Array.isArray(subjects)) throw malformed('has no subject');
  if (subjects.length > MAXIMUM_SUBJECTS) throw malformed(`has more than ${MAXIMUM_SUBJECTS} subjects`);
  const named = subjects.find((subject: unknown) => sha256Of(subject) === hexOf(digest));
  if (named === undefined) throw new AnotherImage('MalformedSignature', 'the statement names another image');
  return isJsonObject(named) ? textEntries(named['annotations']) : {};
}

function sha256Of(subject: unknown): unknown {
  const digests = fieldOf(subject, 'digest');
  // Builders name sources by their address alone; another subject is the image.
  if (!isJsonObject(digests)) return undefined;
  if (Object.keys(digests).length > MAXIMUM_DIGESTS)
    throw malformed(`has more than ${MAXIMUM_DIGESTS} digests of one subject`);
  return digests['sha256'];
}

function malformed(what: string): EngineError {
  return new EngineError('MalformedSignature', `the statement ${what}`);
}

/**
 * Of a statement that `parseStatement` refused: the predicate type by which a less strict reader may take it, empty where
 * readers may differ in that too. Undefined: no reader takes it for a statement about this image.
 */
export function typeForOthers(bytes: Uint8Array, refusal: unknown): string | undefined {
  if (!(refusal instanceof EngineError) || refusal.code !== 'MalformedSignature') return undefined;
  const json = refusal instanceof AnotherImage ? undefined : parseJsonObject(bytes);
  return json && typeIn(json, bytes);
}

function typeIn(json: JsonObject, bytes: Uint8Array): string | undefined {
  const spellings = Object.keys(json).filter(isPredicateType);
  if (spellings.some((name) => name !== 'predicateType')) return '';
  const { predicateType: type } = json;
  if (typeof type !== 'string' || type.length > MAXIMUM_TYPE_CHARACTERS) return undefined;
  return Buffer.from(bytes).toString().split('"predicateType"').length === 2 ? type : '';
}

/** Readers of protobuf's JSON take `predicate_type`, those of Go's any capitals. */
function isPredicateType(name: string): boolean {
  return name.replaceAll('_', '').toLowerCase() === 'predicatetype';
}
