// SPDX-License-Identifier: Apache-2.0
import type { Signer } from '../signers/signers.ts';
import { quote } from '../../image/reference.ts';
import type { CompileContext } from './compile-context.ts';
import type { Report } from '../problems/report.ts';
import type { ImagePolicySpec, PolicyAttestation } from '../documents/image-policy.gen.ts';
import { signerEntries } from '../signers/signers.ts';
import type { CheckDemand, DemandTexts } from '../expressions/types.ts';
import { dependOn } from '../expressions/variables.ts';
import type { AttestationDemand } from '../types.ts';

/** What is asked of attestations. Problems make the whole policy not Ready, so a demand is never just dropped. */
export function compileAttestations(
  spec: ImagePolicySpec,
  signers: readonly Signer[],
  context: CompileContext,
  report: Report,
): readonly AttestationDemand[] {
  const demands = spec.attestations ?? [];
  const known = new Set(signerEntries(spec).map(({ name }) => name));
  checkNames(demands, report);
  if (isTooLarge(demands, report)) return [];
  return demands.map((demand, index) => {
    const path = `spec.attestations[${index}]`;
    for (const name of demand.signers ?? []) {
      if (!known.has(name)) report.add('InvalidAttestation', `${path}.signers`, `there is no signer ${quote(name)}`);
    }
    const { name, predicateType } = demand;
    const made = signers.filter((signer) => demand.signers === undefined || demand.signers.includes(signer.name));
    const check = prepareCheck(demand, path, context, report);
    const newestBy = prepareNewestBy(demand, path, context, report);
    const compiled = { name, predicateType, signers: made, select: demand.select ?? 'Any' };
    return Object.assign(compiled, check && { check }, newestBy && { newestBy }, dependencies(demand));
  });
}

function dependencies({ conditions = [] }: PolicyAttestation): Pick<AttestationDemand, 'usesNow' | 'usesSigner'> {
  return {
    ...(dependOn({ conditions }, 'now') && { usesNow: true }),
    ...(dependOn({ conditions }, 'signer') && { usesSigner: true }),
  };
}

/** In sum: each of a policy's texts is compiled, whatever the others take. */
const MAXIMUM_EXPRESSIONS = 32 * 1024;
const MAXIMUM_SCHEMAS = 128 * 1024;

function isTooLarge(demands: readonly PolicyAttestation[], report: Report): boolean {
  let expressions = 0;
  let schemas = 0;
  for (const { conditions = [], schema, newestBy = '' } of demands) {
    expressions += newestBy.length;
    for (const { expression } of conditions) expressions += expression.length;
    schemas += schema === undefined ? 0 : JSON.stringify(schema).length;
  }
  const sums = [
    ['expressions', expressions, MAXIMUM_EXPRESSIONS],
    ['schemas', schemas, MAXIMUM_SCHEMAS],
  ] as const;
  const over = sums.filter(([, characters, most]) => characters > most);
  for (const [what, characters, most] of over) {
    const message = `the ${what} of this policy have ${characters} characters together, of at most ${most}`;
    report.add('InvalidAttestation', 'spec.attestations', message);
  }
  return over.length > 0;
}

function checkNames(demands: readonly PolicyAttestation[], report: Report): void {
  const names = demands.map((demand) => demand.name);
  for (const [index, name] of names.entries()) {
    if (names.indexOf(name) === index) continue;
    report.add('InvalidAttestation', `spec.attestations[${index}].name`, `the name ${quote(name)} is used twice`);
  }
}

/** Undefined: nothing is asked of the predicate. */
function prepareCheck(
  { schema, conditions = [] }: PolicyAttestation,
  path: string,
  { prepareDemand }: CompileContext,
  report: Report,
): CheckDemand | undefined {
  if (schema === undefined && conditions.length === 0) return undefined;
  return prepare(
    { conditions, ...(schema !== undefined && { schema: JSON.stringify(schema) }) },
    path,
    prepareDemand,
    report,
  );
}

/** Apart from the check, so that only the newest is checked. */
function prepareNewestBy(
  { select, newestBy }: PolicyAttestation,
  path: string,
  { prepareDemand }: CompileContext,
  report: Report,
): CheckDemand | undefined {
  if (newestBy === undefined) return undefined;
  if (select !== 'Newest') report.add('InvalidAttestation', `${path}.newestBy`, 'newestBy needs select Newest');
  return prepare({ conditions: [], newestBy }, path, prepareDemand, report);
}

function prepare(
  texts: DemandTexts,
  path: string,
  prepareDemand: CompileContext['prepareDemand'],
  report: Report,
): CheckDemand | undefined {
  const prepared = report.attempt('InvalidAttestation', path, () => prepareDemand(texts));
  for (const { field, reason = 'InvalidAttestation', message } of prepared?.faults ?? []) {
    report.add(reason, `${path}.${field}`, message);
  }
  return prepared?.check;
}
