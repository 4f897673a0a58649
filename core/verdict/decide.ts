// SPDX-License-Identifier: Apache-2.0
import { errorText } from '../text.ts';
import { EngineError } from '../errors.ts';
import type { FairSlots, SlotAsker } from '../turns/fair-slots.ts';
import { factsOf } from '../verdict-codes.ts';
import { parseReference, repositoryName } from '../image/reference.ts';
import type { Clock, EngineMetrics } from '../observe.ts';
import { UNBOUNDED } from '../registry/read-budget.ts';
import type { ReadBudget } from '../registry/read-budget.ts';
import { withinDeadline } from '../deadline.ts';
import { showCommand } from './message.ts';
import type { Decide, DecisionRequest, Verdict } from './types.ts';
import { quoteNames } from './without-evidence.ts';
import type { VerdictDraft } from './without-evidence.ts';
import { NOTHING, decideImage } from './decide-image.ts';
import type { Conclusion, DecisionConfiguration, ImageDecisionDependencies, Known } from './decide-image.ts';

export interface DecideDependencies extends ImageDecisionDependencies {
  readonly configuration: () => DecisionConfiguration;
  readonly metrics: EngineMetrics;
  readonly clock: Clock;
  /** Of one decision among many. */
  readonly readBudget: () => ReadBudget;
  /** For images for which that is not enough. */
  readonly largeReads: FairSlots;
}

/**
 * One image: match -> resolve -> read and verify -> verdict. Never rejects; an exception, a timeout
 * or a parse failure anywhere below becomes a verdict whose outcome is `error` or `denied`.
 */
export function createDecide(dependencies: DecideDependencies): Decide {
  const { clock, metrics } = dependencies;
  return async (request) => {
    const started = clock();
    let requests = 0;
    const count = () => (requests += 1);
    const { conclusion, auditOnly } = await concludeWithinMemory(request, dependencies, { now: started, count });
    const verdict = render(conclusion, { auditOnly, requests });
    if (request.background !== true) {
      metrics.decided({ code: verdict.code, outcome: verdict.outcome, mode: verdict.mode }, (clock() - started) / 1000);
    }
    return verdict;
  };
}

interface Attempt {
  readonly now: number;
  readonly count: () => void;
  readonly budget: ReadBudget;
  /** Called when nothing of it goes on any more. */
  readonly ended: () => void;
}

interface Attempted {
  readonly conclusion: Conclusion;
  readonly auditOnly: boolean;
}

/**
 * With little memory, as nearly all images can be decided about; where that is not enough, once more with as much as
 * limits allow, but then only a few at a time. Many large images at once would end the process, so they wait for
 * each other, each within its own deadline.
 */
async function concludeWithinMemory(
  request: DecisionRequest,
  dependencies: DecideDependencies,
  around: Pick<Attempt, 'now' | 'count'>,
): Promise<Attempted> {
  const budget = dependencies.readBudget();
  const first = await conclude(request, dependencies, { ...around, budget, ended: () => budget.release() });
  const isOver = first.conclusion.draft.outcome === 'allowed' || request.signal.aborted;
  if (!budget.isSpent || isOver) return first;
  const { known } = first.conclusion;
  try {
    const asker = { owner: request.namespace.name ?? '', subject: repositoryName(parseReference(known.image)) };
    return await concludeInTurns(asker, request, dependencies, around);
  } catch (error) {
    const message = `so much is stored beside it that it is read for only a few images at a time: ${errorText(error)}`;
    const draft = failure(new EngineError('DeadlineExceeded', message, LARGE_READS), known);
    return { ...first, conclusion: { known, draft } };
  }
}

/** A turn that ends while others wait loses little: the cache keeps what was read, and the next one goes on from there. */
async function concludeInTurns(
  asker: SlotAsker,
  request: DecisionRequest,
  dependencies: DecideDependencies,
  around: Pick<Attempt, 'now' | 'count'>,
): Promise<Attempted> {
  for (;;) {
    const { over, leave } = await dependencies.largeReads.enter(asker, request.signal);
    const signal = AbortSignal.any([request.signal, over]);
    const attempt = { ...around, budget: UNBOUNDED, ended: leave };
    const concluded = await conclude({ ...request, signal }, dependencies, attempt);
    const isCut = over.aborted && concluded.conclusion.draft.outcome === 'error';
    if (!isCut || request.signal.aborted) return concluded;
  }
}

const LARGE_READS = { remedy: 'Remove large attestations that are not needed.' };

async function conclude(
  request: DecisionRequest,
  dependencies: DecideDependencies,
  { now, count, budget, ended }: Attempt,
): Promise<Attempted> {
  let latest: Known = { ...NOTHING, image: request.image };
  let auditOnly = false;
  const work = async () => {
    const configuration = dependencies.configuration();
    auditOnly = configuration.enforcement === 'Audit';
    return await decideImage({
      request,
      dependencies,
      configuration,
      snapshot: dependencies.policies.snapshot(),
      scope: { signal: request.signal, keychain: request.keychain, budget, count },
      now,
      learn: (known) => (latest = known),
    });
  };
  try {
    const conclusion = await withinDeadline(work().finally(ended), request.signal);
    return { conclusion, auditOnly };
  } catch (error) {
    return { conclusion: { draft: failure(error, latest), known: latest }, auditOnly };
  }
}

function failure(error: unknown, known: Known): VerdictDraft {
  const { code, remedy } = error instanceof EngineError ? error : INTERNAL;
  return {
    outcome: factsOf(code).outcome,
    mode: known.mode,
    code,
    message: `${attempted(known)}: ${errorText(error)}`,
    signers: [],
    grounds: { reason: errorText(error) },
    ...(remedy !== undefined && { remedy }),
  };
}

const INTERNAL = { code: 'InternalError', remedy: undefined } as const;

/** Who asked, and about which digest, so far as it was known when it failed. */
function attempted({ image, resolved, policies }: Known): string {
  const digest = resolved === undefined || image.includes('@') ? '' : ` (${resolved.slice(resolved.indexOf('@') + 1)})`;
  const by = policies.length === 0 ? '' : ` by ${quoteNames(policies)}`;
  return `image ${image}${digest} could not be checked${by}`;
}

function render(
  { draft, known }: Conclusion,
  { auditOnly, requests }: { readonly auditOnly: boolean; readonly requests: number },
): Verdict {
  const { outcome, mode, code, message, signers, refusedBy, grounds } = draft;
  return {
    image: known.image,
    ...(known.resolved === undefined ? {} : { resolved: known.resolved }),
    outcome,
    mode: auditOnly ? 'Audit' : mode,
    code,
    policies: known.policies.map(({ name }) => name),
    ...(refusedBy === undefined ? {} : { refusedBy }),
    ...(grounds === undefined ? {} : { grounds }),
    message,
    remedy: outcome === 'allowed' ? staleNotice(known) : remedyOf(draft, known),
    signers,
    registryRequests: requests,
  };
}

/** Of the failure itself where it knows one, else of its code. */
function remedyOf({ code, remedy, remedyPolicy }: VerdictDraft, known: Known): string {
  if (remedy !== undefined) return remedy;
  const policy =
    remedyPolicy === undefined ? {} : { policy: { name: remedyPolicy, showCommand: showCommand(remedyPolicy) } };
  return factsOf(code)
    .remedy({ image: known.resolved ?? known.image, ...policy })
    .trimEnd();
}

/** An allowed verdict has a remedy only where it rests on what was read before an outage. */
function staleNotice({ stale }: Known): string {
  return stale
    ? 'The registry cannot be asked now: this rests on what was verified before. See why it is out of reach.'
    : '';
}
