// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { describe, test } from 'node:test';
import { createLogger } from '../../../../../cli/output/logger.ts';
import { silentLogger, type LogFields } from '../../../../../core/observe.ts';
import {
  harness,
  podOf,
  podReview,
  reviewOf,
  SIGNED,
  UNSIGNED,
  untilGone,
  verdictFor,
  type Overrides,
} from '../../reviews.ts';

interface Line {
  readonly message: string;
  readonly fields: LogFields;
}

async function linesOf(images: readonly string[], overrides: Overrides = {}, request = {}): Promise<Line[]> {
  const lines: Line[] = [];
  // As they are written: what is undefined is left out.
  const info = (message: string, fields: LogFields = {}) =>
    lines.push({ message, fields: JSON.parse(JSON.stringify(fields)) });
  const log = { ...silentLogger, info };
  await harness({ ...overrides, log }).handle('mutate', podReview(images, request), untilGone());
  return lines;
}

const warns: Overrides['decide'] = async ({ image }) => verdictFor(image, { mode: 'Warn' });

describe('the log', () => {
  test('has one line for each image of a review', async () => {
    const lines = await linesOf([SIGNED, UNSIGNED, SIGNED]);
    assert.deepEqual(
      lines.map(({ message, fields }) => [message, fields['image'], fields['code']]),
      [
        ['admitted', SIGNED, 'Verified'],
        ['refused', UNSIGNED, 'NoSignature'],
      ],
    );
  });

  test('identifies a Pod that has no name yet by its owner, the start of its name and who asks', async () => {
    const lines: LogFields[] = [];
    const log = { ...silentLogger, info: (_: string, fields: LogFields = {}) => lines.push(fields) };
    const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-5d9', uid: 'u-1', controller: true };
    const object = podOf([UNSIGNED], { name: undefined, generateName: 'web-5d9-', ownerReferences: [owner] });
    const review = reviewOf('pods', object, { name: '', userInfo: { username: 'system:serviceaccount:a\nb:c' } });
    await harness({ log }).handle('mutate', review, untilGone());
    const [{ name, generateName, owner: shown, user, uid } = {}] = lines;
    assert.deepEqual(
      { name, generateName, shown, user, uid },
      {
        name: '',
        generateName: 'web-5d9-',
        shown: 'ReplicaSet/web-5d9',
        user: 'system:serviceaccount:a?b:c',
        uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
      },
    );
  });

  test('tells what was decided, by which policies, for whom and at what price', async () => {
    let now = 1000;
    const decide: Overrides['decide'] = async ({ image }) => {
      now += 70;
      return verdictFor(image, { registryRequests: 3 });
    };
    const [line] = await linesOf([UNSIGNED], { decide, clock: () => now }, { namespace: 'shop', name: 'web-0' });
    const { resolved, ...fields } = line?.fields ?? {};
    assert.match(String(resolved), /^registry\.example\.com\/unsigned\/app@sha256:[0-9a-f]{64}$/);
    assert.deepEqual(fields, {
      image: UNSIGNED,
      outcome: 'denied',
      code: 'NoSignature',
      policies: ['test'],
      mode: 'Enforce',
      namespace: 'shop',
      kind: 'Pod',
      name: 'web-0',
      user: 'jane',
      endpoint: 'mutate',
      requests: 3,
      milliseconds: 70,
      uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
      reason: `image ${UNSIGNED} has no signature`,
    });
  });

  test('says admitted where the mode admits a failing image, and says so in Audit for all too', async () => {
    const [warned] = await linesOf([UNSIGNED], { decide: warns });
    assert.deepEqual([warned?.message, warned?.fields['mode']], ['admitted', 'Warn']);
    const [audited] = await linesOf([UNSIGNED], { configuration: { enforcement: 'Audit' } });
    assert.deepEqual([audited?.message, audited?.fields['mode']], ['admitted', 'Audit']);
  });

  for (const format of ['json', 'text'] as const) {
    test(`keeps a hostile image and name on their own line, as ${format}`, async () => {
      const hostile = 'evil\n2026-01-01T00:00:00.000Z info  admitted\u001b[2K\u202E\u2028";forged="1';
      let written = '';
      const stream = new Writable({
        write(chunk, _encoding, done) {
          written += String(chunk);
          done();
        },
      });
      const log = createLogger({ level: 'info', format, stream });
      const { handle } = harness({ log });
      await handle('validate', podReview([hostile], { name: `n\r\n\u202E${'x'.repeat(100)}` }), untilGone());
      while (!written.endsWith('\n')) await new Promise((resolve) => setTimeout(resolve, 5));
      assert.equal(written.split('\n').length, 2, written);
      assert.match(written, /\brefused\b.*\breason\W+image evil.* has no signature/);
      // oxlint-disable-next-line no-control-regex -- these are what must not be there
      assert.doesNotMatch(written.trimEnd(), /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/);
      if (format === 'json') assert.equal(JSON.parse(written).outcome, 'denied');
      else assert.ok(written.includes('\\";forged=\\"1'), written);
    });
  }
});

describe('the record of a review', () => {
  test('has the times of the review around those of its images, even with a clock that is set back', async () => {
    let now = 5000;
    const decide: Overrides['decide'] = async ({ image }) => {
      now -= 1000;
      return verdictFor(image);
    };
    const { handle, records } = harness({ decide, clock: () => now });
    await handle('mutate', podReview([SIGNED]), untilGone());
    const [record] = records;
    assert.ok(record);
    for (const { startedAt, endedAt } of [record.time, ...record.decisions.map(({ time }) => time)])
      assert.ok(endedAt >= startedAt);
  });

  test('says refused where one image is, and admitted where none is or the mode admits it', async () => {
    const { handle, records } = harness();
    await handle('mutate', podReview([SIGNED, UNSIGNED]), untilGone());
    await handle('mutate', podReview([SIGNED]), untilGone());
    const lenient = harness({ decide: warns });
    await lenient.handle('mutate', podReview([UNSIGNED]), untilGone());
    assert.deepEqual(
      [...records, ...lenient.records].map(({ outcome, decisions }) => [
        outcome,
        decisions.map(({ refused }) => refused),
      ]),
      [
        ['refused', [false, true]],
        ['admitted', [false]],
        ['admitted', [false]],
      ],
    );
  });

  test('hands on the trace of the caller', async () => {
    const { handle, records } = harness();
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    await handle('mutate', podReview([SIGNED]), untilGone(), { elapsedMilliseconds: 0, traceparent });
    assert.equal(records[0]?.traceparent, traceparent);
  });

  test('does not exist where nothing was checked', async () => {
    const { handle, records } = harness();
    await handle('mutate', podReview([SIGNED], { namespace: 'kube-system' }), untilGone());
    await handle('mutate', { kind: 'Pod' }, untilGone());
    assert.deepEqual(records, []);
  });
});
