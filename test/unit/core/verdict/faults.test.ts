// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EngineError } from '../../../../core/errors.ts';
import type { RegistryClient } from '../../../../core/registry/types.ts';
import { publicKeyPem, startEngine } from '../../../fakes/engine.ts';

const policies = { prod: { images: ['**'], keys: [{ pem: publicKeyPem('release') }] } };

/** Replaces the nth call to the registry, whichever it is. */
function failingAt(position: number, fault: () => Promise<never>): (client: RegistryClient) => RegistryClient {
  let calls = 0;
  const guard =
    <A extends unknown[], T>(call: (...parameters: A) => Promise<T>) =>
    (...parameters: A): Promise<T> => {
      calls += 1;
      return calls === position ? fault() : call(...parameters);
    };
  return (client) => ({
    resolveTag: guard((...question) => client.resolveTag(...question)),
    getManifest: guard((...question) => client.getManifest(...question)),
    getBlob: guard((...question) => client.getBlob(...question)),
    listReferrers: guard((...question) => client.listReferrers(...question)),
  });
}

const FAULTS: Readonly<Record<string, () => Promise<never>>> = {
  'an unforeseen exception': () => Promise.reject(new TypeError('unforeseen')),
  'a synchronous exception': () => {
    throw new Error('at once');
  },
  'a rejection with nothing': () => Promise.reject(undefined), // eslint-disable-line prefer-promise-reject-errors
  'an outage': () => Promise.reject(new EngineError('RegistryUnavailable', 'down')),
  'a refusal': () => Promise.reject(new EngineError('RegistryUnauthorized', 'no')),
  'an answer that never comes': () => new Promise<never>(() => {}),
};

/** No decision here asks more often. */
const POSITIONS = [1, 2, 3, 4, 5, 6];

describe('a fault at each question to the registry', () => {
  for (const [name, fault] of Object.entries(FAULTS)) {
    for (const image of ['demo/signed:1.0', 'demo/bundle:1.0', 'demo/other-key:bundle', 'demo/unsigned:1.0']) {
      test(`${name}: ${image} is never allowed without proof, and always answered`, async () => {
        await Promise.all(
          POSITIONS.map(async (position) => {
            const engine = await startEngine({ policies, wrap: failingAt(position, fault) });
            const verdict = await engine.decide(image, { milliseconds: 150 });
            await engine.close();
            if (verdict.outcome === 'allowed') {
              assert.ok(image === 'demo/signed:1.0' || image === 'demo/bundle:1.0');
              assert.equal(verdict.code, 'Verified');
              assert.equal(verdict.signers.length, 1);
            } else {
              assert.notEqual(verdict.message, '');
            }
            if (position === 1) {
              assert.equal(verdict.outcome, 'error', `${position}: ${verdict.code}`);
            }
          }),
        );
      });
    }
  }

  test('garbage from the registry client is no proof', async () => {
    for (const text of ['null', '{}', '"text"', '42', '[]']) {
      const garbage = JSON.parse(text);
      const engine = await startEngine({
        policies,
        wrap: (client) => ({
          ...client,
          getManifest: async () => garbage,
          listReferrers: async () => garbage,
        }),
      });
      const verdict = await engine.decide('demo/signed:1.0');
      assert.notEqual(verdict.outcome, 'allowed');
      await engine.close();
    }
  });
});
