// SPDX-License-Identifier: Apache-2.0
import { parseAuthority } from '../../../sigstore/own-pki/authority.ts';
import type { PolicyCertificate } from '../../documents/image-policy.gen.ts';
import { secretPem } from '../common/secret-pem.ts';
import type { PemSource } from '../common/secret-pem.ts';
import type { SignerInput } from '../common/signer-kind.ts';
import { writtenMatcher } from '../common/written-matcher.ts';
import type { CertificateSigner } from './certificate-signer.ts';

export function compileCertificate(entry: PolicyCertificate, input: SignerInput): CertificateSigner | undefined {
  const subject = writtenMatcher('subject', [entry.subject, entry.subjectPattern], input);
  const source = sourceOf(entry, input);
  const authority = source && input.report.attempt('InvalidCertificate', source.path, () => parseAuthority(source.pem));
  if (subject === undefined || authority === undefined) return undefined;
  return { kind: 'certificate', name: input.name, authority, subject };
}

function sourceOf({ caPem, secretRef }: PolicyCertificate, input: SignerInput): PemSource | undefined {
  if ((caPem === undefined) === (secretRef === undefined)) {
    input.report.add('InvalidSpec', input.path, 'exactly one of caPem or secretRef');
    return undefined;
  }
  return secretRef === undefined ? { pem: caPem ?? '', path: `${input.path}.caPem` } : secretPem(secretRef, input);
}
