// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPayloadTemplates } from '../../../../../core/cosign/payload-prediction.ts';
import { readStored } from '../../../../../core/cosign/reading/read-stored.ts';
import { EngineError } from '../../../../../core/errors.ts';
import { DEFAULT_LIMITS } from '../../../../../core/limits.ts';
import type { RegistryClient } from '../../../../../core/registry/types.ts';
import { evidenceSources } from '../../../../../core/verdict/evidence/evidence-sources.ts';
import { createFormatMemory } from '../../../../../core/verdict/evidence/format-memory.ts';
import {
  createLayoutRegistry,
  freshScope,
  repositoryOf,
  signingRegistry,
} from '../../../../vectors/cosign/layout-registry.ts';

const SIGNATURES = { signatures: true, attestations: [] };

function sourcesOf(name: string, changes: Partial<RegistryClient> = {}) {
  const layout = createLayoutRegistry();
  const repository = repositoryOf(name, signingRegistry);
  const sources = evidenceSources({ repository, digest: layout.digest(name) }, repository, {
    registry: { ...layout, ...changes },
    templates: createPayloadTemplates(),
    formats: createFormatMemory(),
    limits: DEFAULT_LIMITS,
    readStored,
  });
  const sourceOf = (kind: (typeof sources)[number]['kind']) => {
    const found = sources.find((source) => source.kind === kind);
    assert.ok(found);
    return found;
  };
  return { sourceOf, requests: layout.requests };
}

for (const [kind, name] of [
  ['simple-signing', 'demo/signed:1.0'],
  ['bundle', 'demo/bundle:1.0'],
] as const) {
  test(`a place that was read to its end is not asked again: ${kind}`, async () => {
    const { sourceOf, requests } = sourcesOf(name);
    const source = sourceOf(kind);
    const batch = await source.next(freshScope(), SIGNATURES);
    assert.equal(batch?.signatures.length, 1);
    const asked = requests.length;
    assert.equal(await source.next(freshScope(), SIGNATURES), undefined);
    assert.equal(await source.next(freshScope(), SIGNATURES), undefined);
    assert.equal(requests.length, asked);
  });
}

test('a place that failed is asked again', async () => {
  const layout = createLayoutRegistry();
  let fails = true;
  const { sourceOf } = sourcesOf('demo/signed:1.0', {
    getManifest: async (...question) => {
      if (fails) throw new EngineError('RegistryUnavailable', 'not now');
      return layout.getManifest(...question);
    },
  });
  const source = sourceOf('simple-signing');
  await assert.rejects(source.next(freshScope(), SIGNATURES), { code: 'RegistryUnavailable' });
  fails = false;
  assert.equal((await source.next(freshScope(), SIGNATURES))?.signatures.length, 1);
});
