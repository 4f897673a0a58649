// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { parseConfiguration } from '../../../core/config/configuration.ts';
import { ConfigurationError } from '../../../core/config/faults.ts';
import type { Configuration } from '../../../core/config/types.ts';
import { mutateLines } from '../engine/mutators.ts';
import { mutateJson } from '../engine/structured.ts';
import type { Target } from '../engine/target.ts';
import { requireLine } from './refusals.ts';

/** Refused with ConfigurationError only, each fault with a line of the file; what is read is in bounds, and reads the same again. */
export const configuration: Target = {
  name: 'configuration',
  maximumBytes: 16 * 1024,
  maximumMilliseconds: 250,
  mutators: [mutateLines, mutateJson],
  dictionary: [
    'unmatchedImages: Allow',
    'enforcement: Audit',
    'deadlineSeconds: ',
    'registries:',
    '- host: ',
    'mirrors:',
    'limits:',
    'cache:',
    'trustRoots:',
    '&a',
    '*a',
    '<<: ',
    '!!',
    '? ',
    '---',
    '...',
    '%YAML 1.1',
    '.inf',
    '.nan',
    '0x',
    '0o',
    '1_000',
  ],
  check: (input) => {
    const text = input.toString('utf8');
    const read = readConfiguration(text);
    if (read === undefined) return;
    requireBounds(read);
    const { auditedNamespaces, excludedNamespaces, ...rest } = read;
    const audited = auditedNamespaces.map((name) => ({ name, mode: 'Audit' }));
    // In one list, as they are written.
    const written = { ...rest, excludedNamespaces: [...excludedNamespaces, ...audited] };
    assert.deepEqual(parseConfiguration(JSON.stringify(written)), read);
  },
};

function readConfiguration(text: string): Configuration | undefined {
  try {
    return parseConfiguration(text);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    const lines = text.split(/\r\n|\r|\n/).length;
    assert.notEqual(error.faults.length, 0);
    for (const { line = 1, path, message } of error.faults) {
      assert.ok(line >= 1 && line <= lines, `line ${line} of ${lines}`);
      assert.ok(path.startsWith('$'));
      requireLine(message);
    }
    return undefined;
  }
}

function requireBounds({ deadlineSeconds, cache, limits, unmatchedImages, registries }: Configuration): void {
  assert.ok(['Deny', 'Warn', 'Allow'].includes(unmatchedImages));
  assert.ok(deadlineSeconds >= 1 && deadlineSeconds <= 29);
  for (const value of [...Object.values(cache), ...Object.values(limits)]) {
    assert.ok(Number.isSafeInteger(value) && value >= 0, `a bound of ${String(value)}`);
  }
  assert.equal(new Set(registries.map(({ host }) => host)).size, registries.length);
}
