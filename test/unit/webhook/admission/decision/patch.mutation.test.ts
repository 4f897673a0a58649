// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pinnedReference } from '../../../../../webhook/admission/decision/patch.ts';
import { digestFor, verdictFor } from '../../reviews.ts';

const DIGEST = digestFor('x');

test('an image without a tag of its own is pinned without one', () => {
  const resolved = `registry.example.com/app@${DIGEST}`;
  const verdict = verdictFor('registry.example.com/app', { resolved });
  assert.equal(pinnedReference('registry.example.com/app', verdict), resolved);
});

test("the tag of another repository is not the image's", () => {
  const resolved = `registry.example.com/app@${DIGEST}`;
  const verdict = verdictFor('registry.example.com/app2:1', { resolved });
  assert.equal(pinnedReference('registry.example.com/app', verdict), resolved);
});
