// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { silentLogger } from '../../../../core/observe.ts';
import { startDashboard, type Dashboard } from '../../../../operator/dashboard/start.ts';
import { found } from '../scan/found.ts';
import { denial, refusal } from '../telemetry/notifications/denials.ts';
import { NOW, overview } from './overviews.ts';

describe('the dashboard', () => {
  let now: number;
  let address: string;
  let errors: string[];
  let dashboard: Dashboard | undefined;
  let reports: number;

  const start = async (environment: Readonly<Record<string, string>>, port = 0) =>
    startDashboard({
      port,
      environment,
      overview: () => {
        reports += 1;
        return overview();
      },
      log: {
        ...silentLogger,
        info: (_, fields) => void (address = String(fields?.['dashboard'])),
        error: (_, fields) => void errors.push(String(fields?.['error'])),
      },
      clock: () => NOW + now,
      monotonic: () => now,
    });
  const POD = { POD_IP: '10.1.0.7', HOST_IP: '10.0.0.1' };

  beforeEach(async () => {
    [now, address, errors, reports] = [0, '', [], 0];
    dashboard = undefined;
  });
  afterEach(() => dashboard?.stop());

  test('shows what was refused and what runs', async () => {
    dashboard = await start(POD);
    dashboard?.denied(denial('', { name: 'tried', verdicts: [refusal('bad.example.com/app:1')] }));
    dashboard?.swept(found({ 'shop/web': ['allowed', 'Verified'] }));
    const page = await (await fetch(address)).text();
    assert.match(page, /<h3>Pod tried in shop<\/h3>/);
    assert.match(page, /<td>web<\/td>/);
  });

  test('makes a page at most every three seconds, however often it is asked for', async () => {
    dashboard = await start(POD);
    const pages = new Set<string>();
    for (let count = 0; count < 5; count += 1) pages.add(await (await fetch(address)).text());
    assert.deepEqual([pages.size, reports], [1, 1]);
    now = 3000;
    pages.add(await (await fetch(address)).text());
    assert.deepEqual([pages.size, reports], [2, 2]);
  });

  for (const [what, environment] of [
    ["in its node's network", { POD_IP: '10.0.0.1', HOST_IP: '10.0.0.1' }],
    ['where nobody says in which network it is', {}],
    ["where its node's address is not known", { POD_IP: '10.0.0.1' }],
  ] as const) {
    test(`is not served ${what}`, async () => {
      dashboard = await start(environment);
      assert.equal(dashboard, undefined);
      assert.equal(address, '');
      assert.match(errors.join('\n'), /network/);
    });
  }

  test('leaves the rest alone where its port is taken', async () => {
    dashboard = await start(POD);
    assert.equal(await start(POD, Number(new URL(address).port)), undefined);
    assert.match(errors.join('\n'), /EADDRINUSE/);
  });
});
