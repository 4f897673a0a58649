// SPDX-License-Identifier: Apache-2.0
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { errorText } from '../../core/text.ts';
import type { Logger } from '../../core/observe.ts';
import { watchFiles } from '../configuration/file-watch.ts';
import { createListeners } from '../../core/listeners.ts';

/** PEM: the certificate with its chain, and its key. */
export interface ServingPair {
  readonly cert: string;
  readonly key: string;
}

export interface FileCertificateOptions {
  readonly certFile: string;
  readonly keyFile: string;
  readonly log: Logger;
}

export interface FileCertificate {
  readonly current: () => ServingPair;
  /** Called with the current one, now and whenever it changes. */
  readonly listen: (listener: (pair: ServingPair) => void) => void;
  stop(): Promise<void>;
}

/**
 * A certificate that somebody else renews, as cert-manager does. Rejects where the first one is not
 * usable; later ones that are not (also: half written) are left alone until the next change.
 */
export async function followFileCertificate(options: FileCertificateOptions): Promise<FileCertificate> {
  const { certFile, keyFile, log } = options;
  const changed = createListeners<ServingPair>();
  let current = await read(certFile, keyFile);

  async function reload(): Promise<void> {
    try {
      const next = await read(certFile, keyFile);
      if (next.cert === current.cert && next.key === current.key) return;
      current = next;
      log.info('serving certificate reloaded', { file: certFile });
      changed.tell(next);
    } catch (thrown) {
      log.error('the serving certificate is not usable; the last one stays in use', { error: errorText(thrown) });
    }
  }

  const watcher = watchFiles({ paths: [certFile, keyFile], onChange: reload, log });
  return {
    current: () => current,
    listen: (listener) => {
      changed.listen(listener);
      listener(current);
    },
    stop: () => watcher.stop(),
  };
}

async function read(certFile: string, keyFile: string): Promise<ServingPair> {
  const [cert, key] = await Promise.all([readFile(certFile, 'utf8'), readFile(keyFile, 'utf8')]);
  if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) {
    throw new Error(`${certFile} and ${keyFile} don't belong together`);
  }
  return { cert, key };
}
