// SPDX-License-Identifier: Apache-2.0
import { celEnv, CelScalar, celType, isCelError, parse, plan } from '@bufbuild/cel';
import type { CelValue } from '@bufbuild/cel';

// CEL has functions for both directions; its timestamps are another library's messages.
const fromText = plan(celEnv({ variables: { text: CelScalar.STRING } }), parse('timestamp(text)'));
const toText = plan(celEnv({ variables: { time: CelScalar.DYN } }), parse('string(time)'));

/** A CEL timestamp of milliseconds since the epoch. */
export function celTime(milliseconds: number): NonNullable<CelValue> {
  const value = fromText({ text: new Date(milliseconds).toISOString() });
  if (value === null || isCelError(value)) throw new Error(`there is no time ${milliseconds}`);
  return value;
}

/** @throws Error where it is no CEL timestamp. */
export function millisecondsOf(value: CelValue): number {
  const text = String(celType(value)) === 'google.protobuf.Timestamp' ? toText({ time: value }) : undefined;
  const milliseconds = typeof text === 'string' ? Date.parse(text) : NaN;
  if (Number.isNaN(milliseconds)) throw new Error('yields no timestamp: a text becomes one by timestamp(…)');
  return milliseconds;
}
