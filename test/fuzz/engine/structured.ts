// SPDX-License-Identifier: Apache-2.0
// Mutators that keep a shape: JSON, base64 and PEM, also one in the other.
import { mutateDer } from './der.ts';
import { mutateBytes } from './mutators.ts';
import type { Mutation } from './mutators.ts';
import type { Random } from './random.ts';

const NOT_BASE64 = /[^A-Za-z0-9+/=\s]/;
const PEM = /-----BEGIN ([A-Z ]+)-----([A-Za-z0-9+/=\s]*)-----END \1-----/;
const KEYS = ['__proto__', 'constructor', 'toString', 'length', '', '\u0000', 'ſubject', 'kind', 'Kind'];

/** One value, or one key, of a JSON document. */
export function mutateJson(input: Buffer, mutation: Mutation): Buffer | undefined {
  let document: unknown;
  try {
    document = JSON.parse(input.toString('utf8'));
  } catch {
    return undefined;
  }
  const holder: { root: unknown } = { root: document };
  const slots = slotsOf(holder);
  const slot = mutation.random.pick(slots);
  mutateSlot(slot, slots, mutation);
  const { root } = holder;
  const text = JSON.stringify(root) ?? 'null';
  return Buffer.from(mutation.random.once(8) ? repeatKey(text, mutation) : text);
}

/** A place in a document that holds a value. */
interface Slot {
  readonly holder: object;
  readonly key: string;
}

function slotsOf(holder: object): readonly Slot[] {
  const slots: Slot[] = [];
  const step = (current: object, depth: number): void => {
    for (const key of Object.keys(current)) {
      slots.push({ holder: current, key });
      const value: unknown = Reflect.get(current, key);
      if (typeof value === 'object' && value !== null && depth < 40) step(value, depth + 1);
    }
  };
  step(holder, 0);
  return slots;
}

function mutateSlot({ holder, key }: Slot, slots: readonly Slot[], mutation: Mutation): void {
  const { random } = mutation;
  const value: unknown = Reflect.get(holder, key);
  const choice = random.below(10);
  if (choice < 5 && typeof value === 'string') put(holder, key, mutateText(value, mutation));
  else if (choice < 5 && typeof value === 'number') put(holder, key, value + random.pick([-1, 1, 0.5, 1e9, -value]));
  else if (choice < 6) put(holder, key, foreignValue(mutation));
  else if (choice < 7) removeSlot(holder, key);
  else if (choice < 8) copyFrom(random.pick(slots), { holder, key });
  else if (choice < 9 && Array.isArray(value)) repeatItem(value, random);
  else renameOrAdd({ holder, key }, mutation);
}

/** As an own property, also where the key is `__proto__`. */
function put(holder: object, key: string, value: unknown): void {
  Object.defineProperty(holder, key, { value, writable: true, enumerable: true, configurable: true });
}

function removeSlot(holder: object, key: string): void {
  if (Array.isArray(holder)) holder.splice(Number(key), 1);
  else Reflect.deleteProperty(holder, key);
}

/** A copy, so that nothing becomes its own part. */
function copyFrom(source: Slot, { holder, key }: Slot): void {
  const value: unknown = Reflect.get(source.holder, source.key);
  if (value !== undefined) put(holder, key, JSON.parse(JSON.stringify(value)));
}

function repeatItem(list: unknown[], random: Random): void {
  const item = list[random.below(Math.max(1, list.length))];
  const times = 1 << random.below(9);
  for (let count = 0; count < times && list.length < 1100; count++) list.push(item ?? null);
}

function renameOrAdd({ holder, key }: Slot, { random, dictionary }: Mutation): void {
  if (Array.isArray(holder)) {
    holder.push(random.pick([null, {}, [], '', 0]));
    return;
  }
  const other =
    key === ''
      ? 'a'
      : random.pick([key.toUpperCase(), `${key} `, key.slice(1), `${key[0]?.toUpperCase()}${key.slice(1)}`]);
  const words = dictionary.length === 0 ? KEYS : [random.pick(KEYS), random.pick(dictionary)];
  const name = random.once(2) ? other : random.pick(words);
  const value: unknown = Reflect.get(holder, key);
  if (random.once(2)) removeSlot(holder, key);
  put(holder, name, value);
}

