// SPDX-License-Identifier: Apache-2.0
// learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow, with the variables that Azure Workload
// Identity gives a Pod.
import { fieldOf } from '../json.ts';
import { askProgram, refusalOf, requireSecureUrl } from './common.ts';
import type { KmsMeans } from './types.ts';

interface Application {
  readonly client: string;
  readonly tenant: string;
  /** Fields by which it proves itself. */
  readonly proof: Readonly<Record<string, string>>;
}

/** An access token for whom `audience` names. Rejects where there is none. */
export async function findAzureToken(audience: string, means: KmsMeans): Promise<string> {
  const scope = `${audience}/.default`;
  const application = await applicationOf(means);
  const token =
    application === undefined ? await personalToken(scope, means) : await tokenOf(application, scope, means);
  if (token !== undefined) return token;
  throw new Error('there are no credentials for Azure: give the service account a workload identity');
}

async function applicationOf({ environment, readText }: KmsMeans): Promise<Application | undefined> {
  const { AZURE_CLIENT_ID: client, AZURE_TENANT_ID: tenant, AZURE_FEDERATED_TOKEN_FILE: file } = environment;
  if (!client || !tenant) return undefined;
  if (file) {
    const client_assertion_type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
    return { client, tenant, proof: { client_assertion_type, client_assertion: (await readText(file)).trim() } };
  }
  const client_secret = environment['AZURE_CLIENT_SECRET'];
  return client_secret ? { client, tenant, proof: { client_secret } } : undefined;
}

async function tokenOf(
  { client, tenant, proof }: Application,
  scope: string,
  { environment, ask }: KmsMeans,
): Promise<string> {
  const authority = environment['AZURE_AUTHORITY_HOST'] || 'https://login.microsoftonline.com/';
  requireSecureUrl(authority, false, 'https');
  const answer = await ask({
    url: `${authority.replace(/\/$/, '')}/${encodeURIComponent(tenant)}/oauth2/v2.0/token`,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ grant_type: 'client_credentials', client_id: client, scope, ...proof }).toString(),
  });
  const token = fieldOf(answer.content, 'access_token');
  if (answer.status === 200 && typeof token === 'string' && token !== '') return token;
  throw refusalOf('Microsoft Entra, asked for a token', answer);
}

async function personalToken(scope: string, means: KmsMeans): Promise<string | undefined> {
  const args = ['account', 'get-access-token', '--scope', scope, '--output', 'json'];
  const token = fieldOf(await askProgram('az', args, means), 'accessToken');
  return typeof token === 'string' && token !== '' ? token : undefined;
}
