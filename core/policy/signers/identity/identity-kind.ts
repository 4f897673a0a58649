// SPDX-License-Identifier: Apache-2.0
import type { SignatureCandidate } from '../../../signatures/types.ts';
import type { PolicyIdentity } from '../../documents/image-policy.gen.ts';
import type { SignerKind, SignerProof } from '../common/signer-kind.ts';
import { compileIdentity } from './compile.ts';
import type { IdentitySigner } from './identity-signer.ts';

/** Whom an issuer vouches for in a short-lived certificate (`cosign sign` without a key). Told apart by name. */
export const IDENTITY_KIND: SignerKind<PolicyIdentity, IdentitySigner> = {
  field: 'identities',
  noun: 'identity',
  written: ({ identities = [] }) => identities,
  secrets: () => [],
  compile: compileIdentity,
  distinction: ({ name }) => `identity ${name}`,
  describe: ({ name, subject, issuer }) => `identity "${name}" (${subject.source} by ${issuer.source})`,
  keyStatus: () => [],
  trustRoots: ({ trustRoot }) => [trustRoot],
  // The window is the certificate's.
  isCurrent: () => true,

  async prove(candidate, signers, { verifier, transparencyLog, note }) {
    if (!hasCertificate(candidate)) return [];
    const proofs: SignerProof<IdentitySigner>[] = [];
    for (const signer of signers) {
      const proven = await verifier.certifiedBy(candidate, signer.trustRoot, transparencyLog);
      if (!proven.ok) {
        note?.(`${signer.name}: ${proven.reason}`);
        continue;
      }
      const { issuer, subject, fingerprint } = proven.value;
      if (signer.issuer.matches(issuer) && signer.subject.matches(subject)) {
        proofs.push({ signer, holder: `certificate ${issuer} ${subject}`, fingerprint });
      } else {
        note?.(`${signer.name}: the certificate is ${subject}'s by ${issuer}`);
      }
    }
    return proofs;
  },
  // `prove` asked for the entry already: no certificate is valid without a time.
  proveLogged: async () => ({ ok: true, value: true }),
};

/** Spares the loading of the keyless machinery; what it misses only fails to prove. */
function hasCertificate(candidate: SignatureCandidate): boolean {
  return candidate.material.kind === 'bundle' || candidate.material.certificate !== undefined;
}
