// SPDX-License-Identifier: Apache-2.0
import { LRUCache } from 'lru-cache';
import { EngineError } from '../../errors.ts';
import { parseImageIndex, type IndexEntry } from '../../formats/image-index.ts';
import type { Digest } from '../../image/digest.ts';
import { repositoryName } from '../../image/reference.ts';
import { raiseLimit, type Limits } from '../../limits.ts';
import type { RegistryClient, RequestScope } from '../../registry/types.ts';
import type { ResolvedImage } from '../../signatures/types.ts';
import { createSingleFlight } from '../../single-flight.ts';

/** What a runtime may choose of an image index. */
export interface Platform {
  readonly digest: Digest;
  /** `linux/arm64`; empty where the index does not say. */
  readonly name: string;
}

/**
 * The images of an index, those of the indexes in it too, each once; undefined where the reference is no index.
 *
 * @throws EngineError ImageNotFound, MalformedSignature, ResponseTooLarge, or as the registry client does.
 */
export type ReadPlatforms = (image: ResolvedImage, scope: RequestScope) => Promise<readonly Platform[] | undefined>;

interface PlatformsOptions {
  readonly registry: RegistryClient;
  readonly limits: () => Pick<Limits, 'manifestBytes' | 'platforms'>;
}

/** What one manifest lists: nothing that a digest stands for ever changes. */
interface Listed {
  readonly entries: readonly IndexEntry[] | undefined;
}

const MOST_ENTRIES = 100_000;

/** One request for each index, remembered by where it is and its digest, which was compared. */
export function createPlatformReader({ registry, limits }: PlatformsOptions): ReadPlatforms {
  const known = new LRUCache<string, Listed>({
    maxSize: MOST_ENTRIES,
    sizeCalculation: ({ entries = [] }) => 1 + entries.length,
  });
  const asking = createSingleFlight<Listed>();

  async function ask({ repository, digest }: ResolvedImage, scope: RequestScope): Promise<Listed> {
    const { manifestBytes } = limits();
    const manifest = await registry.getManifest(repository, digest, manifestBytes, scope);
    if (manifest === undefined) {
      throw new EngineError('ImageNotFound', `${repository.registry} has no ${repository.path}@${digest}`);
    }
    return { entries: parseImageIndex(manifest, manifestBytes) };
  }

  async function list(image: ResolvedImage, scope: RequestScope): Promise<Listed> {
    const name = `${repositoryName(image.repository)}@${image.digest}`;
    const before = known.get(name);
    if (before !== undefined) return before;
    const listed = await asking.runWithin(`${scope.keychain.id ?? ''} ${name}`, scope.signal, () => ask(image, scope));
    known.set(name, listed);
    return listed;
  }

  return async (image, scope) => {
    const { entries } = await list(image, scope);
    if (entries === undefined) return undefined;
    const most = limits().platforms;
    const platforms = new Map<Digest, Platform>();
    const nested = new Set<Digest>();
    const queue = [...entries];
    // Grows while it is walked: what is nested comes last.
    for (const { digest, platform, kind } of queue) {
      if (kind === 'image') platforms.set(digest, { digest, name: platform });
      if (kind === 'nested' && !nested.has(digest)) {
        nested.add(digest);
        const within = await list({ repository: image.repository, digest }, scope);
        if (within.entries === undefined) platforms.set(digest, { digest, name: platform });
        else queue.push(...within.entries);
      }
      if (platforms.size + nested.size > most) throw tooMany(most);
    }
    return [...platforms.values()];
  };
}

function tooMany(most: number): EngineError {
  return new EngineError('ResponseTooLarge', `the image index has more than ${most} manifests`, {
    remedy: raiseLimit('platforms'),
  });
}
