// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { compilePolicy } from '../../../core/policy/compile/compile.ts';
import { prepareInProcess } from '../../../core/policy/evaluator/in-process.ts';
import { parsePolicyDocuments } from '../../../core/policy/documents/document.ts';
import type { PolicyDocument } from '../../../core/policy/documents/document.ts';
import { mutateLines } from '../engine/mutators.ts';
import { mutateJson } from '../engine/structured.ts';
import type { Target } from '../engine/target.ts';
import { requireLine } from './refusals.ts';

const context = {
  secret: () => undefined,
  trustRoots: new Set(['public-good']),
  prepareDemand: prepareInProcess,
};

/**
 * Reading a policy file never throws, each fault has a line of the file, and a policy in JSON reads the same again.
 * Compiling never throws; a policy is as strict as it is written; a problem names its field; what is not valid
 * has a problem, and so denies.
 */
export const policy: Target = {
  name: 'policy',
  maximumBytes: 32 * 1024,
  maximumMilliseconds: 1000,
  mutators: [mutateLines, mutateJson],
  dictionary: [
    '---',
    '&a',
    '*a',
    '<<: *a',
    '!!binary',
    '!!js/function',
    '? ',
    '| ',
    '> ',
    '"**"',
    'spec:',
    'images:',
    'keys:',
    'identities:',
    'attestations:',
    'conditions:',
    'schema:',
    'namespaceSelector:',
    'mode: Audit',
    'action: Allow',
    'threshold: 0',
    'required:',
    'subjectPattern:',
    '(a+)+$',
    'predicate.a.b == 1',
    '$ref',
    '{',
    '}',
    '[',
    ']',
    ': ',
    '- ',
  ],
  check: (input) => {
    const text = input.toString('utf8');
    const { policies, faults } = parsePolicyDocuments(text, 'fuzz.yaml');
    const lines = text.split(/\r\n|\r|\n/).length;
    for (const { line, message } of faults) {
      assert.ok(line >= 0 && line <= lines, `line ${line} of ${lines}`);
      requireLine(message);
    }
    for (const document of policies) {
      assert.ok(document.line >= 1 && document.line <= lines);
      checkPolicy(document);
    }
    compilesAnything(text);
  },
};

function checkPolicy({ policy: written }: PolicyDocument): void {
  const again = parsePolicyDocuments(JSON.stringify(written), 'again.json');
  assert.deepEqual(again.faults, []);
  assert.deepEqual(again.policies[0]?.policy, written);
  const compiled = compilePolicy(written, context);
  assert.equal(compiled.mode, written.spec.mode ?? 'Enforce');
  assert.equal(compiled.action, written.spec.action ?? 'Verify');
  assert.equal(compiled.name, written.metadata.name);
  for (const { path, message } of compiled.problems) {
    assert.match(path, /^(?:spec|metadata)/);
    assert.notEqual(message, '');
  }
  if (compiled.problems.length > 0) return;
  assert.equal(compiled.patterns.length, written.spec.images.length);
  // Nothing may be verified without anybody who could have signed.
  if (compiled.action === 'Verify') {
    assert.ok(compiled.threshold >= 1 && compiled.signers.length > 0, 'nobody has to have signed');
  }
}

/** From the API server any JSON may come that an older or a changed definition let through. */
function compilesAnything(text: string): void {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return;
  }
  const { problems, action } = compilePolicy(value, context);
  if (problems.length > 0) return;
  const { policies } = parsePolicyDocuments(
    JSON.stringify({ apiVersion: 'cosignet.dev/v1', kind: 'ImagePolicy', ...partsOf(value) }),
    'valid.json',
  );
  assert.equal(policies.length, 1, `compiled with ${action} what no file may hold`);
}

function partsOf(value: unknown): object {
  if (typeof value !== 'object' || value === null) return {};
  return { metadata: Reflect.get(value, 'metadata') as unknown, spec: Reflect.get(value, 'spec') as unknown };
}
