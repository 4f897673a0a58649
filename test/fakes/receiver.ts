// SPDX-License-Identifier: Apache-2.0
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';

export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** Takes POSTs over HTTP, as a chat's webhook or a trace collector does. */
export class FakeReceiver {
  readonly received: Received[] = [];
  /** Status and headers of the next answers; `hang` gives none. */
  answer: () => { status: number; headers?: Record<string, string> } | 'hang' = () => ({ status: 200 });
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      let text = '';
      request.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      request.on('end', () => {
        this.received.push({ path: request.url ?? '', headers: request.headers, text });
        const answer = this.answer();
        if (answer === 'hang') return;
        response.writeHead(answer.status, answer.headers ?? {});
        response.end('ok');
      });
    });
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  /** `http://127.0.0.1:port`. */
  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('not started');
    return `http://127.0.0.1:${address.port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
