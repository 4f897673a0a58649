// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { junitXml } from '../../../../cli/scan/junit.ts';
import { scanPage } from '../../../../cli/scan/html.ts';
import { podsText, summaryText } from '../../../../cli/scan/report.ts';
import { sarifJson } from '../../../../cli/scan/sarif.ts';
import { tableText } from '../../../../cli/scan/table.ts';
import { renderReport } from '../../../../cli/scan/render.ts';
import { attributesIn, elementsOf, namesIn, readMarkup, textOf } from './markup-reader.ts';
import { hostileReport, reportOf, verdict } from './reports.ts';

const pod = (name: string) => ({ namespace: 'shop', name });
const runningPod = (namespace: string, name: string, workload?: string) => ({
  namespace,
  name,
  ...(workload !== undefined && { workload }),
});
const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`;
const denied = verdict({ outcome: 'denied', code: 'NoSignature', message: 'nobody signed it', remedy: 'Sign it' });
const undecided = verdict({
  image: 'docker.io/acme/db:1',
  outcome: 'error',
  code: 'RegistryUnavailable',
  mode: 'Warn',
  message: 'out of reach',
});
const allowed = verdict({ image: `docker.io/acme/ok:1@${DIGEST}`, resolved: `docker.io/acme/ok@${DIGEST}` });
/** One of each. */
const report = reportOf(
  { verdict: allowed, pods: [pod('ok-1'), pod('ok-2'), pod('mixed')] },
  { verdict: undecided, pods: [pod('db-1')] },
  { verdict: denied, pods: [pod('app-1'), pod('mixed')] },
);

describe('the report', () => {
  test('puts first what needs attention, and counts images and Pods', () => {
    assert.deepEqual(
      report.images.map(({ verdict: { code } }) => code),
      ['NoSignature', 'RegistryUnavailable', 'Verified'],
    );
    assert.deepEqual(report.summary, {
      scannedAt: '2026-06-01T12:00:00Z',
      source: 'a test',
      images: 3,
      allowed: 1,
      denied: 1,
      undecided: 1,
      pods: 5,
      podsRefused: 3,
      codes: { Verified: 1, RegistryUnavailable: 1, NoSignature: 1 },
    });
  });

  test('makes one of what was checked alike in several namespaces, and keeps apart what was not', () => {
    const elsewhere = { ...denied, policies: ['other'] };
    const { images } = reportOf(
      { verdict: denied, pods: [pod('a')] },
      { verdict: { ...denied, registryRequests: 0 }, pods: [{ namespace: 'web', name: 'b' }] },
      { verdict: elsewhere, pods: [pod('c')] },
    );
    assert.deepEqual(
      images.map(({ verdict: { policies }, pods }) => [policies.join(), podsText(pods, 9)]),
      [
        ['default', 'shop/a, web/b'],
        ['other', 'shop/c'],
      ],
    );
  });

  test('is summed up in a sentence', () => {
    assert.equal(
      summaryText(report.summary),
      '3 images in 5 Pods: 1 denied, 1 could not be checked, 1 allowed; 3 Pods would be refused in Enforce',
    );
    assert.equal(summaryText(reportOf({ verdict: allowed, pods: [] }).summary), '1 image: 1 allowed');
  });

  test('names a few Pods, and how many more there are', () => {
    assert.equal(podsText([pod('a'), pod('b'), pod('c')], 2), 'shop/a, shop/b and 1 more');
  });
});

describe('the table', () => {
  test('has a line for each image, and why and where below those that fail', () => {
    assert.equal(
      tableText(report),
      `OUTCOME  CODE                 PODS  IMAGE
denied   NoSignature          2     docker.io/acme/app:1.0
  It has no signature. Policy: default (Enforce). Runs in shop/app-1, shop/mixed.
  Sign it
error    RegistryUnavailable  1     docker.io/acme/db:1
  Its registry could not be reached. Policy: default (Warn). Runs in shop/db-1.
allowed  Verified             3     docker.io/acme/ok:1@sha256:0123456789ab…

