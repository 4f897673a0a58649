// SPDX-License-Identifier: Apache-2.0
/**
 * Writes a whole release to a folder, signed: `files` to offer for download, `oci` to push, `push.json` with where to.
 * Usage: node release/release.ts --key KEY --repository REPOSITORY --url URL [...]    after `make build`
 *   --key         private key of cosign: a file (its password in COSIGN_PASSWORD), or awskms://… and the like
 *   --repository  where images go: registry.example.com/acme gets …/acme/cosignet and …/acme/charts/cosignet
 *   --url         where the files will be: krew downloads from it
 *   --out         default dist/release
 *   --programs    folder with programs that were signed for macOS (release/programs.ts), taken instead of building them
 *   --source, --builder    URIs for the provenance: of the sources, of what runs this
 *   --artifact-hub         the ID that Artifact Hub gave the chart's repository
 */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import packageFile from '../package.json' with { type: 'json' };
import { ARTIFACT_HUB_TAG, artifactHubLayout } from './chart/artifact-hub.ts';
import { packageChart } from './chart/package.ts';
import { writeLayout, type Layout } from './formats/layout.ts';
import { digestOf } from './formats/oci.ts';
import { buildImage } from './image.ts';
import { readLockFile } from './inputs/lockfile.ts';
import { debianMirror } from './inputs/mirror.ts';
import { ARCHITECTURES, readRuntimeLock } from './inputs/runtime-lock.ts';
import { programParts } from './programs.ts';
import { readLicences, writeArchive } from './programs/archive.ts';
import { archiveName, krewManifest } from './programs/krew.ts';
import { PLATFORMS, programName, type Platform } from './programs/platforms.ts';
import { buildProgram, holdsBundle } from './programs/program.ts';
import type { Push } from './publish.ts';
import { billOfMaterials, programsBillOfMaterials, type Bom } from './sbom.ts';
import { attachedTo } from './statements/attached.ts';
import { provenance, readRevision, type ProvenanceOptions } from './statements/provenance.ts';
import { fileSubject, SIGNED, statementOf, subjectOf, type Predicate } from './statements/statement.ts';
import { signerWith, type Signer } from './tools/cosign.ts';

const root = path.join(import.meta.dirname, '..');

interface ReleaseOptions {
  readonly signer: Signer;
  readonly repository: string;
  readonly url: string;
  readonly out: string;
  /** Folder with programs that are taken as they are. */
  readonly programs?: string;
  readonly artifactHub?: string;
  readonly origin: Omit<ProvenanceOptions, 'components'>;
}

async function writeRelease(options: ReleaseOptions): Promise<void> {
  const { out } = options;
  for (const folder of ['files', 'oci']) {
    await rm(path.join(out, folder), { recursive: true, force: true });
    await mkdir(path.join(out, folder), { recursive: true });
  }
  const [lock, runtime] = [readLockFile(), readRuntimeLock()];
  const boms = { image: billOfMaterials(lock, runtime), programs: programsBillOfMaterials(lock, runtime) };
  const image = await buildImage({
    dist: path.join(root, 'dist'),
    source: { cache: path.join(root, '.cache/release'), mirror: debianMirror(process.env) },
    architectures: ARCHITECTURES,
  });
  const repository = `${options.repository}/cosignet`;
  const chart = packageChart({ repository, digest: image.root.digest });
  const pushes = [
    ...(await writeSigned(options, { name: 'image', layout: image, repository, bom: boms.image })),
    ...(await writeSigned(options, { name: 'chart', layout: chart.layout, repository: chartsOf(options) })),
    ...(await writeArtifactHub(options)),
  ];
  await writeFile(path.join(out, 'push.json'), `${JSON.stringify(pushes, null, 2)}\n`);
  await writeFiles(options, {
    [`cosignet-${chart.version}.tgz`]: chart.archive,
    'cosignet-image.cdx.json': text(boms.image),
    'cosignet-programs.cdx.json': text(boms.programs),
    'krew.yaml': Buffer.from(krewManifest({ url: options.url, sha256: await writePrograms(options) })),
  });
  await signFiles(options, [...boms.image.components, ...boms.programs.components]);
}

function chartsOf({ repository }: ReleaseOptions): string {
  return `${repository}/charts/cosignet`;
}

interface Pushed {
  readonly name: string;
  readonly layout: Layout;
  readonly repository: string;
  readonly bom?: Bom;
}

