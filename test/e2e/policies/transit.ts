// SPDX-License-Identifier: Apache-2.0
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { startKmsServer, type Asked, type Told } from '../../fakes/kms-service.ts';

/** The transit engine of a Vault by its documents: developer.hashicorp.com/vault/api-docs/secret/transit#read-key. */
export interface Transit {
  readonly url: string;
  /** PEM of the versions of each key, the oldest first. */
  readonly keys: Map<string, readonly string[]>;
  /** Sealed, it tells nothing. */
  sealed: boolean;
  /** How often it was asked for a key while it was sealed. */
  readonly refused: () => number;
  /** Values of the chart by which Pods log in there. */
  readonly values: readonly string[];
  close(): Promise<void>;
}

const ROLE = 'cosignet';
/** Of whoever logs in, and of whoever has it from a person. */
export const TRANSIT_TOKEN = 'hvs.of-a-test';

/** `dir`: for the token of the service account. */
export async function startTransit(dir: string): Promise<Transit> {
  const jwt = 'the.service.account';
  const tokenFile = path.join(dir, 'vault-jwt');
  writeFileSync(tokenFile, jwt);
  const keys = new Map<string, readonly string[]>();
  let refused = 0;
  const server = await startKmsServer(answer);
  const transit: Transit = {
    url: server.url,
    keys,
    sealed: false,
    refused: () => refused,
    values: [
      `--set=config.kms.vault.address=${server.url}`,
      '--set=config.kms.vault.insecure=true',
      `--set=config.kms.vault.kubernetes.role=${ROLE}`,
      `--set=config.kms.vault.kubernetes.tokenFile=${tokenFile}`,
    ],
    close: () => server.close(),
  };

  function answer({ path: asked, body, headers }: Asked): Told {
    if (asked === '/v1/auth/kubernetes/login') {
      const login: unknown = JSON.parse(body);
      if (JSON.stringify(login) !== JSON.stringify({ role: ROLE, jwt }))
        return { status: 403, content: { errors: ['permission denied'] } };
      return { content: { auth: { client_token: TRANSIT_TOKEN } } };
    }
    if (headers['x-vault-token'] !== TRANSIT_TOKEN) return { status: 403, content: { errors: ['permission denied'] } };
    if (transit.sealed) {
      refused++;
      return { status: 503, content: { errors: ['Vault is sealed'] } };
    }
    const versions = keys.get(asked.replace('/v1/transit/keys/', ''));
    return versions === undefined ? { status: 404, content: { errors: [] } } : { content: { data: keyOf(versions) } };
  }
  return transit;
}

function keyOf(versions: readonly string[]): object {
  const keys = versions.map((pem, index) => [
    String(index + 1),
    { creation_time: '2026-01-01T00:00:00Z', name: 'P-256', public_key: pem },
  ]);
  return {
    type: 'ecdsa-p256',
    keys: Object.fromEntries(keys),
    latest_version: versions.length,
    min_available_version: 0,
    min_decryption_version: 1,
    min_encryption_version: 0,
    supports_signing: true,
  };
}
