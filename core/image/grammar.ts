// SPDX-License-Identifier: Apache-2.0
// The grammar of hosts and path components (distribution/reference, regexp.go) as two small state
// machines. A machine, unlike a regular expression, can also be asked whether any valid text matches
// a glob: so references and patterns share one definition and cannot disagree.

/** For each state the next one by kind of character; where none is given no valid text goes on so. */
type Transitions = Readonly<Record<string, Readonly<Partial<Record<CharacterKind, string>>>>>;

/** `a` is a-f, `g` is g-z, `0` is 0-9; the others are themselves. */
type CharacterKind = 'a' | 'g' | '0' | '.' | '_' | '-' | ':' | '[' | ']';

/** A machine as tables; sets of states are bit masks. State 0 is the start. */
export interface Grammar {
  /** At `state * 128 + character code` the next state, or -1. */
  readonly next: Int8Array;
  /** For each state, those that some text leads to from it, itself among them. */
  readonly reachable: readonly number[];
  readonly accepting: number;
}

const run = { a: 'run', g: 'run', 0: 'run' } as const;
const label = { a: 'label', g: 'label', 0: 'label' } as const;
const address = { a: 'address', 0: 'address', ':': 'address' } as const;

/** A path component: runs of `a-z0-9` joined by `.`, `_`, `__` or any number of `-`. */
export const PATH_COMPONENT = grammarOf(
  {
    start: run,
    run: { ...run, '.': 'separator', _: 'underscore', '-': 'dashes' },
    separator: run,
    underscore: { ...run, _: 'separator' },
    dashes: { ...run, '-': 'dashes' },
  },
  ['run'],
);

/** A host in lower case: DNS labels joined by `.`, or an IPv6 address in brackets; then perhaps a port. */
export const HOST = grammarOf(
  {
    start: { ...label, '[': 'open' },
    label: { ...label, '-': 'dash', '.': 'dot', ':': 'colon' },
    dash: { ...label, '-': 'dash' },
    dot: label,
    open: address,
    address: { ...address, ']': 'closed' },
    closed: { ':': 'colon' },
    colon: { 0: 'port' },
    port: { 0: 'port' },
  },
  ['label', 'closed', 'port'],
);

/** Whether `text` is valid as a whole. */
export function conforms(grammar: Grammar, text: string): boolean {
  let state = 0;
  for (let index = 0; index < text.length; index++) {
    state = follow(grammar, state, text.charCodeAt(index));
    if (state === -1) return false;
  }
  return (grammar.accepting & (1 << state)) !== 0;
}

/** Whether any valid text matches `glob`, in which `*` stands for any run of characters. */
export function canConform(grammar: Grammar, glob: string): boolean {
  let states = 1;
  for (let index = 0; index < glob.length; index++) {
    states = glob[index] === '*' ? reachableFrom(grammar, states) : step(grammar, states, glob.charCodeAt(index));
  }
  return (grammar.accepting & states) !== 0;
}

function follow(grammar: Grammar, state: number, code: number): number {
  return code < 128 ? (grammar.next[state * 128 + code] ?? -1) : -1;
}

function step(grammar: Grammar, states: number, code: number): number {
  let result = 0;
  for (let state = 0; states >> state !== 0; state++) {
    const next = (states >> state) & 1 ? follow(grammar, state, code) : -1;
    if (next !== -1) result |= 1 << next;
  }
  return result;
}

function reachableFrom(grammar: Grammar, states: number): number {
  return grammar.reachable.reduce((result, mask, state) => ((states >> state) & 1 ? result | mask : result), 0);
}

function grammarOf(transitions: Transitions, accepting: readonly string[]): Grammar {
  const names = Object.keys(transitions);
  const next = new Int8Array(names.length * 128).fill(-1);
  for (const [state, targets] of Object.values(transitions).entries()) {
    for (const [kind, target] of Object.entries(targets)) {
      for (const code of codesOf(kind)) next[state * 128 + code] = names.indexOf(target);
    }
  }
  const reachable = names.map((name) => maskOf(closure(transitions, name), names));
  return { next, reachable, accepting: maskOf(accepting, names) };
}

function closure(transitions: Transitions, start: string): Iterable<string> {
  const found = new Set([start]);
  // A Set also visits what is added meanwhile: this ends when nothing new is reached.
  for (const state of found) {
    for (const target of Object.values(transitions[state] ?? {})) found.add(target);
  }
  return found;
}

function maskOf(states: Iterable<string>, names: readonly string[]): number {
  let mask = 0;
  for (const state of states) mask |= 1 << names.indexOf(state);
  return mask;
}

function codesOf(kind: string): readonly number[] {
  const last = { a: 'f', g: 'z', 0: '9' }[kind] ?? kind;
  const first = kind.charCodeAt(0);
  return Array.from({ length: last.charCodeAt(0) - first + 1 }, (_, offset) => first + offset);
}
