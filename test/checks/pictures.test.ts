// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { pictures } from '../../docs/pictures/draw.ts';
import { read } from './sources.ts';

describe('pictures in the documentation', () => {
  for (const [name, text] of pictures()) {
    test(`${name} is what is drawn today`, () => {
      assert.equal(read(`docs/pictures/${name}`), text, 'run node docs/pictures/draw.ts');
    });
  }
});
