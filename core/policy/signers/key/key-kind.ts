// SPDX-License-Identifier: Apache-2.0
import type { SignatureCandidate } from '../../../signatures/types.ts';
import type { PolicyKey } from '../../documents/image-policy.gen.ts';
import type { Asking, SignerKind } from '../common/signer-kind.ts';
import type { SignatureVerifier } from '../verification/signature-verifier.ts';
import { compileKey } from './compile.ts';
import { ownerOf, versionsOf, withOwners, type KeySigner, type KeyVersion } from './key-signer.ts';
import { kmsReferencesIn } from './key-source.ts';

/** A public key, whose owner signs with `cosign sign --key`. Keys are told apart by fingerprint. */
export const KEY_KIND: SignerKind<PolicyKey, KeySigner> = {
  field: 'keys',
  noun: 'key',
  written: ({ keys = [] }) => keys,
  secrets: (entry) => (entry?.secretRef?.name === undefined ? [] : [entry.secretRef.name]),
  kms: kmsReferencesIn,
  compile: compileKey,
  together: withOwners,
  distinction: (signer) => `key ${ownerOf(signer)}`,
  describe: ({ name, fingerprint }) => `key "${name}" (${shortFingerprint(fingerprint)})`,
  keyStatus: (signer) =>
    versionsOf(signer).map(({ fingerprint, algorithm }) => ({ name: signer.name, fingerprint, algorithm })),
  // Any of them may vouch for the log.
  trustRoots: (_, { names, transparencyLog }) => (transparencyLog === 'Require' ? names : []),
  window: (signer) => signer,

  async prove(candidate, signers, asking) {
    const maker = await makerAmong(inOrderOfHint(candidate, signers.flatMap(versionsOf)), candidate, asking);
    if (maker === undefined) return [];
    const { fingerprint } = maker;
    return signers
      .filter((signer) => versionsOf(signer).some((version) => version.fingerprint === fingerprint))
      .map((signer) => ({ signer, holder: `key ${ownerOf(signer)}`, fingerprint }));
  },
  unaccepted: (candidate, signer, verifier) =>
    versionsOf(signer)
      .map((version) => verifier.unaccepted(candidate, version))
      .find((reason) => reason !== undefined),
  proveLogged: (candidate, signer, verifier) => verifier.loggedBy(candidate, makerOf(candidate, signer, verifier)),
  proveTime: (candidate, { signer }, verifier) => verifier.timedBy(candidate, makerOf(candidate, signer, verifier)),
};

/** The first of the keys that verifies the signature: one signature counts for one key of a policy. */
async function makerAmong(
  keys: readonly KeyVersion[],
  candidate: SignatureCandidate,
  { verifier, breathe }: Asking,
): Promise<KeyVersion | undefined> {
  for (const key of keys) {
    await breathe?.();
    if (verifier.signedBy(candidate, key)) return key;
  }
  return undefined;
}

/** The version of the signer that made the signature; which one was found before. */
function makerOf(candidate: SignatureCandidate, signer: KeySigner, verifier: SignatureVerifier): KeyVersion {
  if (signer.older === undefined) return signer;
  return versionsOf(signer).find((version) => verifier.signedBy(candidate, version)) ?? signer;
}

/** `sha256:` and the first twelve digits: enough to tell keys apart. */
function shortFingerprint(fingerprint: string): string {
  return fingerprint.slice(0, 'sha256:'.length + 12);
}

/** The hint is the writer's: it orders the work and decides nothing. */
function inOrderOfHint(candidate: SignatureCandidate, keys: readonly KeyVersion[]): readonly KeyVersion[] {
  if (candidate.keyHint === undefined || keys.length < 2) return keys;
  const hinted = `sha256:${Buffer.from(candidate.keyHint, 'base64').toString('hex')}`;
  const first = keys.filter((signer) => signer.fingerprint === hinted);
  return [...first, ...keys.filter((signer) => signer.fingerprint !== hinted)];
}
