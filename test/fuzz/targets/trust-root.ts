// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { parseTrustRoot } from '../../../core/sigstore/trust/trust-root.ts';
import type { Window } from '../../../core/sigstore/trust/trust-root.ts';
import { mutateJson } from '../engine/structured.ts';
import type { Target } from '../engine/target.ts';
import { readOrError } from './refusals.ts';

/** A trusted root is refused with an Error; one that is read has at most 64 of each kind, with keys and real times. */
export const trustRoot: Target = {
  name: 'trust-root',
  maximumBytes: 128 * 1024,
  maximumMilliseconds: 250,
  mutators: [mutateJson],
  dictionary: [
    'certificateAuthorities',
    'tlogs',
    'ctlogs',
    'timestampAuthorities',
    'certChain',
    'validFor',
    'start',
    'end',
    'keyDetails',
    'PKIX_ED25519',
    'PKCS1_RSA_PKCS1V5',
    'logId',
    'checkpointKeyId',
    'rawBytes',
    '2026-01-01T00:00:00Z',
    '1970-01-01T00:00:00.000000000Z',
  ],
  check: (input) => {
    const read = readOrError(() => parseTrustRoot(input.toString('utf8')));
    if (read === undefined) return;
    const { certificateAuthorities, timestampAuthorities, transparencyLogs, certificateLogs } = read;
    for (const list of [certificateAuthorities, timestampAuthorities, transparencyLogs, certificateLogs]) {
      assert.ok(list.length <= 64);
      for (const { validFor } of list) requireTimes(validFor);
    }
    for (const { certChain } of [...certificateAuthorities, ...timestampAuthorities])
      assert.notEqual(certChain.length, 0);
    for (const log of [...transparencyLogs, ...certificateLogs]) {
      assert.equal(log.key.type, 'public');
      assert.notEqual(log.logId.length, 0);
    }
  },
};

function requireTimes({ start, end }: Window): void {
  assert.ok(!Number.isNaN(start.getTime()) && !Number.isNaN(end.getTime()), 'a window without time');
}
