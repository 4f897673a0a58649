// SPDX-License-Identifier: Apache-2.0
// Where Google's libraries find who they are, as far as Pods and people have it: docs.cloud.google.com/docs/authentication/
// application-default-credentials, and for files of service accounts developers.google.com/identity/protocols/oauth2/service-account.
import { createPrivateKey, sign } from 'node:crypto';
import { fieldOf, parseJsonObject } from '../json.ts';
import { askProgramText, refusalOf, requireSecureUrl } from './common.ts';
import type { KmsMeans, Question } from './types.ts';

const SCOPE = 'https://www.googleapis.com/auth/cloudkms';
const TOKEN_URL = 'https://oauth2.googleapis.com/token';

/** An access token. Rejects where there is none. */
export async function findGoogleToken(means: KmsMeans): Promise<string> {
  const { environment, readText } = means;
  const { CLOUDSDK_AUTH_ACCESS_TOKEN: given, GOOGLE_APPLICATION_CREDENTIALS: file } = environment;
  if (given) return given;
  if (file) {
    // What can't be read is told without a word of it: it holds a private key.
    const content = parseJsonObject(Buffer.from(await readText(file)));
    if (content === undefined) throw new Error('the file of GOOGLE_APPLICATION_CREDENTIALS is no JSON object');
    return tokenFrom(byFile(content, means), 'the credentials file', means);
  }
  const token = await askProgramText('gcloud', ['auth', 'print-access-token'], means);
  if (token !== undefined) return token;
  // GKE's workload identity: the node's metadata server answers for the Pod's service account.
  const host = environment['GCE_METADATA_HOST'] || 'metadata.google.internal';
  const url = `http://${host}/computeMetadata/v1/instance/service-accounts/default/token`;
  return tokenFrom({ url, headers: { 'metadata-flavor': 'Google' } }, 'the metadata server', means);
}

async function tokenFrom(question: Question, who: string, { ask }: KmsMeans): Promise<string> {
  const answer = await ask(question);
  const token = fieldOf(answer.content, 'access_token');
  if (answer.status === 200 && typeof token === 'string' && token !== '') return token;
  throw refusalOf(`Google, asked for a token by ${who}`, answer);
}

/** @throws Error where the file is of another type. */
function byFile(content: unknown, { clock }: KmsMeans): Question {
  const text = (name: string): string => {
    const value = fieldOf(content, name);
    if (typeof value !== 'string') throw new Error(`the file of GOOGLE_APPLICATION_CREDENTIALS has no ${name}`);
    return value;
  };
  const type = text('type');
  if (type === 'authorized_user') {
    const [client_id, client_secret, refresh_token] = [text('client_id'), text('client_secret'), text('refresh_token')];
    return form(TOKEN_URL, { grant_type: 'refresh_token', client_id, client_secret, refresh_token });
  }
  if (type !== 'service_account') throw new Error(`credentials of type ${type} are not supported for Google Cloud KMS`);
  const url = text('token_uri');
  requireSecureUrl(url, false, 'https');
  const issued = Math.floor(clock() / 1000);
  const claims = { iss: text('client_email'), scope: SCOPE, aud: url, iat: issued, exp: issued + 600 };
  const signed = [{ alg: 'RS256', typ: 'JWT' }, claims].map((part) => base64url(JSON.stringify(part))).join('.');
  const signature = sign('sha256', Buffer.from(signed), createPrivateKey(text('private_key'))).toString('base64url');
  return form(url, { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion: `${signed}.${signature}` });
}

function form(url: string, fields: Readonly<Record<string, string>>): Question {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  return { url, headers, body: new URLSearchParams(fields).toString() };
}

function base64url(text: string): string {
  return Buffer.from(text).toString('base64url');
}
