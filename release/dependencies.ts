// SPDX-License-Identifier: Apache-2.0
/**
 * Writes docs/reference/dependencies.md from package-lock.json and the runtime's lock.
 * Usage: node release/dependencies.ts            writes it
 *        node release/dependencies.ts --check    fails where it differs
 */
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { format, resolveConfig } from 'prettier';
import { directDependencies, productionPackages, readLockFile, type LockFile } from './inputs/lockfile.ts';
import { readRuntimeLock, type RuntimeLock } from './inputs/runtime-lock.ts';

const root = path.join(import.meta.dirname, '..');
export const PAGE = path.join(root, 'docs/reference/dependencies.md');
/** Folders whose code ships. */
const ROOMS = ['cli', 'core', 'crds', 'operator', 'webhook'];

/** Which folders import each direct dependency; an empty list is one that is named for nothing. */
export function usersOf(lock: LockFile): ReadonlyMap<string, readonly string[]> {
  const sources = ROOMS.map((room) => {
    const files = globSync(`${room}/**/*.ts`, { cwd: root });
    return { room, text: files.map((file) => readFileSync(path.join(root, file), 'utf8')).join('\n') };
  });
  return new Map(
    directDependencies(lock).map((name) => [
      name,
      sources.filter(({ text }) => text.includes(`'${name}'`) || text.includes(`'${name}/`)).map(({ room }) => room),
    ]),
  );
}

export async function dependenciesPage(lock: LockFile, runtime: RuntimeLock): Promise<string> {
  const users = usersOf(lock);
  const packages = productionPackages(lock);
  const direct = packages.filter(({ name, folder }) => users.has(name) && folder === `node_modules/${name}`);
  const others = packages.filter((one) => !direct.includes(one));
  const { node, debian } = runtime;
  const text = `# Dependencies

What is released, by name, version and licence. This page is made by \`node release/dependencies.ts\` from
\`package-lock.json\` and \`release/runtime.lock.json\`, where the checksum of each is. The bill of materials that
\`make sbom\` writes has the same in CycloneDX.

## Direct

${table(
  ['package', 'version', 'licence', 'used in'],
  direct.map(({ name, version, license }) => [
    name,
    version,
    license ?? '',
    (users.get(name) ?? []).join(', ') || 'beside others',
  ]),
)}

## What they bring

The bundle holds those parts of them that the program can reach.

${table(
  ['package', 'version', 'licence'],
  others.map(({ name, version, license }) => [name, version, license ?? '']),
)}

## In the container image

Node, and the shared libraries that it needs, of Debian ${debian.release} (${debian.suite}).

${table(['package', 'version', 'licence'], [['Node.js', node.version, node.license], ...debian.packages.map(({ name, version, license }) => [name, version, license])])}
`;
  return format(text, { ...(await resolveConfig(PAGE)), parser: 'markdown' });
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

if (import.meta.main) {
  const wanted = await dependenciesPage(readLockFile(), readRuntimeLock());
  if (!process.argv.includes('--check')) {
    writeFileSync(PAGE, wanted);
  } else if (readFileSync(PAGE, 'utf8') !== wanted) {
    console.error('docs/reference/dependencies.md differs from the lock files: run node release/dependencies.ts');
    process.exitCode = 1;
  }
}
