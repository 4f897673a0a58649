// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setImmediate, setTimeout as delay } from 'node:timers/promises';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { durationMilliseconds } from '../../../../../core/registry/credentials/duration.ts';
import { rememberHelpers } from '../../../../../core/registry/credentials/helper.ts';
import {
  limitRuns,
  programEnvironment,
  runProgram,
  type Program,
} from '../../../../../core/registry/credentials/program.ts';

const shell = (script: string): Program => ({
  file: '/bin/sh',
  name: 'script',
  args: ['-c', script],
  input: '',
  environment: { PATH: '/usr/bin:/bin' },
  timeoutMilliseconds: 300,
});

/** What has ended but was not asked for its exit code does not. */
async function isRunning(pid: string): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return status !== '' && !/^State:\s+Z/m.test(status);
}

describe('runProgram', () => {
  test('is not held up by what the program left behind', async () => {
    const started = Date.now();
    await assert.rejects(runProgram(shell('sleep 20 & wait')), { message: 'script took longer than 300 ms' });
    assert.ok(Date.now() - started < 15_000);
  });

  test('ends what the program has started, too', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'program-'));
    const file = path.join(folder, 'pid');
    await assert.rejects(runProgram(shell(`sleep 60 & echo $! > ${file}; wait`)), /took longer/);
    const pid = (await readFile(file, 'utf8')).trim();
    for (let left = 100; await isRunning(pid); left -= 1) {
      assert.ok(left > 0, `process ${pid} still runs`);
      await delay(20);
    }
    await rm(folder, { recursive: true });
  });

  test('runs no shell', async () => {
    const program = { ...shell(''), file: '/bin/echo', args: ['$(id)', ';', 'id'] };
    assert.equal((await runProgram(program)).output.toString(), '$(id) ; id\n');
  });
});

describe('limitRuns', () => {
  test('runs so many at once, and the others in their turn', async () => {
    const running: (() => void)[] = [];
    const limited = limitRuns(async () => {
      await new Promise<void>((end) => running.push(end));
      return { exitCode: 0, output: Buffer.alloc(0) };
    }, 2);
    const all = Array.from({ length: 5 }, () => limited(shell('')));
    await setImmediate();
    assert.equal(running.length, 2);
    while (running.length > 0) {
      assert.ok(running.length <= 2);
      running.shift()?.();
      await setImmediate();
    }
    assert.equal((await Promise.all(all)).length, 5);
  });

  test('goes on after a failure', async () => {
    const limited = limitRuns(() => Promise.reject(new Error('failed')), 1);
    await assert.rejects(limited(shell('')));
    await assert.rejects(limited(shell('')), /failed/);
  });
});

describe('programEnvironment', () => {
  test('passes on what cloud SDKs need, and nothing else', () => {
    const passed = {
      PATH: '/bin',
      AWS_ROLE_ARN: 'a',
      AWS_WEB_IDENTITY_TOKEN_FILE: 'b',
      AZURE_CLIENT_ID: 'c',
      GOOGLE_APPLICATION_CREDENTIALS: 'd',
      HTTPS_PROXY: 'e',
      no_proxy: 'f',
      SSL_CERT_FILE: 'g',
    };
    const kept = { NODE_OPTIONS: 'x', OTEL_EXPORTER_OTLP_HEADERS: 'x', LD_PRELOAD: 'x', KUBECONFIG: 'x' };
    assert.deepEqual(programEnvironment({ ...passed, ...kept }), passed);
  });
});

describe('rememberHelpers', () => {
  test('asks again after half a minute, and after five seconds where it failed', async () => {
    let now = 0;
    let runs = 0;
    let fails = false;
    const ask = rememberHelpers(
      async () => {
        runs += 1;
        if (fails) throw new Error('failed');
        return { username: 'alice', password: String(runs) };
      },
      () => now,
    );
    await Promise.all([ask('a', 'host'), ask('a', 'host')]);
    assert.equal(runs, 1);
    await ask('b', 'host');
    await ask('a', 'other');
    assert.equal(runs, 3);
    now = 29_999;
    assert.equal((await ask('a', 'host'))?.password, '1');
    now = 30_000;
    fails = true;
    await assert.rejects(ask('a', 'host'));
    now = 34_999;
    fails = false;
    await assert.rejects(ask('a', 'host'));
    now = 35_000;
    assert.equal((await ask('a', 'host'))?.password, '5');
  });
});

describe('durationMilliseconds', () => {
  for (const [text, milliseconds] of [
    ['12h', 43_200_000],
    ['1h30m', 5_400_000],
    ['1.5s', 1500],
    ['500ms', 500],
    ['0', 0],
    ['0s', 0],
    ['-1s', undefined],
    ['12', undefined],
    ['h', undefined],
    ['1d', undefined],
    ['', undefined],
    ['1h ', undefined],
  ] as const) {
    test(`reads "${text}" as ${milliseconds} ms`, () => assert.equal(durationMilliseconds(text), milliseconds));
  }

  test('is never below zero, whatever the text', () => {
    fc.assert(fc.property(fc.string(), (text) => (durationMilliseconds(text) ?? 0) >= 0));
  });
});
