// SPDX-License-Identifier: Apache-2.0
import type { ImageField } from '../request/image-fields.ts';
import type { Workload } from '../request/workloads.ts';
import type { Verdict } from '../../../core/verdict/types.ts';
import type { Endpoint } from './image-result.ts';

/** All that an answer to a review is made of, except what is logged about the caller. */
export interface AnswerGround {
  readonly endpoint: Endpoint;
  readonly row: Workload;
  readonly namespace: string;
  /** The one in force: compared by identity. */
  readonly configuration: object;
  readonly fields: readonly ImageField[];
  /** Of the images of these fields, each once, in the order in which they first occur: compared by identity. */
  readonly verdicts: readonly Verdict[];
}

/** With more images a rollout is the exception, and what is remembered would grow. */
const MOST_FIELDS = 16;

/**
 * What was made of the same ground before. It decides nothing and outlives nothing: it is found by the very verdicts that
 * it was made of, and whoever has those has asked just now whether they still hold.
 */
export interface Prepared<Made> {
  find(ground: AnswerGround): Made | undefined;
  keep(ground: AnswerGround, made: Made): void;
}

export function createPrepared<Made>(): Prepared<Made> {
  /** By the first verdict: a verdict that nobody holds any more takes what was made of it along. */
  const known = new WeakMap<Verdict, { readonly ground: AnswerGround; readonly made: Made }>();
  return {
    find(ground) {
      const [first] = ground.verdicts;
      const found = first && known.get(first);
      return found && isSame(found.ground, ground) ? found.made : undefined;
    },
    keep(ground, made) {
      const [first] = ground.verdicts;
      if (first && ground.fields.length <= MOST_FIELDS) known.set(first, { ground, made });
    },
  };
}

function isSame(one: AnswerGround, other: AnswerGround): boolean {
  return (
    one.endpoint === other.endpoint &&
    one.row === other.row &&
    one.namespace === other.namespace &&
    one.configuration === other.configuration &&
    one.verdicts.length === other.verdicts.length &&
    one.verdicts.every((verdict, index) => verdict === other.verdicts[index]) &&
    one.fields.length === other.fields.length &&
    one.fields.every((field, index) => isSameField(field, other.fields[index]))
  );
}

function isSameField(one: ImageField, other: ImageField | undefined): boolean {
  return (
    one.path === other?.path &&
    one.image === other.image &&
    one.keep === other.keep &&
    one.list === other.list &&
    one.name === other.name
  );
}
