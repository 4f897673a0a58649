// SPDX-License-Identifier: Apache-2.0
// What is asked about beside a bundle as it is: one thing of it changed, or of what stands behind it.
import { createHash } from 'node:crypto';
import * as make from '../../fakes/sigstore/certificates.ts';
import { flipped64, SIGNED_AT } from '../../fakes/sigstore/keyless.ts';
import type { bundleFor, Signing, SigningOptions } from '../../fakes/sigstore/keyless.ts';
import type { LoggedEntry } from '../../fakes/sigstore/sigstore.ts';
import type { Asked } from './second-opinion.ts';

type Bundle = ReturnType<typeof bundleFor>;
type Spell = (bundle: Bundle) => object;
type Reroot = NonNullable<Asked['root']>;

export const V1: SigningOptions = { entry: 'dsse1' };
export const V2: SigningOptions = { entry: 'hashedrekord2', stampedAt: SIGNED_AT };
export const MESSAGE: SigningOptions = { message: true, entry: 'hashedrekord1' };

type Change<T> = (value: T) => object;
/** With each log entry changed. */
export const entries =
  (change: Change<LoggedEntry>): Spell =>
  (bundle) => ({
    ...bundle,
    verificationMaterial: {
      ...bundle.verificationMaterial,
      tlogEntries: bundle.verificationMaterial.tlogEntries?.map((entry) => ({ ...entry, ...change(entry) })),
    },
  });
export const proofs = (change: Change<NonNullable<LoggedEntry['inclusionProof']>>): Spell =>
  entries(({ inclusionProof }) => ({
    inclusionProof: inclusionProof && { ...inclusionProof, ...change(inclusionProof) },
  }));
export const checkpoints = (change: (note: string) => string): Spell =>
  proofs(({ checkpoint }) => ({ checkpoint: { envelope: change(checkpoint.envelope) } }));
export const WITNESS = `\u2014 witness.test ${Buffer.alloc(68, 7).toString('base64')}\n`;

export const of = (hash: string): string => createHash(hash).update('an artifact\n').digest('hex');
export const statement = (subject: unknown, more: object = {}): SigningOptions => ({
  ...V1,
  statement: {
    _type: 'https://in-toto.io/Statement/v1',
    subject,
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: { buildDefinition: {} },
    ...more,
  },
});
export const certificate = (leaf: NonNullable<SigningOptions['leaf']>, more: SigningOptions = {}): SigningOptions => ({
  ...V1,
  leaf,
  ...more,
});
export const windows =
  (which: 'tlogs' | 'ctlogs', validFor: object): Reroot =>
  (root) => ({
    ...root,
    [which]: root[which].map((log) => ({ ...log, publicKey: { ...log.publicKey, validFor } })),
  });
export const CRITICAL = make.extension('1.2.3.4.5', Buffer.from([5, 0]), true);
export const ENDED = { start: '2026-01-01T00:00:00Z', end: '2026-05-01T00:00:00Z' };

export function withoutProofs(bundle: Bundle): object {
  const without = entries(() => ({ inclusionProof: undefined }));
  return { ...without(bundle), mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.1' };
}

export function bySha512(bundle: Bundle): object {
  const digest = createHash('sha512').update('an artifact\n').digest('base64');
  const message = 'messageSignature' in bundle ? bundle.messageSignature : undefined;
  return { ...bundle, messageSignature: { ...message, messageDigest: { algorithm: 'SHA2_512', digest } } };
}

export function others(count: number): object {
  return Object.fromEntries(Array.from({ length: count }, (_, at) => [`x${at}`, '00']));
}

export function otherHint(note: string): string {
  return note.replace(/(\u2014 \S+ )(\S+)/, (_, name: string, key: string) => name + flipped64(key, 0));
}

export function withChain({ verificationMaterial, ...bundle }: Bundle): object {
  const certificates = 'certificate' in verificationMaterial ? [verificationMaterial.certificate] : [];
  const { tlogEntries } = verificationMaterial;
  return { ...bundle, verificationMaterial: { x509CertificateChain: { certificates }, tlogEntries } };
}

export function withDigest(algorithm: string | number, digest: Buffer): (bundle: Bundle) => object {
  return (bundle) => ({
    ...bundle,
    messageSignature: {
      ...('messageSignature' in bundle ? bundle.messageSignature : {}),
      messageDigest: { algorithm, digest: digest.toString('base64') },
    },
  });
}

export function withoutDigest(bundle: Bundle): object {
  const signature = 'messageSignature' in bundle ? bundle.messageSignature.signature : undefined;
  return { ...bundle, messageSignature: { signature } };
}

export function withKeyId(bundle: Bundle): object {
  if (!('dsseEnvelope' in bundle)) return bundle;
  const { dsseEnvelope } = bundle;
  const signatures = dsseEnvelope.signatures.map((one) => ({ ...one, keyid: 'release' }));
  return { ...bundle, dsseEnvelope: { ...dsseEnvelope, signatures } };
}

export function twice({ verificationMaterial, ...bundle }: Bundle): object {
  const [entry] = verificationMaterial.tlogEntries ?? [];
  const { inclusionPromise: _, ...again } = { ...entry, logIndex: '1000005' };
  return { ...bundle, verificationMaterial: { ...verificationMaterial, tlogEntries: [entry, again] } };
}

export function withoutWindow(root: Signing['root']): object {
  return {
    ...root,
    certificateAuthorities: root.certificateAuthorities.map((authority) => ({ ...authority, validFor: undefined })),
  };
}
