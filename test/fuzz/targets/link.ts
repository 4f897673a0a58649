// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { nextPage } from '../../../core/registry/reading/link-header.ts';
import type { Target } from '../engine/target.ts';

const ASKED = new URL('https://registry.example.com/v2/team/app/referrers/sha256:0');

/** Never throws; a next page is a path of the API on the same origin, whatever the header says. */
export const link: Target = {
  name: 'link',
  maximumBytes: 4096,
  maximumMilliseconds: 50,
  mutators: [],
  dictionary: [
    '<',
    '>',
    '; rel="next"',
    'rel=next',
    '/v2/',
    '..',
    '//evil.example/',
    'https://registry.example.com',
    'http:',
    '@',
    '\\',
    '%2e%2e/',
    '%0d%0a',
    '?n=1',
    '#',
  ],
  check: (input) => {
    const headers = { link: input.toString('latin1') };
    const next = nextPage({ status: 200, headers, body: Buffer.alloc(0), url: ASKED });
    if (next?.path === undefined) return;
    const { path } = next;
    assert.match(path, /^\/v2\/[!-~]*$/);
    const url = new URL(path, ASKED);
    assert.equal(url.origin, ASKED.origin);
    assert.equal(url.pathname + url.search, path);
    assert.equal(url.username + url.password + url.hash, '');
  },
};
