// SPDX-License-Identifier: Apache-2.0
import { createHash, generateKeyPairSync, sign } from 'node:crypto';

export interface SignedFile {
  readonly artifact: Buffer;
  /** `sha256:<hex>` of the artifact. */
  readonly digest: string;
  readonly publicKey: string;
  readonly bundle: string;
}

/** A signed file as `cosign sign-blob --bundle` leaves it: Sigstore bundle v0.3 with a message signature by key. */
export function signFile(text: string): SignedFile {
  const artifact = Buffer.from(text);
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const hash = createHash('sha256').update(artifact).digest();
  const hint = createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64');
  const bundle = {
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: { publicKey: { hint }, tlogEntries: [] },
    messageSignature: {
      messageDigest: { algorithm: 'SHA2_256', digest: hash.toString('base64') },
      signature: sign('sha256', artifact, privateKey).toString('base64'),
    },
  };
  return {
    artifact,
    digest: `sha256:${hash.toString('hex')}`,
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }),
    bundle: JSON.stringify(bundle),
  };
}
