// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { parsePattern } from '../../../core/image/pattern.ts';
import { formatReference, parseReference, parseRepository, repositoryName } from '../../../core/image/reference.ts';
import type { ImageReference } from '../../../core/image/types.ts';
import type { Target } from '../engine/target.ts';
import { matchesPattern } from '../../fakes/one-pattern.ts';
import { readOrRefused } from './refusals.ts';

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`;

/**
 * Refuses with InvalidReference only. What is read is normal; written out it reads the same, and the pattern
 * that names its repository matches it.
 */
export const reference: Target = {
  name: 'reference',
  maximumBytes: 2048,
  maximumMilliseconds: 50,
  mutators: [],
  dictionary: [
    'docker.io/',
    'index.docker.io/',
    'library/',
    'localhost:5000/',
    '[::1]:443/',
    `@${DIGEST}`,
    ':latest',
    'REGISTRY/',
    '//',
    '.',
    '__',
  ],
  check: (input) => {
    const text = input.toString('utf8');
    const read = readOrRefused(['InvalidReference'], () => parseReference(text));
    if (read === undefined) return;
    requireNormal(read, text);
    const written = formatReference(read);
    assert.deepEqual(parseReference(written), { ...read, original: written });
    assert.equal(formatReference(parseReference(written)), written);
    const name = repositoryName(read);
    assert.deepEqual(parseRepository(name), { registry: read.registry, path: read.path });
    assert.ok(matchesPattern(parsePattern(name), read), `the pattern ${name} does not match its own image`);
  },
};

function requireNormal({ registry, path, tag, digest, original }: ImageReference, text: string): void {
  assert.equal(original, text);
  assert.match(registry, /^[a-z0-9.:[\]-]{1,255}$/);
  assert.match(path, /^[a-z0-9._/-]{1,255}$/);
  assert.notEqual(registry, 'index.docker.io');
  assert.ok(!path.split('/').some((part) => ['', '.', '..'].includes(part)), `the path ${path} can be walked`);
  assert.ok(tag !== undefined || digest !== undefined);
  if (tag !== undefined) assert.match(tag, /^\w[\w.-]{0,127}$/);
  if (digest !== undefined) assert.match(digest, /^sha256:[0-9a-f]{64}$/);
}
