// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { webPageIn } from '../../../../../core/registry/transport/web-page.ts';

const told: readonly (readonly [text: string, header: string | undefined, page: string | undefined])[] = [
  ['<!doctype html><p>Sign in', 'Text/HTML; charset=utf-8', 'a web page (text/html)'],
  ['<html>', 'application/xhtml+xml', 'a web page (application/xhtml+xml)'],
  ['<html>', undefined, 'a web page'],
  ['<!-- portal --><html>', undefined, 'a web page'],
  ['\ufeff \r\n\t<html>', 'application/json', 'a web page'],
  ['', 'text/html', 'a web page (text/html)'],
  ['Sign in', 'text/html', 'a web page (text/html)'],
  ['Sign in', 'text/plain', undefined],
  ['', undefined, undefined],
  ['{"token":"<"}', 'application/json', undefined],
  // A service of AWS answers so.
  ['<AssumeRoleWithWebIdentityResponse>', 'text/xml', undefined],
  // JSON of a server that knows no better name for it.
  ['\n{"token":"x"}', 'text/html', undefined],
  ['[]', 'text/html', undefined],
];

describe('webPageIn', () => {
  for (const [text, header, page] of told) {
    test(`takes ${JSON.stringify(text)} as ${header} for ${page}`, () => {
      assert.equal(webPageIn(Buffer.from(text), header), page);
    });
  }

  test('reads the start of a long text only', () => {
    assert.equal(webPageIn(Buffer.from(`${' '.repeat(1_000_000)}<html>`), 'application/json'), undefined);
  });
});
