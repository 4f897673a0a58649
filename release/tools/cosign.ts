// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { outputOf } from './process.ts';

/** Signs with the real cosign, which asks nobody: no transparency log, no certificate authority. */
export interface Signer {
  /** @returns a Sigstore bundle with the statement in it */
  sign(this: void, statement: object): Promise<Buffer>;
  /** Writes a Sigstore bundle for a file. */
  signFile(this: void, file: string, bundle: string): Promise<void>;
}

const OFFLINE = ['--tlog-upload=false', '--use-signing-config=false', '--yes'] as const;

/**
 * @param key a file of `cosign generate-key-pair`, or whatever else cosign takes: `env://NAME`, `awskms://…`
 * @throws {Error} where cosign would ask for the password of a file: the variable has to be there, if only empty
 */
export function signerWith(key: string, environment: NodeJS.ProcessEnv): Signer {
  if (!key.includes('://') && environment['COSIGN_PASSWORD'] === undefined) {
    throw new Error(`COSIGN_PASSWORD is not set: the password of ${key}, or empty if it has none`);
  }
  return {
    sign: async (statement) => {
      const folder = await mkdtemp(path.join(tmpdir(), 'cosignet-sign-'));
      try {
        const [input, bundle] = [path.join(folder, 'statement.json'), path.join(folder, 'bundle.json')];
        await writeFile(input, JSON.stringify(statement));
        await outputOf('cosign', ['attest-blob', '--key', key, '--statement', input, '--bundle', bundle, ...OFFLINE]);
        return await readFile(bundle);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
    signFile: async (file, bundle) => {
      await outputOf('cosign', ['sign-blob', '--key', key, '--bundle', bundle, ...OFFLINE, file]);
    },
  };
}
