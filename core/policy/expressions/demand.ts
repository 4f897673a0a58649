// SPDX-License-Identifier: Apache-2.0
import { isJsonObject } from '../../json.ts';
import { errorText } from '../../text.ts';
import { compileCondition, compileTime } from './condition.ts';
import { compilePredicateSchema } from './predicate-schema.ts';
import { describeFields } from './fields.ts';
import type { CheckedPredicate, Circumstances, ConditionInput, DemandFault, DemandTexts } from './types.ts';
import { createWork, MAXIMUM_WORK, type Work } from './work.ts';

/** The texts of a demand, compiled. */
export interface CompiledDemand {
  /** What can't be compiled; such a demand is met by nothing. */
  readonly faults: readonly DemandFault[];
  readonly check: (statement: StatementInput, circumstances: Circumstances) => CheckedPredicate;
}

type StatementInput = Pick<ConditionInput, 'statement' | 'predicate'>;

/** What a demand is about, of the UTF-8 of an in-toto statement that was read before. */
export function statementInput(bytes: Uint8Array): StatementInput {
  const statement: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
  return { statement, predicate: isJsonObject(statement) ? statement['predicate'] : undefined };
}

/** Compiles all of them, and says of each that can't be what is wrong with it. */
export function compileDemand({ schema, conditions, newestBy }: DemandTexts): CompiledDemand {
  const faults: DemandFault[] = [];
  const attempt = <T>(field: string, compile: () => T): T | undefined => {
    try {
      return compile();
    } catch (thrown) {
      faults.push({ field, message: errorText(thrown) });
      return undefined;
    }
  };
  const schemaFault =
    schema === undefined ? undefined : attempt('schema', () => compilePredicateSchema(JSON.parse(schema)));
  const compiled = conditions.flatMap(({ expression, message = '' }, index) => {
    const condition = attempt(`conditions[${index}].expression`, () => compileCondition(expression, message));
    return condition === undefined ? [] : [condition];
  });
  const timeOf = newestBy === undefined ? undefined : attempt('newestBy', () => compileTime(newestBy));

  function firstFault(input: ConditionInput, work: Work): string | undefined {
    const unfit = schemaFault?.(input.predicate, work);
    if (unfit !== undefined) return unfit;
    for (const { holds, message } of compiled) {
      try {
        if (!holds(input, work)) return message;
      } catch (thrown) {
        return `${message} (${errorText(thrown)}; ${describeFields(input.predicate)})`;
      }
    }
    return undefined;
  }

  function checked(input: ConditionInput, work: Work): Omit<CheckedPredicate, 'steps'> {
    const fault = faults[0]?.message ?? firstFault(input, work);
    if (fault !== undefined) return { fault };
    try {
      return timeOf === undefined ? {} : { time: timeOf(input, work) };
    } catch (thrown) {
      return { fault: `newestBy gives no time (${errorText(thrown)}; ${describeFields(input.predicate)})` };
    }
  }

  return {
    faults,
    check({ statement, predicate }, circumstances) {
      const work = createWork(MAXIMUM_WORK);
      const found = checked({ statement, predicate, ...circumstances }, work);
      return { ...found, steps: MAXIMUM_WORK - work.left() };
    },
  };
}
