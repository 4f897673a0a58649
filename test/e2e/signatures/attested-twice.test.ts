// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { parse } from 'yaml';
import type { ImagePolicy } from '../../../core/policy/documents/image-policy.gen.ts';
import { codeBlocks } from '../../checks/markdown.ts';
import { startRegistry, type KeyPair, type Registry, type SignOptions } from '../workbench/registry.ts';
import { output, requireTools, ROOT, run } from '../workbench/tools.ts';

requireTools('cosign', 'crane', 'referrers-registry');

type Select = 'Any' | 'All' | 'Newest';
type Format = NonNullable<SignOptions['format']>;
const FORMATS: readonly Format[] = ['simple-signing', 'bundle'];

interface Scan {
  readonly hoursAgo: number;
  /** Whether it found something critical. */
  readonly found: boolean;
}

const HOUR = 3_600_000;

let folder = '';
let registry: Registry;
let scanner: KeyPair;
let recipe: ImagePolicy;

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'attested-'));
  registry = await startRegistry(path.join(folder, 'registry'));
  scanner = await registry.keyPair('scanner');
  // The first recipe of the page is what is tested.
  const [text = ''] = codeBlocks(await readFile(path.join(ROOT, 'docs/how-to/require-attestations.md'), 'utf8'), [
    'yaml',
  ]);
  recipe = parse(text);
});
after(async () => {
  await registry.stop();
  await rm(folder, { recursive: true });
});

/** By the real cosign, as `trivy image --format cosign-vuln` would have it written. */
async function scanned(image: string, format: Format, { hoursAgo, found }: Scan): Promise<void> {
  const finished = new Date(Date.now() - hoursAgo * HOUR).toISOString();
  const result = { Results: [{ Vulnerabilities: found ? [{ Severity: 'CRITICAL' }] : [] }] };
  const predicate = path.join(folder, `${format}.json`);
  const metadata = { scanStartedOn: finished, scanFinishedOn: finished };
  await writeFile(predicate, JSON.stringify({ scanner: { uri: 'trivy', result }, metadata }));
  const how = ['--tlog-upload=false', '--use-signing-config=false', `--new-bundle-format=${format === 'bundle'}`];
  const what = ['--type', 'vuln', '--predicate', predicate];
  await output(['cosign', 'attest', '-y', '--key', scanner.privateFile, ...how, ...what, image], {
    env: { COSIGN_PASSWORD: '', DOCKER_CONFIG: folder, HOME: folder },
  });
}

interface Verdict {
  readonly code: string;
  readonly message: string;
}

async function verdictsOn(images: readonly string[], select: Select): Promise<readonly Verdict[]> {
  const [scan] = recipe.spec.attestations ?? [];
  assert.ok(scan?.select === 'Newest' && scan.newestBy !== undefined);
  const { newestBy, ...others } = scan;
  const attestations = [{ ...others, select, ...(select === 'Newest' && { newestBy }) }];
  const spec = { images: ['**'], threshold: 0, keys: [{ pem: scanner.publicKey }], attestations };
  const policies = path.join(folder, 'policy.yaml');
  await writeFile(policies, JSON.stringify({ ...recipe, metadata: { name: 'scanned' }, spec }));
  const options = ['--policies', policies, '--insecure-registry', registry.host, '-o', 'json'];
  const { stdout, stderr } = await run([process.execPath, 'cli/main.ts', 'verify', ...options, ...images]);
  const verdicts: readonly Verdict[] = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.equal(verdicts.length, images.length, stderr);
  return verdicts;
}

test('images that cosign attested more than once with a key are as good as their newest scan, in whatever order they came', async () => {
  const images = await Promise.all(FORMATS.map((format) => registry.push(`scanned/${format}:1.0`)));
  const scan = (what: Scan) => Promise.all(FORMATS.map((format, index) => scanned(images[index] ?? '', format, what)));
  const expect = async (select: Select, code: string, message = /./) => {
    for (const verdict of await verdictsOn(images, select)) {
      assert.equal(verdict.code, code, `${select}: ${verdict.message}`);
      assert.match(verdict.message, message);
    }
  };
  await scan({ hoursAgo: 24, found: true });
  await scan({ hoursAgo: 48, found: false });
  await expect('Newest', 'AttestationFailed', /the last scan found critical vulnerabilities/);
  await expect('Any', 'Verified');
  await scan({ hoursAgo: 1, found: false });
  await expect('Newest', 'Verified');
  await expect('All', 'AttestationFailed');
});
