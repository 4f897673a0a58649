// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { compileCondition } from '../../../../../core/policy/expressions/condition.ts';
import { processorTime } from '../../../../fakes/processor-time.ts';

const IMAGE = { repository: 'registry.example.test/app', digest: `sha256:${'a'.repeat(64)}`, tag: '1.0' };

const SIGNER = { name: 'ci', issuer: 'https://issuer.example', subject: 'ci@example.com', claims: {} };
const NOW = Date.parse('2026-06-08T00:00:00Z');

function holds(expression: string, predicate: unknown, statement: unknown = {}): boolean {
  return compileCondition(expression, 'no').holds({ predicate, statement, image: IMAGE, signer: SIGNER, now: NOW });
}

/** The examples of the documentation, each with a predicate that fits and one that does not. */
const EXAMPLES: readonly { name: string; expression: string; good: unknown; bad: unknown }[] = [
  {
    name: 'SLSA provenance 1.0 by builder',
    expression: 'predicate.runDetails.builder.id.startsWith("https://github.com/acme/builders/")',
    good: { runDetails: { builder: { id: 'https://github.com/acme/builders/go@v1' } } },
    bad: { runDetails: { builder: { id: 'https://github.com/evil/https://github.com/acme/builders/' } } },
  },
  {
    name: 'SLSA provenance 0.2 by source',
    expression: 'predicate.materials.exists(m, m.uri.matches("^git\\\\+https://github\\\\.com/acme/app@.*$"))',
    good: { materials: [{ uri: 'git+https://github.com/acme/app@refs/heads/main' }] },
    bad: { materials: [{ uri: 'git+https://github.com/evil/app@refs/heads/main' }] },
  },
  {
    name: "no critical vulnerability in cosign's vuln predicate",
    expression: 'predicate.scanner.result.Results.all(r, r.Vulnerabilities.all(v, v.Severity != "CRITICAL"))',
    good: { scanner: { result: { Results: [{ Vulnerabilities: [{ Severity: 'LOW' }] }] } } },
    bad: { scanner: { result: { Results: [{ Vulnerabilities: [{ Severity: 'CRITICAL' }] }] } } },
  },
  {
    name: 'a scan that is recent enough',
    expression: 'timestamp(predicate.metadata.scanFinishedOn) > timestamp("2026-01-01T00:00:00Z")',
    good: { metadata: { scanFinishedOn: '2026-06-01T12:00:00Z' } },
    bad: { metadata: { scanFinishedOn: '2025-06-01T12:00:00Z' } },
  },
  {
    name: 'an SPDX document with packages',
    expression: 'predicate.spdxVersion.startsWith("SPDX-2.") && size(predicate.packages) > 0',
    good: { spdxVersion: 'SPDX-2.3', packages: [{ name: 'openssl' }] },
    bad: { spdxVersion: 'SPDX-2.3', packages: [] },
  },
  {
    name: 'a CycloneDX document without a package',
    expression: 'predicate.bomFormat == "CycloneDX" && !predicate.components.exists(c, c.name == "log4j-core")',
    good: { bomFormat: 'CycloneDX', components: [{ name: 'zlib' }] },
    bad: { bomFormat: 'CycloneDX', components: [{ name: 'log4j-core' }] },
  },
  {
    name: "cosign's custom predicate",
    expression: 'predicate.Data == "approved"',
    good: { Data: 'approved', Timestamp: '2026-01-01T00:00:00Z' },
    bad: { Data: 'rejected', Timestamp: '2026-01-01T00:00:00Z' },
  },
  {
    name: 'a number, compared and counted with',
    expression: 'predicate.score >= 7.5 && predicate.runs + 1 == 3',
    good: { score: 8, runs: 2 },
    bad: { score: 7, runs: 2 },
  },
];

