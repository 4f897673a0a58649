// SPDX-License-Identifier: Apache-2.0
// The grammar of hosts and path components (distribution/reference, regexp.go) as two small state
// machines. A machine, unlike a regular expression, can also be asked whether any valid text matches
// a glob: so references and patterns share one definition and cannot disagree.

/** For each state the next one by kind of character; where none is given no valid text goes on so. */
type Transitions = Readonly<Record<string, Readonly<Partial<Record<CharacterKind, string>>>>>;

/** `a` is a-f, `g` is g-z, `0` is 0-9; the others are themselves. */
type CharacterKind = 'a' | 'g' | '0' | '.' | '_' | '-' | ':' | '[' | ']';

export interface Grammar {
  readonly transitions: Transitions;
  readonly accepting: ReadonlySet<string>;
}

const run = { a: 'run', g: 'run', 0: 'run' } as const;
const label = { a: 'label', g: 'label', 0: 'label' } as const;
const address = { a: 'address', 0: 'address', ':': 'address' } as const;

/** A path component: runs of `a-z0-9` joined by `.`, `_`, `__` or any number of `-`. */
export const PATH_COMPONENT: Grammar = {
  transitions: {
    start: run,
    run: { ...run, '.': 'separator', _: 'underscore', '-': 'dashes' },
    separator: run,
    underscore: { ...run, _: 'separator' },
    dashes: { ...run, '-': 'dashes' },
  },
  accepting: new Set(['run']),
};

/** A host in lower case: DNS labels joined by `.`, or an IPv6 address in brackets; then perhaps a port. */
export const HOST: Grammar = {
  transitions: {
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
  accepting: new Set(['label', 'closed', 'port']),
};

/** Whether `text` is valid as a whole. */
export function conforms(grammar: Grammar, text: string): boolean {
  let state = 'start';
  for (const character of text) {
    const next = follow(grammar, state, character);
    if (next === undefined) return false;
    state = next;
  }
  return grammar.accepting.has(state);
}

/** Whether any valid text matches `glob`, in which `*` stands for any run of characters. */
export function canConform(grammar: Grammar, glob: string): boolean {
  let states = new Set(['start']);
  for (const character of glob) {
    states = character === '*' ? reachable(grammar, states) : step(grammar, states, character);
  }
  return [...states].some((state) => grammar.accepting.has(state));
}

function follow(grammar: Grammar, state: string, character: string): string | undefined {
  const kind = kindOf(character);
  return kind === undefined ? undefined : grammar.transitions[state]?.[kind];
}

function step(grammar: Grammar, states: ReadonlySet<string>, character: string): Set<string> {
  const result = new Set<string>();
  for (const state of states) {
    const next = follow(grammar, state, character);
    if (next !== undefined) result.add(next);
  }
  return result;
}

function reachable(grammar: Grammar, states: ReadonlySet<string>): Set<string> {
  const result = new Set(states);
  // A Set also visits what is added meanwhile: this ends when nothing new is reached.
  for (const state of result) {
    for (const next of Object.values(grammar.transitions[state] ?? {})) result.add(next);
  }
  return result;
}

/** Undefined: a character that is valid nowhere; upper case among them. */
function kindOf(character: string): CharacterKind | undefined {
  if (character >= 'a' && character <= 'f') return 'a';
  if (character >= 'g' && character <= 'z') return 'g';
  if (character >= '0' && character <= '9') return '0';
  return PUNCTUATION.get(character);
}

const PUNCTUATION: ReadonlyMap<string, CharacterKind> = new Map([
  ['.', '.'],
  ['_', '_'],
  ['-', '-'],
  [':', ':'],
  ['[', '['],
  [']', ']'],
]);
