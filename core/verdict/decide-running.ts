// SPDX-License-Identifier: Apache-2.0
import { withinDeadline } from '../deadline.ts';
import { formatReference, parseReference, repositoryName } from '../image/reference.ts';
import type { ImageReference } from '../image/types.ts';
import { errorText } from '../text.ts';
import { factsOf } from '../verdict-codes.ts';
import type { VerdictCode } from '../verdict-codes.ts';
import { UNBOUNDED } from '../registry/read-budget.ts';
import type { RequestScope } from '../registry/types.ts';
import type { Decide, DecisionRequest, Verdict } from './types.ts';
import { compareContent, isSingle, type ContentDependencies, type Stored } from './manifests/same-content.ts';

export interface DecideRunningDependencies extends ContentDependencies {
  readonly decide: Decide;
}

/** What a Pod has, and what its node says that it became. */
interface Run {
  readonly written: ImageReference;
  readonly running: Stored;
  /** The node names a digest of the repository that is written. */
  readonly isHere: boolean;
}

interface Look extends Run {
  readonly request: DecisionRequest;
  readonly dependencies: DecideRunningDependencies;
  readonly scope: RequestScope;
}

/** What says that the digest has no good evidence of its own. Other refusals hold for whatever the image is. */
const OF_EVIDENCE: ReadonlySet<VerdictCode> = new Set([
  'ImageNotFound',
  'NoSignature',
  'UntrustedSignature',
  'ThresholdNotMet',
  'AnnotationMismatch',
  'SignedIdentityMismatch',
  'MalformedSignature',
  'TransparencyLogMissing',
  'AttestationMissing',
  'AttestationFailed',
]);

/**
 * Decides about what runs as admission did, although a node may name another digest than the one that was pulled: by
 * that digest, and where it is not signed itself, by what the tag names now, as far as that is proven to be the same
 * content. Never "allowed" for what is not proven; what may have been signed under a name that is gone is not denied
 * either. A request without `runs` is decided as it is.
 */
export function createDecideRunning(dependencies: DecideRunningDependencies): Decide {
  const { decide } = dependencies;
  return async ({ runs, ...request }) => {
    const run = runs === undefined ? undefined : readRun(request.image, runs);
    if (run === undefined) return decide(request);
    const { written, running } = run;
    const own = await decide({ ...request, image: formatReference({ ...written, digest: running.digest }) });
    if (!OF_EVIDENCE.has(own.code)) return own;
    let requests = own.registryRequests;
    const { signal, keychain } = request;
    // Only scans ask so, few at a time.
    const scope = { signal, keychain, budget: UNBOUNDED, count: () => (requests += 1) };
    const look = { ...run, request, dependencies, scope };
    const tag = await decide({ ...request, image: formatReference(written) });
    requests += tag.registryRequests;
    const verdict = await withinDeadline(conclude(look, own, tag), request.signal).catch((error: unknown) =>
      // Neither that it is what was signed is known, nor that it isn't.
      notKnown(look, own, `${whyNotKnown(look)}: ${errorText(error)}`),
    );
    return { ...verdict, registryRequests: requests };
  };
}

/** Undefined: the node says nothing about it that can be used, or the Pod has a digest, which counts. */
function readRun(image: string, runs: string): Run | undefined {
  try {
    const written = parseReference(image);
    const { registry, path, digest } = parseReference(runs);
    if (written.digest !== undefined || digest === undefined) return undefined;
    const isHere = registry === written.registry && path === written.path;
    return { written, running: { repository: { registry, path }, digest }, isHere };
  } catch {
    return undefined;
  }
}

async function conclude(look: Look, own: Verdict, tag: Verdict): Promise<Verdict> {
  if (tag.code === 'ImageNotFound') return withoutTag(look, own);
  if (tag.outcome === 'error') return tag;
  // Nothing that the tag names could have been admitted, whether or not it is what runs.
  if (tag.outcome === 'denied') return look.isHere ? own : tag;
  // A policy that names a digest is meant for it, whatever else the tag names.
  if (!own.policies.every((name) => tag.policies.includes(name))) return own;
  const named = resolvedOf(tag);
  // Allowed without a look at what it is.
  if (named === undefined) return tag;
  const sameness = await compareContent(named, look.running, look.scope, look.dependencies);
  if (sameness === 'same') return allowedAs(look, own, tag);
  return sameness === 'different' && look.isHere ? own : notKnown(look, own, whyNotKnown(look));
}

/** The tag is gone. An index is what a tag named; a single manifest may have been part of one that was signed. */
async function withoutTag(look: Look, own: Verdict): Promise<Verdict> {
  if (look.isHere && !(await isSingle(look.running, look.scope, look.dependencies))) return own;
  return notKnown(look, own, `${whyNotKnown(look)}: there is no such tag any more`);
}

function allowedAs({ running, isHere }: Look, own: Verdict, tag: Verdict): Verdict {
  return {
    ...tag,
    ...(isHere && { image: own.image }),
    message: `${tag.message}; the node names its content ${repositoryName(running.repository)}@${running.digest}`,
  };
}

function whyNotKnown({ running, isHere, written }: Look): string {
  const image = formatReference(written);
  const runs = isHere
    ? `${running.digest}, which is not signed itself`
    : `${repositoryName(running.repository)}@${running.digest}`;
  return `image ${image} runs as ${runs}; whether that is what was signed under this tag is not known`;
}

function notKnown({ isHere, written }: Run, own: Verdict, message: string): Verdict {
  const code = 'RunningImageUnknown';
  const { outcome, remedy } = factsOf(code);
  // The digest of another repository is none of this one.
  const image = isHere ? own.image : formatReference(written);
  return { ...own, image, outcome, code, message, remedy: remedy({ image }), signers: [] };
}

function resolvedOf({ resolved }: Verdict): Stored | undefined {
  if (resolved === undefined) return undefined;
  const { registry, path, digest } = parseReference(resolved);
  return digest && { repository: { registry, path }, digest };
}
