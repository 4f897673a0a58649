// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';

/** Lower-case hex, as in W3C Trace Context. */
export interface TraceContext {
  /** 32 digits. */
  readonly traceId: string;
  /** 16 digits: the caller's span; undefined: this is the first. */
  readonly parentSpanId?: string;
  /** The caller's own decision. */
  readonly parentSampled?: boolean;
}

// Each part has a fixed length: linear on any input. Zeros and the version ff are no values.
const TRACEPARENT =
  /^(?<version>(?!ff)[0-9a-f]{2})-(?<traceId>(?!0{32})[0-9a-f]{32})-(?<parentSpanId>(?!0{16})[0-9a-f]{16})-(?<flags>[0-9a-f]{2})(?<rest>-.{0,256})?$/;

/** Whether a trace is recorded. */
export type Sampler = (context: TraceContext) => boolean;

/**
 * The context that a `traceparent` header names (https://www.w3.org/TR/trace-context/), or a new one. Whoever reaches the
 * webhook's port may send one: it chooses an id and whether spans are written, and nothing else.
 */
export function contextOf(traceparent: string | undefined): TraceContext {
  const { version, traceId, parentSpanId, flags = '', rest } = TRACEPARENT.exec(traceparent ?? '')?.groups ?? {};
  if (!traceId || !parentSpanId || (version === '00' && rest)) return { traceId: randomBytes(16).toString('hex') };
  return { traceId, parentSpanId, parentSampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

/** A sampler by the name that OTEL_TRACES_SAMPLER gives it; undefined: there is none of that name or argument. */
export function createSampler(name = '', argument = ''): Sampler | undefined {
  const ratio = argument === '' ? 1 : Number(argument);
  if (!(ratio >= 0 && ratio <= 1)) return undefined;
  const samplers: Readonly<Record<string, Sampler>> = {
    '': byParent(() => true),
    always_on: () => true,
    always_off: () => false,
    traceidratio: (context) => isWithin(context, ratio),
    parentbased_always_on: byParent(() => true),
    parentbased_always_off: byParent(() => false),
    parentbased_traceidratio: byParent((context) => isWithin(context, ratio)),
  };
  return Object.hasOwn(samplers, name) ? samplers[name] : undefined;
}

function byParent(otherwise: Sampler): Sampler {
  return (context) => context.parentSampled ?? otherwise(context);
}

/** By the last 56 bits of the id, so that all who see a trace decide alike. */
function isWithin({ traceId }: TraceContext, ratio: number): boolean {
  return Number.parseInt(traceId.slice(-14), 16) < ratio * 2 ** 56;
}
