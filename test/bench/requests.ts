// SPDX-License-Identifier: Apache-2.0
// Registry requests of one cold verification, beside the real cosign, through the same counting proxy.
// Prints a table and a line of JSON; ends with 1 where a count is above its goal.
import { parseArgs } from 'node:util';
import { Workshop } from '../vectors/cosign/workshop.ts';
import type { RegistryKind, SigningFormat } from '../vectors/cosign/workshop.ts';
import { createBenchEngine } from './bench-engine.ts';
import type { BenchEngine } from './bench-engine.ts';
import { startCountingProxy } from './counting-proxy.ts';
import type { CountingProxy } from './counting-proxy.ts';
import { printTable } from './table.ts';

interface Case {
  readonly registry: RegistryKind;
  readonly token: boolean;
  readonly format: SigningFormat;
  readonly by: 'tag' | 'digest';
  readonly keys: 1 | 10;
}

interface Row extends Case {
  /** The first decision of a process; nothing is known of registry or repository. */
  readonly fresh: number;
  /** A decision about a new image where the repository's format, the registry's ways and its token are known. */
  readonly learned: number;
  readonly goal: number;
  readonly cosign: number;
}

const EC = ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'];
const OTHERS = Array.from({ length: 9 }, (_, index) => `other${index}`);

/** HEAD where a tag is given; then `.sig`, or referrers (their list, a manifest, a bundle). */
function goalOf({ by, format }: Case): number {
  return (by === 'tag' ? 1 : 0) + (format === 'bundle' ? 3 : 1);
}

const { values } = parseArgs({ options: { json: { type: 'boolean', default: false } } });

await using workshop = await Workshop.open();
for (const name of ['release', ...OTHERS]) await workshop.key(name, EC);
const pems = new Map<string, string>();
for (const name of ['release', ...OTHERS]) pems.set(name, await workshop.publicKey(name));

const rows: Row[] = [];
for (const registry of ['distribution', 'referrers'] as const) {
  const target = await workshop.registry(registry);
  for (const token of [false, true]) {
    const proxy = await startCountingProxy(target, { token });
    for (const format of ['simple-signing', 'bundle'] as const) {
      rows.push(...(await countFormat({ registry, token, format }, proxy)));
    }
    await proxy.close();
  }
}

if (!values.json) {
  printTable(
    ['registry', 'token', 'format', 'by', 'keys', 'fresh', 'learned', 'goal', 'cosign verify'],
    rows.map((row) => [
      row.registry,
      row.token,
      row.format,
      row.by,
      row.keys,
      row.fresh,
      row.learned,
      row.goal,
      row.cosign,
    ]),
  );
}
console.log(JSON.stringify({ benchmark: 'requests', rows }));
process.exitCode = rows.every(({ learned, goal }) => learned <= goal) ? 0 : 1;

async function countFormat(shared: Pick<Case, 'registry' | 'token' | 'format'>, proxy: CountingProxy): Promise<Row[]> {
  const repository = `${proxy.host}/bench/${shared.token ? 'token' : 'open'}/${shared.format}`;
  const digests = await signTwo(repository, shared.format);
  const rowsOfFormat: Row[] = [];
  for (const by of ['tag', 'digest'] as const) {
    const images = digests.map((digest, index) => repository + (by === 'tag' ? `:${index + 1}.0` : `@${digest}`));
    for (const keys of [1, 10] as const) {
      const kase: Case = { ...shared, by, keys };
      rowsOfFormat.push({ ...kase, ...(await count(kase, images, proxy)), goal: goalOf(kase) });
    }
  }
  return rowsOfFormat;
}

async function signTwo(repository: string, format: SigningFormat): Promise<readonly string[]> {
  const digests: string[] = [];
  for (const tag of ['1.0', '2.0']) {
    const digest = await workshop.push(`${repository}:${tag}`);
    await workshop.cosign('sign', format, ['--key', 'release.key', `${repository}@${digest}`]);
    digests.push(digest);
  }
  return digests;
}

async function count(
  { format, keys }: Case,
  [first = '', second = '']: readonly string[],
  proxy: CountingProxy,
): Promise<Pick<Row, 'fresh' | 'learned' | 'cosign'>> {
  const engine = engineFor(proxy, keys);
  const fresh = await countDuring(proxy, () => engine.verify(first));
  const learned = await countDuring(proxy, () => engine.verify(second));
  await engine.close();
  const verify = ['verify', '--insecure-ignore-tlog=true', `--new-bundle-format=${format === 'bundle'}`];
  const cosign = await countDuring(proxy, () => workshop.exec('cosign', [...verify, '--key', 'release.pub', second]));
  return { fresh, learned, cosign };
}

async function countDuring(proxy: CountingProxy, work: () => Promise<unknown>): Promise<number> {
  proxy.reset();
  await work();
  return proxy.requests.length;
}

function engineFor(proxy: CountingProxy, keys: number): BenchEngine {
  // The signer's key is the last of them.
  const names = [...OTHERS.slice(0, keys - 1), 'release'];
  return createBenchEngine(
    proxy.host,
    names.map((name) => ({ name, pem: pems.get(name) ?? '' })),
  );
}
