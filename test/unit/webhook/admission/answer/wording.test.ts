// SPDX-License-Identifier: Apache-2.0
// Texts that a user, the audit log and HTTP headers have to bear, whatever an image is called.
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { SIGNED, harness, objectOf, pinnedFor, podReview, reviewOf, untilGone, verdictFor } from '../../reviews.ts';
import type { AdmissionResponse } from '../../../../../webhook/admission/answer/response.ts';
import type { Mode } from '../../../../../core/policy/types.ts';

async function respond(images: readonly string[], mode: Mode, name = 'c'): Promise<AdmissionResponse> {
  const containers = images.map((image, index) => ({ name: `${name}${index}`, image }));
  const { handle } = harness({
    decide: async ({ image }) => verdictFor(image, { mode, outcome: 'denied', code: 'NoSignature' }),
  });
  return (await handle('validate', reviewOf('pods', objectOf('pods', { containers })), untilGone())).response;
}

const FORGED = 'a\nadmitted: true\u001b[2K\u202Eeslaf\u2028';
const UNPRINTABLE = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;
const many = (count: number): string[] => Array.from({ length: count }, (_, index) => `x${index}/${'y'.repeat(2000)}`);

describe('messages', () => {
  test('hold no character that forges a line or turns the text around', async () => {
    const { status } = await respond([FORGED], 'Enforce', FORGED);
    assert.match(status?.message ?? '', /admitted: true/);
    assert.doesNotMatch(status?.message ?? '', UNPRINTABLE);
  });

  test('stay short however many images fail, and say how many are left out', async () => {
    const message = (await respond(many(300), 'Enforce')).status?.message ?? '';
    assert.ok(message.length < 20_000, String(message.length));
    assert.match(message, /^300 images are refused:\n/);
    assert.match(message, /\nand 290 more images$/);
  });

  test('name a few of the places of one image, and say how many are left out', async () => {
    const message =
      (
        await respond(
          Array.from({ length: 20 }, () => 'same'),
          'Enforce',
        )
      ).status?.message ?? '';
    assert.match(
      message,
      /^container "c0", container "c1", container "c2", container "c3", container "c4" and 15 more: /,
    );
  });
});

describe('warnings', () => {
  test('are cut between words into pieces of at most 120 characters that make up the whole text', async () => {
    const warnings =
      (await respond(['registry.example.com/some/rather/long/repository/name/of/an/image:1.2.3-with-a-tag'], 'Warn'))
        .warnings ?? [];
    assert.ok(warnings.length > 1);
    for (const warning of warnings) assert.ok(warning.length <= 120, warning);
    assert.equal(
      warnings.slice(1).join(' '),
      'container "c0": image registry.example.com/some/rather/long/repository/name/of/an/image:1.2.3-with-a-tag has no signature. ' +
        'Sign it: cosign sign registry.example.com/some/rather/long/repository/name/of/an/image:1.2.3-with-a-tag',
    );
  });

  test('say first what is wrong with which image, and that it is admitted for now', async () => {
    const [short] = (await respond(['registry.example.com/shop/unsigned:1.0'], 'Warn')).warnings ?? [];
    assert.equal(short, 'registry.example.com/shop/unsigned:1.0: It has no signature. Admitted for now (mode Warn).');
    const [long = ''] = (await respond([`registry.example.com/${'a/'.repeat(90)}app:1.0`], 'Warn')).warnings ?? [];
    assert.match(long, /^….*a\/app:1\.0: It has no signature\. Admitted for now \(mode Warn\)\.$/);
    assert.equal(long.length, 120);
  });

  test('of an image that passes with something left to do say nothing of being admitted for now', async () => {
    const { handle } = harness({ decide: async ({ image }) => verdictFor(image, { remedy: 'Look at the registry.' }) });
    const { warnings = [] } = (await handle('validate', podReview([pinnedFor(SIGNED)]), untilGone())).response;
    assert.match(warnings.join(' '), /Look at the registry\.$/);
    assert.doesNotMatch(warnings.join(' '), /[Aa]dmitted/);
  });

  test('are few, however many images fail', async () => {
    const warnings = (await respond(many(300), 'Warn')).warnings ?? [];
    assert.equal(warnings.length, 16);
    assert.equal(warnings.at(-1), 'and more: 300 images in all');
  });
});

describe('audit annotations', () => {
  test('tell image, outcome, mode, code, policies and digest', async () => {
    const { handle } = harness();
    const { response } = await handle('mutate', podReview(['registry.example.com/signed/a:1']), untilGone());
    assert.deepEqual(JSON.parse(response.auditAnnotations?.['verdict-0'] ?? ''), {
      image: 'registry.example.com/signed/a:1',
      outcome: 'allowed',
      mode: 'Enforce',
      code: 'Verified',
      policies: ['test'],
      digest: verdictFor('registry.example.com/signed/a:1').resolved?.split('@')[1],
    });
  });

  test('are few and say how many are left out', async () => {
    const annotations = (await respond(many(300), 'Audit')).auditAnnotations ?? {};
    assert.equal(Object.keys(annotations).length, 33);
    assert.equal(annotations['verdicts-omitted'], '268');
  });
});

test('texts of any image keep to their forms', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ unit: 'binary', maxLength: 400 }), { minLength: 1, maxLength: 6 }),
      async (images) => {
        const texts: string[] = [];
        for (const mode of ['Enforce', 'Warn'] as const) {
          const { status, warnings = [], auditAnnotations = {} } = await respond(images, mode);
          for (const warning of warnings) assert.ok(warning.length <= 120);
          for (const [key, value] of Object.entries(auditAnnotations)) {
            // A qualified name's last part, as the API server demands.
            assert.match(key, /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/);
            texts.push(value);
          }
          texts.push(...warnings, ...(status?.message ?? '').split('\n'));
        }
        for (const text of texts) {
          assert.doesNotMatch(text, UNPRINTABLE);
          assert.ok(text.isWellFormed());
        }
      },
    ),
    { numRuns: 200 },
  );
});
