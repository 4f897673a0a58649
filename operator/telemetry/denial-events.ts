// SPDX-License-Identifier: Apache-2.0
import { denialText } from '../../core/verdict/denial.ts';
import type { Denial } from '../../core/verdict/review-record.ts';
import type { Verdict } from '../../core/verdict/types.ts';
import type { EventNote, EventRecorder } from '../kubernetes/events.ts';

export interface DenialEventsOptions {
  readonly events: EventRecorder;
  /** The reference of an ImagePolicy by its name. */
  readonly policy: (name: string) => EventNote['regarding'];
}

/** A review's Events are few, whatever it holds. */
const VERDICTS_MOST = 4;
const ACTION = 'Admit';

/**
 * Writes a refusal where users look: on the object that exists (a changed Deployment, the ReplicaSet of a Pod that was
 * not made), and on the policies that refuse. Who makes a Pod by hand has the reason on the screen, and needs no Event.
 */
export function createDenialEvents({ events, policy }: DenialEventsOptions): (denial: Denial) => void {
  return (denial) => {
    const { namespace, subject } = denial;
    for (const verdict of denial.verdicts.slice(0, VERDICTS_MOST)) {
      const told = { type: 'Warning', reason: verdict.code, action: ACTION } as const;
      if (subject !== undefined) {
        events.record({ ...told, regarding: { ...subject, namespace }, note: denialText(verdict, denial) });
      }
      for (const name of refusing(verdict)) {
        const note = `${placeOf(denial)}: ${verdict.message}`;
        events.record({ ...told, regarding: policy(name), note, party: namespace });
      }
    }
  };
}

/** The policies that refuse; none where no policy covers the image. */
export function refusing({ refusedBy, policies }: Verdict): readonly string[] {
  return refusedBy === undefined || refusedBy.length === 0 ? policies : refusedBy;
}

/** `Pod shop/web-0`; of a Pod without a name the owner's: `Pod of ReplicaSet shop/web-5f`. */
function placeOf({ namespace, kind, name, subject }: Denial): string {
  if (name !== '') return `${kind} ${namespace}/${name}`;
  return subject === undefined ? `${kind} in ${namespace}` : `${kind} of ${subject.kind} ${namespace}/${subject.name}`;
}
