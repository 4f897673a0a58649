// SPDX-License-Identifier: Apache-2.0

/**
 * Standard base64 with padding, and only the one canonical spelling of each value (RFC 4648, 3.5):
 * `Buffer.from` skips whatever it does not know, so two texts could pass for one signature.
 * Undefined: not that.
 */
export function decodeBase64(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}

/**
 * As `decodeBase64`, and where lines are wrapped as `base64` and OpenSSL wrap them: Go's decoder, and so cosign, passes
 * over line breaks. No other white space.
 */
export function decodeWrappedBase64(text: string): Uint8Array | undefined {
  return decodeBase64(text.replace(/[\r\n]+/g, ''));
}

/**
 * Base64 as protobuf's JSON mapping and DSSE allow it: the standard or the URL-safe alphabet, with or without padding.
 * Each value has these spellings and no others, but for line breaks. Undefined: not that.
 */
export function decodeEitherBase64(wrapped: string): Uint8Array | undefined {
  const text = wrapped.replace(/[\r\n]+/g, '');
  const isUrlSafe = text.includes('-') || text.includes('_');
  if (isUrlSafe && (text.includes('+') || text.includes('/'))) return undefined;
  const standard = isUrlSafe ? text.replaceAll('-', '+').replaceAll('_', '/') : text;
  // Half of a padding is neither.
  return decodeBase64(text.includes('=') ? standard : standard.padEnd(Math.ceil(text.length / 4) * 4, '='));
}
