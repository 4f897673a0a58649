// SPDX-License-Identifier: Apache-2.0
import { errorText } from '../../text.ts';
import type { Clock, Logger } from '../../observe.ts';
import type { Keychain } from '../types.ts';
import { createDockerKeychain } from './docker-config.ts';
import { createHelperRunner, rememberHelpers } from './helper.ts';
import { chainKeychains } from './keychains.ts';
import { limitRuns, programEnvironment, runProgram, type Environment } from './program.ts';
import { createProviderKeychain, type CredentialProvider } from './provider.ts';

/** The programs that a configuration names. */
export interface CredentialPrograms {
  readonly helpers?: { readonly binDir: string; readonly hosts: Readonly<Record<string, string>> };
  readonly providers?: { readonly binDir: string; readonly list: readonly CredentialProvider[] };
}

export interface ProgramOptions {
  /** Of the process; only what cloud SDKs need of it is passed on. */
  readonly environment: Environment;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Within a decision's deadline, so that a program that hangs is named and not just waited for. */
const PROGRAM_MILLISECONDS = 5000;
const PROGRAMS_AT_ONCE = 4;

/** Credentials from programs: the helper of the host, then the providers that match. */
export function createProgramKeychain(programs: CredentialPrograms, options: ProgramOptions): Keychain {
  const { clock, log } = options;
  const { helpers, providers } = programs;
  const common = {
    environment: programEnvironment(options.environment),
    timeoutMilliseconds: PROGRAM_MILLISECONDS,
    run: limitRuns(runProgram, PROGRAMS_AT_ONCE),
  };
  const keychains: Keychain[] = [];
  if (helpers) {
    const run = rememberHelpers(createHelperRunner({ ...common, binDir: helpers.binDir }), clock);
    const config = { entries: [], helpers: new Map(Object.entries(helpers.hosts)) };
    keychains.push(logging(createDockerKeychain(config, run), log));
  }
  if (providers) {
    keychains.push(
      createProviderKeychain({ ...common, providers: providers.list, binDir: providers.binDir, clock, log }),
    );
  }
  return chainKeychains(keychains);
}

/** A helper that fails takes nothing away from the Pods that bring their own secret, so the log has it too. */
function logging(keychain: Keychain, log: Logger): Keychain {
  return {
    resolve: (repository) =>
      keychain.resolve(repository).catch((thrown: unknown) => {
        log.warn('a credential helper failed and adds no credentials', { error: errorText(thrown) });
        throw thrown;
      }),
  };
}
