// SPDX-License-Identifier: Apache-2.0
import type { Signer } from '../signers/signers.ts';
import { quote } from '../../image/reference.ts';
import type { CompileContext } from './compile-context.ts';
import type { Report } from '../problems/report.ts';
import type { ImagePolicySpec, PolicyAttestation, PolicyCondition } from '../documents/image-policy.gen.ts';
import { signerEntries } from '../signers/signers.ts';
import type { AttestationCondition, AttestationDemand } from '../types.ts';

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
  return demands.map((demand, index) => {
    const path = `spec.attestations[${index}]`;
    for (const name of demand.signers ?? []) {
      if (!known.has(name)) report.add('InvalidAttestation', `${path}.signers`, `there is no signer ${quote(name)}`);
    }
    const { name, predicateType, conditions: written = [] } = demand;
    const conditions = compileConditions(written, `${path}.conditions`, context, report);
    const made = signers.filter((signer) => demand.signers === undefined || demand.signers.includes(signer.name));
    const schemaFault = compileSchema(demand, path, context, report);
    const compiled = { name, predicateType, conditions, signers: made };
    return schemaFault === undefined ? compiled : Object.assign(compiled, { schemaFault });
  });
}

function checkNames(demands: readonly PolicyAttestation[], report: Report): void {
  const names = demands.map((demand) => demand.name);
  for (const [index, name] of names.entries()) {
    if (names.indexOf(name) === index) continue;
    report.add('InvalidAttestation', `spec.attestations[${index}].name`, `the name ${quote(name)} is used twice`);
  }
}

function compileSchema(
  { schema }: PolicyAttestation,
  path: string,
  context: CompileContext,
  report: Report,
): AttestationDemand['schemaFault'] {
  if (schema === undefined) return undefined;
  return report.attempt('InvalidAttestation', `${path}.schema`, () => context.compileSchema(schema));
}

function compileConditions(
  conditions: readonly PolicyCondition[],
  path: string,
  { compileCondition }: CompileContext,
  report: Report,
): readonly AttestationCondition[] {
  return conditions.flatMap(({ expression, message }, index) => {
    const at = `${path}[${index}].expression`;
    const compiled = report.attempt('InvalidAttestation', at, () => compileCondition(expression, message ?? ''));
    return compiled ?? [];
  });
}
