// SPDX-License-Identifier: Apache-2.0
import { EngineError } from '../../errors.ts';
import { raiseLimit } from '../../limits.ts';
import { digestOf } from '../../image/digest.ts';
import { webPageFailure } from '../transport/failures.ts';
import type { Ask } from './requests.ts';
import type { Descriptor } from '../types.ts';

/** The blob of a descriptor; not a byte more than the descriptor's size is read. */
export async function getBlob(ask: Ask, descriptor: Descriptor, maximumBytes: number): Promise<Uint8Array | undefined> {
  const { digest, size } = descriptor;
  if (size > maximumBytes) {
    throw new EngineError(
      'ResponseTooLarge',
      `blob ${digest} has ${size} bytes, more than the ${maximumBytes} allowed`,
      { remedy: raiseLimit('bundleBytes') },
    );
  }
  const embedded = embeddedContent(descriptor);
  if (embedded) return embedded;
  const path = `blobs/${digest}`;
  const accept = 'application/octet-stream, */*';
  const response = await ask({ method: 'GET', path, accept, maximumBytes: size, operation: 'blob' });
  if (response === undefined) return undefined;
  if (response.body.length !== size || digestOf(response.body) !== digest) {
    const { host } = response.url;
    throw (
      webPageFailure(host, response) ??
      new EngineError('RegistryUnavailable', `${host} served other bytes than those of blob ${digest}`)
    );
  }
  return response.body;
}

/** The `data` field (image-spec, descriptor.md): counts only where it is what the digest names. */
function embeddedContent({ data, digest, size }: Descriptor): Uint8Array | undefined {
  if (data === undefined || data.length > 2 * size + 4) return undefined;
  const bytes = Buffer.from(data, 'base64');
  return bytes.length === size && digestOf(bytes) === digest ? bytes : undefined;
}
