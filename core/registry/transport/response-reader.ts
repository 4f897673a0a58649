// SPDX-License-Identifier: Apache-2.0
import type { Dispatcher } from 'undici';
import { EngineError } from '../../errors.ts';
import { raiseLimit } from '../../limits.ts';
import { areTooManyPieces } from '../../read-bounded.ts';
import { UNBOUNDED } from '../read-budget.ts';
import type { ReadBudget } from '../read-budget.ts';
import { headerText } from './http-message.ts';
import type { HttpHeaders, HttpRequest, HttpResponse } from './http-message.ts';

/** Bytes read of a response that is no success; enough for the OCI error codes. */
const ERROR_BODY_BYTES = 8 * 1024;
/** Of responses that only inform, and come before the one that answers. */
const INFORMATIONAL_MOST = 8;

/** Reads one response as it comes from its connection: streams in between cost more than what they carry. */
export class ResponseReader implements Dispatcher.DispatchHandler {
  readonly #request: HttpRequest;
  readonly #budget: ReadBudget;
  readonly #started: (() => void) | undefined;
  readonly #ended = Promise.withResolvers<HttpResponse>();
  readonly #chunks: Uint8Array[] = [];
  #controller: Dispatcher.DispatchController | undefined;
  /** Why nothing more is read; undefined: it goes on. */
  #over: Error | undefined;
  #status = 0;
  #headers: HttpHeaders = {};
  #size = 0;
  #informational = 0;

  /** @param started called when the request goes out on a connection. */
  constructor(request: HttpRequest, budget: ReadBudget, started?: () => void) {
    this.#request = request;
    this.#budget = budget;
    this.#started = started;
    // Where nothing could be sent, nobody waits for it.
    this.#ended.promise.catch(() => undefined);
  }

  /** Rejects with EngineError ResponseTooLarge, with what the budget throws, with what `stop` was given, or as undici does. */
  get response(): Promise<HttpResponse> {
    return this.#ended.promise;
  }

  /** Closes the connection, if there is one by now: whatever else the server wants to send stays with it. */
  stop(reason: Error): void {
    if (this.#over) return;
    this.#over = reason;
    this.#ended.reject(reason);
    this.#controller?.abort(reason);
  }

  /** Whether the request went out: before, it waits for a connection. */
  get isStarted(): boolean {
    return this.#controller !== undefined;
  }

  stopUnlessStarted(reason: Error): void {
    if (!this.isStarted) this.stop(reason);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#over) controller.abort(this.#over);
    else this.#started?.();
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: HttpHeaders): void {
    // What only informs is followed by the response.
    if (status < 200) {
      this.#informational += 1;
      const isTooMany = this.#informational > INFORMATIONAL_MOST;
      return isTooMany ? this.stop(this.#tooLarge('sent too many responses that answer nothing')) : undefined;
    }
    this.#status = status;
    this.#headers = headers;
    if (!this.#isWanted) return;
    const declared = Number(headerText(headers, 'content-length') ?? 0);
    const { maximumBytes, url } = this.#request;
    if (isEncoded(headers)) this.stop(encodedUnasked(url));
    else if (declared > maximumBytes)
      this.stop(this.#tooLarge(`announced ${declared} bytes, more than the ${maximumBytes} allowed`));
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Uint8Array): void {
    if (this.#over) return;
    this.#size += chunk.length;
    const cap = this.#isWanted ? this.#request.maximumBytes : ERROR_BODY_BYTES;
    if (this.#size > cap) return this.#cut(cap);
    try {
      (this.#isWanted ? this.#budget : UNBOUNDED).spend(chunk.length);
    } catch (error) {
      return this.stop(error instanceof Error ? error : new Error(String(error)));
    }
    this.#chunks.push(chunk);
    if (areTooManyPieces(this.#chunks.length, this.#size))
      this.stop(this.#tooLarge('sent its answer in too many pieces'));
  }

  onResponseEnd(): void {
    // Reading a short error to its end keeps the connection usable.
    this.#end();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#over ??= error;
    this.#ended.reject(error);
  }

  /** Whether the body is what was asked for; of all else the start says enough. */
  get #isWanted(): boolean {
    return this.#status === 200 && this.#request.method !== 'HEAD';
  }

  #end(): void {
    const { url } = this.#request;
    this.#ended.resolve({ status: this.#status, headers: this.#headers, body: Buffer.concat(this.#chunks), url });
  }

  #cut(cap: number): void {
    const fault = this.#tooLarge(`sent more than the ${cap} bytes allowed`);
    // The start of an error is an answer all the same.
    if (!this.#isWanted) this.#end();
    this.stop(fault);
  }

  #tooLarge(fault: string): EngineError {
    const { url, limit } = this.#request;
    return new EngineError(
      'ResponseTooLarge',
      `${url.host} ${fault}`,
      limit === undefined ? {} : { remedy: raiseLimit(limit) },
    );
  }
}

function isEncoded(headers: HttpHeaders): boolean {
  const encoding = headers['content-encoding'];
  return encoding !== undefined && String(encoding).toLowerCase() !== 'identity';
}

/** Its true size is unknown until it is decoded, and may be anything. */
function encodedUnasked({ host }: URL): EngineError {
  return new EngineError('RegistryUnavailable', `${host} sent a compressed body although none was asked for`, {
    remedy: 'Have what stands before this registry compress nothing unless it is asked to (Accept-Encoding: identity).',
  });
}
