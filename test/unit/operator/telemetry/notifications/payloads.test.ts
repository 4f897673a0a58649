// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { notesOf } from '../../../../../operator/telemetry/notifications/note.ts';
import { payloadOf, type Message } from '../../../../../operator/telemetry/notifications/payloads.ts';
import { denial, HOSTILE, refusal } from './denials.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');

function messageOf(...images: readonly string[]): Message {
  return { notes: images.flatMap((image) => notesOf(denial(image), NOW)), omitted: 0, instance: 'cosignet-0' };
}

const hostile: Message = {
  notes: notesOf(
    denial(HOSTILE, {
      namespace: HOSTILE,
      name: HOSTILE,
      verdicts: [refusal(HOSTILE, { message: HOSTILE, remedy: HOSTILE })],
    }),
    NOW,
  ),
  omitted: 0,
  instance: 'cosignet-0',
};

/** Every string in a value. */
function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsOf) : [];
}

interface Section {
  readonly type: string;
  readonly text: { readonly type: string; readonly text: string; readonly verbatim?: boolean };
}

function sectionsOf(message: Message): readonly Section[] {
  const payload: { blocks: Section[] } = JSON.parse(JSON.stringify(payloadOf('slack', message)));
  return payload.blocks.filter(({ type }) => type === 'section');
}

describe('our own JSON', () => {
  test('has the verdict and its place', () => {
    const payload = payloadOf('json', { ...messageOf('docker.io/acme/app:1'), omitted: 3 });
    assert.deepEqual(JSON.parse(JSON.stringify(payload)), {
      version: 1,
      source: { product: 'cosignet', instance: 'cosignet-0' },
      refusals: [
        {
          time: '2026-03-01T12:00:00.000Z',
          namespace: 'shop',
          kind: 'Pod',
          name: 'web-0',
          verdict: refusal('docker.io/acme/app:1'),
        },
      ],
      omitted: 3,
    });
  });

  test('names the owner where there is one', () => {
    const subject = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-5f', uid: 'a' };
    const [note] = notesOf(denial('docker.io/acme/app:1', { name: '', subject }), NOW);
    assert.deepEqual(note?.owner, { kind: 'ReplicaSet', name: 'web-5f' });
  });

  test('is short, however long an image is', () => {
    const long = 'x'.repeat(2_000_000);
    const verdicts = [refusal(`docker.io/${long}`, { grounds: { policy: long, demand: long, reason: long } })];
    const message = { ...messageOf(), notes: notesOf(denial('any', { verdicts }), NOW) };
    assert.ok(JSON.stringify(payloadOf('json', message)).length < 10_000);
  });
});

describe("Slack's message", () => {
  test('has a section for each image, with code, image, place, policy, reason and remedy', () => {
    const [section, ...others] = sectionsOf(messageOf('docker.io/acme/app:1', 'docker.io/acme/tool:2'));
    assert.equal(others.length, 1);
    assert.equal(
      section?.text.text,
      [
        '*NoSignature* `docker.io/acme/app:1`',
        '`Pod shop/web-0` refused by `policy prod`',
        '```image docker.io/acme/app:1 has no signature. Sign it```',
      ].join('\n'),
    );
  });

  test('has no mention, link or markup by which a name could be more than a name', () => {
    const [section] = sectionsOf(hostile);
    const text = section?.text.text ?? '';
    assert.equal(section?.text.verbatim, true);
    // Outside of code spans there are our own words only.
    const outside = text.replaceAll(/```[^`]*```/g, '').replaceAll(/`[^`\n]*`/g, '');
    assert.equal(outside, '*NoSignature* \n refused by \n');
    assert.doesNotMatch(text, /[<>]/);
    assert.doesNotMatch(text, /&(?!amp;|lt;|gt;)/);
  });

  test('has none of it in the text for notifications either', () => {
    const payload = payloadOf('slack', { ...hostile, omitted: 2 });
    assert.equal(textsOf(payload)[0], 'Cosignet refused 1 image, and 2 more that are not listed');
  });

  test("stays within Slack's bounds for a section, whatever has to be escaped", () => {
    const long = '&<>`'.repeat(2000);
    const policies = Array.from({ length: 64 }, (_, index) => `policy-${index}-${'x'.repeat(200)}`);
    const verdicts = [refusal(long, { message: long, remedy: long, policies })];
    const notes = notesOf(denial(long, { name: long, verdicts }), NOW);
    const [section] = sectionsOf({ notes, omitted: 0, instance: 'x' });
    const text = section?.text.text ?? '';
    assert.ok(text.length <= 3000, `${text.length}`);
    assert.doesNotMatch(text, /&(?!amp;|lt;|gt;)/);
  });
});

describe("Teams' card", () => {
  test('shows the parts of each refusal', () => {
    const texts = textsOf(payloadOf('teams', messageOf('docker.io/acme/app:1')));
    for (const part of [
      'NoSignature  ',
      'docker.io/acme/app:1',
      'Pod shop/web-0 refused by policy prod',
      'image docker.io/acme/app:1 has no signature. Sign it',
    ])
      assert.ok(texts.includes(part), part);
  });

  test('has names in runs, which know no Markdown, and never in blocks, which do', () => {
    interface Element {
      readonly type: string;
      readonly text?: string;
      readonly inlines?: readonly Element[];
    }
    const payload: { attachments: { content: { body: Element[] } }[] } = JSON.parse(
      JSON.stringify(payloadOf('teams', hostile)),
    );
    const body = payload.attachments[0]?.content.body ?? [];
    const blocks = body.filter(({ type }) => type === 'TextBlock');
    assert.deepEqual(
      blocks.map(({ text }) => text),
      ['Cosignet refused 1 image'],
    );
    const runs = body.flatMap(({ inlines = [] }) => inlines);
    assert.ok(runs.some(({ text = '' }) => text.includes('evil.example')));
    assert.ok(runs.every(({ type }) => type === 'TextRun'));
  });

  test('is smaller than what Teams takes, with as many refusals as a message has', () => {
    const long = 'x'.repeat(5000);
    const verdicts = [refusal(long, { message: long, remedy: long })];
    const notes = Array.from({ length: 10 }, () => notesOf(denial(long, { verdicts }), NOW)).flat();
    const size = JSON.stringify(payloadOf('teams', { notes, omitted: 0, instance: 'x' })).length;
    assert.ok(size < 28_000, `${size}`);
  });
});

for (const template of ['json', 'slack', 'teams'] as const) {
  test(`no control or direction-turning character is in a message as ${template}`, () => {
    for (const text of textsOf(payloadOf(template, hostile)))
      // oxlint-disable-next-line no-control-regex -- these are what must not be there
      assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/);
  });
}
