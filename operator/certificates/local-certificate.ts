// SPDX-License-Identifier: Apache-2.0
import { BACKDATED } from './certificate-material.ts';
import type { ServingPair } from './file-certificate.ts';
import { issueCertificateAuthority, issueServingCertificate } from './issue.ts';
import { LOCAL_NAMES } from './server-names.ts';

const YEAR = 365 * 86_400_000;

/** For a webhook outside of a cluster, kept nowhere: good for as long as a process may live. */
export async function issueLocalCertificate(now: number): Promise<ServingPair> {
  const dates = { notBefore: now - BACKDATED, notAfter: now + YEAR };
  const authority = await issueCertificateAuthority({ commonName: 'Cosignet local CA', ...dates });
  const made = await issueServingCertificate({ authority, commonName: 'localhost', ...LOCAL_NAMES, ...dates });
  return { cert: made.certificate + authority.certificate, key: made.privateKey };
}
