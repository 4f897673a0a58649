// SPDX-License-Identifier: Apache-2.0
import { isJsonObject } from '../../core/json.ts';
import type { Problem } from '../../core/policy/problems/report.ts';
import { errorText, oneLine } from '../../core/text.ts';
import type { Logger } from '../../core/observe.ts';
import type { Door } from '../http/door.ts';

export interface PolicyDoorOptions {
  /** What whoever writes this policy should know; may take its time, and may reject. */
  readonly adviceOn: (policy: unknown) => Promise<readonly Problem[]>;
  readonly log: Logger;
}

const ADMISSION_VERSION = 'admission.k8s.io/v1';
/** Milliseconds; `kubectl apply` waits for this. */
const PATIENCE = 1500;
const WARNINGS_MOST = 16;
/** The API server cuts longer ones. */
const WARNING_LENGTH = 256;

/**
 * AdmissionReviews of policies at `/policies`: all are admitted, with a warning for each thing that is wrong, so that
 * `kubectl apply` says it. What can't be told in time is in the policy's status a moment later.
 */
export function createPolicyDoor({ adviceOn, log }: PolicyDoorOptions): Door {
  async function warningsOn(object: unknown): Promise<readonly string[]> {
    const patience = new AbortController();
    try {
      const timeUp = new Promise<readonly Problem[]>((resolve) => {
        const timer = setTimeout(resolve, PATIENCE, []);
        patience.signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
      });
      const problems = await Promise.race([adviceOn(object), timeUp]);
      return problems
        .slice(0, WARNINGS_MOST)
        .map(({ path, message }) => oneLine(`${path}: ${message}`, WARNING_LENGTH));
    } catch (error) {
      log.warn('a policy that is being written could not be looked at', { reason: errorText(error) });
      return [];
    } finally {
      patience.abort();
    }
  }

  return {
    endpoints: new Map([
      [
        '/policies',
        {
          name: 'policies',
          async answer(body) {
            const request = isJsonObject(body) ? body['request'] : undefined;
            const { uid, object } = isJsonObject(request) ? request : {};
            const response = { uid: typeof uid === 'string' ? uid : '', allowed: true };
            if (response.uid === '') return { status: 400, json: review({ ...response, allowed: false }) };
            const warnings = await warningsOn(object);
            return { status: 200, json: review(warnings.length === 0 ? response : { ...response, warnings }) };
          },
        },
      ],
    ]),
  };
}

function review(response: object): object {
  return { apiVersion: ADMISSION_VERSION, kind: 'AdmissionReview', response };
}
