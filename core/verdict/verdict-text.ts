// SPDX-License-Identifier: Apache-2.0
import { printable } from '../text.ts';
import type { Verdict } from './types.ts';

/** A verdict for people: the answer on the first line, the reasons below it, indented. */
export function verdictText(verdict: Verdict): string {
  const { image, outcome, code, policies, mode, signers, registryRequests } = verdict;
  const lines = [
    `${outcome.toUpperCase()}  ${image}  (${code})`,
    ...field('digest', verdict.resolved),
    ...field('reason', verdict.message),
    ...field('to do', verdict.remedy),
    ...signers.flatMap(signerLines),
    ...field('policy', policies.join(', ')),
    ...(outcome === 'allowed' || mode === 'Enforce'
      ? []
      : field('mode', `${mode}: admitted in the cluster all the same`)),
    `  asked    ${registryRequests} registry request${registryRequests === 1 ? '' : 's'}`,
  ];
  return lines.map((line) => printable(line)).join('\n');
}

function signerLines({ name, fingerprint, format, claims = {} }: Verdict['signers'][number]): readonly string[] {
  const said = Object.entries(claims).map(([claim, value]) => `  claim    ${claim}: ${value}`);
  return [`  signer   ${name}  ${fingerprint}  (${format})`, ...said];
}

function field(name: string, value: string | undefined): string[] {
  return value === undefined || value === '' ? [] : [`  ${name.padEnd(8)} ${value}`];
}

/** Exactly the documented fields (docs/reference/verdicts.md). */
export function documentedVerdict({
  refusedBy: _by,
  grounds: _on,
  ...documented
}: Verdict): Omit<Verdict, 'refusedBy' | 'grounds'> {
  return documented;
}
