// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { factsOf, VERDICT_CODES } from '../../../../core/verdict-codes.ts';
import type { Verdict } from '../../../../core/verdict/types.ts';
import { createReport, type ScanReport } from '../../../../cli/scan/report.ts';

export const NOW = Date.UTC(2026, 5, 1, 12);

export function verdict(changes: Partial<Verdict> = {}): Verdict {
  return {
    image: 'docker.io/acme/app:1.0',
    outcome: 'allowed',
    mode: 'Enforce',
    code: 'Verified',
    policies: ['default'],
    message: '',
    remedy: '',
    signers: [],
    registryRequests: 1,
    ...changes,
  };
}

export function reportOf(...images: Parameters<typeof createReport>[0]): ScanReport {
  return createReport(images, { source: 'a test', now: NOW });
}

/** What names try to be in reports: markup, entities, control and direction characters, halves of characters. */
const pieces = [
  '<script>alert(1)</script>',
  '"><img src=http://x.example/ onerror=alert(1)>',
  "' onmouseover='alert(1)",
  ']]>',
  '-->',
  '&amp;',
  '&#x3c;',
  '</title></style></textarea>',
  '\u0000\u001B[2J',
  '\u202E',
  '\uD800',
  '\uFFFE\uFFFF',
  '😀',
  '\n\n',
];

export const hostile: fc.Arbitrary<string> = fc
  .array(fc.oneof(fc.constantFrom(...pieces), fc.string({ unit: 'binary', maxLength: 12 })), { maxLength: 8 })
  .map((parts) => parts.join(''));

/** A report in which every text is hostile that comes from outside. */
export const hostileReport: fc.Arbitrary<ScanReport> = fc
  .array(
    fc.record({
      verdict: fc
        .record({
          image: hostile,
          resolved: hostile,
          code: fc.constantFrom(...VERDICT_CODES),
          mode: fc.constantFrom('Enforce', 'Warn', 'Audit' as const),
          policies: fc.array(hostile, { maxLength: 2 }),
          message: hostile,
          remedy: hostile,
          signers: fc.array(
            fc.record({ name: hostile, fingerprint: hostile, format: fc.constant('bundle' as const) }),
            { maxLength: 2 },
          ),
        })
        .map((changes) => verdict({ ...changes, outcome: factsOf(changes.code).outcome })),
      pods: fc.array(fc.record({ namespace: hostile, name: hostile }), { maxLength: 3 }),
    }),
    { maxLength: 4 },
  )
  .chain((images) => hostile.map((source) => createReport(images, { source, now: NOW })));
