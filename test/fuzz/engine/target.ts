// SPDX-License-Identifier: Apache-2.0
import type { Mutator } from './mutators.ts';

/** One reader of outside text, and what must hold whatever it reads. */
export interface Target {
  readonly name: string;
  /** The first bytes of inputs beyond this are used. */
  readonly maximumBytes: number;
  /** Of processor time for one input. */
  readonly maximumMilliseconds: number;
  /** Changes that keep the shape of inputs; bytes are changed besides. */
  readonly mutators: readonly Mutator[];
  /** Texts that matter here. */
  readonly dictionary: readonly string[];
  /** Throws where an invariant does not hold; returns for input that is refused as it should be. */
  readonly check: (input: Buffer) => void | Promise<void>;
}
