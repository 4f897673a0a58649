// SPDX-License-Identifier: Apache-2.0
// Policies and proofs in large numbers: time to match, time to edit, memory held. Prints a table and a line of JSON;
// ends with 1 where a goal is missed. Times are medians of batches; memory is measured after a collection.
import { UNBOUNDED } from '../../../core/registry/read-budget.ts';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parseReference } from '../../../core/image/reference.ts';
import { silentMetrics } from '../../../core/observe.ts';
import { matchPolicies } from '../../../core/policy/store/match.ts';
import { createPolicyStore } from '../../../core/policy/store/store.ts';
import type { PolicyStore } from '../../../core/policy/store/store.ts';
import type { CompiledPolicy } from '../../../core/policy/types.ts';
import { readStored } from '../../../core/cosign/reading/read-stored.ts';
import { createEvidenceCache } from '../../../core/verdict/evidence/evidence-cache.ts';
import { createSignatureVerifier } from '../../../core/policy/signers/verification/signature-verifier.ts';
import { createFormatMemory } from '../../../core/verdict/evidence/format-memory.ts';
import { verifyPolicy } from '../../../core/verdict/verification/verify-policy.ts';
import { sign } from 'node:crypto';
import { createKeyRing } from '../../../core/keys/key-ring.ts';
import { cosignPayload, createPayloadTemplates } from '../../../core/cosign/payload-prediction.ts';
import type { Repository } from '../../../core/image/types.ts';
import { DEFAULT_LIMITS } from '../../../core/limits.ts';
import type { RegistryClient } from '../../../core/registry/types.ts';
import { evidenceSources } from '../../../core/verdict/evidence/evidence-sources.ts';
import { digestOf } from '../../../core/image/digest.ts';
import { DEFAULT_CACHE } from '../../../core/config/types.ts';
import { anonymous, compileContext, compiled } from '../../fakes/engine.ts';
import { reportGoals } from '../goals.ts';
import type { Goal } from '../goals.ts';
import { createSigner } from '../load/signed-images.ts';

const POLICIES = 10_000;
const PROOFS = 100_000;
const NAMESPACE = { name: 'default', labels: {} };

setFlagsFromString('--expose-gc');
const collect: unknown = runInNewContext('gc');

const goals: Goal[] = [];
const signer = createSigner();
const context = compileContext({ parseKey: createKeyRing() });
const before = residentMebibytes();

const few = storeOf(10);
const many = storeOf(POLICIES);
const [inFew, inMany] = [microsecondsToMatch(few), microsecondsToMatch(many)];
goals.push({ what: 'match a reference, 10 policies', measured: inFew, goal: 5, unit: 'µs' });
goals.push({ what: `match a reference, ${POLICIES} policies`, measured: inMany, goal: 5, unit: 'µs' });
goals.push({ what: 'the same, as a ratio', measured: inMany / inFew, goal: 2, unit: 'x' });
goals.push({ what: `edit one of ${POLICIES} policies`, measured: millisecondsToEdit(many), goal: 50, unit: 'ms' });
const proven = await proveMany(PROOFS);
goals.push({
  what: `resident for ${POLICIES} policies and ${PROOFS} proofs, over the bare process`,
  measured: residentMebibytes() - before,
  goal: 200,
  unit: 'MiB',
});

reportGoals('scale', goals, { held: proven.held });

function policyOf(index: number): CompiledPolicy {
  const team = `team-${index % 500}`;
  return compiled(
    `policy-${index}`,
    {
      images: [`registry.example.com/${team}/app-${index}`, `registry.example.com/${team}/service-${index}-*`],
      keys: [{ pem: signer.publicPem }],
    },
    context,
  );
}

function storeOf(count: number): PolicyStore {
  const store = createPolicyStore();
  store.replace(Array.from({ length: count }, (_, index) => policyOf(index)));
  return store;
}

function microsecondsToMatch(store: PolicyStore): number {
  const snapshot = store.snapshot();
  const references = Array.from({ length: 1000 }, (_, index) =>
    parseReference(`registry.example.com/team-${index % 10}/app-${index % 10}:1.${index}`),
  );
  return median(
    Array.from({ length: 60 }, () => {
      const began = performance.now();
      for (const reference of references) matchPolicies(snapshot, reference, NAMESPACE, 0);
      return ((performance.now() - began) * 1000) / references.length;
    }).slice(10),
  );
}

function millisecondsToEdit(store: PolicyStore): number {
  return median(
    Array.from({ length: 50 }, (_, index) => {
      const edited = policyOf(index * 7);
      const began = performance.now();
      store.set(edited);
      return performance.now() - began;
    }),
  );
}

/** Fills the evidence cache as decisions do, without a registry between. */
async function proveMany(count: number): Promise<{ readonly held: number }> {
  const policy = policyOf(0);
  const repository = { registry: 'registry.example.com', path: 'team-0/app-0' };
  const registry = signingRegistry(repository);
  const templates = createPayloadTemplates();
  const formats = createFormatMemory();
  const reading = { registry, templates, formats, limits: DEFAULT_LIMITS, readStored };
  const cache = createEvidenceCache({
    openSources: (image, signatures) => evidenceSources(image, signatures, reading),
    lifetimes: () => DEFAULT_CACHE,
    clock: Date.now,
    metrics: silentMetrics,
  });
  const verifier = createSignatureVerifier({ names: () => [], load: () => Promise.reject(new Error('none')) });
  const scope = { signal: new AbortController().signal, keychain: anonymous, budget: UNBOUNDED, count: () => {} };
  let held = 0;
  for (let index = 0; index < count; index += 1) {
    const image = { repository, digest: digestOf(Buffer.from(`${index}`)) };
    const finding = await verifyPolicy(policy, image, scope, {
      cache,
      verifier,
      formats,
      clock: Date.now,
      owner: '',
      limits: () => DEFAULT_LIMITS,
      tellPlatforms: async () => '',
    });
    held += finding.satisfied ? 1 : 0;
  }
  // The cache must still be reachable when memory is measured.
  process.once('exit', () => cache.current({ repository, digest: digestOf(Buffer.from('0')) }, repository));
  return { held };
}

/** Has a `.sig` for every digest, made when asked. */
function signingRegistry({ registry, path }: Repository): RegistryClient {
  return {
    resolveTag: async () => undefined,
    getBlob: async () => undefined,
    listReferrers: async () => ({ descriptors: [], truncated: false }),
    getManifest: async (_repository, tag) => {
      const payload = cosignPayload(`${registry}/${path}`, `sha256:${tag.slice('sha256-'.length, -'.sig'.length)}`);
      const layer = {
        mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json',
        digest: digestOf(payload),
        size: payload.length,
        annotations: {
          'dev.cosignproject.cosign/signature': sign('sha256', payload, signer.privateKey).toString('base64'),
        },
      };
      const mediaType = 'application/vnd.oci.image.manifest.v1+json';
      const config = {
        mediaType: 'application/vnd.oci.image.config.v1+json',
        digest: digestOf(Buffer.from('{}')),
        size: 2,
      };
      const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, config, layers: [layer] }));
      return { digest: digestOf(bytes), mediaType, bytes };
    },
  };
}

function residentMebibytes(): number {
  if (typeof collect === 'function') collect();
  return process.memoryUsage().rss / 1024 / 1024;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}
