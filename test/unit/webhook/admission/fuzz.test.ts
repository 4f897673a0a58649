// SPDX-License-Identifier: Apache-2.0
// Any JSON as a review: the handler never rejects, and what it admits in Enforce was verified.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { harness, objectOf, pinnedFor, RESOURCES, reviewOf, SIGNED, UNSIGNED, untilGone } from '../reviews.ts';
import type { Body } from '../reviews.ts';

test('any JSON is answered, and refused', async () => {
  const { handle } = harness();
  await fc.assert(
    fc.asyncProperty(fc.jsonValue(), async (review) => {
      assert.equal((await handle('validate', review, untilGone())).response.allowed, false);
    }),
  );
});

const anything = fc.jsonValue({ maxDepth: 2 });
const image = fc.oneof(
  { weight: 20, arbitrary: fc.constant(pinnedFor(SIGNED)) },
  { weight: 6, arbitrary: fc.constantFrom(UNSIGNED, 'nginx', '') },
  { weight: 1, arbitrary: anything },
);
const container = fc.oneof(
  { weight: 30, arbitrary: fc.record({ name: fc.constantFrom('a', 'b', 'c'), image }, { requiredKeys: [] }) },
  { weight: 1, arbitrary: anything },
);
const volume = fc.record(
  { name: fc.constantFrom('a', 'b'), image: fc.oneof(fc.record({ reference: image }, { requiredKeys: [] }), anything) },
  { requiredKeys: [] },
);
const list = (entry: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 30, arbitrary: fc.array(entry, { maxLength: 3 }) }, { weight: 1, arbitrary: anything });
const podSpec = fc.record(
  {
    containers: list(container),
    initContainers: list(container),
    ephemeralContainers: list(container),
    volumes: list(volume),
  },
  { requiredKeys: [] },
);

interface Case {
  readonly resource: string;
  readonly spec: Body;
  readonly oldSpec: Body | null;
  readonly operation: string;
  readonly metadata: Body;
}

const cases: fc.Arbitrary<Case> = fc.record({
  resource: fc.constantFrom(...RESOURCES),
  spec: podSpec,
  oldSpec: fc.option(podSpec),
  operation: fc.constantFrom('CREATE', 'UPDATE'),
  metadata: fc.record(
    {
      deletionTimestamp: fc.constant('2026-01-01T00:00:00Z'),
      annotations: fc.constant({ 'kubernetes.io/config.mirror': 'x' }),
    },
    { requiredKeys: [] },
  ),
});

/** Everything in a PodSpec that a kubelet could read as an image, without the table under test; none is empty. */
function imagesOf(spec: Body): { slot: string; image: unknown }[] {
  return Object.entries(spec).flatMap(([field, entries]) =>
    (Array.isArray(entries) ? entries : []).flatMap((entry: unknown) => {
      const given = at(entry, 'image') ?? undefined;
      // A volume without an image is one of another type.
      if (field === 'volumes' && given === undefined) return [];
      const found = field === 'volumes' ? at(given, 'reference') : given;
      return [{ slot: `${field} ${JSON.stringify(at(entry, 'name') ?? '')}`, image: found ?? '' }];
    }),
  );
}

function at(holder: unknown, field: string): unknown {
  return typeof holder === 'object' && holder !== null
    ? Object.entries(holder).find(([key]) => key === field)?.[1]
    : undefined;
}

test('no review with an image that is neither verified nor unchanged is admitted', async () => {
  const { handle } = harness();
  let admitted = 0;
  await fc.assert(
    fc.asyncProperty(cases, async ({ resource, spec, oldSpec, operation, metadata }) => {
      const request = { operation, oldObject: oldSpec && objectOf(resource, oldSpec, metadata) };
      const answer = await handle(
        'validate',
        reviewOf(resource, objectOf(resource, spec, metadata), request),
        untilGone(),
      );
      if (!answer.response.allowed) return;
      admitted++;
      const held = operation === 'UPDATE' && oldSpec !== null ? imagesOf(oldSpec) : [];
      for (const found of imagesOf(spec)) {
        const unchanged = held.some((old) => old.slot === found.slot && old.image === found.image);
        // What the kubelet can't read is left to whatever fills it in.
        const left = resource !== 'pods' && !/^[\w.\-/:@[\]+]+$/.test(String(found.image));
        assert.ok(unchanged || left || found.image === pinnedFor(SIGNED), JSON.stringify(found));
      }
    }),
    { numRuns: 2000 },
  );
  assert.ok(admitted > 100, `only ${admitted} reviews were admitted: the property says little`);
});
