// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { compilePolicy } from '../../../core/policy/compile/compile.ts';
import type { LabelSelector } from '../../../core/policy/documents/image-policy.gen.ts';
import { mutateJson } from '../engine/structured.ts';
import { compileContext } from '../../fakes/engine.ts';
import type { Target } from '../engine/target.ts';

const context = compileContext();

/**
 * Input: a selector and labels. One that is not valid selects everything and has a problem; a valid one selects what
 * Kubernetes' definition says, written here a second time.
 */
export const labelSelector: Target = {
  name: 'label-selector',
  maximumBytes: 8 * 1024,
  maximumMilliseconds: 100,
  mutators: [mutateJson],
  dictionary: [
    'matchLabels',
    'matchExpressions',
    'key',
    'operator',
    'values',
    'In',
    'NotIn',
    'Exists',
    'DoesNotExist',
    'kubernetes.io/metadata.name',
    'constructor',
    '__proto__',
  ],
  check: (input) => {
    const { selector, labels } = partsOf(input);
    const spec = { images: ['**'], action: 'Deny', namespaceSelector: selector };
    const { problems, namespaceSelector } = compilePolicy({ metadata: { name: 'a' }, spec }, context);
    if (problems.length > 0) assert.equal(namespaceSelector, undefined);
    else if (namespaceSelector === undefined || selector === undefined) assert.equal(namespaceSelector, selector);
    else assert.equal(namespaceSelector(labels), selects(selector, new Map(Object.entries(labels))));
  },
};

/** What the selector says that it is: it has not been checked yet. */
interface Input {
  readonly selector: LabelSelector | undefined;
  readonly labels: Readonly<Record<string, string>>;
}

function partsOf(input: Buffer): Input {
  try {
    const { selector, labels }: { selector?: LabelSelector; labels?: object } = JSON.parse(input.toString('utf8'));
    const texts = Object.entries(labels ?? {}).filter(([, value]) => typeof value === 'string');
    return { selector, labels: Object.fromEntries(texts) };
  } catch {
    return { selector: undefined, labels: {} };
  }
}

function selects(
  { matchLabels = {}, matchExpressions = [] }: LabelSelector,
  labels: ReadonlyMap<string, string>,
): boolean {
  for (const [key, value] of Object.entries(matchLabels)) if (labels.get(key) !== value) return false;
  for (const { key, operator, values = [] } of matchExpressions) {
    const value = labels.get(key);
    const isIn = value !== undefined && values.includes(value);
    const holds = { In: isIn, NotIn: !isIn, Exists: value !== undefined, DoesNotExist: value === undefined }[operator];
    if (!holds) return false;
  }
  return true;
}
