// SPDX-License-Identifier: Apache-2.0
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parsePolicyDocuments } from '../../../../../core/policy/documents/document.ts';
import { MAXIMUM_FILE_SIZE } from '../../../../../core/policy/documents/yaml-objects.ts';
import { processorTime } from '../../../../fakes/processor-time.ts';

const TWO = `# our policies
apiVersion: cosignet.dev/v1
kind: ImagePolicy
metadata:
  name: one
spec:
  images:
    - nginx
    - ghcr.io/acme/*
  action: Deny
---
apiVersion: cosignet.dev/v1
kind: ImagePolicy
metadata: {name: two}
spec:
  images: ["**"]
  keys:
    - name: a
      pem: x
    - pem: |
        y
`;

function faultsOf(text: string): readonly string[] {
  return parsePolicyDocuments(text, 'f.yaml').faults.map(({ line, message }) => `${line}: ${message}`);
}

function withSpec(spec: string): string {
  return `apiVersion: cosignet.dev/v1\nkind: ImagePolicy\nmetadata: {name: one}\nspec:\n${spec}`;
}

describe('parsePolicyDocuments', () => {
  test('reads the documents of a file, and knows their lines', () => {
    const { policies, faults } = parsePolicyDocuments(TWO, 'f.yaml');
    assert.deepEqual(faults, []);
    const [one, two] = policies;
    assert.deepEqual(one?.policy.spec, { images: ['nginx', 'ghcr.io/acme/*'], action: 'Deny' });
    assert.equal(one?.line, 2);
    assert.equal(two?.policy.metadata.name, 'two');
    assert.equal(two?.line, 12);
    assert.equal(two?.file, 'f.yaml');
  });

  test('locates fields, and for what is not there the field around it', () => {
    const [one, two] = parsePolicyDocuments(TWO, 'f.yaml').policies;
    const expected: readonly (readonly [string, number])[] = [
      ['', 12],
      ['metadata.name', 14],
      ['spec.keys[1].pem', 20],
      ['spec.keys[0].secretRef', 18],
      ['spec.threshold', 15],
      ['spec.keys[7]', 17],
    ];
    for (const [path, line] of expected) assert.equal(two?.locate(path), line, path);
    assert.equal(one?.locate('spec.images[1]'), 9);
  });

  test('reads JSON, and Lists in either', () => {
    const item = {
      apiVersion: 'cosignet.dev/v1',
      kind: 'ImagePolicy',
      metadata: { name: 'a' },
      spec: { images: ['**'], action: 'Deny' },
    };
    const list = { apiVersion: 'v1', kind: 'List', items: [item, { ...item, metadata: { name: 'b' } }] };
    const { policies, faults } = parsePolicyDocuments(JSON.stringify(list, null, 2), 'f.json');
    assert.deepEqual(faults, []);
    assert.deepEqual(
      policies.map(({ policy, line }) => [policy.metadata.name, line]),
      [
        ['a', 5],
        ['b', 18],
      ],
    );
    assert.equal(policies[1]?.locate('spec.action'), 28);
    assert.deepEqual(
      parsePolicyDocuments(JSON.stringify({ ...list, kind: 'ImagePolicyList', apiVersion: 'cosignet.dev/v1' }), 'f')
        .policies.length,
      2,
    );
  });

  test('takes what kubectl get -o yaml prints, metadata and status included', () => {
    const text = `${withSpec('  images: ["**"]\n  action: Deny\n')}status: {observedGeneration: 1}\n`;
    assert.deepEqual(faultsOf(text.replace('{name: one}', '{name: one, uid: x, managedFields: [{manager: y}]}')), []);
  });

  test('takes an empty file and empty documents for nothing', () => {
    for (const text of ['', '---\n---\n', '# nothing\n']) {
      assert.deepEqual(parsePolicyDocuments(text, 'f'), { policies: [], faults: [] });
    }
  });

  const faults: readonly (readonly [string, string, RegExp])[] = [
    ['an unknown field', withSpec('  images: [a]\n  thresold: 2\n'), /^6: spec\.thresold: unknown field$/],
    [
      'a field of the wrong type',
      withSpec('  images: [a]\n  threshold: two\n'),
      /^6: spec\.threshold: must be integer$/,
    ],
    [
      'a value that is not one of the choices',
      withSpec('  images: [a]\n  mode: Off\n'),
      /^6: spec\.mode: must be one of Enforce, Warn, Audit$/,
    ],
    ['a missing field', withSpec('  action: Deny\n'), /^4: spec: needs the field images$/],
    ['a duplicate key', withSpec('  images: [a]\n  images: [b]\n'), /^6: .*unique/],
    ['YAML that does not parse', withSpec('  images: [a\n'), /^\d+: /],
    ['an unknown tag', withSpec('  images: !x [a]\n'), /^5: .*tag/],
    ['another kind', 'apiVersion: apps/v1\nkind: Deployment\n', /^2: Deployment of apps\/v1: expected an ImagePolicy/],
    [
      'another group’s ImagePolicy',
      'apiVersion: config.openshift.io/v1\nkind: ImagePolicy\n',
      /^2: ImagePolicy of config/,
    ],
    ['a document that is no object', '- a\n', /^1: not an object/],
    ['a name that Kubernetes would refuse', withSpec('  images: [a]\n').replace('one', 'O_ne'), /^3: metadata\.name: /],
    [
      'a key called __proto__',
      withSpec('  images: [a]\n  __proto__: {action: Allow}\n'),
      /^6: spec\.__proto__: unknown field$/,
    ],
  ];
  for (const [title, text, message] of faults) {
    test(`names ${title} with its line`, () => {
      const found = faultsOf(text);
      assert.match(found[0] ?? 'no fault', message);
      assert.deepEqual(parsePolicyDocuments(text, 'f').policies, []);
    });
  }

  test('reads what is valid beside what is not', () => {
    const { policies, faults: found } = parsePolicyDocuments(`${TWO}---\nkind: Pod\n`, 'f');
    assert.equal(policies.length, 2);
    assert.equal(found.length, 1);
    assert.equal(found[0]?.line, 23);
  });

  test('survives bombs: aliases, nesting, size', () => {
    const levels = Array.from(
      { length: 9 },
      (_, level) => `  l${level + 1}: &l${level + 1} [${`*l${level},`.repeat(9)}]`,
    );
    const laughs = withSpec(`  images: [a]\n  l0: &l0 [x]\n${levels.join('\n')}\n`);
    for (const bomb of [laughs, '['.repeat(50_000), '{"a":'.repeat(50_000), 'a'.repeat(MAXIMUM_FILE_SIZE + 1)]) {
      const started = processorTime();
      const { policies, faults: found } = parsePolicyDocuments(bomb, 'f');
      assert.deepEqual(policies, []);
      assert.ok(found.length > 0);
      assert.ok(processorTime() - started < 3000);
    }
  });

  test('never throws', () => {
    const lines = fc.constantFrom(
      'a: b',
      '- c',
      '---',
      'kind: List',
      'items:',
      '  - &x {a: *x}',
      '? [a]: b',
      '!!binary x',
      '%YAML 1.1',
      '\t',
      '"',
      '*y',
      '<<: *x',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(lines).map((list) => list.join('\n')),
        ),
        (text) => {
          assert.deepEqual(parsePolicyDocuments(text, 'f').policies, []);
        },
      ),
    );
  });
});
