// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, test } from 'node:test';
import { DEFAULT_CONFIGURATION } from '../../../../core/config/configuration.ts';
import { dashboardPage } from '../../../../operator/dashboard/page.ts';
import type { Overview } from '../../../../operator/dashboard/overview.ts';
import { createRecentDenials } from '../../../../operator/dashboard/recent-denials.ts';
import { publicKeyPem } from '../../../fakes/engine.ts';
import { attributesIn, elementsOf, namesIn, readMarkup, textOf, type Element } from '../../cli/scan/markup-reader.ts';
import { hostile } from '../../cli/scan/reports.ts';
import { found, type Answer } from '../scan/found.ts';
import { denial, refusal } from '../telemetry/notifications/denials.ts';
import { fullOverview, overview, view } from './overviews.ts';

const read = (of: Overview) => readMarkup(dashboardPage(of), ['style', 'script']);
const section = (root: Element, id: string) =>
  elementsOf(root, 'section').find(({ attributes }) => attributes['id'] === id) ?? root;
const tiles = (root: Element) => elementsOf(elementsOf(root, 'nav')[0] ?? root, 'a').map(textOf);
const state = (more: Partial<Overview>) =>
  elementsOf(read(overview(more)), 'p')
    .filter(({ attributes }) => attributes['class']?.startsWith('state'))
    .map((one) => words(one));
const words = (element: Element) => textOf(element).replace(/\s+/g, ' ');

