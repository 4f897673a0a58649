// SPDX-License-Identifier: Apache-2.0
import type { Random } from './random.ts';

export interface Mutation {
  readonly random: Random;
  readonly dictionary: readonly string[];
  /** Another input of the corpus. */
  readonly other: Buffer;
}

/** A changed copy; undefined where the input does not have the shape for it. */
export type Mutator = (input: Buffer, mutation: Mutation) => Buffer | undefined;

const NUMBERS = ['0', '-1', '1', '1e999', '9007199254740993', '18446744073709551616', '-0', '0.1', '0x10'];
const CHARACTERS = [
  '\0',
  '\n',
  '\r\n',
  '\u2028',
  '\u202e',
  '\u212a',
  '\u017f',
  '\ufeff',
  '\ud83d\ude00',
  '%00',
  '\\',
  '"',
];

/** Changes that know of no shape. */
export const BYTE_MUTATORS: readonly Mutator[] = [
  flipBit,
  setByte,
  remove,
  duplicate,
  insertToken,
  insertToken,
  replaceByToken,
  repeatByte,
  splice,
  spliceIn,
  swap,
];

/** One of them, whatever the input. */
export function mutateBytes(input: Buffer, mutation: Mutation): Buffer {
  return mutation.random.pick(BYTE_MUTATORS)(input, mutation) ?? input;
}

/** Where a cut may be made; ends are more telling than middles. */
function position(input: Buffer, random: Random): number {
  if (random.once(8)) return random.once(2) ? 0 : input.length;
  return random.below(input.length + 1);
}

/** Short ones are likelier. */
function span(input: Buffer, random: Random): readonly [number, number] {
  const start = position(input, random);
  const length = random.below(random.once(4) ? 64 : 8) + 1;
  return [start, Math.min(input.length, start + length)];
}

function replace(input: Buffer, [start, end]: readonly [number, number], by: Buffer | string): Buffer {
  return Buffer.concat([input.subarray(0, start), Buffer.from(by), input.subarray(end)]);
}

function flipBit(input: Buffer, { random }: Mutation): Buffer | undefined {
  if (input.length === 0) return undefined;
  const copy = Buffer.from(input);
  const at = random.below(copy.length);
  copy[at] = (copy[at] ?? 0) ^ (1 << random.below(8));
  return copy;
}

function setByte(input: Buffer, { random }: Mutation): Buffer | undefined {
  if (input.length === 0) return undefined;
  const copy = Buffer.from(input);
  copy[random.below(copy.length)] = random.once(2) ? random.below(256) : 32 + random.below(95);
  return copy;
}

function remove(input: Buffer, { random }: Mutation): Buffer {
  return replace(input, span(input, random), '');
}

function duplicate(input: Buffer, { random }: Mutation): Buffer {
  const [start, end] = span(input, random);
  return replace(input, [end, end], input.subarray(start, end));
}

function token({ random, dictionary }: Mutation): string {
  const choice = random.below(8);
  if (choice === 0) return random.pick(NUMBERS);
  if (choice === 1) return random.pick(CHARACTERS);
  return dictionary.length === 0 ? String.fromCharCode(32 + random.below(95)) : random.pick(dictionary);
}

function insertToken(input: Buffer, mutation: Mutation): Buffer {
  const at = position(input, mutation.random);
  return replace(input, [at, at], token(mutation));
}

function replaceByToken(input: Buffer, mutation: Mutation): Buffer {
  return replace(input, span(input, mutation.random), token(mutation));
}

function repeatByte(input: Buffer, { random }: Mutation): Buffer {
  const at = position(input, random);
  const byte = input[at] ?? 32 + random.below(95);
  return replace(input, [at, at], Buffer.alloc(1 << random.below(11), byte));
}

function splice(input: Buffer, { random, other }: Mutation): Buffer {
  return Buffer.concat([input.subarray(0, position(input, random)), other.subarray(position(other, random))]);
}

function spliceIn(input: Buffer, { random, other }: Mutation): Buffer {
  return replace(input, span(input, random), other.subarray(...span(other, random)));
}

function swap(input: Buffer, { random }: Mutation): Buffer {
  const [start, middle] = span(input, random);
  const end = Math.min(input.length, middle + random.below(16));
  return replace(input, [start, end], Buffer.concat([input.subarray(middle, end), input.subarray(start, middle)]));
}

/** Lines moved, doubled, left out or indented: what text formats with lines are sensitive to. */
export function mutateLines(input: Buffer, { random, other }: Mutation): Buffer {
  const lines = input.toString('latin1').split('\n');
  const at = random.below(lines.length);
  const line = lines[at] ?? '';
  const foreign = random.pick(other.toString('latin1').split('\n'));
  const changes: readonly (readonly string[])[] = [
    [],
    [line, line],
    [`  ${line}`],
    [line.replace(/^ {1,2}/, '')],
    [line, foreign],
    [foreign],
    [lines[at + 1] ?? '', line],
    [`- ${line}`],
    [line, '---'],
  ];
  lines.splice(at, 1, ...random.pick(changes));
  return Buffer.from(lines.join('\n'), 'latin1');
}
