// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createSecureServer } from 'node:http2';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { issueLocalCertificate } from '../../../operator/certificates/local-certificate.ts';
import { leftOut } from '../../../release/bundle/left-out.ts';
import { quietBuiltins } from '../../../release/bundle/quiet-builtins.ts';

const ROOT = path.join(import.meta.dirname, '../../..');
const run = promisify(execFile);

/** What a program prints that has these libraries as the bundle has them. */
const LIBRARIES = `
  import * as undici from 'undici';
  import * as http from 'node:http';
  import process from 'node:process';
  import { KubeConfig, Watch } from '@kubernetes/client-node';
  const named = (make) => { try { make(); return 'made'; } catch (error) { return error.message; } };
  const cluster = { name: 'c', server: 'https://c.example', proxyUrl: 'socks5://proxy.example' };
  const config = new KubeConfig();
  config.loadFromClusterAndUser(cluster, { name: 'u', token: 't' });
  const before = process.moduleLoadList.map((name) => name.replace('NativeModule ', ''));
  const dispatcher = new undici.Agent({ allowH2: true, connect: { rejectUnauthorized: false } });
  const answer = await undici.request(process.argv[2], { dispatcher });
  const version = await answer.body.text();
  await dispatcher.destroy();
  console.log(JSON.stringify({
    loaded: before.filter((name) => ['http', 'http2', 'internal/deps/undici/undici', 'tty'].includes(name)),
    isNodes: http.createServer === process.getBuiltinModule('http').createServer,
    version,
    refused: [
      named(() => new undici.WebSocket('wss://example.com')),
      named(() => new Watch(config)),
      await config.applyToHTTPSOptions({}).then(() => 'applied', (error) => error.message),
    ],
  }));`;

describe('what the bundle leaves out of libraries', () => {
  let folder = '';
  let said: { loaded: string[]; isNodes: boolean; version: string; refused: string[] };
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'cosignet-left-out-'));
    const outfile = path.join(folder, 'program.mjs');
    await build({
      stdin: { contents: LIBRARIES, resolveDir: ROOT },
      outfile,
      bundle: true,
      format: 'esm',
      platform: 'node',
      plugins: [leftOut, quietBuiltins],
      banner: { js: "import{createRequire as _cr}from'node:module';const require=_cr(import.meta.url);" },
      logLevel: 'error',
    });
    const { cert, key } = await issueLocalCertificate(Date.now());
    const server = createSecureServer({ key, cert }, (request, response) => {
      response.end(request.httpVersion);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    try {
      const { stdout } = await run(process.execPath, [outfile, `https://127.0.0.1:${port}/`], { timeout: 60_000 });
      said = JSON.parse(stdout);
    } finally {
      server.close();
    }
  });
  after(() => rm(folder, { recursive: true, force: true }));

  test('is not loaded by what is there', () => {
    // http is what it was asked for.
    assert.deepEqual(said.loaded, ['http']);
    assert.equal(said.isNodes, true);
  });

  test('fails by its name, and a cluster behind a proxy as it does without a bundle', () => {
    assert.deepEqual(said.refused, [
      'WebSocket is not bundled',
      'Watch is not bundled',
      'proxy-url in the kubeconfig is not supported',
    ]);
  });

  test('is there after all where it is only late: a connection by HTTP/2', () => {
    assert.equal(said.version, '2.0');
  });
});
