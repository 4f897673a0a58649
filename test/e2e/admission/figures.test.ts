// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { committedFigures, measureFigures, TOLERANCES } from '../../bench/figures/figures.ts';
import type { Figures } from '../../bench/figures/figures.ts';
import { requireTools } from '../workbench/tools.ts';

const RENEW = 'if that is meant, renew the figures: node test/bench/figures/figures.ts --write';

/** Times are noisy; counts are not. Against real registries, with signatures of the real cosign. */
describe('what can be counted has not become more', () => {
  let committed: Figures;
  let measured: Figures;
  before(async () => {
    requireTools('cosign', 'crane', 'registry', 'referrers-registry');
    committed = await committedFigures();
    measured = await measureFigures();
  });

  test('registry requests of each way to sign and to demand are those of test/bench/figures/figures.json', () => {
    assert.deepEqual(measured.requests, committed.requests, RENEW);
  });

  const counts = {
    programBytes: 'the bytes of the bundled program',
    loadedModules: 'the files that are loaded until it is ready',
    loadedBytes: 'the bytes that are loaded until it is ready',
    bytesPerReview: 'the bytes that a warm review allocates',
    bytesPerRenewedReview: 'the bytes that a review decided anew of what is known allocates',
    bytesPerColdReview: 'the bytes that a review of a new image allocates',
    linesPerReview: 'the lines that a warm review logs',
    requestsPerWarmReview: 'the registry requests of a warm review',
    heldPerImage: 'the bytes that stay in memory of an image with a `.sig`',
    heldPerBundleImage: 'the bytes that stay in memory of an image with a bundle',
  } as const;
  for (const name of [
    'programBytes',
    'loadedModules',
    'loadedBytes',
    'bytesPerReview',
    'bytesPerRenewedReview',
    'bytesPerColdReview',
    'heldPerImage',
    'heldPerBundleImage',
  ] as const) {
    test(`${counts[name]} are no more than ${TOLERANCES[name]} times those of test/bench/figures/figures.json`, () => {
      const most = committed[name] * TOLERANCES[name];
      assert.ok(measured[name] <= most, `${measured[name]}, and ${committed[name]} are committed; ${RENEW}`);
    });
  }
  for (const name of ['linesPerReview', 'requestsPerWarmReview'] as const) {
    test(`${counts[name]} are exactly those of test/bench/figures/figures.json`, () => {
      assert.equal(measured[name], committed[name], RENEW);
    });
  }
});
