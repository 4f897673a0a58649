// SPDX-License-Identifier: Apache-2.0
import { hexOf } from '../../../core/image/digest.ts';
import type { FakeAuthority, LeafOptions } from './authorities.ts';
import { digitalSignature, emailName, extendedKeyUsage, subjectAlternativeName, toPem } from './certificates.ts';
import type { KeyKind } from './certificates.ts';
import type { Der } from './der.ts';
import { bundleFor, logEntry, signKeyless } from './keyless.ts';
import type { Signing } from './keyless.ts';
import { putBundle, putImage } from './keyless-image.ts';
import type { RegistryContent } from '../registry/registry-content.ts';
import type { Sigstore } from './sigstore.ts';

export const CODE_SIGNING = '1.3.6.1.5.5.7.3.3';
export const RELEASE = 'release@acme.example';

export const certificatePem = (der: Uint8Array): string => toPem('CERTIFICATE', der);

export interface OwnSigning {
  readonly authority: FakeAuthority;
  readonly sigstore: Sigstore;
  readonly kind?: KeyKind;
  /** Left out, one e-mail address. */
  readonly names?: readonly Der[];
  readonly usages?: readonly Der[];
  readonly leaf?: Partial<LeafOptions>;
  /** What comes between the leaf and the root; left out, the intermediate. */
  readonly chain?: readonly Uint8Array[];
  readonly stampedAt?: Date;
  readonly loggedAt?: Date;
  readonly statement?: object;
}

export interface OwnSigned {
  readonly signing: Signing;
  readonly chain: readonly Uint8Array[];
}

/** A signature with a certificate under an authority of one's own, right in every respect. */
export function signOwn(options: OwnSigning): OwnSigned {
  const { authority, sigstore, kind, stampedAt, loggedAt, statement, chain = [authority.intermediate] } = options;
  const { names = [emailName(RELEASE)], usages = [digitalSignature(), extendedKeyUsage(CODE_SIGNING)] } = options;
  const signing = signKeyless({
    sigstore,
    withKey: true,
    ...(kind !== undefined && { kind }),
    ...(stampedAt !== undefined && { stampedAt }),
    ...(statement !== undefined && { statement }),
  });
  const extensions = [...usages, ...(names.length === 0 ? [] : [subjectAlternativeName(...names)])];
  const certificate = authority.issue({ publicKey: signing.keys.publicKey, extensions, ...options.leaf });
  signing.verifier = { certificate };
  if (loggedAt !== undefined) signing.entries.push(logEntry(signing, 'dsse1', loggedAt));
  return { signing, chain };
}

/** As cosign 3.1 writes it with `--certificate-chain`: a chain, though version 0.3 has none. */
export function chainBundle({ signing, chain }: OwnSigned): object {
  const { verificationMaterial, ...bundle } = bundleFor(signing);
  const { certificate, ...material } = { certificate: undefined, ...verificationMaterial };
  if (certificate === undefined) throw new Error('a key signed');
  const certificates = [certificate, ...chain.map((one) => ({ rawBytes: Buffer.from(one).toString('base64') }))];
  return { ...bundle, verificationMaterial: { ...material, x509CertificateChain: { certificates } } };
}

/** An image (`repository:tag`) with such a bundle. */
export function putOwnImage(content: RegistryContent, image: string, options: OwnSigning): void {
  const digest = putImage(content, image);
  const statement = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ digest: { sha256: hexOf(digest) } }],
    predicateType: 'https://sigstore.dev/cosign/sign/v1',
    predicate: {},
  };
  putBundle(content, { image, digest }, chainBundle(signOwn({ ...options, statement })));
}
