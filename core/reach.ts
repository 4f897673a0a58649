// SPDX-License-Identifier: Apache-2.0

/**
 * How the leading replica learns that API servers reach the webhook: it asks one for a change of its own Lease that is
 * only tried, with this annotation; what is registered then sends just that to the webhook. The value is an endpoint,
 * a space and something that nobody can guess.
 */
export const REACH_ANNOTATION = 'cosignet.dev/reach';

/** How the endpoint refuses what was meant for it, so that the refusal proves that it was asked. */
export function reachedMessage(value: string): string {
  return `reached: ${value}`;
}
