// SPDX-License-Identifier: Apache-2.0
// docs.aws.amazon.com/kms/latest/APIReference/API_GetPublicKey.html. One signed request: the vendor's client would be 18 MB.
import { createPublicKey } from 'node:crypto';
import { fieldOf } from '../json.ts';
import { findAwsCredentials, awsRegion } from './aws-credentials.ts';
import { signAwsRequest } from './aws-signature.ts';
import { refusalOf, requireListed, requireSecureUrl, spkiPem } from './common.ts';
import type { KmsReference } from './reference.ts';
import type { KmsMeans } from './types.ts';

/** AWS KMS has no versions of a key that signs: an alias stands for one key at a time. */
export async function readAwsKey({ parts }: KmsReference, means: KmsMeans): Promise<readonly string[]> {
  const { environment, ask, readText, clock } = means;
  const key = parts['key'] ?? '';
  const { region, suffix } = awsRegion(parts['region'], environment);
  const url = endpointOf(parts['endpoint'] ?? '', `https://kms.${region}.${suffix}`, means);
  const caFile = environment['AWS_CA_BUNDLE'];
  const ca = caFile === undefined || caFile === '' ? undefined : await readText(caFile);
  const credentials = await findAwsCredentials({ region, suffix, ca }, means);
  const body = JSON.stringify({ KeyId: key });
  const headers = signAwsRequest(
    {
      url: new URL(url),
      headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': 'TrentService.GetPublicKey' },
      body,
    },
    { credentials, region, service: 'kms', now: clock() },
  );
  const answer = await ask({ url: `${new URL(url).origin}/`, headers, body, ca });
  const der = fieldOf(answer.content, 'PublicKey');
  if (answer.status !== 200 || typeof der !== 'string') throw refusalOf(`AWS KMS, asked for the key ${key}`, answer);
  if (fieldOf(answer.content, 'KeyUsage') !== 'SIGN_VERIFY')
    throw new Error(`the key ${key} of AWS KMS is not for signing`);
  return [spkiPem(createPublicKey({ key: Buffer.from(der, 'base64'), format: 'der', type: 'spki' }))];
}

/** The one that the policy names has to be listed: it will be sent a request that is signed with our identity. */
function endpointOf(named: string, own: string, { settings, environment }: KmsMeans): string {
  if (named !== '') {
    requireListed(named, settings);
    return `https://${named}`;
  }
  const given = environment['AWS_ENDPOINT_URL_KMS'] ?? environment['AWS_ENDPOINT_URL'];
  if (given === undefined || given === '') return own;
  requireSecureUrl(given, false, 'kms.endpoints');
  return given;
}
