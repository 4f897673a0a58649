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
 * Base64 as protobuf's JSON mapping and DSSE allow it: the standard or the URL-safe alphabet, with or without padding.
 * Each value has these spellings and no others. Undefined: not that.
 */
export function decodeEitherBase64(text: string): Uint8Array | undefined {
  if (/[+/]/.test(text) && /[-_]/.test(text)) return undefined;
  const standard = text.replaceAll('-', '+').replaceAll('_', '/');
  // Half of a padding is neither.
  return decodeBase64(text.includes('=') ? standard : standard.padEnd(Math.ceil(text.length / 4) * 4, '='));
}
