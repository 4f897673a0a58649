// SPDX-License-Identifier: Apache-2.0
import type { TestEvent } from 'node:test/reporters';

/** A reporter for node:test that ends the process with the first failure: one test is enough to notice a mutant. */
export default async function* stopAtFailure(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const { type } of events) {
    // oxlint-disable-next-line unicorn/no-process-exit -- the point of it
    if (type === 'test:fail') process.exit(1);
  }
  yield '';
}
