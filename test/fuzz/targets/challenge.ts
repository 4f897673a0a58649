// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { parseChallenges } from '../../../core/registry/authorization/challenge.ts';
import type { Challenge } from '../../../core/registry/authorization/challenge.ts';
import type { Target } from '../engine/target.ts';

/** Never throws; names are tokens in lower case; what is read, written out again, reads the same. */
export const challenge: Target = {
  name: 'challenge',
  maximumBytes: 20_000,
  maximumMilliseconds: 100,
  mutators: [],
  dictionary: [
    'Bearer ',
    'Basic ',
    'realm="',
    'service="',
    'scope="',
    'error="',
    '"',
    '\\',
    ',',
    '=',
    'repository:a/b:pull',
    'YWJj==',
  ],
  check: (input) => {
    const read = parseChallenges(input.toString('latin1'));
    for (const { scheme, parameters } of read) {
      for (const name of [scheme, ...parameters.keys()]) assert.match(name, /^[!#$%&'*+\-.^_`|~0-9a-z]+$/);
    }
    const written = read.map(write).join(', ');
    if (written.length <= 16 * 1024) assert.deepEqual(parseChallenges(written), read);
  },
};

function write({ scheme, parameters }: Challenge): string {
  const pairs = [...parameters].map(([name, value]) => `${name}="${value.replaceAll(/["\\]/g, '\\$&')}"`);
  return `${scheme} ${pairs.join(', ')}`;
}
