// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { scanPage } from '../../cli/scan/html.ts';
import { waitFor } from '../control-plane/process.ts';
import { reportOf, verdict } from '../unit/cli/scan/reports.ts';
import { openBrowser, type Browser } from './browser.ts';

const PHONE = { width: 360, height: 740 };
const DESK = { width: 1280, height: 900 };

describe('the HTML report in a browser', () => {
  let browser: Browser;
  let url: string;
  let dir: string;
  let asked = 0;
  /** What a page that is taken in would load from. */
  const bait = createServer((_, response) => {
    asked += 1;
    response.end();
  });

  before(async () => {
    await new Promise<void>((resolve) => bait.listen(0, '127.0.0.1', resolve));
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a TCP server's address
    const host = `http://127.0.0.1:${(bait.address() as AddressInfo).port}`;
    const names = [
      `<script src="${host}/a"></script><script>document.title='owned'</script>`,
      `"><img src=${host}/b onerror="document.title='owned'">`,
      `</style><style>@import url(${host}/c);li{display:none!important}</style>`,
      `</title><link rel=stylesheet href=${host}/d><meta http-equiv=refresh content="0;url=${host}/e">`,
      `registry.example.com/${'a-long-name/'.repeat(20)}app@sha256:${'0'.repeat(64)}`,
    ];
    const report = reportOf(
      ...names.map((name) => ({
        verdict: verdict({
          image: name,
          outcome: 'denied',
          code: 'NoSignature',
          message: name,
          remedy: name,
          policies: [name],
        }),
        pods: [{ namespace: name, name }],
      })),
      { verdict: verdict({ image: 'unclear', outcome: 'error', code: 'RegistryUnavailable' }), pods: [] },
      { verdict: verdict(), pods: [] },
      { verdict: verdict({ image: 'other' }), pods: [] },
    );
    dir = mkdtempSync(path.join(tmpdir(), 'cosignet-page-'));
    const file = path.join(dir, 'scan.html');
    writeFileSync(file, scanPage(report));
    url = pathToFileURL(file).href;
    browser = await openBrowser();
  });
  after(async () => {
    await browser?.close();
    bait.close();
    rmSync(dir, { recursive: true, force: true });
  });

  const visible = () =>
    browser.evaluate<number>("[...document.querySelectorAll('li')].filter(e => e.offsetHeight).length");
  const overflow = () => browser.evaluate<number>('document.documentElement.scrollWidth - innerWidth');

  for (const [where, viewport] of [
    ['a phone', PHONE],
    ['a desk', DESK],
  ] as const) {
    test(`fits ${where}, with every image on it`, async () => {
      await browser.open(url, viewport);
      assert.equal(await visible(), 8);
      assert.ok((await overflow()) <= 0, `${await overflow()} pixels too wide`);
    });
  }

  test('is styled: its own policy lets its own style through', async () => {
    await browser.open(url, DESK);
    assert.equal(await browser.evaluate("getComputedStyle(document.querySelector('ol')).listStyleType"), 'none');
  });

  test('loads nothing and runs nothing, whatever images are called', async () => {
    await browser.open(url, DESK);
    assert.deepEqual(browser.requests, [url]);
    assert.equal(asked, 0);
    assert.match(await browser.evaluate<string>('document.title'), /^Cosignet scan: 8 images/);
    assert.equal(await browser.evaluate('document.scripts.length'), 1);
    assert.equal(await browser.evaluate('document.images.length'), 0);
  });

  test('searches images, namespaces and policies, and says how many it found', async () => {
    await browser.open(url, DESK);
    const search = (text: string) =>
      browser.evaluate(
        `search.value = ${JSON.stringify(text)}, search.dispatchEvent(new Event('input')), document.getElementById('found').textContent`,
      );
    assert.equal(await search('UNCLEAR registryunavailable'), '1 found');
    assert.equal(await visible(), 1);
    assert.equal(await search('nowhere-to-be-found'), '0 found');
    assert.equal(await visible(), 0);
    assert.equal(
      await browser.evaluate("[...document.querySelectorAll('details')].filter(e => e.offsetHeight).length"),
      0,
    );
    assert.equal(await search(''), '');
    assert.equal(await visible(), 8);
  });

  test('is reached by keyboard alone: filter, search, a command that is copied, the tables', async () => {
    await browser.open(url, DESK);
    const focused = new Set<string>();
    for (let step = 0; step < 14; step += 1) {
      await browser.press('Tab');
      focused.add(await browser.evaluate<string>('document.activeElement.tagName'));
    }
    assert.deepEqual([...focused].filter((tag) => ['INPUT', 'BUTTON', 'SUMMARY', 'A'].includes(tag)).toSorted(), [
      'A',
      'BUTTON',
      'INPUT',
      'SUMMARY',
    ]);
    await browser.evaluate("document.querySelector('button').focus()");
    await browser.press('Enter');
    assert.equal(await browser.evaluate('getSelection().toString()'), 'cosignet verify unclear');
    // The clipboard answers later: it may have to ask first.
    await waitFor('the button to say what became of it', async () => {
      const said = await browser.evaluate<string>("document.querySelector('button').textContent");
      return said === 'Copied' || said === 'Selected' || undefined;
    });
  });

  test('shows one outcome on request, without a script, and its filter takes the focus', async () => {
    await browser.open(url, DESK);
    for (const [outcome, count] of [
      ['denied', 5],
      ['error', 1],
      ['allowed', 2],
      ['all', 8],
    ] as const) {
      await browser.evaluate(`document.getElementById('show-${outcome}').click()`);
      assert.equal(await visible(), count, outcome);
    }
    assert.equal(
      await browser.evaluate("document.getElementById('show-all').focus(), document.activeElement.id"),
      'show-all',
    );
  });

  test('has enough contrast, by day and by night', async () => {
    await browser.open(url, DESK);
    // WCAG 2.2, 1.4.3: 4.5 to 1 for text.
    const contrasts = await browser.evaluate<Record<string, number>>(CONTRASTS);
    assert.ok(Object.keys(contrasts).length >= 5);
    for (const [what, ratio] of Object.entries(contrasts)) assert.ok(ratio >= 4.5, `${what}: ${ratio.toFixed(2)}`);
  });
});

/** Ratio of each text colour of the style to the card that it stands on, in both schemes. */
const CONTRASTS = `(() => {
  const [day, night] = [...document.styleSheets[0].cssRules]
    .flatMap((rule) => rule.selectorText === ':root' ? [rule] : rule.conditionText?.includes('dark') ? [...rule.cssRules] : []);
  const light = (hex) => {
    const [r, g, b] = hex.trim().match(/[0-9a-f]{2}/gi).map((part) => parseInt(part, 16) / 255)
      .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratios = {};
  for (const [scheme, { style }] of Object.entries({ day, night }))
    for (const name of ['--ink', '--soft', '--denied', '--error', '--allowed'])
      for (const ground of ['--card', '--paper']) {
        const [a, b] = [light(style.getPropertyValue(name)), light(style.getPropertyValue(ground))].sort((x, y) => y - x);
        ratios[scheme + ' ' + name + ' on ' + ground] = (a + 0.05) / (b + 0.05);
      }
  return ratios;
})()`;
