// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { bundleFor, ISSUER, signKeyless, SIGNED_AT, SUBJECT } from '../../../fakes/sigstore/keyless.ts';
import { createSigstore, fulcioExtensions, issuerV2 } from '../../../fakes/sigstore/sigstore.ts';
import { runCaptured } from '../captured-terminal.ts';
import { signFile } from '../signed-file.ts';

const signed = signFile('what is released');
const other = signFile('something else');

const verify = (...args: string[]) => runCaptured(['verify-bundle', ...args]);

describe('cosignet verify-bundle', () => {
  let folder: string;
  const file = (name: string) => path.join(folder, name);

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'cosignet-'));
    await writeFile(file('app'), signed.artifact);
    await writeFile(file('app.bundle'), signed.bundle);
    await writeFile(file('key.pub'), signed.publicKey);
    await writeFile(file('other.pub'), other.publicKey);
    await writeFile(file('other'), other.artifact);
    await writeFile(file('broken.bundle'), signed.bundle.slice(0, -10));
  });
  after(() => rm(folder, { recursive: true }));

  test('verifies a file, or its digest alone', async () => {
    for (const artifact of [file('app'), signed.digest]) {
      const { code, out } = await verify('--bundle', file('app.bundle'), '--key', file('key.pub'), artifact);
      assert.equal(code, 0, out);
      assert.match(out, /^verified: .* is signed by sha256:[0-9a-f]{64}$/);
    }
  });

  for (const [what, bundle, key, artifact] of [
    ['another file', 'app.bundle', 'key.pub', 'other'],
    ['another key', 'app.bundle', 'other.pub', 'app'],
    ['a bundle that is cut off', 'broken.bundle', 'key.pub', 'app'],
    ['something that is no bundle', 'key.pub', 'key.pub', 'app'],
  ] as const) {
    test(`denies ${what} with one line`, async () => {
      const { code, out, err } = await verify('--bundle', file(bundle), '--key', file(key), file(artifact));
      assert.deepEqual([code, err], [1, '']);
      assert.match(out, /^not verified: .*: .+$/);
    });
  }

  test('wrong input is told from a bundle that does not verify', async () => {
    for (const [args, sentence] of [
      [[], /give either --key, or --certificate-identity and --certificate-oidc-issuer/],
      [['--certificate-identity', 'a@example.com'], /give either --key, or /],
      [['--key', file('key.pub'), '--certificate-identity', 'a'], /give either --key, or /],
      [['--key', file('key.pub'), '--certificate-claim', 'buildTrigger=push'], /give either --key, or /],
      [['--key', file('key.pub'), '--insecure-ignore-sct'], /give either --key, or /],
      [
        ['--certificate-identity', 'a', '--certificate-oidc-issuer', 'b', '--insecure-ignore-sct'],
        /--insecure-ignore-sct needs --trusted-root/,
      ],
      [['--certificate-claim', 'buildTrigger'], /buildTrigger: write it as name=value/],
      [['--certificate-claim', 'trigger=push'], /trigger=push: the names are githubWorkflowTrigger, .*, tokenSubject/],
      [
        ['--certificate-claim', 'buildTrigger=push', '--certificate-claim', 'buildTrigger=release'],
        /buildTrigger is given twice/,
      ],
      [['--key', file('missing.pub')], /--key .*missing\.pub/],
      [['--key', file('app')], /--key .*app: no PEM block/],
      [['--key', file('key.pub'), '--trusted-root', file('app')], /--trusted-root .*app: /],
    ] as const) {
      const { code, out, err } = await verify('--bundle', file('app.bundle'), ...args, file('app'));
      assert.deepEqual([code, out], [2, '']);
      assert.match(err, sentence);
    }
    assert.equal((await verify('--bundle', file('missing'), '--key', file('key.pub'), file('app'))).code, 2);
    assert.equal((await verify('--bundle', file('app.bundle'), '--key', file('key.pub'), file('missing'))).code, 2);
  });

  test('verifies what the certificate says, under the trust root of the instance', async () => {
    const sigstore = createSigstore();
    const extensions = [issuerV2(ISSUER), ...fulcioExtensions({ 14: 'refs/tags/v1=2' })];
    const signing = signKeyless({ sigstore, entry: 'dsse1', leaf: { extensions } });
    await writeFile(file('keyless'), signing.artifact);
    await writeFile(file('keyless.bundle'), JSON.stringify(bundleFor(signing)));
    await writeFile(file('root.json'), JSON.stringify(sigstore.trustedRoot));
    const who = ['--certificate-identity', SUBJECT, '--certificate-oidc-issuer', ISSUER];
    const identity = ['--bundle', file('keyless.bundle'), '--trusted-root', file('root.json'), ...who];
    const ask = (...claims: string[]) =>
      verify(...identity, ...claims.flatMap((claim) => ['--certificate-claim', claim]), file('keyless'));
    assert.equal((await ask()).code, 0);
    const { code, out } = await ask('sourceRepositoryRef=refs/tags/v1=2', `issuer=${ISSUER}`);
    assert.equal(code, 0, out);
    const refused = await ask('sourceRepositoryRef=refs/tags/v1=2', 'buildTrigger=push');
    assert.equal(refused.code, 1);
    assert.match(refused.out, /not verified: .*buildTrigger is missing, not push/);
  });

  test('asks for no promise of a certificate log where the instance has none', async () => {
    const sigstore = createSigstore();
    const signing = signKeyless({ sigstore, stampedAt: SIGNED_AT, leaf: { withoutPromise: true } });
    await writeFile(file('stamped'), signing.artifact);
    await writeFile(file('stamped.bundle'), JSON.stringify(bundleFor(signing)));
    await writeFile(file('stamped.json'), JSON.stringify({ ...sigstore.trustedRoot, tlogs: [], ctlogs: [] }));
    const who = ['--certificate-identity', SUBJECT, '--certificate-oidc-issuer', ISSUER];
    const ask = ['--bundle', file('stamped.bundle'), '--trusted-root', file('stamped.json'), ...who, file('stamped')];
    const refused = await verify(...ask);
    assert.equal(refused.code, 1);
    assert.match(refused.out, /no promise of a certificate log/);
    assert.equal((await verify('--insecure-ignore-sct', ...ask)).code, 0);
  });

  test('a signature by key is none of an identity, under the built-in trust root', async () => {
    const identity = ['--certificate-identity', 'a@example.com', '--certificate-oidc-issuer', 'https://i.example'];
    const { code, out } = await verify('--bundle', file('app.bundle'), ...identity, file('app'));
    assert.equal(code, 1);
    assert.match(out, /not verified: .* signed with a key/);
  });
});
