// SPDX-License-Identifier: Apache-2.0
// learn.microsoft.com/rest/api/keyvault/keys: Get Key Versions, Get Key. Two requests: the vendor's library for whom to be
// would be 52 MB.
import { createPublicKey } from 'node:crypto';
import { fieldOf, isJsonObject, type JsonObject } from '../json.ts';
import { mapInParallel } from '../parallel.ts';
import { oneLine } from '../text.ts';
import { findAzureToken } from './azure-token.ts';
import { refusalOf, requireListed, spkiPem } from './common.ts';
import type { KmsReference } from './reference.ts';
import type { KmsMeans } from './types.ts';

const API = 'api-version=7.4';
const MOST_VERSIONS = 16;
const MOST_PAGES = 4;
const AT_ONCE = 4;

/** Microsoft's own names of vaults, with whom the token is for. */
const SERVICES: readonly (readonly [suffix: string, audience: string])[] = [
  'vault.azure.net',
  'managedhsm.azure.net',
  'vault.azure.cn',
  'managedhsm.azure.cn',
  'vault.usgovcloudapi.net',
  'managedhsm.usgovcloudapi.net',
].map((name) => [`.${name}`, `https://${name}`]);

/** Of a JSON Web Key (RFC 7518, 6). */
const MEMBERS: Readonly<Record<string, readonly string[]>> = { EC: ['crv', 'x', 'y'], RSA: ['n', 'e'] };

interface Vault {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** The version that is written, else all that are enabled, the newest first. */
export async function readAzureKey({ parts }: KmsReference, means: KmsMeans): Promise<readonly string[]> {
  const host = (parts['vault'] ?? '').toLowerCase();
  const name = parts['name'] ?? '';
  const audience = SERVICES.find(([suffix]) => host.endsWith(suffix))?.[1];
  if (audience === undefined) requireListed(host, means.settings);
  const token = await findAzureToken(audience ?? 'https://vault.azure.net', means);
  const vault = { url: `https://${host}/keys/${name}`, headers: { authorization: `Bearer ${token}` } };
  const versions = parts['version'] ? [parts['version']] : await enabledVersions(vault, name, means);
  return mapInParallel(versions, AT_ONCE, async (version) => {
    const answer = await means.ask({ ...vault, url: `${vault.url}/${version}?${API}` });
    const key = fieldOf(answer.content, 'key');
    if (answer.status !== 200 || !isJsonObject(key))
      throw refusalOf(`Azure Key Vault, asked for the key ${name}`, answer);
    return pemOf(key, name);
  });
}

async function enabledVersions(vault: Vault, name: string, { ask }: KmsMeans): Promise<readonly string[]> {
  const found: { version: string; created: number }[] = [];
  let url: string | undefined = `${vault.url}/versions?${API}`;
  for (let pages = 0; url !== undefined && pages < MOST_PAGES; pages += 1) {
    const answer = await ask({ ...vault, url });
    if (answer.status !== 200) throw refusalOf(`Azure Key Vault, asked for the versions of ${name}`, answer);
    const listed = fieldOf(answer.content, 'value');
    found.push(...(Array.isArray(listed) ? listed : []).flatMap((item: unknown) => versionIn(item)));
    url = nextPage(fieldOf(answer.content, 'nextLink'), vault.url);
  }
  return found
    .toSorted((a, b) => b.created - a.created)
    .slice(0, MOST_VERSIONS)
    .map(({ version }) => version);
}

function versionIn(item: unknown): { version: string; created: number }[] {
  const attributes = fieldOf(item, 'attributes');
  const kid = fieldOf(item, 'kid');
  const version = typeof kid === 'string' ? /\/([a-z0-9]{1,64})$/.exec(kid)?.[1] : undefined;
  if (fieldOf(attributes, 'enabled') !== true || version === undefined) return [];
  return [{ version, created: Number(fieldOf(attributes, 'created') ?? 0) }];
}

/** The token goes to the vault and nowhere else. */
function nextPage(link: unknown, vaultUrl: string): string | undefined {
  if (typeof link !== 'string' || link === '') return undefined;
  if (URL.parse(link)?.origin !== new URL(vaultUrl).origin)
    throw new Error('Azure Key Vault names another host for its next page');
  return link;
}

function pemOf(key: JsonObject, name: string): string {
  const text = (field: string): string => {
    const value = key[field];
    if (typeof value === 'string') return value;
    throw new Error(`Azure Key Vault told no ${field} of the key ${name}`);
  };
  // Those of hardware are called EC-HSM and RSA-HSM.
  const kty = text('kty').replace(/-HSM$/, '');
  const fields = Object.hasOwn(MEMBERS, kty) ? MEMBERS[kty] : undefined;
  if (fields === undefined) throw new Error(`the key ${name} of Azure Key Vault is of type ${oneLine(kty, 40)}`);
  const members = Object.fromEntries(fields.map((field) => [field, text(field)]));
  return spkiPem(createPublicKey({ key: { kty, ...members }, format: 'jwk' }));
}
