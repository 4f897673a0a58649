// SPDX-License-Identifier: Apache-2.0
// Never answers what asks for it, as a fault of an evaluator's might; else says which owner's texts it saw.
import { parentPort } from 'node:worker_threads';
import type { Question } from '../../../../../core/policy/evaluator/messages.ts';

const held: string[] = [];

parentPort?.on('message', ({ texts }: Question) => {
  const [first] = texts.conditions;
  if (first?.expression === 'endless') for (;;);
  if (first?.expression === 'memory') for (;;) held.push(JSON.stringify(Array.from({ length: 100_000 }, Math.random)));
  if (first?.expression === 'ends') process.exit(1);
  parentPort?.postMessage({ kind: 'compiled', faults: [] });
});
parentPort?.postMessage('ready');
