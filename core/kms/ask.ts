// SPDX-License-Identifier: Apache-2.0
import { Agent, ProxyAgent, request, type Dispatcher } from 'undici';
import { parseJsonObject } from '../json.ts';
import { collectBounded } from '../read-bounded.ts';
import { proxyFor, type ProxySettings } from '../registry/transport/proxy.ts';
import { BEHIND_A_PAGE, webPageIn } from '../registry/transport/web-page.ts';
import type { Ask, Question } from './types.ts';

export interface AskOptions {
  readonly proxy: ProxySettings | undefined;
  /** Ends it. */
  readonly signal: AbortSignal;
  /** Milliseconds of one exchange. */
  readonly milliseconds?: number;
}

const MILLISECONDS = 5000;
const HEADER_BYTES = 16 * 1024;
/** A listing of a hundred versions has a fifth of it. */
const ANSWER_BYTES = 256 * 1024;

/**
 * Asks a service, by a connection that ends with the answer: the next question is an hour away. Who is asked is the
 * caller's to deal with; nobody else may say where this process goes, so that redirects are answers like any other.
 */
export function createAsk(options: AskOptions): Ask {
  return async (question) => {
    const url = new URL(question.url);
    const dispatcher = openConnection(url, question, options);
    try {
      const signal = AbortSignal.any([options.signal, AbortSignal.timeout(options.milliseconds ?? MILLISECONDS)]);
      const { method = question.body === undefined ? 'GET' : 'POST', headers = {}, body = null } = question;
      const answer = await request(url, { dispatcher, signal, method, headers, body });
      const bytes = await collectBounded(answer.body, ANSWER_BYTES);
      if (answer.statusCode === 200) requireNoPage(bytes, answer.headers['content-type']);
      return { status: answer.statusCode, text: bytes.toString('utf8'), content: parseJsonObject(bytes) ?? {} };
    } catch (cause) {
      throw new Error(`${url.host} can't be asked: ${reasonOf(cause)}`, { cause });
    } finally {
      await dispatcher.destroy();
    }
  };
}

/** Otherwise the reader of the answer would complain of missing fields, not that something else answered. */
function requireNoPage(bytes: Buffer, header: string | string[] | undefined): void {
  const page = webPageIn(bytes, String(header ?? ''));
  if (page !== undefined) throw new Error(`${page} came: ${BEHIND_A_PAGE}`);
}

function openConnection(url: URL, { ca }: Question, { proxy, milliseconds = MILLISECONDS }: AskOptions): Dispatcher {
  const uri = proxyFor(url, proxy);
  const settings = { connections: 1, maxHeaderSize: HEADER_BYTES, connectTimeout: milliseconds };
  if (uri !== undefined) return new ProxyAgent({ ...settings, uri, ...(ca !== undefined && { requestTls: { ca } }) });
  return new Agent({ ...settings, ...(ca !== undefined && { connect: { ca } }) });
}

/** Addresses and words of the system, never of what was sent: that may hold a token. */
function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return 'unknown';
  if (cause.name === 'TimeoutError') return 'it did not answer in time';
  return 'code' in cause && typeof cause.code === 'string' ? `${cause.message} (${cause.code})` : cause.message;
}
