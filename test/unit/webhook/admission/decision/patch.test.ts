// SPDX-License-Identifier: Apache-2.0
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { pinnedReference } from '../../../../../webhook/admission/decision/patch.ts';
import { verdictFor } from '../../reviews.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const OTHER = `sha256:${'b'.repeat(64)}`;

describe('pinnedReference', () => {
  for (const [image, normalised, repository, expected] of [
    ['nginx', 'docker.io/library/nginx:latest', 'docker.io/library/nginx', `docker.io/library/nginx:latest@${DIGEST}`],
    ['acme/app:1.2', 'docker.io/acme/app:1.2', 'docker.io/acme/app', `docker.io/acme/app:1.2@${DIGEST}`],
    ['r.io:5000/app:1', 'r.io:5000/app:1', 'r.io:5000/app', `r.io:5000/app:1@${DIGEST}`],
    ['r.io:5000/app', 'r.io:5000/app', 'r.io:5000/app', `r.io:5000/app@${DIGEST}`],
    [`nginx@${DIGEST}`, `docker.io/library/nginx@${DIGEST}`, 'docker.io/library/nginx', `nginx@${DIGEST}`],
    [`nginx:1@${DIGEST}`, `docker.io/library/nginx:1@${DIGEST}`, 'docker.io/library/nginx', `nginx:1@${DIGEST}`],
    [`nginx@${OTHER}`, `docker.io/library/nginx@${OTHER}`, 'docker.io/library/nginx', undefined],
    ['r.io/app:1', 'r.io/other:1', 'r.io/app', `r.io/app@${DIGEST}`],
    ['r.io/app:a b', 'r.io/app:a b', 'r.io/app', `r.io/app@${DIGEST}`],
  ] as const) {
    test(`makes ${expected ?? 'nothing'} of ${image}`, () => {
      const verdict = verdictFor(image, { image: normalised, resolved: `${repository}@${DIGEST}` });
      assert.equal(pinnedReference(image, verdict), expected);
    });
  }
});

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
