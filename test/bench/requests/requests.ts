// SPDX-License-Identifier: Apache-2.0
// Registry requests of one cold verification, beside the real cosign, through the same counting proxy.
// Prints tables and a line of JSON; ends with 1 where a count is above its goal.
import { countRequests } from './count-requests.ts';
import { reportGoals } from '../goals.ts';
import { printTable } from '../table.ts';

const rows = await countRequests({ cosign: true });
printTable(
  ['signature', 'registry', 'token', 'by', 'first', 'learned', 'goal', 'cosign'],
  rows.map((row) => [row.scene, row.registry, row.token, row.by, row.fresh, row.learned, row.goal, row.cosign]),
);
const goals = rows.map(({ scene, registry, token, by, learned, goal }) => ({
  what: `${scene}, by ${by}, ${registry}${token ? ' with token' : ''}`,
  measured: learned,
  goal,
  unit: 'requests',
}));
reportGoals('requests', goals, { rows });
