// SPDX-License-Identifier: Apache-2.0
/**
 * Bill of materials in CycloneDX 1.6: npm packages, Node, Debian's libraries, each with licence and checksum.
 * Usage: node release/sbom.ts [FILE]    default dist/cosignet.cdx.json
 * It has neither time nor serial number, so that the same lock files give the same bytes.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import packageFile from '../package.json' with { type: 'json' };
import {
  compare,
  productionPackages,
  readLockFile,
  resolve,
  type LockEntry,
  type LockFile,
} from './inputs/lockfile.ts';
import { ARCHITECTURES, readRuntimeLock, type NodePackage, type RuntimeLock } from './inputs/runtime-lock.ts';
import { nodePackageOf, PLATFORMS } from './programs/platforms.ts';

export interface Bom {
  readonly bomFormat: 'CycloneDX';
  readonly specVersion: '1.6';
  readonly version: 1;
  readonly metadata: { readonly component: Component };
  readonly components: readonly Component[];
  readonly dependencies: readonly Dependency[];
}

export interface Component {
  readonly type: 'application' | 'library' | 'platform';
  readonly 'bom-ref': string;
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly cpe?: string;
  /** An SPDX expression; one licence is an expression too. */
  readonly licenses: readonly { readonly expression: string }[];
  readonly hashes?: readonly { readonly alg: 'SHA-256' | 'SHA-512'; readonly content: string }[];
}

export interface Dependency {
  readonly ref: string;
  readonly dependsOn: readonly string[];
}

const ROOT_REF = `pkg:npm/${packageFile.name}@${packageFile.version}`;

/** Of the container image. */
export function billOfMaterials(lock: LockFile, runtime: RuntimeLock): Bom {
  const platform = ARCHITECTURES.flatMap((architecture) =>
    [nodeComponent(runtime, runtime.node.packages[architecture])].concat(debianComponents(runtime, architecture)),
  );
  return bomWith(platform, lock);
}

/** Of the single-file programs, which use the libraries of where they run. */
export function programsBillOfMaterials(lock: LockFile, runtime: RuntimeLock): Bom {
  const platform = PLATFORMS.map((one) => nodeComponent(runtime, nodePackageOf(runtime, one)));
  return bomWith(platform, lock);
}

function bomWith(platform: readonly Component[], lock: LockFile): Bom {
  const packages = unique(productionPackages(lock).map((one) => npmComponent(one.name, one)));
  const edges = [
    { ref: ROOT_REF, dependsOn: [...referencesOf(lock, ''), ...platform.map((one) => one['bom-ref'])] },
    ...productionPackages(lock).map(({ name, version, folder }) => ({
      ref: npmRef(name, version),
      dependsOn: referencesOf(lock, folder),
    })),
  ];
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      component: {
        type: 'application',
        'bom-ref': ROOT_REF,
        name: packageFile.name,
        version: packageFile.version,
        purl: ROOT_REF,
        licenses: [{ expression: packageFile.license }],
      },
    },
    components: [...packages, ...platform],
    dependencies: merged(edges),
  };
}

function npmComponent(name: string, { version = '', license = '', integrity = '' }: LockEntry): Component {
  const ref = npmRef(name, version);
  return {
    type: 'library',
    'bom-ref': ref,
    name,
    version,
    purl: ref,
    licenses: [{ expression: license }],
    hashes: [sha512(integrity)],
  };
}

function nodeComponent({ node }: RuntimeLock, { name, integrity }: NodePackage): Component {
  const ref = npmRef(name, node.version);
  return {
    type: 'platform',
    'bom-ref': ref,
    name: 'Node.js',
    version: node.version,
    purl: ref,
    // By this, and not by the npm package, databases of weaknesses know Node.
    cpe: `cpe:2.3:a:nodejs:node.js:${node.version}:*:*:*:*:*:*:*`,
    licenses: [{ expression: node.license }],
    hashes: [sha512(integrity)],
  };
}

function debianComponents({ debian }: RuntimeLock, architecture: (typeof ARCHITECTURES)[number]): readonly Component[] {
  return debian.packages.map(({ name, version, license, sha256 }) => {
    const [safeName, safeVersion] = [encodeURIComponent(name), encodeURIComponent(version)];
    const ref = `pkg:deb/debian/${safeName}@${safeVersion}?arch=${architecture}&distro=debian-${debian.release}`;
    return {
      type: 'library',
      'bom-ref': ref,
      name,
      version,
      purl: ref,
      licenses: [{ expression: license }],
      hashes: [{ alg: 'SHA-256', content: sha256[architecture] }],
    };
  });
}

function npmRef(name: string, version: string): string {
  return `pkg:npm/${name.replace('@', '%40')}@${version}`;
}

function sha512(integrity: string): { readonly alg: 'SHA-512'; readonly content: string } {
  if (!integrity.startsWith('sha512-')) throw new Error(`not a SHA-512 checksum: ${integrity}`);
  return { alg: 'SHA-512', content: Buffer.from(integrity.slice('sha512-'.length), 'base64').toString('hex') };
}

/** What the package in a folder of the lock file requires, as far as it is installed. */
function referencesOf(lock: LockFile, folder: string): readonly string[] {
  const { dependencies, peerDependencies, optionalDependencies } = lock.packages[folder] ?? {};
  return Object.keys({ ...dependencies, ...peerDependencies, ...optionalDependencies }).flatMap((name) => {
    const found = resolve(lock, folder, name);
    const entry = found === undefined ? undefined : lock.packages[found];
    // An optional peer may be there for development only.
    return entry?.version === undefined || entry.dev === true ? [] : [npmRef(name, entry.version)];
  });
}

/** Copies of one version in several folders are one component. */
function unique(components: readonly Component[]): readonly Component[] {
  return [...new Map(components.map((one) => [one['bom-ref'], one])).values()];
}

function merged(edges: readonly Dependency[]): readonly Dependency[] {
  const byRef = Map.groupBy(edges, ({ ref }) => ref);
  return [...byRef]
    .map(([ref, copies]) => ({
      ref,
      dependsOn: [...new Set(copies.flatMap(({ dependsOn }) => dependsOn))].toSorted(compare),
    }))
    .toSorted((a, b) => compare(a.ref, b.ref));
}

if (import.meta.main) {
  const file = process.argv[2] ?? path.join(import.meta.dirname, '../dist/cosignet.cdx.json');
  mkdirSync(path.dirname(file), { recursive: true });
  const bom = billOfMaterials(readLockFile(), readRuntimeLock());
  writeFileSync(file, `${JSON.stringify(bom, null, 2)}\n`);
  console.log(`${path.relative(process.cwd(), file)}: ${bom.components.length} components`);
}
