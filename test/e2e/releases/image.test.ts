// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Agent, request } from 'undici';
import packageFile from '../../../package.json' with { type: 'json' };
import { readElf } from '../../../release/formats/elf.ts';
import { readRuntimeLock } from '../../../release/inputs/runtime-lock.ts';
import { readTar } from '../../../release/formats/tar.ts';
import { startProgram, waitFor, type Running } from '../../control-plane/process.ts';
import { codeBlocks } from '../../checks/markdown.ts';
import { read } from '../../checks/sources.ts';
import { inContainer, indexOf, readLayout, unpack, type LayoutImage } from './container.ts';
import { startRegistry, type KeyPair, type Registry } from '../workbench/registry.ts';
import { output, requireTools, ROOT, run, type Outcome } from '../workbench/tools.ts';

/** A Pod as the API server asks about it. */
const REVIEW = {
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  request: {
    uid: 'b4a3a1f0',
    kind: { group: '', version: 'v1', kind: 'Pod' },
    resource: { group: '', version: 'v1', resource: 'pods' },
    namespace: 'default',
    operation: 'CREATE',
    userInfo: { username: 'jane' },
    object: {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'web' },
      spec: { containers: [{ name: 'web', image: 'nginx' }] },
    },
  },
};

/** No transparency log can be reached from a test. */
const OFFLINE: Readonly<Record<string, readonly string[]>> = {
  sign: ['-y', '--tlog-upload=false', '--use-signing-config=false'],
  attest: ['-y', '--tlog-upload=false', '--use-signing-config=false'],
  'verify-attestation': ['--insecure-ignore-tlog=true'],
};

function succeeded(outcome: Outcome): Outcome {
  assert.equal(outcome.code, 0, outcome.stdout + outcome.stderr);
  return outcome;
}

const POLICY = `apiVersion: cosignet.dev/v1
kind: ImagePolicy
metadata: { name: none }
spec: { images: ['**'], action: Deny }
`;

/** What starts within the image, before arguments. */
const entrypoint = ({ config }: LayoutImage): readonly string[] => config.config.Entrypoint;

