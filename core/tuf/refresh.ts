// SPDX-License-Identifier: Apache-2.0
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { Updater, type Fetcher, type TargetFile } from 'tuf-js';
import { DownloadHTTPError } from 'tuf-js/dist/error.js';
import { parseTrustRoot } from '../sigstore/trust/trust-root.ts';
import { errorText } from '../text.ts';
import type { ProxySettings } from '../registry/transport/proxy.ts';
import { createDownload, TufStatusError, type Download } from './download.ts';
import { requireModestJson } from './modest-json.ts';
import type { TufRepository } from './repository.ts';
import { TufState } from './state.ts';

export interface RefreshOptions {
  /** Folder in which something is kept for each repository. */
  readonly cache: string;
  readonly proxy?: ProxySettings | undefined;
  readonly signal: AbortSignal;
  /** Milliseconds, for tests: of one file, and of all. */
  readonly patience?: { readonly file: number; readonly all: number };
}

const PATIENCE = { file: 10_000, all: 60_000 };
/** Of a target, bytes; also what `parseTrustRoot` reads at most. */
const TARGET_BYTES = 1024 * 1024;

/** Several times what the metadata of Sigstore's own repository are. */
const CAPS = {
  maxRootRotations: 256,
  /** The trust root is in the hands of the top-level role, as Sigstore's is. */
  maxDelegations: 0,
  rootMaxLength: 128 * 1024,
  timestampMaxLength: 16 * 1024,
  snapshotMaxLength: 256 * 1024,
  targetsMaxLength: 256 * 1024,
};

/**
 * One update by the workflow of TUF (specification 5.3 to 5.7): the text of the newest trusted_root.json, which is
 * kept, too. Rejects where any step does not verify or answer; then what was kept stays, with the newer metadata that
 * did verify, so that older ones are refused from now on.
 */
export async function refreshTrustRoot(repository: TufRepository, options: RefreshOptions): Promise<string> {
  const state = new TufState(options.cache, repository.id);
  const { file, all } = options.patience ?? PATIENCE;
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(all)]);
  const source = createDownload({ proxy: options.proxy, milliseconds: file, signal });
  try {
    const text = await state.update(repository.root, (folder) =>
      update(repository, { state, folder, download: source.download }),
    );
    parseTrustRoot(text);
    await state.keep(text);
    return text;
  } catch (error) {
    // Nothing that begins there could ever be refreshed again.
    if (error instanceof UnusableRootError) await state.clear();
    throw error;
  } finally {
    await source.close();
  }
}

class UnusableRootError extends Error {}

interface Updating {
  readonly state: TufState;
  readonly folder: string;
  readonly download: Download;
}

async function update(repository: TufRepository, { state, folder, download }: Updating): Promise<string> {
  const base = repository.url.replace(/\/$/, '');
  const updater = openUpdater({
    metadataDir: folder,
    metadataBaseUrl: base,
    targetBaseUrl: `${base}/targets`,
    fetcher: createFetcher(folder, download),
    config: CAPS,
  });
  await updater.refresh();
  const target = await updater.getTargetInfo(repository.targetName);
  if (target === undefined) throw new Error(`${base} has no target ${repository.targetName} in its own targets.json`);
  // A length alone would be satisfied by any text of it.
  if (!('sha256' in target.hashes || 'sha512' in target.hashes)) {
    throw new Error(`${base} has no SHA-2 hash of its target ${repository.targetName}`);
  }
  const kept = await state.kept();
  if (kept !== undefined && (await isContent(target, kept.text))) return kept.text;
  return readFile(await updater.downloadTarget(target, path.join(folder, 'target')), 'utf8');
}

function openUpdater(options: ConstructorParameters<typeof Updater>[0]): Updater {
  try {
    return new Updater(options);
  } catch (cause) {
    throw new UnusableRootError(`the root.json that trust begins with can't be used: ${errorText(cause)}`, { cause });
  }
}

async function isContent(target: TargetFile, text: string): Promise<boolean> {
  try {
    await target.verify(Readable.from([Buffer.from(text)]));
    return true;
  } catch {
    return false;
  }
}

/** How the library reads: within our caps, whatever the metadata say. */
function createFetcher(folder: string, download: Download): Fetcher {
  const read = async (url: string, maximumBytes: number): Promise<Buffer> => {
    try {
      return await download(url, maximumBytes);
    } catch (error) {
      // The library ends the search for newer roots by its own error's status.
      throw error instanceof TufStatusError ? new DownloadHTTPError(error.message, error.status) : error;
    }
  };
  return {
    async downloadBytes(url, maximumBytes) {
      const cap = Math.min(maximumBytes, CAPS.targetsMaxLength);
      const bytes = await read(url, cap);
      requireModestJson(bytes, cap, url);
      return bytes;
    },
    async downloadFile(url, maximumBytes, handle) {
      const file = path.join(folder, 'download');
      await writeFile(file, await read(url, Math.min(maximumBytes, TARGET_BYTES)));
      return handle(file);
    },
  };
}
