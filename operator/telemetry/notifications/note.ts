// SPDX-License-Identifier: Apache-2.0
import { oneLine } from '../../../core/text.ts';
import type { Denial } from '../../../core/verdict/review-record.ts';
import type { Verdict } from '../../../core/verdict/types.ts';

/** One refused image, as somebody is told of it: every text is printable and short. */
export interface Note {
  /** Equal for what is worth telling once. */
  readonly key: string;
  /** RFC 3339. */
  readonly time: string;
  readonly namespace: string;
  readonly kind: string;
  /** Empty where the object had none yet. */
  readonly name: string;
  /** The controller of an object that was not made. */
  readonly owner: { readonly kind: string; readonly name: string } | undefined;
  readonly verdict: Verdict;
}

const NAME_MOST = 253;
const TEXT_MOST = 1500;
const ITEMS_MOST = 16;

/** A review of a thousand images is told of by its first. */
const VERDICTS_MOST = 10;

export function notesOf(denial: Denial, now: number): readonly Note[] {
  const { namespace, kind, name, subject } = denial;
  const who = subject === undefined ? `${kind}/${name}` : `${subject.kind}/${subject.name}`;
  return denial.verdicts.slice(0, VERDICTS_MOST).map((refusal) => {
    const verdict = shortened(refusal);
    return {
      key: JSON.stringify([namespace, who, verdict.image, verdict.code]),
      time: new Date(now).toISOString(),
      namespace: oneLine(namespace, NAME_MOST),
      kind: oneLine(kind, NAME_MOST),
      name: oneLine(name, NAME_MOST),
      owner: subject && { kind: subject.kind, name: subject.name },
      verdict,
    };
  });
}

/** An image's text may be as long as a Pod; a queue must not. */
function shortened({ grounds: _inMessage, ...verdict }: Verdict): Verdict {
  const { image, resolved, message, remedy, policies, refusedBy, signers } = verdict;
  return {
    ...verdict,
    image: oneLine(image, TEXT_MOST),
    ...(resolved !== undefined && { resolved: oneLine(resolved, TEXT_MOST) }),
    message: oneLine(message, TEXT_MOST),
    remedy: oneLine(remedy, TEXT_MOST),
    policies: policies.slice(0, ITEMS_MOST),
    ...(refusedBy !== undefined && { refusedBy: refusedBy.slice(0, ITEMS_MOST) }),
    signers: signers.slice(0, ITEMS_MOST),
  };
}
