// SPDX-License-Identifier: Apache-2.0
import { LRUCache } from 'lru-cache';
import type { CacheLifetimes } from '../../config/types.ts';
import type { ResolvedImage } from '../../signatures/types.ts';
import type { Repository } from '../../image/types.ts';
import type { Clock, EngineMetrics } from '../../observe.ts';
import { ImageEvidence } from './evidence.ts';
import type { EvidenceSource } from './evidence.ts';

/** Where signatures of an image live. */
export interface SignaturePlace extends Repository {
  /** Whose credentials of its own it is read with; undefined: whose the image is. */
  readonly reader?: string | undefined;
}

/** Makes the list of places to read for one image, in the order to ask them. */
export type OpenSources = (image: ResolvedImage, signatures: SignaturePlace) => readonly EvidenceSource[];

export interface EvidenceCache {
  /** The evidence to check by, new and empty where none is fresh. */
  current(image: ResolvedImage, signatures: SignaturePlace): ImageEvidence;
  /** Fresh evidence after a denial that old evidence would give; the old one if it is new enough. */
  renewed(image: ResolvedImage, signatures: SignaturePlace, rejected: ImageEvidence): ImageEvidence;
  /** What was read before the current evidence, while `staleIfError` lasts. */
  previous(image: ResolvedImage, signatures: SignaturePlace): ImageEvidence | undefined;
  /** Measures an entry anew that has grown. */
  grown(image: ResolvedImage, signatures: SignaturePlace, evidence: ImageEvidence): void;
}

interface CacheDependencies {
  readonly openSources: OpenSources;
  readonly lifetimes: () => CacheLifetimes;
  readonly clock: Clock;
  readonly metrics: EngineMetrics;
  readonly maximumBytes?: number;
}

interface Entry {
  readonly evidence: ImageEvidence;
  readonly previous?: ImageEvidence;
  /** `evidence.bytes` when the cache last counted it. */
  readonly counted: number;
}

/** About 100,000 images with one signature each. */
const MAXIMUM_BYTES = 112 * 1024 * 1024;
/** From here on evidence is large; it has room of its own, so that a few images don't push all others out. */
const LARGE = 1024 * 1024;
/** All that may be stored beside one image still has its place. */
const MAXIMUM_LARGE_BYTES = 48 * 1024 * 1024;

/**
 * Evidence by (signature repository, whose credentials read it, digest). The key holds all that was asked for, so one
 * image's evidence can never answer for another, nor what one policy's Secret opens for another policy; policies are no
 * part of it, so their edits cost no request.
 */
export function createEvidenceCache(dependencies: CacheDependencies): EvidenceCache {
  const { openSources, lifetimes, clock, metrics } = dependencies;
  const entries = twoSizes(dependencies.maximumBytes ?? MAXIMUM_BYTES);

  const renew = (image: ResolvedImage, signatures: SignaturePlace, old: ImageEvidence | undefined): ImageEvidence => {
    const key = keyOf(image, signatures);
    const evidence = new ImageEvidence(openSources(image, signatures), clock, metrics.evidencePartlyRead);
    // Evidence that never held anything is nothing to fall back on.
    const previous = old !== undefined && !old.isEmpty ? old : entries.peek(key)?.previous;
    const counted = evidence.bytes;
    entries.set(key, previous === undefined ? { evidence, counted } : { evidence, previous, counted });
    return evidence;
  };

  return {
    current(image, signatures) {
      const evidence = entries.get(keyOf(image, signatures))?.evidence;
      if (evidence !== undefined && clock() - evidence.createdAt < lifetimes().verified * 1000) {
        metrics.cacheLookup({ cache: 'evidence', result: 'hit' });
        return evidence;
      }
      metrics.cacheLookup({ cache: 'evidence', result: 'miss' });
      return renew(image, signatures, evidence);
    },
    renewed(image, signatures, rejected) {
      const present = entries.peek(keyOf(image, signatures))?.evidence;
      if (present !== undefined && present !== rejected) {
        return present;
      }
      return clock() - rejected.completedAt < lifetimes().rejected * 1000
        ? rejected
        : renew(image, signatures, rejected);
    },
    previous(image, signatures) {
      const previous = entries.peek(keyOf(image, signatures))?.previous;
      const fresh = previous !== undefined && clock() - previous.createdAt < lifetimes().staleIfError * 1000;
      return fresh ? previous : undefined;
    },
    grown(image, signatures, evidence) {
      evidence.measure();
      const key = keyOf(image, signatures);
      const entry = entries.peek(key);
      // Most decisions find it as it was.
      if (entry?.evidence === evidence && entry.counted !== evidence.bytes) {
        entries.set(key, { ...entry, counted: evidence.bytes });
      }
    },
  };
}

/** By key; what was not used for longest goes first, and what is large pushes out only what is large. */
function twoSizes(maximumBytes: number): Pick<LRUCache<string, Entry>, 'get' | 'peek'> & EntrySetter {
  const ofAtMost = (maxSize: number) => new LRUCache<string, Entry>({ maxSize, sizeCalculation: sizeOf });
  const [small, large] = [ofAtMost(maximumBytes), ofAtMost(MAXIMUM_LARGE_BYTES)];
  return {
    get: (key) => small.get(key) ?? large.get(key),
    peek: (key) => small.peek(key) ?? large.peek(key),
    set(key, entry) {
      const [into, from] = sizeOf(entry) > LARGE ? [large, small] : [small, large];
      from.delete(key);
      into.set(key, entry);
    },
  };
}

interface EntrySetter {
  set(key: string, entry: Entry): void;
}

function sizeOf({ evidence, previous }: Entry): number {
  return evidence.bytes + (previous?.bytes ?? 0);
}

/** A name has no blank and no `@`, so no two pairs share a key. */
function keyOf({ repository, digest }: ResolvedImage, signatures: SignaturePlace): string {
  const image = `${repository.registry}/${repository.path}@${digest}`;
  const beside = repository.registry === signatures.registry && repository.path === signatures.path;
  const place = beside ? '' : `${signatures.registry}/${signatures.path}`;
  const { reader } = signatures;
  if (reader === undefined) return beside ? image : `${image} ${place}`;
  return `${image} ${place} ${reader}`;
}
