// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { policyReadings } from '../../../../operator/host/readings.ts';
import { compiled } from '../../../fakes/engine.ts';
import { PEM } from '../../core/policy/examples.ts';

const NOW = Date.UTC(2026, 5, 1);
const keys = [{ pem: PEM }];
const at = (days: number) => new Date(NOW + days * 86_400_000).toISOString().replace('.000', '');

test('policies are counted, those that are broken, and those that end soon or have', () => {
  const policies = [
    compiled('sound', { images: ['example.com/*'], keys }),
    compiled('broken', { images: ['example.com/app:1'], keys }),
    compiled('ending', { images: ['example.com/*'], action: 'Allow', expiresAt: at(3) }),
    compiled('lasting', { images: ['example.com/*'], action: 'Allow', expiresAt: at(300) }),
    compiled('ended', { images: ['example.com/*'], action: 'Allow', expiresAt: at(-3) }),
  ];
  const readings = policyReadings(
    () => policies,
    () => NOW,
  );
  assert.equal(readings.policies(), 5);
  assert.equal(readings.policiesNotReady(), 1);
  assert.deepEqual(readings.policiesEnding(), { expiring: 1, expired: 1 });
});
