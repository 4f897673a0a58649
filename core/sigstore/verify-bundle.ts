// SPDX-License-Identifier: Apache-2.0
import { errorText } from '../text.ts';
import { readBundleContent } from './bundle/bundle-content.ts';
import { parseArtifactDigest } from './bundle/artifact.ts';
import type { Artifact } from './bundle/artifact.ts';
import { readBundleMaterial } from './bundle/bundle-material.ts';
import { jsonNode, parseProtojson } from '../formats/protojson.ts';
import { proveIdentity, proveKeyMaterial } from './identity.ts';
import { parsePublicKey } from '../keys/public-key.ts';
import type { SignedContent } from './bundle/signed-content.ts';
import type { TrustRoot } from './trust/trust-root.ts';
import type { SigningMaterial } from './bundle/verification-material.ts';

export interface BundleRequest {
  /** A Sigstore bundle 0.1 to 0.3, as JSON; untrusted. */
  readonly bundle: Uint8Array;
  /** The artifact's bytes, or their digest where they are not at hand: `sha256:…`, `sha384:…` or `sha512:…`. */
  readonly artifact: Uint8Array | string;
  readonly signer: KeyRequest | IdentityRequest;
}

/**
 * PEM of the key that must have signed. Without a root only the signature is checked; with one also log entries and
 * timestamps, and it has to be in a log of the root where that has any.
 */
export interface KeyRequest {
  readonly key: string;
  readonly trustRoot?: TrustRoot;
}

/** All are exact texts. */
export interface IdentityRequest {
  readonly subject: string;
  readonly issuer: string;
  /** Fulcio's extensions by name; all must be so. */
  readonly claims?: Readonly<Record<string, string>>;
  readonly trustRoot: TrustRoot;
}

export type BundleVerdict =
  /** `signer`: fingerprint of the key, or subject of the certificate. */
  | { readonly ok: true; readonly signer: string; readonly predicateType?: string }
  /** One line. */
  | { readonly ok: false; readonly reason: string };

const MAXIMUM_BYTES = 32 * 1024 * 1024;

/** Whether a Sigstore bundle proves that the key or the identity signed the artifact. Never throws. */
export async function verifyBundle(request: BundleRequest): Promise<BundleVerdict> {
  try {
    return verify(request);
  } catch (thrown) {
    return { ok: false, reason: errorText(thrown) };
  }
}

function verify({ bundle: bytes, artifact, signer: wanted }: BundleRequest): BundleVerdict {
  const json = parseProtojson(bytes, MAXIMUM_BYTES, 'the bundle');
  const material = readBundleMaterial(json);
  const { content, predicateType } = readBundleContent(jsonNode(json, ''), artifactOf(artifact));
  const signer = 'key' in wanted ? requireKey(material, content, wanted) : requireIdentity(material, content, wanted);
  return predicateType === undefined ? { ok: true, signer } : { ok: true, signer, predicateType };
}

function artifactOf(artifact: BundleRequest['artifact']): Artifact {
  const parsed = typeof artifact === 'string' ? parseArtifactDigest(artifact) : artifact;
  if (parsed === undefined) throw new Error('the digest is not sha256:<64 hex digits>, nor one by SHA-384 or SHA-512');
  return parsed;
}

function requireKey(material: SigningMaterial, content: SignedContent, { key, trustRoot }: KeyRequest): string {
  if (material.certificate !== undefined) throw new Error('the bundle is signed with a certificate, not with a key');
  const publicKey = parsePublicKey(key);
  if (content.signedHash(publicKey) === undefined)
    throw new Error('the signature is not by this key over this artifact');
  if (trustRoot !== undefined) {
    proveKeyMaterial(material, content, publicKey, { root: trustRoot, transparencyLog: logDemandOf(trustRoot) });
  }
  return publicKey.fingerprint;
}

function requireIdentity(
  material: SigningMaterial,
  content: SignedContent,
  { subject, issuer, claims = {}, trustRoot }: IdentityRequest,
): string {
  if (material.certificate === undefined) throw new Error('the bundle is signed with a key, not with a certificate');
  const proven = proveIdentity(material, content, trustRoot, { transparencyLog: logDemandOf(trustRoot) });
  if (proven.issuer !== issuer) throw new Error(`the certificate was issued for ${proven.issuer}, not ${issuer}`);
  if (proven.subject !== subject) throw new Error(`the certificate is that of ${proven.subject}, not ${subject}`);
  for (const [name, wanted] of Object.entries(claims)) {
    const found = Object.hasOwn(proven.claims, name) ? proven.claims[name] : undefined;
    if (found !== wanted) throw new Error(`the certificate's ${name} is ${found ?? 'missing'}, not ${wanted}`);
  }
  return proven.subject;
}

/** An instance that has logs writes everything into them; a signature that is in none may be unknown to its owner. */
function logDemandOf({ transparencyLogs }: TrustRoot): 'Ignore' | 'Require' {
  return transparencyLogs.length > 0 ? 'Require' : 'Ignore';
}
