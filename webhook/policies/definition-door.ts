// SPDX-License-Identifier: Apache-2.0
import { printable } from '../../core/text.ts';
import type { Logger } from '../../core/observe.ts';
import type { Door } from '../http/door.ts';
import { reviewDoor } from './review-door.ts';

export interface DefinitionDoorOptions {
  /** What policies would lose by this definition, a line each. */
  readonly lostBy: (definition: unknown) => readonly string[];
  readonly log: Logger;
}

const LINES_MOST = 8;

/**
 * AdmissionReviews of our own definitions at `/definitions`, as they are updated: one by which the API server would drop
 * what policies say, without a word, is refused. Which definitions those are is for whoever registers the webhook to say.
 */
export function createDefinitionDoor({ lostBy, log }: DefinitionDoorOptions): Door {
  return reviewDoor('definitions', async (definition) => {
    const lost = lostBy(definition);
    if (lost.length === 0) return { allowed: true };
    log.error('an older definition was refused: policies would lose what they say', {
      policies: lost.slice(0, LINES_MOST),
    });
    return { allowed: false, status: { code: 403, reason: 'Forbidden', message: refusalOf(lost) } };
  });
}

function refusalOf(lost: readonly string[]): string {
  const named = lost.slice(0, LINES_MOST).map((line) => printable(line, '?'));
  const more = lost.length > LINES_MOST ? [`${lost.length - LINES_MOST} more`] : [];
  return (
    `this definition is older and has no field for ${[...named, ...more].join('; ')}. ` +
    'The API server would drop that, and the policies would admit what they keep out. ' +
    'Change them first, or annotate the definition with cosignet.dev/drop-fields=true.'
  );
}
