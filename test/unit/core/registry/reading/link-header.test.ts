// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { nextPage } from '../../../../../core/registry/reading/link-header.ts';

const page = (link: string | string[] | undefined) =>
  nextPage({
    status: 200,
    headers: { link },
    body: new Uint8Array(),
    url: new URL('https://registry.example.com/v2/app/referrers/sha256:00'),
  });

describe('nextPage', () => {
  test('reads relative, rooted and absolute links', () => {
    assert.deepEqual(page('<?n=2>; rel="next"'), { path: '/v2/app/referrers/sha256:00?n=2' });
    assert.deepEqual(page('</v2/app/referrers/x?n=2>; rel=next'), { path: '/v2/app/referrers/x?n=2' });
    assert.deepEqual(page('<https://registry.example.com/v2/x?n=2>;rel="next"'), { path: '/v2/x?n=2' });
  });

  test('picks the next page among other links', () => {
    assert.deepEqual(page(['</v2/a>; rel="prev"', '</v2/b>; title="x"; rel="next"']), { path: '/v2/b' });
  });

  test('has none where no link is the next', () => {
    assert.equal(page(undefined), undefined);
    assert.equal(page('</v2/a>; rel="nextish"'), undefined);
    assert.equal(page('</v2/a; rel="next"'), undefined);
    assert.equal(page('rel="next"'), undefined);
  });

  test('takes only path and query of a link: a registry behind a proxy has other names for itself', () => {
    for (const origin of [
      'http://registry.example.com',
      'http://registry.internal:5000',
      '//other.example',
      'https://x:1',
    ]) {
      assert.deepEqual(page(`<${origin}/v2/a?n=2>; rel="next"`), { path: '/v2/a?n=2' }, origin);
    }
  });

  test('does not follow a link out of the API', () => {
    for (const target of [
      'https://other.example/admin',
      'ftp://registry.example.com/v2/a',
      '/admin',
      '/v2/../admin',
      'https://[',
    ]) {
      assert.deepEqual(page(`<${target}>; rel="next"`), {}, target);
    }
  });
});
