// SPDX-License-Identifier: Apache-2.0
import path from 'node:path';
import { fileErrorText } from '../../core/text.ts';
import { loadCredentialPrograms } from '../../core/config/credential-providers.ts';
import type { Configuration } from '../../core/config/types.ts';
import { DOCKER_HUB } from '../../core/image/host.ts';
import { silentLogger } from '../../core/observe.ts';
import { readBoundedText } from '../../core/read-bounded.ts';
import { createProgramKeychain } from '../../core/registry/credentials/configured.ts';
import { createDockerKeychain, parseDockerConfig } from '../../core/registry/credentials/docker-config.ts';
import { createHelperRunner, rememberHelpers } from '../../core/registry/credentials/helper.ts';
import { anonymousKeychain, chainKeychains } from '../../core/registry/credentials/keychains.ts';
import type { Keychain } from '../../core/registry/types.ts';
import { UsageError } from '../output/exit.ts';
import type { Terminal } from '../output/terminal.ts';

/** A helper may have to ask a cloud; a person waits no longer than this. */
const HELPER_MILLISECONDS = 10_000;

/**
 * Credentials as docker and podman find them: `REGISTRY_AUTH_FILE`, then `config.json` in `DOCKER_CONFIG` or else
 * `~/.docker`, then podman's `auth.json` below `XDG_RUNTIME_DIR` and below `~/.config`. Without a file, none.
 */
export async function dockerKeychain(environment: Terminal['environment']): Promise<Keychain> {
  const { REGISTRY_AUTH_FILE: named, DOCKER_CONFIG: docker, XDG_RUNTIME_DIR: runtime, HOME: home } = environment;
  const files = [
    named,
    below(docker || below(home, '.docker'), 'config.json'),
    below(runtime, 'containers/auth.json'),
    below(home, '.config/containers/auth.json'),
  ].flatMap((file) => file || []);
  const keychains = await Promise.all(files.map((file) => keychainOf(file, environment)));
  return { ...chainKeychains(keychains), remedy: logIn };
}

/** What a person does, where a Pod would get a secret. */
function logIn(registry: string): string {
  return `Log in: docker login ${registry === DOCKER_HUB ? '' : registry}`.trimEnd();
}

async function keychainOf(file: string, environment: Terminal['environment']): Promise<Keychain> {
  try {
    const config = parseDockerConfig(await readBoundedText(file));
    const run = createHelperRunner({ environment, timeoutMilliseconds: HELPER_MILLISECONDS });
    return createDockerKeychain(config, rememberHelpers(run, Date.now));
  } catch (error) {
    if (isMissing(error)) return anonymousKeychain;
    throw new UsageError(`${file}: ${fileErrorText(error)}`);
  }
}

/** The docker configuration's, then those of the programs that the configuration names. */
export async function commandKeychain(
  environment: Terminal['environment'],
  configuration: Configuration,
): Promise<Keychain> {
  const programs = await loadCredentialPrograms(configuration, (file) => readBoundedText(file));
  const host = { environment, clock: Date.now, log: silentLogger };
  const docker = await dockerKeychain(environment);
  return { ...docker, ...chainKeychains([docker, createProgramKeychain(programs, host)]) };
}

/** Never relative to the folder we happen to run in, which may be anybody's. */
function below(folder: string | undefined, name: string): string | undefined {
  return folder ? path.join(folder, name) : undefined;
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}
