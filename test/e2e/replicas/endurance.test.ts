// SPDX-License-Identifier: Apache-2.0
// `make endurance` in short: everything changes at once, and every answer is assessed.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { endure } from '../../endurance/run.ts';
import { install, openInstallation, type Installation } from '../workbench/installation.ts';

const SECONDS = 40;
/** Reviews a second; far below what two replicas can do, for other tests run on the same machine. */
const RATE = 150;

let here: Installation;
before(async () => {
  here = await openInstallation();
  await install(here, '--set=certificates.lifetimeSeconds=120');
});
after(() => here.close());

test('every answer is right and none is lost while policies change, certificates are renewed and replicas are killed', async (t) => {
  const report = await endure(here, {
    seconds: SECONDS,
    rate: RATE,
    period: 5000,
    // The new authority is used after ten to 25 seconds, if whoever leads lives until then.
    newAuthorities: [0.02],
    kills: [0.7],
    log: (line) => t.diagnostic(line),
  });
  const sum = (field: 'asked' | 'right' | 'changing' | 'wrong' | 'cut' | 'lost') =>
    [...report.tallies.values()].reduce((total, tally) => total + tally[field], 0);
  t.diagnostic(`${sum('asked')} asked, ${sum('cut')} cut, ${report.met.unreachable} sent to the other replica`);
  t.diagnostic(`${report.changes} changes of policies, the slowest in force after ${report.slowestChange} ms`);
  assert.deepEqual(report.faults, []);
  assert.equal(sum('wrong') + sum('lost'), 0);
  assert.equal(sum('asked'), sum('right') + sum('changing') + sum('cut'));
  // What was under way to the one replica: a handful, or more where the machine is busy.
  assert.ok(sum('cut') < sum('asked') / 20, `${sum('cut')} were cut`);
  assert.ok(sum('right') > SECONDS * RATE * 0.7, `only ${sum('right')} had one right answer`);
  for (const [name, { right }] of report.tallies) assert.ok(right > 0, `${name} was never answered`);
  assert.equal(report.killed.length, 1);
  assert.ok(report.changes >= 20, `only ${report.changes} changes`);
  assert.ok(report.met.authorities.size >= 2, 'no new authority was met');
});
