// SPDX-License-Identifier: Apache-2.0
import { FOUND, readInputs, REGRESSIONS, saveInput, SEEDS } from './corpus.ts';
import { Coverage } from './coverage.ts';
import type { Probes } from './instrument.ts';
import { checkInput } from './invariants.ts';
import { mutateBytes } from './mutators.ts';
import type { Mutation } from './mutators.ts';
import { Random } from './random.ts';
import type { Target } from './target.ts';

/** An input that broke an invariant, made as short as was easy. */
export interface Crash {
  readonly input: Buffer;
  readonly error: Error;
}

export interface Report {
  readonly executions: number;
  readonly corpus: number;
  readonly edges: number;
  readonly crashes: readonly Crash[];
}

export interface FuzzOptions {
  readonly target: Target;
  readonly probes: Probes;
  readonly seed: number;
  readonly milliseconds: number;
  /** Told of each input before it runs: it may be the one that never ends. */
  readonly announce: (target: string, input: Buffer) => void;
}

const MAXIMUM_CRASHES = 5;

/** Changes inputs for the given time, keeping those that reach something new, and gathers what breaks an invariant. */
export async function fuzz(options: FuzzOptions): Promise<Report> {
  const session = new Session(options);
  await session.readSeeds();
  const end = performance.now() + options.milliseconds;
  while (performance.now() < end && session.crashes.size < MAXIMUM_CRASHES) {
    for (let count = 0; count < 16; count++) await session.tryOne();
  }
  await session.shortenCrashes();
  return session.report();
}

class Session {
  executions = 0;
  /** By what went wrong, so that one fault is reported once. */
  readonly crashes = new Map<string, Crash>();
  readonly #corpus: Buffer[] = [];
  readonly #options: FuzzOptions;
  readonly #coverage: Coverage;
  readonly #random: Random;
  readonly #dictionary: readonly string[];

  constructor(options: FuzzOptions) {
    const { target, probes, seed } = options;
    this.#options = options;
    this.#coverage = new Coverage(probes);
    this.#random = new Random(seed);
    const literals = [...probes.literals].filter((text) => text.length > 0 && text.length <= 64);
    // The target's own words thrice: the sources have many that mean nothing to it.
    this.#dictionary = [...target.dictionary, ...target.dictionary, ...target.dictionary, ...literals];
  }

  async readSeeds(): Promise<void> {
    const { name } = this.#options.target;
    for (const folder of [SEEDS, REGRESSIONS, FOUND]) {
      for (const { input } of readInputs(folder, name)) await this.#run(input);
    }
    if (this.#corpus.length === 0) this.#corpus.push(Buffer.alloc(0));
  }

  async tryOne(): Promise<void> {
    const input = this.#change(this.#choose());
    if (await this.#run(input)) saveInput(FOUND, this.#options.target.name, input);
  }

  /** What was found last leads furthest. */
  #choose(): Buffer {
    const { length } = this.#corpus;
    const recent = Math.min(length, 16);
    const index = this.#random.once(3) ? length - 1 - this.#random.below(recent) : this.#random.below(length);
    return this.#corpus[index] ?? Buffer.alloc(0);
  }

  #change(input: Buffer): Buffer {
    const { mutators, maximumBytes } = this.#options.target;
    let changed = input;
    do {
      const mutation: Mutation = {
        random: this.#random,
        dictionary: this.#dictionary,
        other: this.#random.pick(this.#corpus),
      };
      const shaped = mutators.length > 0 && !this.#random.once(4) ? this.#random.pick(mutators) : mutateBytes;
      changed = (shaped(changed, mutation) ?? mutateBytes(changed, mutation)).subarray(0, maximumBytes);
    } while (!this.#random.once(3));
    return changed;
  }

  /** @returns whether the input reached something new, and so was kept */
  async #run(input: Buffer): Promise<boolean> {
    const { target, announce } = this.#options;
    announce(target.name, input);
    this.executions += 1;
    this.#coverage.begin();
    try {
      await checkInput(target, input);
    } catch (thrown) {
      const error = asError(thrown);
      if (!this.crashes.has(keyOf(error))) this.crashes.set(keyOf(error), { input, error });
      return false;
    }
    const grew = this.#coverage.grew();
    if (grew) this.#corpus.push(input);
    return grew;
  }

  /** Leaves out what is not needed for the same fault. */
  async shortenCrashes(): Promise<void> {
    for (const [key, { input, error }] of this.crashes) {
      this.crashes.set(key, { input: await this.#shorten(input, key), error });
    }
  }

  async #shorten(input: Buffer, key: string): Promise<Buffer> {
    let shortest = input;
    for (let size = input.length >> 1; size > 0; size >>= 1) {
      for (let at = 0; at < shortest.length; at += size) {
        const shorter = Buffer.concat([shortest.subarray(0, at), shortest.subarray(at + size)]);
        if (!(await this.#failsAlike(shorter, key))) continue;
        shortest = shorter;
        at -= size;
      }
    }
    return shortest;
  }

  async #failsAlike(input: Buffer, key: string): Promise<boolean> {
    const { target, announce } = this.#options;
    announce(target.name, input);
    try {
      await checkInput(target, input);
      return false;
    } catch (thrown) {
      return keyOf(asError(thrown)) === key;
    }
  }

  report(): Report {
    const crashes = [...this.crashes.values()];
    return { executions: this.executions, corpus: this.#corpus.length, edges: this.#coverage.edges, crashes };
  }
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(`threw what is no Error: ${String(thrown)}`);
}

/** The first words of the message and where it was thrown: what is quoted of the input comes later. */
function keyOf({ name, message, stack = '' }: Error): string {
  const place = /\n\s+at .*?([\w.-]+:\d+):\d+/.exec(stack)?.[1] ?? '';
  return `${name} ${message.replace(/["'\d].*/s, '').slice(0, 60)} ${place}`;
}
