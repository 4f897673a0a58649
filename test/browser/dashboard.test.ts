// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { silentLogger } from '../../core/observe.ts';
import { dashboardPage } from '../../operator/dashboard/page.ts';
import { startDashboardServer, type DashboardServer } from '../../operator/dashboard/server.ts';
import { waitFor } from '../control-plane/process.ts';
import { fullOverview, view } from '../unit/operator/dashboard/overviews.ts';
import { openBrowser, type Browser } from './browser.ts';

const PHONE = { width: 360, height: 740 };
const DESK = { width: 1280, height: 900 };

describe('the dashboard in a browser', () => {
  let browser: Browser;
  let server: DashboardServer;
  let url: string;
  let asked = 0;
  /** Another site: what a page that is taken in would load from, and a page that tries to read ours. */
  const other = createServer((request, response) => {
    if (request.url !== '/other') asked += 1;
    response.setHeader('content-type', 'text/html');
    response.end(
      `<script>fetch('${url}').then(() => (document.title = 'read'), () => (document.title = 'kept out'))</script>`,
    );
  });
  let otherHost: string;

  before(async () => {
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a TCP server's address
    otherHost = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    const bait = `"><img src=${otherHost}/a onerror="document.title='owned'"><script src="${otherHost}/b"></script>`;
    const full = fullOverview();
    const long = view('long', { images: [`registry.example.com/${'a-long-name/'.repeat(20)}**`], action: 'Deny' });
    const hostile = view('hostile', { images: [bait], keys: [{ name: bait, pem: bait }] });
    const page = Buffer.from(dashboardPage({ ...full, policies: [...full.policies, long, hostile], identity: bait }));
    server = await startDashboardServer({ port: 0, page: () => page, log: silentLogger });
    url = `http://127.0.0.1:${server.port}/`;
    browser = await openBrowser();
  });
  after(async () => {
    await browser?.close();
    await server?.close();
    other.close();
  });

  const rows = () =>
    browser.evaluate<number>("[...document.querySelectorAll('tbody tr')].filter(e => e.offsetHeight).length");
  const cards = () =>
    browser.evaluate<number>("[...document.querySelectorAll('li')].filter(e => e.offsetHeight).length");
  const unfold = () => browser.evaluate("document.querySelectorAll('details').forEach((e) => { e.open = true; })");

  for (const [where, viewport] of [
    ['a phone', PHONE],
    ['a desk', DESK],
  ] as const) {
    test(`fits ${where}`, async () => {
      await browser.open(url, viewport);
      await unfold();
      const over = await browser.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
      assert.ok(over <= 0, `${over} pixels too wide`);
      assert.deepEqual([await rows(), await cards()], [4, 6]);
    });
  }

  test('loads nothing and runs nothing, whatever things are called', async () => {
    await browser.open(url, DESK);
    // A browser asks for the icon of any site; there is none.
    assert.deepEqual(
      browser.requests.filter((one) => !one.endsWith('/favicon.ico')),
      [url],
    );
    assert.equal(asked, 0);
    assert.equal(await browser.evaluate('document.title'), 'Cosignet');
    assert.equal(await browser.evaluate('document.images.length'), 0);
  });

  test('is styled: what the listener says of it lets its own style and script through', async () => {
    await browser.open(url, DESK);
    assert.equal(await browser.evaluate("getComputedStyle(document.querySelector('nav')).display"), 'grid');
    assert.equal(await browser.evaluate("document.querySelector('.search').hidden"), false);
  });

  test('filters what runs, and leaves policies and denials where they are', async () => {
    await browser.open(url, DESK);
    await unfold();
    for (const [outcome, count] of [
      ['denied', 1],
      ['error', 1],
      ['allowed', 2],
      ['all', 4],
    ] as const) {
      await browser.evaluate(`document.getElementById('show-${outcome}').click()`);
      assert.deepEqual([await rows(), await cards()], [count, 6], outcome);
    }
  });

  test('searches what runs, and says how much it found', async () => {
    await browser.open(url, DESK);
    await unfold();
    const found = await browser.evaluate(
      "search.value = 'NoSignature UNSIGNED', search.dispatchEvent(new Event('input')), document.getElementById('found').textContent",
    );
    assert.deepEqual([found, await rows(), await cards()], ['1 found', 1, 6]);
  });

  test('is reached by keyboard alone: reload, sections, filter, search, namespaces', async () => {
    await browser.open(url, DESK);
    const reached: string[] = [];
    for (let step = 0; step < 9; step += 1) {
      await browser.press('Tab');
      reached.push(
        await browser.evaluate<string>(
          "document.activeElement.getAttribute('href') ?? (document.activeElement.id || document.activeElement.tagName)",
        ),
      );
    }
    assert.deepEqual(reached, [
      '/',
      '#policies',
      '#running',
      '#denials',
      'show-all',
      'search',
      'SUMMARY',
      'SUMMARY',
      'SUMMARY',
    ]);
    assert.notEqual(
      await browser.evaluate('getComputedStyle(document.activeElement).outlineStyle'),
      'none',
      'the focus is not seen',
    );
  });

  test('is not read by another site', async () => {
    await browser.open(`${otherHost}/other`, DESK);
    const title = await waitFor('the other site to have tried', async () => {
      const said = await browser.evaluate<string>('document.title');
      return said === '' ? undefined : said;
    });
    assert.equal(title, 'kept out');
  });
});
