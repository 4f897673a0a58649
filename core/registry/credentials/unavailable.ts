// SPDX-License-Identifier: Apache-2.0
import { EngineError } from '../../errors.ts';
import type { Credential } from '../types.ts';

/**
 * Credentials could not be asked for: a helper hangs or fails, the API server does not answer. That is an outage and
 * not "none"; what others found is tried all the same.
 */
export class CredentialsUnavailable extends EngineError {
  readonly found: readonly Credential[];

  constructor(message: string, { found = [], remedy }: UnavailableDetails) {
    super('RegistryUnavailable', message, { remedy });
    this.found = found;
  }
}

interface UnavailableDetails {
  readonly found?: readonly Credential[];
  /** One line; it names the source of credentials that failed. */
  readonly remedy: string;
}

export interface Gathered<T> {
  readonly found: readonly T[];
  readonly outage?: CredentialsUnavailable;
}

/** What all of them find, in order, and the first of them that could not be asked. Other failures are thrown on. */
export async function gather<T>(asked: readonly Promise<readonly T[]>[]): Promise<Gathered<T>> {
  const found: T[] = [];
  let outage: CredentialsUnavailable | undefined;
  for (const settled of await Promise.allSettled(asked)) {
    if (settled.status === 'fulfilled') found.push(...settled.value);
    else if (settled.reason instanceof CredentialsUnavailable) outage ??= settled.reason;
    else throw settled.reason;
  }
  return { found, ...(outage && { outage }) };
}

/** The credentials or, where somebody could not be asked, the outage that carries them. */
export function orOutage(credentials: readonly Credential[], outage?: CredentialsUnavailable): readonly Credential[] {
  if (outage === undefined) return credentials;
  throw new CredentialsUnavailable(outage.message, { found: credentials, remedy: outage.remedy ?? '' });
}
