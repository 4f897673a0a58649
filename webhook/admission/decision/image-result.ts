// SPDX-License-Identifier: Apache-2.0
import type { ImageField } from '../request/image-fields.ts';
import { ownVerdict } from './decide-images.ts';
import { pinnedReference } from './patch.ts';
import { isPod } from '../request/workloads.ts';
import type { Configuration } from '../../../core/config/types.ts';
import type { Mode } from '../../../core/policy/types.ts';
import type { TimeSpan } from '../../../core/verdict/review-record.ts';
import type { Verdict } from '../../../core/verdict/types.ts';
import type { ReplaceOperation } from './patch.ts';
import type { Workload } from '../request/workloads.ts';

export type Endpoint = 'mutate' | 'validate';

/** A verdict, and where its image is written. */
export interface ImageResult extends PlacedVerdict {
  readonly time: TimeSpan;
}

/** The same, whenever it was reached. */
export interface PlacedVerdict {
  readonly fields: readonly ImageField[];
  readonly verdict: Verdict;
  /** The policy's mode, or Audit where the configuration makes everything so. */
  readonly mode: Mode;
  /** For `/mutate`, and only for a verified image. */
  readonly patch: readonly ReplaceOperation[];
}

export interface ResultContext {
  readonly endpoint: Endpoint;
  readonly row: Workload;
  readonly configuration: Pick<Configuration, 'enforcement' | 'pinDigests'>;
}

export function isFailing(result: PlacedVerdict): boolean {
  return result.verdict.outcome !== 'allowed';
}

/** A failing finding is refused unless its mode is one of the two that admit: an unknown mode refuses. */
export function isRefused(result: PlacedVerdict): boolean {
  return isFailing(result) && result.mode !== 'Warn' && result.mode !== 'Audit';
}

export function placedVerdictOf(
  image: string,
  fields: readonly ImageField[],
  { verdict, context }: { verdict: Verdict; context: ResultContext },
): PlacedVerdict {
  const { enforcement } = context.configuration;
  const pinned = pin(image, verdict, context);
  const final = pinned.verdict ?? verdict;
  const [replaceBy] = pinned.replaceBy ?? [];
  const patch = fields.flatMap(({ path, keep }): ReplaceOperation[] => {
    const value = keep ?? replaceBy;
    return value === undefined || context.endpoint !== 'mutate' ? [] : [{ op: 'replace', path, value }];
  });
  return { fields, verdict: final, mode: enforcement === 'Audit' ? 'Audit' : final.mode, patch };
}

/** What pinning makes of a verdict: another verdict, or a text to put in the image's place. */
function pin(
  image: string,
  verdict: Verdict,
  { endpoint, row, configuration: { pinDigests } }: ResultContext,
): { readonly verdict?: Verdict; readonly replaceBy?: readonly [string] } {
  // Only what was verified is pinned: to pin anything else would lend it a look of approval.
  if (verdict.outcome !== 'allowed' || verdict.code !== 'Verified') return {};
  if (pinDigests === 'None' || (pinDigests === 'Pods' && !isPod(row))) return {};
  const pinned = pinnedReference(image, verdict);
  if (pinned === undefined) return { verdict: mismatch(image, verdict) };
  if (pinned === image) return {};
  if (endpoint === 'mutate') return { replaceBy: [pinned] };
  return isPod(row) ? { verdict: unpinned(verdict) } : {};
}

/** Verify A, run B: the kubelet would resolve the tag again. Either it was changed after `/mutate`, or that never ran. */
function unpinned(verdict: Verdict): Verdict {
  const message = `${verdict.image} is verified as ${verdict.resolved ?? ''} but is not pinned to that digest: another webhook set it after it was pinned, or the mutating webhook did not run`;
  const remedy = 'Write the image with its digest, or register the mutating webhook with reinvocationPolicy IfNeeded';
  return { ...verdict, outcome: 'denied', code: 'InvalidReference', message, remedy };
}

function mismatch(image: string, verdict: Verdict): Verdict {
  const message = `${image} was checked as ${verdict.resolved ?? 'nothing'}, which is not what it names`;
  return ownVerdict(image, {
    outcome: 'error',
    code: 'InternalError',
    message,
    remedy: 'Report this as a bug of Cosignet',
  });
}