describe("the dashboard's page", () => {
  test('tells at a glance what needs attention', () => {
    const root = read(fullOverview());
    assert.deepEqual(tiles(root), [
      '3 Policies 1 not ready',
      '5 Running images 1 denied, 1 not checked, 1 waiting',
      '1 Recent denials 2 times, by this replica',
    ]);
  });

  test('shows policies with their mode, signers, problems and what they would deny, broken ones first', () => {
    const cards = elementsOf(section(read(fullOverview()), 'policies'), 'li').map(words);
    assert.equal(cards.length, 3);
    assert.match(cards[0] ?? '', /^ Not ready Verify Enforce broken .*Problemspec\.images\[0\]: .*has a tag/);
    assert.match(
      cards[1] ?? '',
      /^ Ready Verify Audit vendor .*a signature by "release".*It would deny 3 Pods; 1 Pod could not be checked.*tools\/scanner-0/,
    );
    assert.match(cards[2] ?? '', /^ Ready Verify Enforce default .*It would deny none of it\./);
  });

  test('shows what runs by namespace, what is denied first', () => {
    const root = section(read(fullOverview()), 'running');
    assert.deepEqual(elementsOf(root, 'summary').map(textOf), [
      'shop 1 of 2 not allowed',
      'tools 1 of 1 not allowed',
      'web all allowed',
    ]);
    assert.deepEqual(elementsOf(elementsOf(root, 'tbody')[0] ?? root, 'tr').map(words), [
      'unsignedunsignedDenied NoSignature demo',
      'webwebAllowed Verified demo',
    ]);
    assert.match(words(root), /1 more: not checked yet/);
  });

  test('says what the configuration makes of an image that no policy covers', () => {
    const running = found({ 'shop/web': undefined });
    for (const subject of running.subjects) Object.assign(subject, { policies: [], context: { labels: {} } });
    for (const [unmatchedImages, word] of [
      ['Deny', 'Denied NoPolicy'],
      ['Warn', 'Denied NoPolicy'],
      ['Allow', 'Allowed NoPolicy'],
    ] as const) {
      const root = read(overview({ running, configuration: { ...DEFAULT_CONFIGURATION, unmatchedImages } }));
      assert.match(words(section(root, 'running')), new RegExp(`webweb${word}`), unmatchedImages);
    }
  });

  test('says why nothing is refused', () => {
    assert.deepEqual(state({}), ['In force API servers ask about every Pod, and this replica answers.']);
    assert.deepEqual(
      state({
        notReady: ['no certificate'],
        notInForce: ['not registered'],
        configuration: { ...DEFAULT_CONFIGURATION, enforcement: 'Audit' },
      }),
      [
        'Attention This replica answers no reviews: no certificate.',
        'Attention API servers do not ask about every Pod: not registered.',
        'Audit The configuration admits everything and only records.',
      ],
    );
  });

  test('says where nothing looks at what runs, and where it is not known yet', () => {
    const { backgroundScan } = DEFAULT_CONFIGURATION;
    const off = { ...DEFAULT_CONFIGURATION, backgroundScan: { ...backgroundScan, enabled: false } };
    assert.match(words(section(read(overview({ configuration: off })), 'running')), /Nobody looks at it/);
    assert.match(words(section(read(overview()), 'running')), /once Pods and policies are known/);
  });

  test('tells whether this replica leads', () => {
    assert.match(words(read(overview())), /Replica cosignet-0 as of .* It leads\./);
    assert.match(words(read(overview({ leads: false }))), /It does not lead/);
  });

  test('has a bound on every list, and shows what is denied before what is allowed', () => {
    const answers: Record<string, Answer> = {};
    for (let index = 0; index < 5000; index += 1) {
      answers[`ns-${index % 50}/image-${index}`] = index < 4990 ? ['allowed', 'Verified'] : ['denied', 'NoSignature'];
    }
    const policies = Array.from({ length: 300 }, (_, index) => view(`p-${index}`, { images: ['**'], action: 'Deny' }));
    const root = read(overview({ running: found(answers), policies }));
    const running = section(root, 'running');
    const shown = elementsOf(running, 'tbody').flatMap((body) => elementsOf(body, 'tr'));
    assert.equal(shown.length, 1000);
    assert.equal(shown.filter(({ attributes }) => attributes['class'] === 'denied').length, 10);
    assert.match(words(running), /And 4000 more/);
    assert.deepEqual(elementsOf(running, 'label').map(textOf), [
      '5000 All',
      '10 Denied',
      '0 Not checked',
      '4990 Allowed',
    ]);
    assert.equal(elementsOf(section(root, 'policies'), 'li').length, 200);
    assert.match(words(section(root, 'policies')), /And 100 more: kubectl/);
  });

  test('shows no keys', () => {
    const page = dashboardPage(fullOverview());
    const [, body = ''] = publicKeyPem('release').split('\n');
    assert.ok(body.length > 40);
    assert.ok(!page.includes(body));
  });

  test('has only its own elements and attributes, whatever things are called', () => {
    const [ownNames, ownAttributes] = [namesIn(read(fullOverview())), attributesIn(read(fullOverview()))];
    fc.assert(
      fc.property(hostile, (text) => {
        const denials = createRecentDenials(() => 0);
        denials.record(denial(text, { namespace: text, name: text, verdicts: [refusal(text, { message: text })] }));
        const running = found({ 'a/b': ['denied', 'NoSignature', text] }, [text]);
        for (const subject of running.subjects) {
          Object.assign(subject, { image: text, firstPod: text, source: { ...subject.source, namespace: text } });
        }
        const policy = view(
          text,
          { images: [text], keys: [{ name: text, pem: text }] },
          {
            wouldDeny: 1,
            undecided: 0,
            sample: [text],
          },
        );
        const reasons = { notReady: [text], notInForce: [text], identity: text, version: text };
        const root = read(overview({ ...reasons, policies: [policy], running, denials: denials.list() }));
        assert.deepEqual(
          [...namesIn(root)].filter((name) => !ownNames.has(name)),
          [],
        );
        assert.deepEqual(
          [...attributesIn(root)].filter((name) => !ownAttributes.has(name)),
          [],
        );
        assert.equal(elementsOf(root, 'li').length, 2);
        assert.equal(elementsOf(root, 'script').length, 1);
      }),
    );
  });
});
