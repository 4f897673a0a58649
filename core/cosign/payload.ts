// SPDX-License-Identifier: Apache-2.0
import { isJsonObject, parseJson, textEntries } from '../json.ts';
import { EngineError } from '../errors.ts';
import type { Digest } from '../image/digest.ts';

/** `cosign container signature` was written by cosign before 1.0, with capitalised keys. */
const TYPES: ReadonlySet<unknown> = new Set(['cosign container image signature', 'cosign container signature']);

/**
 * Reads a simple-signing payload (cosign's SIGNATURE_SPEC) and requires it to be about `digest`.
 * `docker-reference` is not looked at, as cosign does not: images are copied between registries.
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
  const critical = field(payload, 'critical');
  const type = field(critical, 'type');
  if (!TYPES.has(type)) {
    // Other tools sign payloads of this shape too, which say something else.
    throw new EngineError('MalformedSignature', 'the payload is not of the type cosign container image signature');
  }
  const named = field(field(critical, 'image'), 'docker-manifest-digest');
  if (named !== digest) throw new EngineError('MalformedSignature', 'the payload names another image');
  const optional = field(payload, 'optional') ?? {};
  if (!isJsonObject(optional))
    throw new EngineError('MalformedSignature', 'the payload has an "optional" that is no object');
  return textEntries(optional);
}

/**
 * A field by its name in any case, as Go's decoder finds it. The same name twice in two cases is two
 * answers to one question, so it is refused. (The keys of `optional` are a map and stay as they are.)
 */
function field(value: unknown, name: string): unknown {
  if (!isJsonObject(value)) return undefined;
  const keys = Object.keys(value).filter((key) => folded(key) === name);
  if (keys.length > 1) throw new EngineError('MalformedSignature', `the payload has the key ${name} twice`);
  return keys[0] === undefined ? undefined : value[keys[0]];
}

/** By way of upper case, so that U+017F is an s and U+212A a k, as in Go. */
function folded(key: string): string {
  return key.toUpperCase().toLowerCase();
}
