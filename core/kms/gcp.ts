// SPDX-License-Identifier: Apache-2.0
// docs.cloud.google.com/kms/docs/reference/rest/v1/projects.locations.keyRings.cryptoKeys.cryptoKeyVersions.
import { fieldOf } from '../json.ts';
import { mapInParallel } from '../parallel.ts';
import { refusalOf, requireSecureUrl } from './common.ts';
import { findGoogleToken } from './gcp-token.ts';
import type { KmsReference } from './reference.ts';
import type { KmsMeans, Question } from './types.ts';

const API = 'https://cloudkms.googleapis.com';
const MOST_VERSIONS = 16;
const AT_ONCE = 4;

/** The version that is written, else all that are enabled, the newest first. */
export async function readGoogleKey({ parts }: KmsReference, means: KmsMeans): Promise<readonly string[]> {
  const key = parts['key'] ?? '';
  const base = means.environment['CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS'] || API;
  requireSecureUrl(base, false, 'https');
  const token = await findGoogleToken(means);
  const question = (path: string): Question => ({
    url: `${base.replace(/\/$/, '')}/v1/${key}/cryptoKeyVersions${path}`,
    headers: { authorization: `Bearer ${token}` },
  });
  const { version } = parts;
  const versions = version === undefined ? await enabledVersions(key, question, means) : [version];
  return mapInParallel(versions, AT_ONCE, async (one) => {
    const answer = await means.ask(question(`/${one}/publicKey`));
    const pem = fieldOf(answer.content, 'pem');
    if (answer.status !== 200 || typeof pem !== 'string') {
      throw refusalOf(`Google Cloud KMS, asked for version ${one} of ${key}`, answer);
    }
    return pem;
  });
}

async function enabledVersions(
  key: string,
  question: (path: string) => Question,
  { ask }: KmsMeans,
): Promise<readonly string[]> {
  const query = new URLSearchParams({ filter: 'state=ENABLED', orderBy: 'name desc', pageSize: String(MOST_VERSIONS) });
  const answer = await ask(question(`?${query.toString()}`));
  if (answer.status !== 200) throw refusalOf(`Google Cloud KMS, asked for the versions of ${key}`, answer);
  const listed = fieldOf(answer.content, 'cryptoKeyVersions');
  return (Array.isArray(listed) ? listed : [])
    .filter((item: unknown) => fieldOf(item, 'state') === 'ENABLED')
    .map((item: unknown) => numberOf(fieldOf(item, 'name')))
    .toSorted((a, b) => b - a)
    .slice(0, MOST_VERSIONS)
    .map(String);
}

/** Nothing else of the answer becomes part of an address. */
function numberOf(name: unknown): number {
  const number = typeof name === 'string' ? /\/cryptoKeyVersions\/([0-9]{1,10})$/.exec(name)?.[1] : undefined;
  if (number === undefined) throw new Error('Google Cloud KMS listed a version without a number');
  return Number(number);
}
