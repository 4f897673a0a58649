// SPDX-License-Identifier: Apache-2.0
import type { KmsConfiguration } from '../config/types.ts';
import { readBoundedText } from '../read-bounded.ts';
import { runProgram, type Environment } from '../registry/credentials/program.ts';
import type { ProxySettings } from '../registry/transport/proxy.ts';
import { createAsk } from './ask.ts';
import type { KmsReference } from './reference.ts';
import type { KmsService, ReadKms } from './types.ts';

export interface ReadKmsOptions {
  readonly settings: () => KmsConfiguration;
  readonly proxy: () => ProxySettings | undefined;
  readonly environment: Environment;
  /** Whether `aws`, `az` and `gcloud` may be asked who a person is logged in as. */
  readonly mayAskTools: boolean;
}

/** Each is loaded when a policy uses it. */
const SERVICES: Readonly<Record<string, () => Promise<KmsService>>> = {
  awskms: async () => (await import('./aws.ts')).readAwsKey,
  gcpkms: async () => (await import('./gcp.ts')).readGoogleKey,
  azurekms: async () => (await import('./azure.ts')).readAzureKey,
  hashivault: async () => (await import('./vault.ts')).readVaultKey,
  openbao: async () => (await import('./vault.ts')).readVaultKey,
};

/** For metrics: the service, or `plugin` for all others, whose names are a policy's to choose. */
export function serviceName({ scheme }: Pick<KmsReference, 'scheme'>): string {
  return Object.hasOwn(SERVICES, scheme) ? scheme : 'plugin';
}

/** A token has some KiB; a bundle of the authorities of all the world a quarter of a MiB. */
const FILE_BYTES = 1024 * 1024;
/** Milliseconds of all exchanges for one key. */
const PATIENCE = 30_000;

/** Reads public keys from the services that hold them, with the identity that the process has there. */
export function createKmsReader({ settings, proxy, environment, mayAskTools }: ReadKmsOptions): ReadKms {
  return async (reference, signal) => {
    const service = await serviceOf(reference);
    const limit = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]);
    const pems = await service(reference, {
      settings: settings(),
      environment,
      mayAskTools,
      ask: createAsk({ proxy: proxy(), signal: limit }),
      run: runProgram,
      readText: (file) => readBoundedText(file, FILE_BYTES),
      clock: Date.now,
    });
    if (pems.length === 0) throw new Error(`${reference.text} has no version that may sign`);
    return pems;
  };
}

function serviceOf({ scheme }: KmsReference): Promise<KmsService> {
  const load = Object.hasOwn(SERVICES, scheme) ? SERVICES[scheme] : undefined;
  return load === undefined ? import('./plugin.ts').then(({ readPluginKey }) => readPluginKey) : load();
}
