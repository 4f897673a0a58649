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
