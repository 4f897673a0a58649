// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { contextOf, createSampler } from '../../../../../operator/telemetry/tracing/sampler.ts';

// The examples of https://www.w3.org/TR/trace-context/#examples-of-http-traceparent-headers
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

describe('contextOf', () => {
  test('takes up a sampled trace and one that is not', () => {
    const context = { traceId: TRACE, parentSpanId: SPAN };
    assert.deepEqual(contextOf(`00-${TRACE}-${SPAN}-01`), { ...context, parentSampled: true });
    assert.deepEqual(contextOf(`00-${TRACE}-${SPAN}-00`), { ...context, parentSampled: false });
  });

  test('reads what it knows of a later version', () => {
    assert.equal(contextOf(`01-${TRACE}-${SPAN}-01-more`).traceId, TRACE);
  });

  for (const [what, header] of [
    ['nothing', undefined],
    ['the version that is not allowed', `ff-${TRACE}-${SPAN}-01`],
    ['a trace of zeros', `00-${'0'.repeat(32)}-${SPAN}-01`],
    ['a span of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['capital letters', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
    ['more behind version 0', `00-${TRACE}-${SPAN}-01-more`],
    ['a line break', `00-${TRACE}-${SPAN}-01\n`],
  ] as const) {
    test(`begins a trace of its own after ${what}`, () => {
      const { traceId, parentSpanId, parentSampled } = contextOf(header);
      assert.match(traceId, /^[0-9a-f]{32}$/);
      assert.notEqual(traceId, TRACE);
      assert.deepEqual([parentSpanId, parentSampled], [undefined, undefined]);
    });
  }

  test('gives a trace id whatever comes', () => {
    fc.assert(fc.property(fc.string(), (text) => assert.match(contextOf(text).traceId, /^[0-9a-f]{32}$/)));
  });
});

describe('createSampler', () => {
  const sampled = { traceId: TRACE, parentSpanId: SPAN, parentSampled: true };
  const unsampled = { ...sampled, parentSampled: false };
  const root = { traceId: TRACE };

  for (const [name, expected] of [
    ['', [true, false, true]],
    ['parentbased_always_on', [true, false, true]],
    ['parentbased_always_off', [true, false, false]],
    ['always_on', [true, true, true]],
    ['always_off', [false, false, false]],
  ] as const) {
    test(`${name || 'by default'} decides for a sampled parent, one that is not, and none`, () => {
      assert.deepEqual(
        [sampled, unsampled, root].map((context) => createSampler(name)?.(context)),
        expected,
      );
    });
  }

  test('a ratio takes about that share, and a smaller one takes a part of the same traces', () => {
    const quarter = createSampler('traceidratio', '0.25');
    const half = createSampler('parentbased_traceidratio', '0.5');
    const traces = Array.from({ length: 2000 }, () => ({ traceId: randomBytes(16).toString('hex') }));
    const taken = traces.filter((context) => quarter?.(context));
    assert.ok(taken.length > 350 && taken.length < 650, `${taken.length}`);
    assert.ok(taken.every((context) => half?.(context)));
  });

  test('does not exist for other names and for ratios beyond all', () => {
    for (const name of ['jaeger_remote', 'constructor']) assert.equal(createSampler(name), undefined);
    for (const ratio of ['-1', '1.1', 'half']) assert.equal(createSampler('traceidratio', ratio), undefined);
  });
});
