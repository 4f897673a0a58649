// SPDX-License-Identifier: Apache-2.0
import { errorText } from '../text.ts';
import { ConfigurationError } from './faults.ts';
import { certificatesIn } from './registry-settings.ts';
import type { Configuration } from './types.ts';

/** Whose client certificates are believed. */
export interface ClientAuthorities {
  /** PEM. */
  readonly ca: string;
  /** Common name or DNS name, exactly; one of them. */
  readonly names: readonly string[];
}

/** Undefined: none are asked for. Rejects (`ConfigurationError`) where the file is none of certificates. */
export async function loadClientAuthorities(
  { clientCertificates }: Pick<Configuration, 'clientCertificates'>,
  readFile: (path: string) => Promise<string>,
): Promise<ClientAuthorities | undefined> {
  if (clientCertificates === undefined) return undefined;
  const { caFile, names } = clientCertificates;
  try {
    return { ca: certificatesIn(await readFile(caFile)), names };
  } catch (error) {
    throw new ConfigurationError([{ path: '$.clientCertificates.caFile', message: `${caFile}: ${errorText(error)}` }]);
  }
}
