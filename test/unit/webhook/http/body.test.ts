// SPDX-License-Identifier: Apache-2.0
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { DEFAULT_SERVER_LIMITS } from '../../../../webhook/http/limits.ts';
import { shapeOf } from '../../../../core/json-shape.ts';
import { HttpFault, parseJson } from '../../../../webhook/http/body.ts';

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

const ANY = 1_000_000;

function exceedsDepth(bytes: Uint8Array, depth: number): boolean {
  return shapeOf(bytes, { depth, containers: ANY, elements: ANY }) === 'depth';
}

/** Objects and lists of a value, itself among them. */
function containersOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return Object.values(value).reduce<number>((sum, inner) => sum + containersOf(inner), 1);
}

describe('the shape of a body', () => {
  test('is counted as it is parsed, whatever is in its strings', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.integer({ min: 0, max: 8 }), (value, containers) => {
        const shape = shapeOf(Buffer.from(JSON.stringify(value)), { depth: ANY, containers, elements: ANY });
        if (containersOf(value) > containers) assert.equal(shape, 'containers');
        else assert.equal(typeof shape === 'string' ? undefined : shape.containers, containersOf(value));
      }),
    );
  });

  test('is refused before it is parsed where a small text would take a large part of the memory', () => {
    for (const element of ['{}', '[]', '""', '0']) {
      const body = Buffer.from(`[${`${element},`.repeat(2_000_000)}0]`);
      const before = process.memoryUsage().heapUsed;
      assert.throws(
        () => parseJson({ bytes: body, charge: () => assert.fail('it was parsed') }),
        (error) => error instanceof HttpFault && error.status === 413,
        element,
      );
      assert.ok(process.memoryUsage().heapUsed - before < 8 * 1024 * 1024);
    }
  });

  test('of the largest objects that a cluster can store is none of these', () => {
    // Two of 1.5 MiB, all of them managed fields, the densest that there is.
    const field = '"f:metadata":{},"f:spec":{"f:a":{}},';
    const object = `{${field.repeat(Math.floor((1.5 * 1024 * 1024) / field.length))}"last":{}}`;
    let charged = 0;
    const bytes = Buffer.from(`{"object":${object},"oldObject":${object}}`);
    assert.ok(parseJson({ bytes, charge: (more) => (charged += more) }));
    // One has its place beside the rest; several at a time do not.
    assert.ok(charged > 8 * 1024 * 1024 && charged + bytes.length < DEFAULT_SERVER_LIMITS.heldBytes, `${charged}`);
  });

  describe('in depth', () => {
    test('agrees with the depth of what is parsed, whatever is in its strings', () => {
      fc.assert(
        fc.property(fc.jsonValue({ maxDepth: 6 }), fc.integer({ min: 0, max: 6 }), (value, maximum) => {
          assert.equal(exceedsDepth(Buffer.from(JSON.stringify(value)), maximum), depthOf(value) > maximum);
        }),
      );
    });

    for (const [text, maximum, expected] of [
      ['["[[[["]', 1, false],
      ['["\\"[[[["]', 1, false],
      ['["\\\\",[]]', 1, true],
      ['[[],[],[]]', 2, false],
      ['{"a":{"b":[]}}', 2, true],
    ] as const) {
      test(`${text} ${expected ? 'exceeds' : 'keeps to'} ${maximum}`, () => {
        assert.equal(exceedsDepth(Buffer.from(text), maximum), expected);
      });
    }
  });
});
