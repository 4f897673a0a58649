// SPDX-License-Identifier: Apache-2.0
import type { CertificateIdentity, SignatureCandidate } from '../../../signatures/types.ts';
import type { PolicyIdentity } from '../../documents/image-policy.gen.ts';
import type { SignerKind, SignerProof } from '../common/signer-kind.ts';
import { compileIdentity } from './compile.ts';
import type { ClaimDemand, IdentitySigner } from './identity-signer.ts';

/** Whom an issuer vouches for in a short-lived certificate (`cosign sign` without a key). Told apart by name. */
export const IDENTITY_KIND: SignerKind<PolicyIdentity, IdentitySigner> = {
  field: 'identities',
  noun: 'identity',
  written: ({ identities = [] }) => identities,
  secrets: () => [],
  compile: compileIdentity,
  distinction: ({ name }) => `identity ${name}`,
  describe: ({ name, subject, issuer, claims }) =>
    `identity "${name}" (${subject.source} by ${issuer.source}${describeClaims(claims)})`,
  keyStatus: () => [],
  trustRoots: ({ trustRoot }) => [trustRoot],
  // Each certificate has its own.
  window: () => ({}),

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
      const mismatch = mismatchOf(signer, proven.value);
      if (mismatch === undefined) {
        const holder = `certificate ${issuer} ${subject}`;
        proofs.push({ signer, holder, fingerprint, certificate: proven.value });
      } else {
        note?.(`${signer.name}: the certificate${mismatch}`);
      }
    }
    return proofs;
  },
  // `prove` asked for the entry already: no certificate is valid without a time.
  proveLogged: async () => ({ ok: true, value: true }),
  proveTime: async (_candidate, { certificate: { signedAt } = {} }) =>
    signedAt === undefined
      ? { ok: false, reason: 'its certificate was proven without a time' }
      : { ok: true, value: signedAt },
};

/** What keeps the certificate from being the signer's, after "the certificate"; undefined: it is. */
function mismatchOf(signer: IdentitySigner, { issuer, subject, claims }: CertificateIdentity): string | undefined {
  if (!signer.issuer.matches(issuer) || !signer.subject.matches(subject))
    return ` is for ${subject}, vouched for by ${issuer}`;
  for (const { name, value } of signer.claims) {
    const found = Object.hasOwn(claims, name) ? claims[name] : undefined;
    if (found === undefined) return ` has no ${name}`;
    if (!value.matches(found)) return `'s ${name} is ${found}`;
  }
  return undefined;
}

/** Their names: values are in the policy. */
function describeClaims(claims: readonly ClaimDemand[]): string {
  return claims.length === 0 ? '' : ` with ${claims.map(({ name }) => name).join(', ')}`;
}

/** Spares the loading of the keyless machinery; what it misses only fails to prove. */
function hasCertificate(candidate: SignatureCandidate): boolean {
  return candidate.material.kind === 'bundle' || candidate.material.certificate !== undefined;
}
