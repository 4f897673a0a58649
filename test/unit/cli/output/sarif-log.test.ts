// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import fc from 'fast-check';
import { physicalLocation, sarifLog } from '../../../../cli/output/sarif-log.ts';
import { renderLint, type LintFault } from '../../../../cli/output/lint-report.ts';
import { sarifJson } from '../../../../cli/scan/sarif.ts';
import { hostile, hostileReport } from '../scan/reports.ts';

const closed = (required: object, optional: object = {}) => ({
  type: 'object',
  additionalProperties: false,
  required: Object.keys(required),
  properties: { ...required, ...optional },
});
const list = (items: object, uniqueItems = false) => ({ type: 'array', items, uniqueItems });
const TEXT = { type: 'string' };
const SOME_TEXT = { type: 'string', minLength: 1 };
const MESSAGE = closed({ text: SOME_TEXT });
const LEVEL = { enum: ['none', 'note', 'warning', 'error'] };

const RULE = closed(
  { id: SOME_TEXT },
  { name: TEXT, shortDescription: MESSAGE, help: MESSAGE, defaultConfiguration: closed({ level: LEVEL }) },
);
const LOCATION = closed(
  {
    physicalLocation: closed({
      artifactLocation: closed({ uri: { type: 'string', format: 'uri-reference' } }),
      region: closed({ startLine: { type: 'integer', minimum: 1 } }),
    }),
  },
  { logicalLocations: list(closed({ name: TEXT, fullyQualifiedName: TEXT, kind: TEXT }), true) },
);
const RESULT = closed({
  ruleId: SOME_TEXT,
  ruleIndex: { type: 'integer', minimum: 0 },
  level: LEVEL,
  message: closed({ text: TEXT }),
  locations: list(LOCATION),
  partialFingerprints: { type: 'object', additionalProperties: TEXT },
});
const RUN = closed({
  tool: closed({
    driver: closed({
      name: SOME_TEXT,
      version: SOME_TEXT,
      // semver.org, 2.0.0
      semanticVersion: { type: 'string', pattern: '^\\d+\\.\\d+\\.\\d+(?:-[\\w.-]+)?(?:\\+[\\w.-]+)?$' },
      rules: list(RULE, true),
    }),
  }),
  invocations: list(
    closed({ executionSuccessful: { type: 'boolean' }, endTimeUtc: { type: 'string', format: 'date-time' } }),
  ),
  results: list(RESULT),
  columnKind: { const: 'utf16CodeUnits' },
});
/** As far as it is used, what SARIF 2.1.0 (OASIS, errata 01) says in 3.13 to 3.58; names that it does not know are faults. */
const LOG = closed({
  $schema: { type: 'string', format: 'uri' },
  version: { const: '2.1.0' },
  runs: list(RUN),
});

const ajv = addFormats.default(new Ajv({ allErrors: true }), ['date-time', 'uri', 'uri-reference']);
const validate = ajv.compile(LOG);

function requireShape(text: string): void {
  const log: { runs: { results: object[] }[] } = JSON.parse(text);
  assert.ok(validate(log), ajv.errorsText(validate.errors));
  assert.ok(isWhole(log), 'a half of a character');
}

/** I-JSON (RFC 7493, 2.1): readers in other languages refuse halves of characters, or change them. */
function isWhole(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed();
  return typeof value !== 'object' || value === null || Object.values(value).every(isWhole);
}

describe('a SARIF log', () => {
  test('of a scan has the shape of the standard, whatever images are called', () => {
    fc.assert(fc.property(hostileReport, (report) => requireShape(sarifJson(report))));
  });

  test('of lint has it too, whatever policies and files are called', () => {
    const fault: fc.Arbitrary<LintFault> = fc.record({
      file: hostile,
      line: fc.nat(),
      message: hostile,
      reason: fc.constantFrom('InvalidKey', 'InvalidDocument', 'HardlyMeant'),
      policy: hostile,
    });
    fc.assert(
      fc.property(fc.array(fault), fc.array(fault), (all, hints) =>
        requireShape(renderLint({ policies: [], all, hints }, 'sarif', new Date(0))),
      ),
    );
  });

  test('takes a very long name', () => {
    const name = '😀]]>"\u0000\uD800'.repeat(100_000);
    const result = {
      ruleId: 'NoSignature',
      level: 'error',
      message: name,
      locations: [{ physicalLocation: physicalLocation(name, 1) }],
      fingerprint: { name: 'image/v1', value: JSON.stringify([name]) },
    } as const;
    requireShape(sarifLog([{ id: 'NoSignature', summary: 's', page: 'p' }], [result], '2026-06-01T12:00:00Z'));
  });
});
