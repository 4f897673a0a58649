// SPDX-License-Identifier: Apache-2.0
// The transit engine of HashiCorp Vault and OpenBao: developer.hashicorp.com/vault/api-docs/secret/transit#read-key, and
// .../auth/kubernetes#login.
import { createPublicKey } from 'node:crypto';
import { homedir } from 'node:os';
import path from 'node:path';
import type { VaultConfiguration } from '../config/types.ts';
import { fieldOf, isJsonObject } from '../json.ts';
import { trimmed } from '../text.ts';
import type { KmsReference } from './reference.ts';
import { refusalOf, requireSecureUrl, spkiPem } from './common.ts';
import type { KmsMeans } from './types.ts';

const MOST_VERSIONS = 16;
const SERVICE_ACCOUNT_TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token';

type KubernetesLogin = NonNullable<VaultConfiguration['kubernetes']>;

interface Server {
  readonly url: string;
  readonly ca: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

/** All versions that Vault itself would verify by, the newest first: those from `min_decryption_version` on. */
export async function readVaultKey({ parts }: KmsReference, means: KmsMeans): Promise<readonly string[]> {
  const { settings, environment, ask } = means;
  const name = parts['name'] ?? '';
  const server = await serverOf(means);
  const token = await tokenFor(server, means);
  const engine = firstOf(settings.vault?.transitPath, environment['TRANSIT_SECRET_ENGINE_PATH']) ?? 'transit';
  const { url, ca } = server;
  const headers = { ...server.headers, 'x-vault-token': token };
  const answer = await ask({ url: `${url}/v1/${trimmed(engine, '/')}/keys/${name}`, ca, headers });
  if (answer.status !== 200) throw refusalOf(`Vault, asked for the key ${name}`, answer);
  return versionsIn(fieldOf(answer.content, 'data'), name);
}

async function serverOf({ settings: { vault }, environment, readText }: KmsMeans): Promise<Server> {
  const address = firstOf(vault?.address, environment['VAULT_ADDR'], environment['BAO_ADDR']);
  if (address === undefined) {
    throw new Error('no address of a Vault is configured: set kms.vault.address, or VAULT_ADDR');
  }
  requireSecureUrl(address, vault?.insecure === true, 'kms.vault.insecure');
  const caFile = firstOf(vault?.caFile, environment['VAULT_CACERT']);
  const namespace = firstOf(vault?.namespace, environment['VAULT_NAMESPACE']);
  return {
    url: trimmed(address, '/'),
    ca: caFile && (await readText(caFile)),
    headers: namespace === undefined ? {} : { 'x-vault-namespace': namespace },
  };
}

function firstOf(...texts: readonly (string | undefined)[]): string | undefined {
  return texts.find((text) => text !== undefined && text !== '');
}

/** By the service account where a role is configured; a person who is logged in is no Pod. */
async function tokenFor(server: Server, means: KmsMeans): Promise<string> {
  const { settings, environment, readText, mayAskTools } = means;
  const kubernetes = settings.vault?.kubernetes;
  const given = firstOf(environment['VAULT_TOKEN'], environment['BAO_TOKEN']);
  if (kubernetes !== undefined && !(mayAskTools && given !== undefined)) return logIn(kubernetes, server, means);
  // Where `vault login` leaves it.
  const file = path.join(environment['HOME'] ?? homedir(), '.vault-token');
  const token = (given ?? (await readText(file).catch(() => ''))).trim();
  if (token === '') throw new Error('there is no token for Vault: set kms.vault.kubernetes.role, or VAULT_TOKEN');
  return token;
}

async function logIn(
  { role, authPath = 'kubernetes', tokenFile = SERVICE_ACCOUNT_TOKEN }: KubernetesLogin,
  { url, ca, headers }: Server,
  { ask, readText }: KmsMeans,
): Promise<string> {
  const jwt = (await readText(tokenFile)).trim();
  const answer = await ask({
    url: `${url}/v1/auth/${trimmed(authPath, '/')}/login`,
    ca,
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify({ role, jwt }),
  });
  const token = fieldOf(fieldOf(answer.content, 'auth'), 'client_token');
  if (answer.status === 200 && typeof token === 'string' && token !== '') return token;
  throw refusalOf(`Vault, asked to log in as ${role}`, answer);
}

function versionsIn(data: unknown, name: string): readonly string[] {
  const keys = fieldOf(data, 'keys');
  if (!isJsonObject(keys)) throw new Error(`Vault told no versions of the key ${name}`);
  const least = Number(fieldOf(data, 'min_decryption_version') ?? 1);
  return Object.entries(keys)
    .map(([version, key]) => ({ version: Number(version), key }))
    .filter(({ version }) => Number.isInteger(version) && version >= least)
    .toSorted((a, b) => b.version - a.version)
    .slice(0, MOST_VERSIONS)
    .map(({ key }) => publicKeyIn(key, fieldOf(data, 'type'), name));
}

function publicKeyIn(version: unknown, type: unknown, name: string): string {
  const text = fieldOf(version, 'public_key');
  if (typeof text !== 'string' || text === '')
    throw new Error(`the key ${name} of Vault has no public half (type ${String(type)})`);
  if (type !== 'ed25519') return text;
  // The bytes of the key alone.
  const x = Buffer.from(text, 'base64').toString('base64url');
  return spkiPem(createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' }));
}
