// SPDX-License-Identifier: Apache-2.0
import { describe, test } from 'node:test';
import { signKeyless, SIGNED_AT } from '../../../../fakes/sigstore/keyless.ts';
import type { SigningOptions } from '../../../../fakes/sigstore/keyless.ts';
import { CERTIFICATE } from './certificate-changes.ts';
import { prove, refused, sigstore, type Change, type Source } from './proving.ts';
import { TIMESTAMP, TWICE } from './timestamp-changes.ts';
import { BODY, CONTENT, HASH, INDEX, NAMES, PROMISE, PROOF, RETIRED } from './transparency-changes.ts';

const TABLES: readonly {
  readonly from: Source;
  readonly options: SigningOptions;
  readonly changes: readonly Change[];
}[] = [
  { from: 'bundle', options: { entry: 'dsse1' }, changes: [...CERTIFICATE, ...PROMISE, ...PROOF, ...BODY] },
  { from: 'bundle', options: { entry: 'intoto2' }, changes: [...CERTIFICATE, ...BODY] },
  { from: 'bundle', options: { entry: 'hashedrekord1' }, changes: [...BODY, HASH] },
  {
    from: 'bundle',
    options: { entry: 'hashedrekord2', stampedAt: SIGNED_AT },
    changes: [...CERTIFICATE, ...PROOF, ...NAMES, ...BODY, ...TIMESTAMP, HASH],
  },
  {
    from: 'bundle',
    options: { entry: 'dsse2', stampedAt: SIGNED_AT },
    changes: [...BODY, ...TIMESTAMP, RETIRED, INDEX, TWICE],
  },
  { from: 'bundle', options: { stampedAt: SIGNED_AT }, changes: [...CERTIFICATE, ...TIMESTAMP, TWICE] },
  { from: 'annotations', options: { entry: 'dsse1' }, changes: [...CERTIFICATE, ...PROMISE] },
  { from: 'annotations', options: { entry: 'intoto1' }, changes: [...CERTIFICATE, ...CONTENT] },
  { from: 'annotations', options: { message: true, entry: 'hashedrekord1' }, changes: PROMISE },
  { from: 'annotations', options: { message: true, stampedAt: SIGNED_AT }, changes: TIMESTAMP },
];

for (const { from, options, changes } of TABLES) {
  const what = [from, options.entry, options.stampedAt === undefined ? undefined : 'timestamp']
    .filter(Boolean)
    .join(', ');
  describe(`a keyless signature (${what}) is refused for`, () => {
    for (const { name, change, reason } of changes) {
      test(name, async () => {
        const signing = signKeyless({ sigstore, ...options });
        await prove(signing, from); // right, but for the change
        change(signing);
        await refused(signing, from, reason);
      });
    }
  });
}
