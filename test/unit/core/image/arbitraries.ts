// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';

/** Few letters, so that texts made apart often meet. */
const word = fc.stringMatching(/^[ab]{1,2}$/);
const component = fc
  .array(word, { minLength: 1, maxLength: 2 })
  .chain((words) => fc.constantFrom('.', '_', '__', '-', '---').map((separator) => words.join(separator)));

export const anyHost = fc.oneof(
  fc.constantFrom('docker.io', 'index.docker.io', 'localhost', 'localhost:5000', '[::1]:5000', 'A', 'B.example'),
  fc.tuple(word, word, fc.constantFrom('', ':1', ':5000')).map(([a, b, port]) => `${a}.${b}${port}`),
);

export const anyPath = fc.array(component, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));

export const anyDigest = fc.constantFrom(`sha256:${'a'.repeat(64)}`, `sha256:${'b'.repeat(64)}`);

export const anyReference = fc
  .tuple(
    fc.option(anyHost),
    anyPath,
    fc.option(fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,5}$/)),
    fc.option(anyDigest),
  )
  .map(
    ([host, path, tag, digest]) =>
      (host === null ? '' : `${host}/`) +
      path +
      (tag === null ? '' : `:${tag}`) +
      (digest === null ? '' : `@${digest}`),
  );

const patternSegment = fc.oneof(
  { weight: 4, arbitrary: word },
  { weight: 2, arbitrary: fc.stringMatching(/^[ab*]{1,4}$/).filter((text) => !text.includes('**')) },
  { weight: 1, arbitrary: fc.constant('*') },
  { weight: 2, arbitrary: fc.constant('**') },
);

/** Patterns with a host written out, so that segments and text correspond. */
export const anyPattern = fc
  .tuple(
    fc.oneof(anyHost, fc.constantFrom('**', '*.a', 'a.*', 'a.*:5000', '*.*', 'a*.b')),
    fc.array(patternSegment, { minLength: 1, maxLength: 4 }),
    fc.option(anyDigest, { freq: 5 }),
  )
  .map(([host, segments, digest]) => [host, ...segments].join('/') + (digest === null ? '' : `@${digest}`));
