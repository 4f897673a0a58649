// SPDX-License-Identifier: Apache-2.0
import { carriesCertificate } from '../../../sigstore/own-pki/chain-material.ts';
import type { OwnCertificate, SignatureCandidate } from '../../../signatures/types.ts';
import type { PolicyCertificate } from '../../documents/image-policy.gen.ts';
import type { Asking, SignerKind, SignerProof } from '../common/signer-kind.ts';
import type { Proven } from '../verification/proven.ts';
import type { CertificateSigner } from './certificate-signer.ts';
import { compileCertificate } from './compile.ts';

/** Whom an authority of one's own names in a certificate (`cosign sign --certificate-chain`). Told apart by name. */
export const CERTIFICATE_KIND: SignerKind<PolicyCertificate, CertificateSigner> = {
  field: 'certificates',
  noun: 'certificate',
  written: ({ certificates = [] }) => certificates,
  secrets: (entry) => (entry?.secretRef?.name === undefined ? [] : [entry.secretRef.name]),
  compile: compileCertificate,
  distinction: ({ name }) => `certificate ${name}`,
  describe: ({ name, subject }) => `certificate "${name}" (${subject.source})`,
  keyStatus: () => [],
  // Any of them may prove the time of signing, once the certificate is no longer valid.
  trustRoots: (_, { names }) => names,
  // Each certificate has its own.
  window: () => ({}),

  async prove(candidate, signers, asking) {
    if (!carriesCertificate(candidate)) return [];
    const proofs: SignerProof<CertificateSigner>[] = [];
    for (const signer of signers) {
      await asking.breathe?.();
      const proven = await proveSigner(candidate, signer, asking);
      if (!proven.ok) {
        asking.note?.(`${signer.name}: ${proven.reason}`);
        continue;
      }
      const { names, fingerprint } = proven.value;
      proofs.push({ signer, holder: `own certificate ${names.toSorted().join(' ')}`, fingerprint });
    }
    return proofs;
  },
  async proveLogged(candidate, _, verifier) {
    const { logged } = await verifier.ownTimes(candidate);
    return logged
      ? { ok: true, value: true }
      : { ok: false, reason: 'no entry of a trusted transparency log comes with it' };
  },
  async proveTime(candidate, _, verifier) {
    const { times, unusable } = await verifier.ownTimes(candidate);
    // A root that can't be used may know of an earlier time.
    if (times.length > 0 && unusable === undefined) return { ok: true, value: Math.min(...times) };
    return { ok: false, reason: unusable ?? 'no trusted log or timestamp authority proves its time' };
  },
};

async function proveSigner(
  candidate: SignatureCandidate,
  { authority, subject }: CertificateSigner,
  { verifier, now }: Asking,
): Promise<Proven<OwnCertificate>> {
  const proven = await verifier.ownedBy(candidate, authority);
  if (!proven.ok) return proven;
  const { names, validFrom, validUntil } = proven.value;
  if (!names.some((name) => subject.matches(name))) {
    return { ok: false, reason: `the certificate is that of ${names.join(', ')}` };
  }
  const isValid = (time: number) => validFrom <= time && time <= validUntil;
  // Valid now, it needs no proof of its time; roots that can't be used then take nothing away.
  if (isValid(now)) return proven;
  const { times } = await verifier.ownTimes(candidate);
  if (times.some(isValid)) return proven;
  const when = `${dateOf(validFrom)} to ${dateOf(validUntil)}`;
  const reason = `the certificate or one above it is valid from ${when} only, and nothing proves that it signed then`;
  return { ok: false, reason };
}

function dateOf(time: number): string {
  return new Date(time).toISOString();
}
