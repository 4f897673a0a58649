// SPDX-License-Identifier: Apache-2.0
import { errorText } from '../../text.ts';
import { compileCondition } from './condition.ts';
import { compilePredicateSchema } from './predicate-schema.ts';
import type { AttestedStatement, CheckedPredicate, ConditionImage, DemandFault, DemandTexts } from './types.ts';
import { createWork, MAXIMUM_WORK } from './work.ts';

/** The texts of a demand, compiled. */
export interface CompiledDemand {
  /** What can't be compiled; such a demand is met by nothing. */
  readonly faults: readonly DemandFault[];
  readonly check: (statement: StatementInput, image: ConditionImage) => CheckedPredicate;
}

type StatementInput = Pick<AttestedStatement, 'statement' | 'predicate'>;

/** Compiles all of them, and says of each that can't be what is wrong with it. */
export function compileDemand({ schema, conditions }: DemandTexts): CompiledDemand {
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
  return {
    faults,
    check({ statement, predicate }, image) {
      const work = createWork(MAXIMUM_WORK);
      const fault = faults[0]?.message ?? firstFault({ statement, predicate, image });
      return { ...(fault !== undefined && { fault }), steps: MAXIMUM_WORK - work.left() };

      function firstFault(input: StatementInput & { image: ConditionImage }): string | undefined {
        const unfit = schemaFault?.(input.predicate, work);
        if (unfit !== undefined) return unfit;
        for (const { holds, message } of compiled) {
          try {
            if (!holds(input, work)) return message;
          } catch (thrown) {
            return `${message} (${errorText(thrown)})`;
          }
        }
        return undefined;
      }
    },
  };
}
