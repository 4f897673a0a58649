// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { runCaptured } from '../captured-terminal.ts';

const main = path.resolve(import.meta.dirname, '../../../../cli/main.ts');
const policy = `apiVersion: cosignet.dev/v1
kind: ImagePolicy
metadata: { name: none }
spec: { images: ['**'], action: Deny }
`;
const anyPort = ['--listen', '127.0.0.1:0', '--metrics-listen', '127.0.0.1:0'];

/** Of this machine: some have no IPv6. */
const LOOPBACKS = Object.values(networkInterfaces())
  .flatMap((addresses = []) => addresses.map(({ address }) => address))
  .flatMap((address) => (address === '::1' ? ['[::1]'] : address === '127.0.0.1' ? [address] : []));

describe('cosignet serve', () => {
  let folder: string;
  const file = (name: string) => path.join(folder, name);

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'cosignet-'));
    await writeFile(file('policy.yaml'), policy);
    await writeFile(file('broken.yaml'), policy.replace('action', 'acton'));
  });
  after(() => rm(folder, { recursive: true }));

  for (const [what, args, sentence] of [
    ['a certificate without its key', ['--tls-cert', 'a'], /give --tls-cert and --tls-key together/],
    [
      'a lifetime that is too short',
      ['--certificate-lifetime', '59'],
      /--certificate-lifetime 59: write whole seconds/,
    ],
    ['a lifetime that is no number', ['--certificate-lifetime', '90d'], /--certificate-lifetime 90d: write whole/],
    ['an address that is none', ['--listen', '8443'], /--listen 8443: write it as host:port/],
    ['an address of another machine', ['--listen', '192.0.2.1:0'], /EADDRNOTAVAIL/],
    [
      'a certificate file that is not there',
      ['--tls-cert', '/nonexistent', '--tls-key', '/nonexistent'],
      /\/nonexistent/,
    ],
    ['a configuration that is not there', ['--config', '/nonexistent.yaml'], /\/nonexistent\.yaml: can't be read/],
  ] as const) {
    test(`does not start with ${what}: exit code 2 and a sentence`, async () => {
      const ran = await runCaptured([
        'serve',
        '--policies',
        file('policy.yaml'),
        ...anyPort,
        '--log-level',
        'error',
        ...args,
      ]);
      assert.equal(ran.code, 2);
      assert.match(ran.err, sentence);
      assert.doesNotMatch(ran.err, /\n\s+at /);
    });
  }

  test('does not start with a part of the policies, and lists each fault on a line of its own', async () => {
    const both = ['--policies', folder, '--policies', '/nonexistent'];
    const ran = await runCaptured(['serve', ...both, ...anyPort, '--log-level', 'error']);
    assert.equal(ran.code, 2);
    assert.match(
      ran.err,
      /^cosignet: \S+broken\.yaml:4: spec\.acton: unknown field\ncosignet: \/nonexistent: no such file or folder$/,
    );
  });

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    test(`serves until ${signal}, then ends with 0`, async () => {
      const args = [main, 'serve', '--policies', file('policy.yaml'), ...anyPort];
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'pipe'] });
      const exit = once(child, 'exit');
      let log = '';
      for await (const chunk of child.stderr) {
        log += String(chunk);
        const serving = log.split('\n').find((line) => line.includes('"message":"serving"'));
        if (serving !== undefined && !log.includes('"message":"closing"')) {
          const { metrics }: { metrics: string } = JSON.parse(serving);
          assert.equal((await fetch(`${metrics}/readyz`)).status, 200);
          child.kill(signal);
        }
      }
      assert.deepEqual(await exit, [0, null], log);
    });
  }

  const ofIpv6 = new Set(['[::]:0', '[::1]:0']);
  for (const [listen, reached, unreached] of [
    [':0', LOOPBACKS, []],
    ['[::]:0', LOOPBACKS, []],
    ['[::1]:0', ['[::1]'], ['127.0.0.1']],
    ['0.0.0.0:0', ['127.0.0.1'], ['[::1]']],
  ] as const) {
    if (!LOOPBACKS.includes('[::1]') && ofIpv6.has(listen)) continue;
    test(`listening on ${listen} is reached by ${reached.join(' and ')}, on both ports`, async () => {
      const ports = await servingPorts(['--listen', listen, '--metrics-listen', listen], file('policy.yaml'));
      assert.equal(ports.shown.length, 2);
      for (const port of ports.shown) {
        for (const host of reached) assert.ok(await accepts(host, port), `${host}:${port}`);
        for (const host of unreached) assert.ok(!(await accepts(host, port)), `${host}:${port}`);
      }
      assert.deepEqual(await ports.end(), [0, null]);
    });
  }
});

/** Starts it, and reads from its log by which ports it serves. */
async function servingPorts(listen: readonly string[], policies: string) {
  const args = [main, 'serve', '--policies', policies, ...listen];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'pipe'] });
  const exit = once(child, 'exit');
  const shown: number[] = [];
  for await (const line of createInterface(child.stderr)) {
    if (!line.includes('"message":"serving"')) continue;
    const { webhook, metrics }: { webhook: string; metrics: string } = JSON.parse(line);
    shown.push(...[webhook, metrics].map((url) => Number(new URL(url).port)));
    break;
  }
  child.stderr.resume();
  const end = async () => {
    child.kill('SIGTERM');
    return exit;
  };
  return { shown, end };
}

async function accepts(host: string, port: number): Promise<boolean> {
  const socket = connect(port, host.replaceAll(/[[\]]/g, ''));
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