describe('the container image', () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'cosignet-image-'));
  const layout = path.join(dir, 'one/image');
  const root = path.join(dir, 'root');
  const printed: string[] = [];
  let images: readonly LayoutImage[] = [];
  let here: LayoutImage;
  let registry: Registry | undefined;

  const start = (program: readonly string[]): Promise<Outcome> => run(inContainer(here.config, root, program));

  before(async () => {
    requireTools('crane', 'cosign', 'referrers-registry');
    if (!existsSync(path.join(ROOT, 'dist/cosignet.js'))) await output(['npm', 'run', '--silent', 'build']);
    printed.push(await build('one', path.join(ROOT, 'dist'), {}));
    images = readLayout(layout);
    const wanted = process.arch === 'x64' ? 'amd64' : process.arch;
    const image = images.find(({ config }) => config.architecture === wanted);
    assert.ok(image, `the image has no ${wanted}`);
    here = image;
    unpack(here, root);
    mkdirSync(path.join(root, 'etc/cosignet'));
    writeFileSync(path.join(root, 'etc/cosignet/policy.yaml'), POLICY);
    // Folders of mkdtemp are for their owner alone; the container's user is another.
    chmodSync(dir, 0o755);
  });
  after(async () => {
    await registry?.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  function build(name: string, bundle: string, env: Readonly<Record<string, string>>): Promise<string> {
    const out = path.join(dir, name);
    mkdirSync(out);
    const program = path.join(ROOT, 'release/image.ts');
    return output([process.execPath, program, '--bundle', bundle, '--out', out], { env });
  }

  test('has the same digest wherever and whenever it is built', async () => {
    const elsewhere = path.join(dir, 'elsewhere');
    cpSync(path.join(ROOT, 'dist'), elsewhere, {
      recursive: true,
      filter: (from) => !/\/(?:image|cosignet-image\.tar)$/.test(from),
    });
    for (const name of readdirSync(elsewhere, { recursive: true, encoding: 'utf8' })) {
      utimesSync(path.join(elsewhere, name), 1, 1);
      chmodSync(path.join(elsewhere, name), 0o700);
    }
    const again = await build('two', elsewhere, { TZ: 'Pacific/Apia', LANG: 'C' });
    assert.equal(again, printed[0]);
    assert.equal(again, indexOf(layout).manifests[0]?.digest);
    assert.deepEqual(
      readFileSync(path.join(dir, 'two/cosignet-image.tar')),
      readFileSync(path.join(dir, 'one/cosignet-image.tar')),
    );
  });

  test('is there for both architectures, each with every library that something in it needs', () => {
    assert.deepEqual(
      images.map(({ config }) => config.architecture),
      ['amd64', 'arm64'],
    );
    for (const { layers, config } of images) {
      const files = layers.flatMap(readTar).filter(({ type }) => type === 'file');
      const names = new Set(files.map((entry) => path.posix.basename(entry.path)));
      const programs = files.filter(({ content }) => content[0] === 0x7f && content[1] === 0x45);
      assert.ok(programs.length > 5, config.architecture);
      for (const { path: file, content } of programs) {
        const missing = readElf(Buffer.from(content)).needed.filter((name) => !names.has(name));
        assert.deepEqual(missing, [], `${config.architecture}: ${file}`);
      }
      const { interpreter = '' } = readElf(
        Buffer.from(files.find((one) => one.path === 'usr/local/bin/node')!.content),
      );
      assert.ok(files.some((one) => `/${one.path}` === interpreter));
    }
  });

  test('holds nothing to start but Node: no shell, no package manager, no link that leads elsewhere', () => {
    for (const { layers } of images) {
      const entries = layers.flatMap(readTar);
      const startable = entries.filter(
        ({ type, mode, path: file }) => type === 'file' && mode % 2 === 1 && !/\.so\b/.test(file),
      );
      assert.deepEqual(
        startable.map((entry) => entry.path),
        ['usr/local/bin/node'],
      );
      assert.deepEqual(
        entries.filter(({ type, mode }) => type === 'link' || (mode & 0o7022) !== 0),
        [],
      );
    }
  });

  test('starts: cosignet version', async () => {
    assert.deepEqual(await start([...entrypoint(here), 'version']), {
      code: 0,
      stdout: `${packageFile.version}\n`,
      stderr: '',
    });
  });

  test('runs the Node of the lock file, as a user without name on the node, on a file system that is read-only', async () => {
    const script = `
      let write; try { require('fs').writeFileSync('/app/x', '') } catch (e) { write = e.code }
      console.log(JSON.stringify([process.version, process.getuid(), process.getgid(), process.getgroups(), write]))`;
    const { stdout, stderr } = await start(['/usr/local/bin/node', '--eval', script]);
    const [version, uid, gid, groups, write]: readonly unknown[] = JSON.parse(stdout || JSON.stringify([stderr]));
    assert.deepEqual([version, uid, gid], [`v${readRuntimeLock().node.version}`, 65_532, 65_532]);
    assert.ok(Array.isArray(groups) && !groups.includes(0), stdout);
    assert.equal(write, 'EROFS');
  });

  test('may neither write, nor start a program or an addon, whatever code gets into it or into a thread of it', async () => {
    const [node, ...flags] = entrypoint(here).slice(0, -1);
    assert.ok(node && flags.includes('--permission'));
    const attempts = `
      const attempts = {
        write: () => require('fs').writeFileSync('/tmp/x', ''),
        spawn: () => require('child_process').spawnSync('/usr/local/bin/node', ['-v']),
        addon: () => process.dlopen({ exports: {} }, '/lib/x.node'),
      };
      const outcome = (attempt) => { try { attempt(); return 'done' } catch (e) { return e.code } };
      const outcomes = Object.fromEntries(Object.entries(attempts).map(([name, attempt]) => [name, outcome(attempt)]));`;
    const inThread = `${attempts} require('worker_threads').parentPort.postMessage(outcomes);`;
    const script = `${attempts}
      const { Worker } = require('worker_threads');
      new Worker(${JSON.stringify(inThread)}, { eval: true }).on('message', (thread) => {
        console.log(JSON.stringify({ process: outcomes, thread }));
      });`;
    const { stdout } = await start([node, ...flags, '--eval', script]);
    const refused = { write: 'ERR_ACCESS_DENIED', spawn: 'ERR_ACCESS_DENIED', addon: 'ERR_DLOPEN_DISABLED' };
    const { process: own, thread }: { readonly process: unknown; readonly thread: object } = JSON.parse(stdout);
    assert.deepEqual(own, refused);
    // Threads have no addons of their own; by which of the two rules they are refused is Node's to say.
    assert.ok(
      Object.values(thread).every((code) => /^ERR_(?:ACCESS_DENIED|DLOPEN_DISABLED)$/.test(String(code))),
      stdout,
    );
    assert.deepEqual(Object.keys(thread), Object.keys(refused));
  });

  test('serves, is ready, checks a Pod, and ends when it is told to', async () => {
    const log = path.join(dir, 'serve.log');
    const ports = ['--listen', '127.0.0.1:0', '--metrics-listen', '127.0.0.1:0'];
    const command = inContainer(here.config, root, [
      ...entrypoint(here),
      'serve',
      '--policies',
      '/etc/cosignet',
      ...ports,
    ]);
    const serving = startProgram({ command, log });
    try {
      const line = await waitFor('the container to serve', () => servingLine(serving, log));
      const { metrics, webhook }: { readonly metrics: string; readonly webhook: string } = JSON.parse(line);
      for (const probe of ['healthz', 'readyz']) assert.equal((await fetch(`${metrics}/${probe}`)).status, 200, probe);
      const { response } = await review(`${webhook}/validate`);
      assert.equal(response.allowed, false);
      assert.match(response.status.message, /nginx/);
    } finally {
      await serving.stop();
    }
    assert.equal(await serving.ended, 0, readFileSync(log, 'utf8'));
    assert.doesNotMatch(readFileSync(log, 'utf8'), /Warning|"level":"(?:warn|error)"/);
  });

  describe('by the commands of docs/how-to/build-the-container-image.md', () => {
    const page = read('docs/how-to/build-the-container-image.md');
    const commands = codeBlocks(page, ['sh']).flatMap((block) => block.split('\n'));
    let host = '';
    const keys = new Map<string, KeyPair>();

    before(async () => {
      registry = await startRegistry(path.join(dir, 'registry'));
      host = registry.host;
      for (const name of ['release', 'other']) keys.set(name, await registry.keyPair(name));
      await output([process.execPath, 'release/sbom.ts', path.join(dir, 'cosignet.cdx.json')]);
    });

    /** Runs the command of the page that begins so, with this test's files, registry and digest for the page's. */
    function follow(beginning: string, key = 'release'): Promise<Outcome> {
      const command = commands.find((line) => line.startsWith(beginning));
      assert.ok(command, `the page has no ${beginning}`);
      const pair = keys.get(key);
      const [program = '', ...args] = command
        .replaceAll('registry.example.com', host)
        .replace('sha256:…', printed[0] ?? '')
        .replace('dist/image', layout)
        .replace('dist/cosignet.cdx.json', path.join(dir, 'cosignet.cdx.json'))
        .replace('cosign.key', pair?.privateFile ?? '')
        .replace('cosign.pub', pair?.publicFile ?? '')
        .split(' ');
      const ours = [process.execPath, path.join(ROOT, 'cli/main.ts'), ...args, '--insecure-registry', host] as const;
      const flags = program === 'cosign' ? (OFFLINE[args[0] ?? ''] ?? []) : [];
      return run(program === 'cosignet' ? ours : [program, ...args, ...flags], {
        env: { COSIGN_PASSWORD: '', DOCKER_CONFIG: dir, HOME: dir },
      });
    }

    test('is pushed, with the digest that the build printed', async () => {
      succeeded(await follow('crane push'));
      assert.equal(succeeded(await follow('crane digest')).stdout.trim(), printed[0]);
    });

    test('is denied by our own policy until it is signed', async () => {
      assert.equal((await follow('cosignet verify')).code, 1);
    });

    test('is signed, then allowed by our own policy for its key, and for no other', async () => {
      succeeded(await follow('cosign sign'));
      const allowed = succeeded(await follow('cosignet verify'));
      assert.ok(allowed.stdout.includes(printed[0] ?? 'none'), allowed.stdout);
      assert.equal((await follow('cosignet verify', 'other')).code, 1);
    });

    test('carries its bill of materials, signed', async () => {
      succeeded(await follow('cosign attest'));
      const { stdout } = succeeded(await follow('cosign verify-attestation'));
      const envelope: { readonly payload: string } = JSON.parse(stdout);
      const statement = Buffer.from(envelope.payload, 'base64').toString();
      assert.ok(statement.includes('CycloneDX') && statement.includes('pkg:npm/undici@'));
      assert.notEqual((await follow('cosign verify-attestation', 'other')).code, 0);
    });
  });
});

/** The line that says where it listens; fails as soon as the process has ended. */
async function servingLine(serving: Running, log: string): Promise<string | undefined> {
  const text = readFileSync(log, 'utf8');
  const ended = await Promise.race([
    serving.ended.then(() => true),
    new Promise((resolve) => setImmediate(resolve, false)),
  ]);
  if (ended === true) assert.fail(text);
  return text.split('\n').find((line) => line.includes('"message":"serving"'));
}

interface Reviewed {
  readonly response: { readonly allowed: boolean; readonly status: { readonly message: string } };
}

async function review(url: string): Promise<Reviewed> {
  const dispatcher = new Agent({ connect: { rejectUnauthorized: false } });
  try {
    const headers = { 'content-type': 'application/json' };
    const { body } = await request(url, { method: 'POST', headers, body: JSON.stringify(REVIEW), dispatcher });
    const answer: Reviewed = JSON.parse(await body.text());
    return answer;
  } finally {
    await dispatcher.close();
  }
}
