// SPDX-License-Identifier: Apache-2.0
import type { SignatureCandidate } from '../../../signatures/types.ts';
import type { PolicyKey } from '../../documents/image-policy.gen.ts';
import type { Asking, SignerKind } from '../common/signer-kind.ts';
import { compileKey } from './compile.ts';
import type { KeySigner } from './key-signer.ts';

/** A public key, whose owner signs with `cosign sign --key`. Keys are told apart by fingerprint. */
export const KEY_KIND: SignerKind<PolicyKey, KeySigner> = {
  field: 'keys',
  noun: 'key',
  written: ({ keys = [] }) => keys,
  secrets: (entry) => (entry?.secretRef?.name === undefined ? [] : [entry.secretRef.name]),
  compile: compileKey,
  distinction: ({ fingerprint }) => `key ${fingerprint}`,
  describe: ({ name, fingerprint }) => `key "${name}" (${shortFingerprint(fingerprint)})`,
  keyStatus: ({ name, fingerprint, algorithm }) => [{ name, fingerprint, algorithm }],
  // Any of them may vouch for the log.
  trustRoots: (_, { names, transparencyLog }) => (transparencyLog === 'Require' ? names : []),
  window: (signer) => signer,

  async prove(candidate, signers, asking) {
    const maker = await makerAmong(inOrderOfHint(candidate, signers), candidate, asking);
    if (maker === undefined) return [];
    const { fingerprint } = maker;
    return signers
      .filter((signer) => signer.fingerprint === fingerprint)
      .map((signer) => ({ signer, holder: `key ${fingerprint}`, fingerprint }));
  },
  unaccepted: (candidate, signer, verifier) => verifier.unaccepted(candidate, signer),
  proveLogged: (candidate, signer, verifier) => verifier.loggedBy(candidate, signer),
  proveTime: (candidate, { signer }, verifier) => verifier.timedBy(candidate, signer),
};

/** The first of the keys that verifies the signature: one signature counts for one key of a policy. */
async function makerAmong(
  keys: readonly KeySigner[],
  candidate: SignatureCandidate,
  { verifier, breathe }: Asking,
): Promise<KeySigner | undefined> {
  for (const key of keys) {
    await breathe?.();
    if (verifier.signedBy(candidate, key)) return key;
  }
  return undefined;
}

/** `sha256:` and the first twelve digits: enough to tell keys apart. */
function shortFingerprint(fingerprint: string): string {
  return fingerprint.slice(0, 'sha256:'.length + 12);
}

/** The hint is the writer's: it orders the work and decides nothing. */
function inOrderOfHint(candidate: SignatureCandidate, keys: readonly KeySigner[]): readonly KeySigner[] {
  if (candidate.keyHint === undefined || keys.length < 2) return keys;
  const hinted = `sha256:${Buffer.from(candidate.keyHint, 'base64').toString('hex')}`;
  const first = keys.filter((signer) => signer.fingerprint === hinted);
  return [...first, ...keys.filter((signer) => signer.fingerprint !== hinted)];
}
