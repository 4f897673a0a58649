// SPDX-License-Identifier: Apache-2.0
import { quote } from '../../image/reference.ts';
import type { Report } from '../problems/report.ts';
import type { LabelSelector, LabelSelectorRequirement } from '../documents/image-policy.gen.ts';

type Labels = Readonly<Record<string, string>>;
type Predicate = (labels: Labels) => boolean;

const NAME = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;
const PREFIX = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;

/**
 * A Kubernetes label selector as a predicate: all of its parts must hold, an empty one always does. NotIn also
 * holds where the label is missing (apimachinery, labels.Requirement). What is not valid is reported.
 */
export function compileLabelSelector(selector: LabelSelector, path: string, report: Report): Predicate {
  const labels = Object.entries(selector.matchLabels ?? {});
  for (const [key, value] of labels) {
    requireKey(key, `${path}.matchLabels`, report);
    requireValue(value, `${path}.matchLabels`, report);
  }
  const expressions = (selector.matchExpressions ?? []).map((requirement, index) =>
    compileRequirement(requirement, `${path}.matchExpressions[${index}]`, report),
  );
  const equal = labels.map(
    ([key, value]): Predicate =>
      (actual) =>
        labelOf(actual, key) === value,
  );
  const predicates = [...equal, ...expressions];
  return (actual) => predicates.every((predicate) => predicate(actual));
}

function compileRequirement(requirement: LabelSelectorRequirement, path: string, report: Report): Predicate {
  const { key, operator } = requirement;
  const values = new Set(requirement.values);
  requireKey(key, `${path}.key`, report);
  for (const value of values) requireValue(value, `${path}.values`, report);
  const takesValues = operator === 'In' || operator === 'NotIn';
  if (takesValues !== values.size > 0) {
    report.add('InvalidSelector', path, 'In and NotIn need values, Exists and DoesNotExist take none');
  }
  switch (operator) {
    case 'In':
      return (labels) => isIn(values, labelOf(labels, key));
    case 'NotIn':
      return (labels) => !isIn(values, labelOf(labels, key));
    case 'Exists':
      return (labels) => labelOf(labels, key) !== undefined;
    case 'DoesNotExist':
      return (labels) => labelOf(labels, key) === undefined;
    default:
      return unreachable(operator);
  }
}

function isIn(values: ReadonlySet<string>, value: string | undefined): boolean {
  return value !== undefined && values.has(value);
}

/** Own properties only: a selector for `constructor` must not find Object's. */
function labelOf(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}

function requireKey(key: string, path: string, report: Report): void {
  const slash = key.indexOf('/');
  const prefix = slash === -1 ? undefined : key.slice(0, slash);
  const valid = NAME.test(key.slice(slash + 1)) && (prefix === undefined || PREFIX.test(prefix));
  if (!valid) report.add('InvalidSelector', path, `${quote(key)} is not a label key`);
}

function requireValue(value: string, path: string, report: Report): void {
  if (value !== '' && !NAME.test(value)) report.add('InvalidSelector', path, `${quote(value)} is not a label value`);
}

function unreachable(operator: never): never {
  throw new Error(`unknown operator ${String(operator)}`);
}
