// SPDX-License-Identifier: Apache-2.0
import { fieldOf, isJsonObject, parseJson, textEntries } from '../json.ts';
import type { JsonObject } from '../json.ts';
import { parseReference, quote } from '../image/reference.ts';
import type { Repository } from '../image/types.ts';
import { EngineError } from '../errors.ts';
import type { Digest } from '../image/digest.ts';

/** What real producers write, and nothing else: a payload of another type says something else about the image. */
const TYPES: ReadonlySet<unknown> = new Set([
  'cosign container image signature',
  'cosign container signature', // cosign before 1.0
  'Tekton container signature', // Tekton Chains
]);

/** The names of the fields, as cosign has written them since 1.0, and as Go's encoder writes them without tags. */
interface Spelling {
  readonly critical: string;
  readonly identity: string;
  readonly image: string;
  readonly digest: string;
  readonly type: string;
  readonly optional: string;
}

const LOWER: Spelling = {
  critical: 'critical',
  identity: 'identity',
  image: 'image',
  digest: 'docker-manifest-digest',
  type: 'type',
  optional: 'optional',
};

/** Tekton Chains, and cosign before 1.0. */
const CAPITALS: Spelling = {
  critical: 'Critical',
  identity: 'Identity',
  image: 'Image',
  digest: 'Docker-manifest-digest',
  type: 'Type',
  optional: 'Optional',
};

/**
 * Reads a simple-signing payload (cosign's SIGNATURE_SPEC) and requires it to be about `digest`.
 * `docker-reference` is not looked at, as cosign does not (`signedRepository`): images are copied between registries.
 *
 * @returns the claims of `cosign sign -a`; claims that are no texts (podman's timestamp) are left out.
 * @throws EngineError MalformedSignature, ResponseTooLarge
 */
export function parsePayload(
  bytes: Uint8Array,
  digest: Digest,
  maximumBytes: number,
): Readonly<Record<string, string>> {
  const payload = parseJson(bytes, maximumBytes, 'the payload');
  const spelling = Object.hasOwn(objectOf(payload), CAPITALS.critical) ? CAPITALS : LOWER;
  requireSpelling(payload, spelling);
  const critical = fieldOf(payload, spelling.critical);
  const type = fieldOf(critical, spelling.type);
  if (!TYPES.has(type)) {
    const named = typeof type === 'string' ? quote(type) : 'none';
    throw new EngineError(
      'MalformedSignature',
      `the payload's type is ${named}, which is no signature of an image by cosign or Tekton Chains`,
    );
  }
  const named = fieldOf(fieldOf(critical, spelling.image), spelling.digest);
  if (named !== digest) throw new EngineError('MalformedSignature', 'the payload names another image');
  const optional = fieldOf(payload, spelling.optional) ?? {};
  if (!isJsonObject(optional))
    throw new EngineError('MalformedSignature', 'the payload has an "optional" that is no object');
  return textEntries(optional);
}

/** As both spellings have it. */
const REFERENCE = 'docker-reference';

/**
 * The repository that a payload was signed for (`docker-reference`), without a tag or digest that may stand beside it.
 * Undefined where it names none that can be read. The payload is one that `parsePayload` took.
 */
export function signedRepository(bytes: Uint8Array): Repository | undefined {
  const payload = parseJson(bytes, bytes.length, 'the payload');
  const spelling = Object.hasOwn(objectOf(payload), CAPITALS.critical) ? CAPITALS : LOWER;
  const identity = fieldOf(fieldOf(payload, spelling.critical), spelling.identity);
  const name = fieldOf(identity, REFERENCE);
  try {
    requireNames(identity, [REFERENCE]);
    return typeof name === 'string' ? parseReference(name) : undefined;
  } catch {
    return undefined;
  }
}

function objectOf(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {};
}

/**
 * Go's decoder finds a field in any case, and takes the last of several. Two readers must not disagree about what was
 * signed: each name is written in the one spelling. (The keys of `optional` are a map and stay as they are.)
 */
function requireSpelling(payload: unknown, spelling: Spelling): void {
  const critical = fieldOf(payload, spelling.critical);
  requireNames(payload, [spelling.critical, spelling.optional]);
  requireNames(critical, [spelling.identity, spelling.image, spelling.type]);
  requireNames(fieldOf(critical, spelling.image), [spelling.digest]);
}

function requireNames(value: unknown, names: readonly string[]): void {
  for (const key of Object.keys(objectOf(value))) {
    // As it should be, and no name is another's in another case.
    if (names.includes(key)) continue;
    const meant = names.find((name) => folded(name) === folded(key));
    if (meant !== undefined) {
      throw new EngineError(
        'MalformedSignature',
        `the payload mixes spellings: ${quote(key)} where ${meant} is written`,
      );
    }
  }
}

/** By way of upper case, so that U+017F is an s and U+212A a k, as in Go. */
function folded(key: string): string {
  return key.toUpperCase().toLowerCase();
}