describe('a condition', () => {
  for (const { name, expression, good, bad } of EXAMPLES) {
    test(`tells good from bad: ${name}`, () => {
      assert.equal(holds(expression, good), true);
      assert.equal(holds(expression, bad), false);
    });
  }

  test('sees the image and the statement', () => {
    assert.equal(holds(`image.digest == "${IMAGE.digest}" && image.tag == "1.0"`, {}), true);
    assert.equal(holds('image.repository == "registry.example.test/app"', {}), true);
    assert.equal(holds('statement.predicateType == "x"', {}, { predicateType: 'x' }), true);
    assert.equal(holds('statement.predicateType == "x"', {}, { predicateType: 'y' }), false);
  });

  test('throws where a field is missing, rather than hold', () => {
    assert.throws(() => holds('predicate.missing == 1', {}), /missing/);
    assert.throws(() => holds('predicate.l.all(x, x.missing != "CRITICAL")', { l: [{}] }), /missing/);
  });

  test('throws where it yields something else than true or false', () => {
    assert.throws(() => holds('predicate.text', { text: 'true' }), /neither true nor false/);
    assert.throws(() => holds('dyn(1)', {}), /neither true nor false/);
  });

  test('keeps the author’s message, or tells the expression', () => {
    assert.equal(compileCondition('true', 'scan it first').message, 'scan it first');
    assert.equal(compileCondition('true', '').message, 'condition not met: true');
  });

  test('does not reach what JavaScript objects inherit', () => {
    for (const name of ['constructor', '__proto__', 'toString']) {
      assert.throws(() => holds(`predicate.${name} == predicate.${name}`, {}), new RegExp(name));
    }
  });
});

const CHARACTERS = 'predicate.()[]{}&|!=<>?:,"\'01+-*%inalx '.split('');

describe('the name of a type', () => {
  const values: Readonly<Record<string, string>> = {
    bool: 'true',
    bytes: 'b"a"',
    double: '1.0',
    int: '1',
    list: '[]',
    map: '{}',
    null_type: 'null',
    string: '"a"',
    type: 'int',
    uint: '1u',
  };
  for (const [name, value] of Object.entries(values)) {
    test(`${name} is known`, () => assert.equal(holds(`type(${value}) == ${name}`, {}), true));
  }
});

