// SPDX-License-Identifier: Apache-2.0
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { DEFAULT_SERVER_LIMITS } from '../../../../webhook/http/limits.ts';
import { createShapeCounter, shapeOf } from '../../../../core/json-shape.ts';
import { parseJson, SHAPE_LIMITS } from '../../../../webhook/http/body.ts';
import { running, untilClosed } from '../serving.ts';

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

const ANY = 1_000_000;
const LIMITLESS = { depth: Infinity, containers: Infinity, elements: Infinity };

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

  test('is the same in however many pieces it comes', () => {
    const texts = fc.oneof(fc.json(), fc.string({ unit: fc.constantFrom('"', '\\', '{', '[', ']', ',', 'a', ' ') }));
    // Long strings are searched in another way than short ones.
    const filled = fc.tuple(texts, fc.nat(200)).map(([text, count]) => text.replaceAll('a', 'a'.repeat(count)));
    fc.assert(
      fc.property(filled, fc.array(fc.nat(40)), (text, sizes) => {
        const bytes = Buffer.from(text);
        const counter = createShapeCounter(LIMITLESS);
        let at = 0;
        for (const size of [...sizes, bytes.length]) {
          counter.add(bytes.subarray(at, at + size));
          at += size;
        }
        assert.deepEqual(counter.shape, shapeOf(bytes, LIMITLESS));
      }),
    );
  });

  test('leaves out whatever strings have, long ones too', () => {
    for (const text of ['[', '\\"[', '[\\\\', 'a'.repeat(100), '\\\\'.repeat(50), `${'a'.repeat(63)}\\"[`]) {
      for (const repeated of [1, 2, 33, 64, 200]) {
        const bytes = Buffer.from(`["${text.repeat(repeated)}",{}]`);
        const expected = { depth: 0, containers: 2, elements: 1 };
        assert.doesNotThrow(() => JSON.parse(bytes.toString()));
        assert.deepEqual(shapeOf(bytes, LIMITLESS), expected, bytes.toString());
      }
    }
  });

  test('is refused where a small text would take a large part of the memory, and nothing is kept of the rest', async () => {
    // There is room until it is refused, and not for all of it.
    const heldBytes = 5 * 1024 * 1024;
    const limits = {
      bodyBytes: 16 * 1024 * 1024,
      heldBytes,
      strangersBytes: heldBytes,
      strangersOfSourceBytes: heldBytes,
    };
    const { raw } = await running(() => Promise.reject(new Error('the handler was asked')), limits);
    for (const element of ['{}', '[]', '""', '0']) {
      const body = `[${`${element},`.repeat(4_000_000)}0]`;
      const socket = await raw();
      const head = `POST /validate HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}`;
      socket.write(`${head}\r\n\r\n`);
      // As an API server does: it looks for the answer once it has sent all.
      await new Promise((resolve, reject) => socket.once('error', reject).write(body, resolve));
      assert.match(await untilClosed(socket), /^HTTP\/1\.1 413/, element);
    }
  });

  test('of the largest objects that a cluster can store is none of these', () => {
    // Two of 1.5 MiB, all of them managed fields, the densest that there is.
    const field = '"f:metadata":{},"f:spec":{"f:a":{}},';
    const object = `{${field.repeat(Math.floor((1.5 * 1024 * 1024) / field.length))}"last":{}}`;
    const bytes = Buffer.from(`{"object":${object},"oldObject":${object}}`);
    const shape = shapeOf(bytes, SHAPE_LIMITS);
    assert.ok(typeof shape !== 'string', `passes the limit of ${JSON.stringify(shape)}`);
    let charged = 0;
    assert.ok(parseJson({ bytes, containers: shape.containers, charge: (more) => (charged += more) }));
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
