// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { silentLogger } from '../../../../core/observe.ts';
import { createDefinitionDoor } from '../../../../webhook/policies/definition-door.ts';

const DEFINITION = { metadata: { name: 'imagepolicies.cosignet.dev' } };

async function ask(lostBy: (definition: unknown) => readonly string[], body: unknown) {
  const endpoint = createDefinitionDoor({ lostBy, log: silentLogger }).endpoints.get('/definitions');
  const answer = await endpoint?.answer(body, new AbortController(), { elapsedMilliseconds: 0 });
  const { allowed, status }: { allowed?: boolean; status?: { message: string } } = Object(
    Object(answer?.json).response,
  );
  return { code: answer?.status, allowed, message: status?.message };
}

describe('the door of definitions', () => {
  test('lets pass what takes nothing from a policy', async () => {
    const asked: unknown[] = [];
    const answer = await ask(
      (definition) => {
        asked.push(definition);
        return [];
      },
      { request: { uid: 'u', object: DEFINITION } },
    );
    assert.deepEqual(answer, { code: 200, allowed: true, message: undefined });
    assert.deepEqual(asked, [DEFINITION]);
  });

  test('refuses what does, names the first of it, and says the way round', async () => {
    const lines = Array.from({ length: 10 }, (_, index) => `ImagePolicy p${index}: spec.\u001b[2Klater`);
    const { allowed, message = '' } = await ask(() => lines, { request: { uid: 'u', object: DEFINITION } });
    assert.equal(allowed, false);
    assert.match(message, /ImagePolicy p0: spec\.\?\[2Klater; .*ImagePolicy p7: [^;]*; 2 more\./);
    assert.match(message, /cosignet\.dev\/drop-fields=true/);
  });

  test('answers 400 to what is no review', async () => {
    for (const body of [null, {}, { request: { uid: 7 } }]) {
      assert.deepEqual(await ask(() => [], body), { code: 400, allowed: false, message: undefined });
    }
  });
});