describe('a condition that cannot be compiled says why', () => {
  const faults: readonly (readonly [string, string, RegExp])[] = [
    ['nothing', '  ', /empty/],
    ['a syntax error', 'predicate.a ==', /not valid CEL/],
    ['an unknown name', 'predicat.a == 1', /unknown name predicat: known are predicate, statement, image, signer, now/],
    ['an unknown name inside of a loop', 'predicate.l.all(x, y == 1)', /unknown name y/],
    ['an unknown function', 'predicate.a.beginsWith("x")', /unknown function beginsWith/],
    ['too many characters', `predicate.a == "${'x'.repeat(5000)}"`, /longer than 4096/],
    ['too many parts', `[${'1,'.repeat(1600)}1] == []`, /more than 1500 parts/],
    ['brackets that are never closed', `${'('.repeat(25)}true`, /brackets more than 24 deep/],
    [
      'brackets made up for by others in quotes',
      `"${')'.repeat(99)}" == "" || ${'('.repeat(25)}true${')'.repeat(25)}`,
      /deep/,
    ],
    ['too deep a nesting', '('.repeat(4000), /brackets more than 24 deep/],
  ];
  for (const [name, expression, reason] of faults) {
    test(name, () => assert.throws(() => compileCondition(expression, ''), reason));
  }

  test('and any text either compiles or throws one Error', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...CHARACTERS) }), (text) => {
        try {
          compileCondition(text, '');
        } catch (error) {
          assert.ok(error instanceof Error && error.message.length < 1000);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('a hostile condition ends soon and never holds', () => {
  const numbers = Array.from({ length: 20_000 }, (_, index) => index);
  const hostile: readonly (readonly [string, string, RegExp])[] = [
    ['nested loops', 'predicate.all(x, predicate.all(y, true))', /loops more than 100000 times/],
    ['loops whose error is swallowed', 'predicate.all(x, predicate.all(y, true)) || true', /loops more than 100000/],
    ['comparing all in each round', 'predicate.all(x, predicate == predicate)', /takes more than 4000000 steps/],
    [
      'a value of exponential size',
      `["a"]${'.map(s, [s, s])'.repeat(40)} == ["a"]${'.map(s, [s, s])'.repeat(40)}`,
      /takes more than 4000000 steps/,
    ],
    [
      'a pattern whose program is too large',
      `predicate[0] == 0 && "a".matches("${'(a?){1000}'.repeat(100)}")`,
      /the regular expression is too large/,
    ],
    [
      'a pattern in each round',
      `predicate.all(x, !"${'a'.repeat(100)}".matches("(a?b?c?d?){20}x"))`,
      /takes more than 4000000 steps/,
    ],
    ['a search in each round', 'predicate.all(x, x in predicate)', /takes more than 4000000 steps/],
    [
      'a long text in each round',
      `[["${'a'.repeat(1000)}"]${'.map(s, s + s)'.repeat(6)}[0]].all(t, predicate.all(x, !t.contains("b")))`,
      /takes more than 4000000 steps/,
    ],
    [
      'all of it where the error is swallowed',
      'predicate.exists(x, predicate == [x]) || predicate.all(x, predicate == predicate.map(y, y)) || true',
      /takes more than 4000000 steps|loops more than/,
    ],
    ['a text that doubles', `["a"]${'.map(s, s + s)'.repeat(40)}.size() > 0`, /larger than 65536/],
    ['a list that doubles', `[["a"]]${'.map(s, s + s)'.repeat(40)}.size() > 0`, /larger than 5000/],
    ['bytes that double', `[b"a"]${'.map(s, s + s)'.repeat(40)}.size() > 0`, /larger than 65536/],
  ];
  for (const [name, expression, reason] of hostile) {
    test(name, () => {
      const started = processorTime();
      assert.throws(() => holds(expression, numbers), reason);
      assert.ok(processorTime() - started < 5000);
    });
  }

  // So few more rounds than allowed that the clock is far from its end.
  for (const inner of [
    'predicate.all(y, true)',
    '[predicate.all(y, true)][0]',
    '{"a": predicate.all(y, true)}["a"]',
    '{predicate.all(y, true): true}[true]',
  ]) {
    test(`rounds are counted wherever a loop stands: ${inner}`, () => {
      const few = numbers.slice(0, 300);
      assert.equal(holds(`predicate.all(x, ${inner})`, few), true);
      assert.throws(() => holds(`predicate.all(x, ${inner})`, numbers.slice(0, 330)), /loops more than 100000 times/);
    });
  }

  test('a pattern that other engines choke on is linear', () => {
    const started = processorTime();
    assert.equal(holds('predicate.matches("^(a+)+$")', `${'a'.repeat(50_000)}!`), false);
    assert.ok(processorTime() - started < 2000);
  });

  // Each is swallowed by `|| true`, so that only what was counted refuses it.
  const texts: readonly (readonly [string, string, unknown])[] = [
    [
      'a long text that is sought in a longer one',
      'predicate[0].contains(predicate[1])',
      ['a'.repeat(1_000_000), `${'a'.repeat(5000)}b${'a'.repeat(5000)}`],
    ],
    [
      'another pattern in each round',
      'predicate.exists(x, "x".matches(x))',
      Array.from({ length: 20_000 }, (_, index) => `(\\pL?){20}${index}`),
    ],
  ];
  for (const [name, expression, predicate] of texts) {
    test(name, () => {
      const started = processorTime();
      assert.throws(() => holds(`${expression} || true`, predicate), /takes more than 4000000 steps/);
      assert.ok(processorTime() - started < 1500);
    });
  }

  test('a pattern that takes long to read is not read', () => {
    const started = processorTime();
    for (const pattern of ['\\p{'.repeat(40_000), `[[:${'[:'.repeat(60_000)}`]) {
      assert.throws(() => holds('"x".matches(predicate)', pattern), /too large/);
    }
    assert.ok(processorTime() - started < 500);
  });

  test('a large document is no attack', () => {
    assert.equal(holds('predicate.all(x, x >= 0)', numbers), true);
    assert.equal(holds('predicate.filter(x, x >= 19000).size() == 1000', numbers), true);
  });
});
