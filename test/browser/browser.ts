// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { waitFor } from '../control-plane/process.ts';

/** One page in a headless Chromium, by its own protocol. */
export interface Browser {
  open(this: void, url: string, viewport: { readonly width: number; readonly height: number }): Promise<void>;
  /** The value of an expression in the page; must be JSON. The page's own policy does not bind us. */
  evaluate<T>(this: void, expression: string): Promise<T>;
  /** A key as a person presses it: `Tab` or `Enter`. */
  press(this: void, key: 'Tab' | 'Enter'): Promise<void>;
  /** URLs that the page asked for since it was opened, itself included. */
  readonly requests: readonly string[];
  close(this: void): Promise<void>;
}

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--remote-debugging-port=0',
];

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: { readonly request?: { readonly url: string } };
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

/** CHROMIUM: the program; left out, `chromium`. Fails where there is none: what isn't looked at must not pass. */
export async function openBrowser(): Promise<Browser> {
  const profile = mkdtempSync(path.join(tmpdir(), 'cosignet-browser-'));
  const program = process.env['CHROMIUM'] ?? 'chromium';
  const child = spawn(program, [...FLAGS, `--user-data-dir=${profile}`], { stdio: ['ignore', 'ignore', 'pipe'] });
  const clean = () => {
    child.kill('SIGKILL');
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  };
  process.once('exit', clean);
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const endpoint = await new Promise<string>((resolve, reject) => {
    child.once('error', () =>
      reject(new Error(`${program} can't be started: install Chromium, or name it in CHROMIUM`)),
    );
    child.once('exit', (code) => reject(new Error(`${program} ended with ${code}`)));
    createInterface({ input: child.stderr }).on('line', (line) => {
      const url = /^DevTools listening on (ws:\S+)$/.exec(line)?.[1];
      if (url !== undefined) resolve(url);
    });
  });
  const page = await connect(await pageOf(endpoint));
  return {
    async open(url, { width, height }) {
      await page.call('Network.enable');
      await page.call('Page.enable');
      await page.call('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: true });
      page.requests.length = 0;
      await page.call('Page.navigate', { url });
      // Of this page: the event of the one before may come late, or twice.
      const loaded = `location.href === ${JSON.stringify(url)} && document.readyState === 'complete'`;
      await waitFor(`${url} to load`, async () => {
        const { result } = await page.call('Runtime.evaluate', { expression: loaded, returnByValue: true });
        return Object(result).value === true || undefined;
      });
    },
    async evaluate<T>(expression: string) {
      const { result, exceptionDetails } = await page.call('Runtime.evaluate', { expression, returnByValue: true });
      if (exceptionDetails !== undefined) throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`);
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the test knows what it asked for
      return (result as { value: T }).value;
    },
    async press(key) {
      const code = key === 'Tab' ? 9 : 13;
      const stroke = { key, code: key, windowsVirtualKeyCode: code, ...(key === 'Enter' && { text: '\r' }) };
      await page.call('Input.dispatchKeyEvent', { type: 'keyDown', ...stroke });
      await page.call('Input.dispatchKeyEvent', { type: 'keyUp', ...stroke });
    },
    requests: page.requests,
    async close() {
      page.close();
      child.kill('SIGTERM');
      await ended;
      process.off('exit', clean);
      clean();
    },
  };
}

async function pageOf(endpoint: string): Promise<string> {
  const response = await fetch(`http://${new URL(endpoint).host}/json/list`);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the protocol's answer
  const targets = (await response.json()) as { type: string; webSocketDebuggerUrl: string }[];
  const page = targets.find(({ type }) => type === 'page');
  if (page === undefined) throw new Error('the browser has no page');
  return page.webSocketDebuggerUrl;
}

async function connect(url: string) {
  const socket = new WebSocket(url);
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve, { once: true });
    socket.addEventListener('error', () => reject(new Error('the browser does not answer')), { once: true });
  });
  const calls = new Map<number, PromiseWithResolvers<Record<string, unknown>>>();
  const requests: string[] = [];
  let count = 0;
  socket.addEventListener('message', ({ data }) => {
    const { id, method, params, result, error }: Message = JSON.parse(String(data));
    if (id !== undefined) {
      if (error) calls.get(id)?.reject(new Error(error.message));
      else calls.get(id)?.resolve(result ?? {});
      calls.delete(id);
    }
    if (method === 'Network.requestWillBeSent' && params?.request) requests.push(params.request.url);
  });
  return {
    requests,
    call(method: string, params: object = {}): Promise<Record<string, unknown>> {
      count += 1;
      const answer = Promise.withResolvers<Record<string, unknown>>();
      calls.set(count, answer);
      socket.send(JSON.stringify({ id: count, method, params }));
      return answer.promise;
    },
    close: () => socket.close(),
  };
}
