// SPDX-License-Identifier: Apache-2.0
import { Agent, ProxyAgent, request, type Dispatcher } from 'undici';
import { areTooManyPieces } from '../read-bounded.ts';
import { BEHIND_A_PAGE, webPageIn } from '../registry/transport/web-page.ts';
import { proxyFor, type ProxySettings } from '../registry/transport/proxy.ts';

/** An answer that is not the file. */
export class TufStatusError extends Error {
  readonly status: number;

  constructor(status: number, url: string) {
    super(`${url} answers with HTTP status ${status}`);
    this.name = 'TufStatusError';
    this.status = status;
  }
}

/** One file of a repository. Rejects beyond so many bytes, after a time, and (`TufStatusError`) where there is none. */
export type Download = (url: string, maximumBytes: number) => Promise<Buffer>;

export interface DownloadOptions {
  readonly proxy?: ProxySettings | undefined;
  /** Of one file. */
  readonly milliseconds: number;
  /** Ends them all. */
  readonly signal: AbortSignal;
}

const HEADER_BYTES = 16 * 1024;

/**
 * Reads from the repository that an administrator named. Redirects are not followed: nobody else may say where this
 * process goes. Connections end with `close`, since the next refresh is hours away.
 */
export function createDownload(options: DownloadOptions): { readonly download: Download; close(): Promise<void> } {
  const { milliseconds } = options;
  let dispatcher: Dispatcher | undefined;

  async function download(url: string, maximumBytes: number): Promise<Buffer> {
    // All files are of one origin.
    dispatcher ??= createAgent(new URL(url), options);
    const signal = AbortSignal.any([options.signal, AbortSignal.timeout(milliseconds)]);
    const { statusCode, headers, body } = await request(url, { dispatcher, signal });
    try {
      if (statusCode !== 200) throw new TufStatusError(statusCode, url);
      const bytes = await readCapped(body, maximumBytes, url);
      const page = webPageIn(bytes, String(headers['content-type'] ?? ''));
      if (page !== undefined) throw new Error(`${url} answers with ${page}: ${BEHIND_A_PAGE}`);
      return bytes;
    } finally {
      body.on('error', () => undefined).destroy();
    }
  }

  return { download, close: async () => dispatcher?.destroy() };
}

function createAgent(url: URL, { proxy, milliseconds }: DownloadOptions): Dispatcher {
  const uri = proxyFor(url, proxy);
  const settings = { connections: 1, maxHeaderSize: HEADER_BYTES, connectTimeout: milliseconds };
  return uri === undefined ? new Agent(settings) : new ProxyAgent({ ...settings, uri });
}

async function readCapped(body: AsyncIterable<Buffer>, maximumBytes: number, url: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > maximumBytes) throw new Error(`${url} is longer than ${maximumBytes} bytes`);
    chunks.push(chunk);
    if (areTooManyPieces(chunks.length, bytes)) throw new Error(`${url} comes in too many pieces`);
  }
  return Buffer.concat(chunks, bytes);
}