3 images in 5 Pods: 1 denied, 1 could not be checked, 1 allowed; 3 Pods would be refused in Enforce`,
    );
  });

  test('says so where nothing runs', () => {
    assert.equal(tableText(reportOf()), '0 images: 0 allowed');
  });

  test('is as wide as the screen, but for screens that hold no line', () => {
    const image = `registry.example.com/${'part/'.repeat(30)}app`;
    const wide = reportOf({ verdict: { ...denied, image, remedy: 'word '.repeat(60) }, pods: [] });
    const widest = (columns?: number) =>
      Math.max(
        ...tableText(wide, columns)
          .split('\n')
          .map((line) => line.length),
      );
    for (const columns of [60, 80, 100, 140]) assert.ok(widest(columns) <= columns && widest(columns) > columns - 8);
    assert.equal(widest(), widest(100));
    assert.equal(widest(10), widest(60));
  });

  test('never has more than 100 columns, whatever images are called, and loses nothing of a name', () => {
    fc.assert(
      fc.property(hostileReport, (hostile) => {
        for (const line of tableText(hostile).split('\n')) {
          assert.ok(Array.from(line).length <= 100, line);
          assert.doesNotMatch(line, /[\p{Cc}\p{Cf}]/u);
        }
      }),
    );
    const name = `registry.example.com/${'long/'.repeat(50)}app`;
    const text = tableText(reportOf({ verdict: { ...denied, image: name }, pods: [] }));
    assert.ok(text.replaceAll(/\n {20,}/g, '').includes(name));
  });
});

describe('the JSON report', () => {
  test('is one object with verdicts, Pods and a summary', () => {
    const { images, summary } = JSON.parse(renderReport(report, 'json'));
    assert.deepEqual(images[0], { verdict: denied, pods: [pod('app-1'), pod('mixed')] });
    assert.equal(summary.podsRefused, 3);
  });
});

describe('the JUnit report', () => {
  test('has a case for each image; failures and errors are told apart', () => {
    const root = readMarkup(junitXml(report));
    const [suite] = elementsOf(root, 'testsuite');
    assert.deepEqual(suite?.attributes, {
      name: 'a test',
      tests: '3',
      failures: '1',
      errors: '1',
      skipped: '0',
      timestamp: '2026-06-01T12:00:00',
    });
    const cases = elementsOf(root, 'testcase');
    assert.deepEqual(
      cases.map(({ attributes, children }) => [
        attributes['name'],
        children.map((child) => (typeof child === 'string' ? child : child.name)).join(),
      ]),
      [
        ['docker.io/acme/app:1.0', 'failure,system-out'],
        ['docker.io/acme/db:1', 'error,system-out'],
        [`docker.io/acme/ok:1@${DIGEST}`, 'system-out'],
      ],
    );
    const [failure] = elementsOf(root, 'failure');
    assert.deepEqual(failure?.attributes, { type: 'NoSignature', message: 'nobody signed it' });
    assert.match(textOf(failure), /Sign it/);
  });

  test('is well-formed XML with only its own elements, whatever images are called', () => {
    const own = new Set(['testsuites', 'testsuite', 'testcase', 'failure', 'error', 'system-out']);
    fc.assert(
      fc.property(hostileReport, (hostile) => {
        const root = readMarkup(junitXml(hostile));
        assert.deepEqual(
          [...namesIn(root)].filter((name) => !own.has(name)),
          [],
        );
        assert.equal(elementsOf(root, 'testcase').length, hostile.images.length);
      }),
    );
  });
});

interface SarifLog {
  readonly version: string;
  readonly runs: readonly {
    readonly tool: {
      readonly driver: { readonly name: string; readonly rules: readonly { id: string; help: { text: string } }[] };
    };
    readonly results: readonly {
      readonly ruleId: string;
      readonly ruleIndex: number;
      readonly level: string;
      readonly message: { readonly text: string };
      readonly locations: readonly {
        readonly physicalLocation: { artifactLocation: { uri: string }; region: { startLine: number } };
        readonly logicalLocations?: readonly { fullyQualifiedName: string }[];
      }[];
      readonly partialFingerprints: Readonly<Record<string, string>>;
    }[];
  }[];
}

const read = (text: string): SarifLog => JSON.parse(text);

describe('the SARIF report', () => {
  test('has a result for each image that is not allowed, and a rule for each of their codes', () => {
    const { version, runs } = read(sarifJson(report));
    assert.equal(version, '2.1.0');
    const [run] = runs;
    assert.deepEqual(
      run?.tool.driver.rules.map(({ id }) => id),
      ['NoSignature', 'RegistryUnavailable'],
    );
    assert.match(run?.tool.driver.rules[0]?.help.text ?? '', /docs\/reference\/verdicts\.md#nosignature\./);
    assert.deepEqual(
      run?.results.map(({ ruleId, ruleIndex, level, message }) => [ruleId, ruleIndex, level, message.text]),
      [
        ['NoSignature', 0, 'error', 'nobody signed it. Sign it'],
        ['RegistryUnavailable', 1, 'warning', 'out of reach'],
      ],
    );
    assert.deepEqual(run?.results[0]?.locations[0], {
      physicalLocation: { artifactLocation: { uri: 'docker.io/acme/app:1.0' }, region: { startLine: 1 } },
      logicalLocations: [
        { name: 'app-1', fullyQualifiedName: 'shop/app-1', kind: 'resource' },
        { name: 'mixed', fullyQualifiedName: 'shop/mixed', kind: 'resource' },
      ],
    });
  });

  test('points to the line of the file that named the image', () => {
    const [run] = read(sarifJson(reportOf({ verdict: denied, pods: [], line: 7 }))).runs;
    assert.deepEqual(run?.results[0]?.locations, [
      { physicalLocation: { artifactLocation: { uri: 'a%20test' }, region: { startLine: 7 } } },
    ]);
  });

  test('refers to its rules, and has URIs that are relative, whatever images are called', () => {
    fc.assert(
      fc.property(hostileReport, (hostile) => {
        const [run] = read(sarifJson(hostile)).runs;
        for (const { ruleId, ruleIndex, locations } of run?.results ?? []) {
          assert.equal(run?.tool.driver.rules[ruleIndex]?.id, ruleId);
          const uri = locations[0]?.physicalLocation.artifactLocation.uri ?? '';
          assert.match(uri, /^[A-Za-z0-9._~!$&'()*+,;=@%/:-]*$/);
          assert.doesNotMatch(uri, /^[^/]*:/);
        }
      }),
    );
  });
});

const RAW = ['style', 'script'];
const page = (of = report) => readMarkup(scanPage(of), RAW);

describe('the HTML report', () => {
  test('has an item for each image, with its outcome in words', () => {
    const items = elementsOf(page(), 'li');
    assert.deepEqual(
      items.map((item) => [item.attributes['class'], textOf(elementsOf(item, 'strong')[0] ?? item)]),
      [
        ['denied', 'Denied'],
        ['error', 'Not checked'],
        ['allowed', 'Allowed'],
      ],
    );
    assert.match(textOf(items[0] ?? page()), /docker\.io\/acme\/app:1\.0[^]*Sign it[^]*shop\/app-1, shop\/mixed/);
  });

  test('has a language, a title, a viewport, and labels on its filter', () => {
    const root = page();
    assert.equal(elementsOf(root, 'html')[0]?.attributes['lang'], 'en');
    assert.match(textOf(elementsOf(root, 'title')[0] ?? root), /3 images/);
    assert.ok(elementsOf(root, 'meta').some(({ attributes }) => attributes['name'] === 'viewport'));
    const labels = elementsOf(root, 'label');
    assert.deepEqual(labels.map(textOf), ['3 All', '1 Denied', '1 Not checked', '1 Allowed']);
    assert.ok(labels.every((label) => elementsOf(label, 'input').length === 1));
  });

  test('forbids itself everything but its own style and script', () => {
    const { attributes } = elementsOf(page(), 'meta').find(({ attributes: a }) => 'http-equiv' in a) ?? page();
    assert.match(
      attributes['content'] ?? '',
      /^default-src 'none'; style-src 'sha256-[A-Za-z0-9+/]{43}='; script-src 'sha256-[A-Za-z0-9+/]{43}='; base-uri 'none'; form-action 'none'$/,
    );
  });

  test('has only its own elements and attributes, whatever images are called', () => {
    const ownNames = namesIn(page());
    const ownAttributes = attributesIn(page());
    fc.assert(
      fc.property(hostileReport, (hostile) => {
        const root = page(hostile);
        assert.deepEqual(
          [...namesIn(root)].filter((name) => !ownNames.has(name)),
          [],
        );
        assert.deepEqual(
          [...attributesIn(root)].filter((name) => !ownAttributes.has(name)),
          [],
        );
        assert.equal(elementsOf(root, 'li').length, hostile.images.length);
        assert.equal(elementsOf(root, 'script').length, 1);
        // What somebody copies into a shell is a command and its words.
        for (const code of elementsOf(root, 'code'))
          assert.match(textOf(code), /^cosignet verify (?:--namespace [a-z0-9-]+ )?[\w./:@-]+$/);
      }),
    );
  });

  test('has a table for each namespace, by workload, whose rows point to the one place of a verdict', () => {
    const root = page(
      reportOf(
        {
          verdict: denied,
          pods: [runningPod('shop', 'web-1', 'Deployment web'), runningPod('shop', 'web-2', 'Deployment web')],
        },
        { verdict: denied, pods: [runningPod('play', 'try')] },
        { verdict: allowed, pods: [runningPod('shop', 'web-1', 'Deployment web')] },
      ),
    );
    const items = elementsOf(root, 'li');
    assert.deepEqual(
      items.map(({ attributes }) => attributes['class']),
      ['denied', 'allowed'],
    );
    assert.deepEqual(
      elementsOf(root, 'details').map((each) => textOf(elementsOf(each, 'summary')[0] ?? each)),
      ['play 1 of 1 image not allowed', 'shop 1 of 2 images not allowed'],
    );
    const rows = elementsOf(root, 'tbody').flatMap((body) => elementsOf(body, 'tr'));
    assert.deepEqual(
      rows.map((each) => elementsOf(each, 'td').map(textOf)),
      [
        ['try', 'docker.io/acme/app:1.0', 'Denied NoSignature'],
        ['Deployment web 2 Pods', 'docker.io/acme/app:1.0', 'Denied NoSignature'],
        ['Deployment web', 'docker.io/acme/ok:1', 'Allowed Verified'],
      ],
    );
    const ids = new Set(items.map(({ attributes }) => `#${attributes['id'] ?? ''}`));
    for (const { attributes } of elementsOf(root, 'a')) assert.ok(ids.has(attributes['href'] ?? ''));
    assert.deepEqual(elementsOf(root, 'code').map(textOf), ['cosignet verify --namespace shop docker.io/acme/app:1.0']);
  });
});
