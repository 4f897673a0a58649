// SPDX-License-Identifier: Apache-2.0
import { withinDeadline } from '../../core/deadline.ts';
import type { Problem } from '../../core/policy/problems/report.ts';
import { errorText, oneLine } from '../../core/text.ts';
import type { Logger } from '../../core/observe.ts';
import type { Door } from '../http/door.ts';
import { reviewDoor, type ObjectResponse } from './review-door.ts';

export interface PolicyDoorOptions {
  /** Warnings for the author of this policy; may take its time, and may reject. */
  readonly adviceOn: (policy: unknown) => Promise<readonly Problem[]>;
  readonly log: Logger;
}

/** Milliseconds; `kubectl apply` waits for this. */
const PATIENCE = 1500;
const WARNINGS_MOST = 16;
/** The API server cuts longer ones. */
const WARNING_LENGTH = 256;

/**
 * Twice 256 KiB of a policy's spec, which is all that counts of it, and as much again of what the API server and kubectl
 * keep beside it. What is larger is read by nobody here, so it must not be parsed beside what Pods wait for.
 */
const LARGEST = { bodyBytes: 1536 * 1024, containers: 100_000 };

/**
 * AdmissionReviews of policies at `/policies`: all are admitted, with a warning for each thing that is wrong, so that
 * `kubectl apply` says it. What can't be told in time is in the policy's status a moment later.
 */
export function createPolicyDoor({ adviceOn, log }: PolicyDoorOptions): Door {
  async function warningsOn(object: unknown): Promise<readonly string[]> {
    try {
      const problems = await withinDeadline(adviceOn(object), AbortSignal.timeout(PATIENCE));
      return problems
        .slice(0, WARNINGS_MOST)
        .map(({ path, message }) => oneLine(`${path}: ${message}`, WARNING_LENGTH));
    } catch (error) {
      log.warn('a policy that is being written could not be looked at', { reason: errorText(error) });
      return [];
    }
  }

  async function answerTo(policy: unknown): Promise<ObjectResponse> {
    const warnings = await warningsOn(policy);
    return { allowed: true, ...(warnings.length > 0 && { warnings }) };
  }
  return reviewDoor('policies', answerTo, LARGEST);
}