function foreignValue({ random, dictionary, other }: Mutation): unknown {
  const values: readonly (() => unknown)[] = [
    () => null,
    () => true,
    () => false,
    () => 0,
    () => -1,
    () => 2 ** 53,
    () => '',
    () => [],
    () => ({}),
    () => ({ ['__proto__']: 1 }),
    () => nested(1 + random.below(80)),
    () => 'a'.repeat(1 << random.below(13)),
    () => (dictionary.length === 0 ? 'x' : random.pick(dictionary)),
    () => partOf(other, random),
  ];
  return random.pick(values)();
}

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}

function partOf(other: Buffer, random: Random): unknown {
  try {
    const { holder, key } = random.pick(slotsOf({ root: JSON.parse(other.toString('utf8')) as unknown }));
    return Reflect.get(holder, key);
  } catch {
    return other.toString('latin1').slice(0, 64);
  }
}

/** What `JSON.stringify` never writes: the same key again, spelled another way. */
function repeatKey(text: string, { random }: Mutation): string {
  const keys = [...text.matchAll(/"(\w)(\w*)":/g)];
  if (keys.length === 0) return text;
  const { 0: whole, 1: first = '', 2: rest = '', index } = random.pick(keys);
  const escaped = `"\\u00${first.charCodeAt(0).toString(16)}${rest}":`;
  return `${text.slice(0, index)}${random.once(2) ? escaped : whole}${random.pick(['null', '1', '"x"', '{}'])},${text.slice(index)}`;
}

/** A text in a document: PEM, base64 of something, JSON again, or plain. */
function mutateText(text: string, mutation: Mutation): string {
  const { random } = mutation;
  const input = Buffer.from(text);
  const shaped = random.once(5)
    ? undefined
    : (mutatePem(input, mutation) ?? mutateBase64(input, mutation) ?? mutateJson(input, mutation));
  return (shaped ?? mutateBytes(input, mutation)).toString('utf8');
}

/** What is encoded, or how it is. */
export function mutateBase64(input: Buffer, mutation: Mutation): Buffer | undefined {
  const { random } = mutation;
  const text = input.toString('latin1');
  if (text.length < 12 || NOT_BASE64.test(text)) return undefined;
  if (random.once(6)) return Buffer.from(respelled(text, random));
  const decoded = Buffer.from(text, 'base64');
  const changed = mutateJson(decoded, mutation) ?? mutateDer(decoded, mutation) ?? mutateBytes(decoded, mutation);
  return Buffer.from(changed.toString('base64'));
}

/** Other texts that lenient decoders take for the same bytes. */
function respelled(text: string, random: Random): string {
  const at = random.below(text.length);
  return random.pick([
    text.replace(/=+$/, ''),
    `${text}=`,
    `${text.slice(0, at)}\n${text.slice(at)}`,
    `${text.slice(0, at)} ${text.slice(at)}`,
    text.replaceAll('+', '-').replaceAll('/', '_'),
    text.replace(/.(=*)$/, 'B$1'),
    `${text}AAAA`,
  ]);
}

export function mutatePem(input: Buffer, mutation: Mutation): Buffer | undefined {
  const { random } = mutation;
  const text = input.toString('latin1');
  const block = PEM.exec(text);
  if (block === null) return undefined;
  const [whole, label = '', body = ''] = block;
  const changes: readonly (() => string)[] = [
    () => pem(label, mutateDer(Buffer.from(body, 'base64'), mutation) ?? Buffer.alloc(0)),
    () => pem(label, mutateBytes(Buffer.from(body, 'base64'), mutation)),
    () => whole.replaceAll(label, random.pick(['CERTIFICATE', 'PRIVATE KEY', 'RSA PUBLIC KEY', 'PUBLIC KEY', 'X'])),
    () => `${whole}\n${whole}`,
    () => whole.replaceAll('\n', random.pick(['\r\n', ' ', '', '\n  '])),
    () => whole.replace(body, respelled(body, random)),
  ];
  return Buffer.from(
    text.replace(whole, () => random.pick(changes)()),
    'latin1',
  );
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').replace(/.{64}/g, '$&\n');
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----`;
}
