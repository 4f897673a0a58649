// SPDX-License-Identifier: Apache-2.0
// `make endurance`: reviews of every kind at a steady rate against two replicas, while policies change, certificates
// are renewed and replicas are killed. Every answer is assessed. Ends with 1 where one is wrong or lost.
import { install, openInstallation } from '../e2e/workbench/installation.ts';
import { printTable } from '../bench/table.ts';
import { percentile } from './load.ts';
import { endure, type EnduranceReport } from './run.ts';

const SECONDS = Number(process.env['ENDURANCE_SECONDS'] ?? 600);
const RATE = Number(process.env['ENDURANCE_RATE'] ?? 1000);

const began = Date.now();
const log = (line: string) => console.log(`${((Date.now() - began) / 1000).toFixed(1)} s  ${line}`);
const here = await openInstallation();
try {
  await install(here, '--set=certificates.lifetimeSeconds=120');
  log(`asking ${RATE} times a second for ${SECONDS} s`);
  const report = await endure(here, {
    seconds: SECONDS,
    rate: RATE,
    period: 8000,
    kills: [0.35, 0.7],
    newAuthorities: [0.05, 0.5],
    log,
  });
  print(report);
} finally {
  await here.close();
}

function print(report: EnduranceReport): void {
  const rows = [...report.tallies].map(([name, { asked, right, changing, wrong, cut, lost }]) => {
    return [name, asked, right, changing, wrong, cut, lost];
  });
  const sums = [1, 2, 3, 4, 5, 6].map((column) => rows.reduce((sum, row) => sum + Number(row[column]), 0));
  printTable(
    ['question', 'asked', 'right', 'either', 'wrong', 'cut', 'lost'],
    [...rows, ['all', ...sums]].map((row) => row.map(String)),
  );
  const [asked = 0, right = 0, changing = 0, wrong = 0, cut = 0, lost = 0] = sums;
  const { latencies, answerTimes, met, seconds } = report;
  const summary = {
    seconds: Math.round(seconds),
    reviewsPerSecond: Math.round(latencies.length / seconds),
    heldBack: report.heldBack,
    asked,
    right,
    changing,
    wrong,
    cut,
    lost,
    unreachable: met.unreachable,
    answerMilliseconds: quantiles(answerTimes),
    sinceDueMilliseconds: quantiles(latencies),
    policyChanges: report.changes,
    slowestChangeMilliseconds: Math.round(report.slowestChange),
    certificates: met.certificates.size,
    authorities: met.authorities.size,
    killed: report.killed.length,
    residentMebibytes: report.resident,
    callerSeconds: Math.round((process.cpuUsage().user + process.cpuUsage().system) / 1e6),
  };
  console.log(JSON.stringify({ endurance: summary }));
  for (const fault of report.faults) console.log(fault);
  process.exitCode = wrong === 0 && lost === 0 && report.killed.length > 0 ? 0 : 1;
}

function quantiles(ordered: Float64Array): Record<string, number> {
  return {
    p50: rounded(percentile(ordered, 0.5)),
    p99: rounded(percentile(ordered, 0.99)),
    p999: rounded(percentile(ordered, 0.999)),
    maximum: rounded(ordered.at(-1) ?? NaN),
  };
}

function rounded(milliseconds: number): number {
  return Number(milliseconds.toFixed(1));
}
