// SPDX-License-Identifier: Apache-2.0
import { fieldOf } from '../../core/json.ts';
import { printable } from '../../core/text.ts';
import type { Logger } from '../../core/observe.ts';
import type { Door } from '../http/door.ts';
import { review } from './review.ts';

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
  function answerTo(uid: string, definition: unknown): object {
    const lost = lostBy(definition);
    if (lost.length === 0) return { uid, allowed: true };
    const message = refusalOf(lost);
    log.error('an older definition was refused: policies would lose what they say', {
      policies: lost.slice(0, LINES_MOST),
    });
    return { uid, allowed: false, status: { code: 403, reason: 'Forbidden', message } };
  }

  return {
    endpoints: new Map([
      [
        '/definitions',
        {
          name: 'definitions',
          async answer(body) {
            const request = fieldOf(body, 'request');
            const uid = fieldOf(request, 'uid');
            if (typeof uid !== 'string' || uid === '')
              return { status: 400, json: review({ uid: '', allowed: false }) };
            return { status: 200, json: review(answerTo(uid, fieldOf(request, 'object'))) };
          },
        },
      ],
    ]),
  };
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
