// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { selectJson, type Selection } from '../../../../operator/kubernetes/selected-json.ts';

const ALL: Selection = { bytes: Infinity };
const select = (text: string, selection: Selection) => selectJson(Buffer.from(text), selection);

describe('selected JSON', () => {
  test('is the whole of any value where all is wanted', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(0, 2), (value, indent) => {
        assert.deepEqual(select(JSON.stringify(value, null, indent), ALL).value, JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  test('has the members that are wanted, whatever is around them', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), fc.string(), (noise, wanted, key) => {
        fc.pre(key !== 'a' && key !== 'b' && key !== '__proto__');
        const text = JSON.stringify({ [key]: noise, a: { b: wanted, [key]: noise }, c: [noise] });
        const { value, cut } = select(text, { fields: { a: { fields: { b: ALL } } } });
        assert.deepEqual(value, { a: { b: JSON.parse(JSON.stringify(wanted)) } });
        assert.deepEqual(cut, []);
      }),
    );
  });

  test('leaves out what is longer than wanted, and says so', () => {
    const text = '{"short":"12","long":"123","list":[1,2,3],"deep":{"long":"1234567890123456","kept":1}}';
    const { value, cut } = select(text, {
      fields: {
        short: { bytes: 4 },
        long: { bytes: 4 },
        list: { each: ALL, most: 2 },
        deep: { bytes: 8, otherwise: { fields: { kept: ALL } } },
      },
    });
    assert.deepEqual(value, { short: '12', list: [1, 2], deep: { kept: 1 } });
    assert.deepEqual(cut, ['long', 'list', 'deep']);
  });

  test('is the whole up to the very byte, and from there on what else is wanted', () => {
    const values = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 }));
    const spaced = fc
      .tuple(values, fc.constantFrom(undefined, 2, '\t'))
      .map(([value, by]) => JSON.stringify(value, null, by));
    fc.assert(
      fc.property(spaced, (text) => {
        const json = Buffer.from(` ${text} `);
        const most = json.length - 2;
        const otherwise = { fields: {} };
        const whole: unknown = JSON.parse(text);
        assert.deepEqual(selectJson(json, { bytes: most, otherwise }), { value: whole, cut: [] });
        assert.deepEqual(selectJson(json, { bytes: most - 1, otherwise }), { value: {}, cut: [''] });
        assert.deepEqual(selectJson(json, { bytes: most - 1 }), { value: undefined, cut: [''] });
      }),
    );
  });

  test('is nothing where the text has another shape', () => {
    assert.deepEqual(select('{"a":[1],"b":{"c":1}}', { fields: { a: { fields: {} }, b: { each: ALL, most: 1 } } }), {
      value: {},
      cut: [],
    });
  });

  test('is refused where the text is cut off, or no JSON', () => {
    const whole = '{"a":{"b":["x",1,true,null,{"c":"\\"}"}]},"d":2}';
    for (let length = 0; length < whole.length; length++) {
      for (const wanted of [{ fields: { d: ALL } }, { fields: { a: ALL } }, ALL]) {
        assert.throws(() => select(whole.slice(0, length), wanted), SyntaxError, whole.slice(0, length));
      }
    }
    for (const text of ['{"a" 1}', '{a:1}', '{"a":}', '{"a":1,,"b":2}', '{"a":@}', '{"a":]}']) {
      assert.throws(() => select(text, { fields: { b: ALL } }), SyntaxError, text);
    }
  });

  test('goes as deep as the text without the stack', () => {
    const deep = 200_000;
    assert.deepEqual(select(`{"a":${'['.repeat(deep)}${']'.repeat(deep)},"b":1}`, { fields: { b: ALL } }).value, {
      b: 1,
    });
  });

  test('takes no memory for what is passed over, which parsed would be twenty times its text', () => {
    const text = Buffer.from(`{"a":[${'{},'.repeat(1_000_000)}{}],"b":1}`);
    const before = process.memoryUsage().heapUsed;
    assert.deepEqual(selectJson(text, { fields: { b: ALL } }).value, { b: 1 });
    const grown = process.memoryUsage().heapUsed - before;
    assert.ok(grown < 8 * 2 ** 20, `${grown} bytes`);
  });
});
