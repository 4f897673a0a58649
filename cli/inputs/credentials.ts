// SPDX-License-Identifier: Apache-2.0
import path from 'node:path';
import { errorText } from '../../core/text.ts';
import { loadCredentialPrograms } from '../../core/config/credential-providers.ts';
import type { Configuration } from '../../core/config/types.ts';
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

/** Credentials as docker finds them: `DOCKER_CONFIG`, else `~/.docker`; without a file, none. */
export async function dockerKeychain(environment: Terminal['environment']): Promise<Keychain> {
  const folder = environment['DOCKER_CONFIG'] || dockerFolder(environment['HOME']);
  if (folder === undefined) return anonymousKeychain;
  const file = path.join(folder, 'config.json');
  try {
    const config = parseDockerConfig(await readBoundedText(file));
    const run = createHelperRunner({ environment, timeoutMilliseconds: HELPER_MILLISECONDS });
    return createDockerKeychain(config, rememberHelpers(run, Date.now));
  } catch (error) {
    if (isMissing(error)) return anonymousKeychain;
    throw new UsageError(`${file}: ${errorText(error)}`);
  }
}

/** The docker configuration's, then those of the programs that the configuration names. */
export async function commandKeychain(
  environment: Terminal['environment'],
  configuration: Configuration,
): Promise<Keychain> {
  const programs = await loadCredentialPrograms(configuration, (file) => readBoundedText(file));
  const host = { environment, clock: Date.now, log: silentLogger };
  return chainKeychains([await dockerKeychain(environment), createProgramKeychain(programs, host)]);
}

/** Never relative to the folder we happen to run in, which may be anybody's. */
function dockerFolder(home: string | undefined): string | undefined {
  return home ? path.join(home, '.docker') : undefined;
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}
