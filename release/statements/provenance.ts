// SPDX-License-Identifier: Apache-2.0
import packageFile from '../../package.json' with { type: 'json' };
import { outputOf } from '../tools/process.ts';
import type { Predicate } from './statement.ts';

export const PROVENANCE_TYPE = 'https://slsa.dev/provenance/v1';

export interface ProvenanceOptions {
  /** URI of who or what runs the build, and answers for what it says. */
  readonly builder: string;
  /** Where the sources are from, such as `git+https://git.example.com/cosignet@refs/tags/v1.0.0`. */
  readonly source?: string;
  readonly revision: Revision;
  /** What went in, by checksum. */
  readonly components: readonly Ingredient[];
}

export interface Revision {
  /** Hexadecimal. */
  readonly commit: string;
  /** Whether there was nothing in the work tree that the commit doesn't have. */
  readonly clean: boolean;
}

/** A component of a bill of materials. */
export interface Ingredient {
  readonly purl: string;
  readonly hashes?: readonly { readonly alg: 'SHA-256' | 'SHA-512'; readonly content: string }[];
}

/** From what, by whom and how it was built: SLSA provenance v1. */
export function provenance({ builder, source, revision, components }: ProvenanceOptions): Predicate {
  const sources = { ...(source !== undefined && { uri: source }), digest: { gitCommit: revision.commit } };
  const content = {
    buildDefinition: {
      buildType: 'https://cosignet.dev/release/v1',
      externalParameters: { version: packageFile.version, ...(source !== undefined && { source }) },
      internalParameters: { cleanWorkTree: revision.clean, node: process.versions.node },
      resolvedDependencies: [
        sources,
        ...components.map(({ purl, hashes = [] }) => ({
          uri: purl,
          digest: Object.fromEntries(hashes.map((one) => [one.alg.replace('-', '').toLowerCase(), one.content])),
        })),
      ],
    },
    runDetails: { builder: { id: builder } },
  };
  return { type: PROVENANCE_TYPE, content };
}

/** @throws {Error} outside of a git work tree: of what nobody can find again there is nothing to say */
export async function readRevision(folder: string): Promise<Revision> {
  const git = async (...args: readonly string[]) => (await outputOf('git', args, folder)).toString().trim();
  return { commit: await git('rev-parse', 'HEAD'), clean: (await git('status', '--porcelain')) === '' };
}
