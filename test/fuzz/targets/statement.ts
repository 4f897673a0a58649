// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { parseStatement } from '../../../core/cosign/statement.ts';
import { hexOf } from '../../../core/image/digest.ts';
import { mutateJson } from '../engine/structured.ts';
import type { Target } from '../engine/target.ts';
import { bundleDigest } from './signed.ts';
import { readOrRefused, requireOwnTexts } from './refusals.ts';

const MAXIMUM_BYTES = 32 * 1024;

/** Refuses with MalformedSignature or ResponseTooLarge; what is accepted has this image among its subjects. */
export const statement: Target = {
  name: 'statement',
  maximumBytes: MAXIMUM_BYTES + 64,
  maximumMilliseconds: 100,
  mutators: [mutateJson],
  dictionary: [
    'subject',
    'digest',
    'sha256',
    'sha512',
    'predicateType',
    '_type',
    hexOf(bundleDigest),
    'https://sigstore.dev/cosign/sign/v1',
    'https://in-toto.io/Statement/v0.1',
  ],
  check: (input) => {
    const read = readOrRefused(['MalformedSignature', 'ResponseTooLarge'], () =>
      parseStatement(input, bundleDigest, MAXIMUM_BYTES),
    );
    if (read === undefined) return;
    requireOwnTexts(read.annotations);
    const { subject, predicateType } = JSON.parse(input.toString('utf8'));
    assert.ok(subject.some((each: { digest: { sha256: unknown } }) => each.digest.sha256 === hexOf(bundleDigest)));
    assert.equal(read.predicateType, predicateType);
  },
};