/** Writes what is pushed and, beside it, its signature and what else is said of it. The tag comes last: see publish.ts. */
async function writeSigned(options: ReleaseOptions, { name, layout, repository, bom }: Pushed): Promise<Push[]> {
  const { signer, out, origin } = options;
  const subject = [subjectOf(repository, layout.root.digest)];
  const predicates: Readonly<Record<string, Predicate | undefined>> = {
    signature: SIGNED,
    sbom: bom && { type: 'https://cyclonedx.org/bom', content: bom },
    provenance: provenance({ ...origin, components: bom?.components ?? [] }),
  };
  await writeLayout(layout, path.join(out, 'oci', name));
  const pushes: Push[] = [{ layout: name, repository, digest: layout.root.digest, tag: packageFile.version }];
  for (const [what, predicate] of Object.entries(predicates)) {
    if (predicate === undefined) continue;
    const bundle = await signer.sign(statementOf(subject, predicate));
    const attached = attachedTo(layout.root, bundle, predicate.type);
    await writeLayout(attached, path.join(out, 'oci', `${name}-${what}`));
    pushes.push({ layout: `${name}-${what}`, repository, digest: attached.root.digest });
  }
  return pushes;
}

async function writeArtifactHub(options: ReleaseOptions): Promise<Push[]> {
  if (options.artifactHub === undefined) return [];
  const layout = artifactHubLayout(options.artifactHub);
  await writeLayout(layout, path.join(options.out, 'oci/artifact-hub'));
  const { digest } = layout.root;
  return [{ layout: 'artifact-hub', repository: chartsOf(options), digest, tag: ARTIFACT_HUB_TAG }];
}

/** Writes the archive of each program; the checksum of each. */
async function writePrograms({ out, programs }: ReleaseOptions): Promise<ReadonlyMap<Platform, string>> {
  const work = path.join(out, 'programs');
  const parts = await programParts(path.join(work, 'bundle'));
  const licences = await readLicences(parts, root);
  const checksums = new Map<Platform, string>();
  const given = programs === undefined ? [] : await readdir(programs);
  for (const platform of PLATFORMS) {
    const ready = given.includes(platform) ? path.join(programs ?? '', platform, programName(platform)) : undefined;
    const program = ready ?? (await buildProgram(platform, parts, path.join(work, platform)));
    if (!(await holdsBundle(program, parts))) throw new Error(`${program} was built from other sources`);
    const archive = path.join(out, 'files', archiveName(platform));
    await writeArchive(program, licences, archive);
    checksums.set(platform, digestOf(await readFile(archive)).replace('sha256:', ''));
    console.error(`${archiveName(platform)}${ready === undefined ? '' : ': as given'}`);
  }
  await rm(work, { recursive: true });
  return checksums;
}

async function writeFiles({ out }: ReleaseOptions, files: Readonly<Record<string, Buffer>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) await writeFile(path.join(out, 'files', name), content);
}

/** One statement of where all files are from, one list of their checksums, and a signature of that. */
async function signFiles({ out, signer, origin }: ReleaseOptions, components: Bom['components']): Promise<void> {
  const at = (name: string) => path.join(out, 'files', name);
  const unique = [...new Map(components.map((one) => [one.purl, one])).values()];
  const subjects = (await readAll(path.join(out, 'files'))).map(([name, content]) => fileSubject(name, content));
  const bundle = await signer.sign(statementOf(subjects, provenance({ ...origin, components: unique })));
  await writeFile(at('provenance.sigstore.json'), bundle);
  const lines = (await readAll(path.join(out, 'files'))).map(
    ([name, content]) => `${digestOf(content).replace('sha256:', '')}  ${name}\n`,
  );
  await writeFile(at('checksums.txt'), lines.join(''));
  await signer.signFile(at('checksums.txt'), at('checksums.txt.sigstore.json'));
}

async function readAll(folder: string): Promise<(readonly [string, Buffer])[]> {
  const names = (await readdir(folder)).toSorted();
  return Promise.all(names.map(async (name) => [name, await readFile(path.join(folder, name))] as const));
}

function text(bom: Bom): Buffer {
  return Buffer.from(`${JSON.stringify(bom, null, 2)}\n`);
}

const USAGE = 'docs/how-to/verify-releases.md says what a release needs';

/** @throws {TypeError} where an option is missing or unknown */
async function readOptions(args: readonly string[]): Promise<ReleaseOptions> {
  const names = ['key', 'repository', 'url', 'out', 'programs', 'source', 'builder', 'artifact-hub'] as const;
  const options = Object.fromEntries(names.map((name) => [name, { type: 'string' as const }]));
  const given: { readonly [name in (typeof names)[number]]?: string } = parseArgs({ args: [...args], options }).values;
  const { key, repository, url, programs, source, 'artifact-hub': artifactHub } = given;
  if (!key || !repository || !url) throw new TypeError(`--key, --repository or --url is missing: ${USAGE}`);
  return {
    signer: signerWith(key, process.env),
    repository,
    url,
    out: path.resolve(given.out ?? path.join(root, 'dist/release')),
    ...(programs !== undefined && { programs }),
    ...(artifactHub !== undefined && { artifactHub }),
    origin: {
      builder: given.builder ?? 'https://cosignet.dev/release/by-hand',
      ...(source !== undefined && { source }),
      revision: await readRevision(root),
    },
  };
}

if (import.meta.main) {
  const options = await readOptions(process.argv.slice(2));
  await writeRelease(options);
  console.log(path.relative(process.cwd(), options.out));
}
