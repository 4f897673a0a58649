// SPDX-License-Identifier: Apache-2.0
// What one review allocates on V8's heap, from the bytes of its body to the bytes of the answer, without the webhook's HTTP
// and TLS, and how many lines it logs: as the program answers it within a second of the last, decided anew of what is
// known, and cold, with what the registry is asked. In a process of its own, for figures.ts.
import path from 'node:path';
import { Writable } from 'node:stream';
import { getHeapStatistics } from 'node:v8';
import { createLogger } from '../../../cli/output/logger.ts';
import { DEFAULT_CONFIGURATION } from '../../../core/config/configuration.ts';
import { mapInParallel } from '../../../core/parallel.ts';
import type { NamespaceContext } from '../../../core/policy/types.ts';
import { createRecentVerdicts } from '../../../core/verdict/recent.ts';
import { createMetrics } from '../../../operator/telemetry/metrics.ts';
import { parseJson } from '../../../webhook/http/body.ts';
import { createReviewHandler } from '../../../webhook/admission/handler.ts';
import type { ReviewHandler, ReviewHandlerDependencies } from '../../../webhook/admission/handler.ts';
import { anonymous } from '../../fakes/engine.ts';
import { RegistryContent } from '../../fakes/registry/registry-content.ts';
import { startFakeRegistry } from '../../fakes/registry/registry.ts';
import { createBenchEngine } from '../requests/bench-engine.ts';
import { startMeasured } from '../load/measured-process.ts';
import { reviewOf } from '../load/reviews.ts';
import { createSigner, putImage, signSimple } from '../load/signed-images.ts';

/** Until the compiler has settled. */
const WARM_UP = 10_000;
const REVIEWS = 5000;
/** Of new images; there are fewer, as each is an image that somebody has to sign. */
const COLD_WARM_UP = 3000;
const COLD_REVIEWS = 1000;
const COLD_AT_ONCE = 16;

let lines = 0;
const stream = new Writable({
  decodeStrings: false,
  write: (chunk: string, _encoding, done) => {
    lines += chunk.split('\n').length - 1;
    done();
  },
});
const content = new RegistryContent();
const registry = await startFakeRegistry({ content });
const signer = createSigner();
const digest = putImage(content, 'bench/app', '1.0');
signSimple({ content, host: registry.host, repository: 'bench/app' }, digest, signer);
const engine = createBenchEngine({ host: registry.host, policies: [{ keys: [{ pem: signer.publicPem }] }] });
const metrics = createMetrics();
const log = createLogger({ level: 'info', format: 'json', stream });
const recent = createRecentVerdicts({
  decide: engine.decide,
  policies: engine.policies,
  configuration: engine.configuration,
  clock: Date.now,
  metrics: metrics.engine,
});
const NAMESPACE: NamespaceContext = { name: 'default', labels: {} };
const dependencies: ReviewHandlerDependencies = {
  decide: recent.decide,
  namespaceContext: async () => NAMESPACE,
  keychainFor: () => anonymous,
  configuration: () => DEFAULT_CONFIGURATION,
  ownNamespace: 'cosignet',
  log,
  clock: Date.now,
  observe: { request: (labels, seconds) => metrics.reviewed(labels, seconds), denied: () => undefined },
};
const known = `${registry.host}/bench/app:1.0`;
const caller = new AbortController();

const repeated = await measure(
  createReviewHandler({ ...dependencies, recall: (image) => recent.recall(image, NAMESPACE) }),
);
const renewed = await measure(createReviewHandler(dependencies));
const bytesPerColdReview = await measureCold();
console.log(
  JSON.stringify({
    bytesPerReview: repeated.bytes,
    bytesPerRenewedReview: renewed.bytes,
    bytesPerColdReview,
    linesPerReview: repeated.lines,
    requestsPerWarmReview: repeated.requests + renewed.requests,
  }),
);
await engine.close();
await registry.close();

async function measure(handler: ReviewHandler): Promise<Readonly<Record<'bytes' | 'lines' | 'requests', number>>> {
  await review(handler, WARM_UP);
  const requestsBefore = registry.requests.length;
  const linesBefore = linesSoFar();
  const before = getHeapStatistics().total_allocated_bytes;
  await review(handler, REVIEWS);
  return {
    bytes: Math.round((getHeapStatistics().total_allocated_bytes - before) / REVIEWS),
    // The last one is of the count itself.
    lines: (linesSoFar() - linesBefore - 1) / REVIEWS,
    requests: (registry.requests.length - requestsBefore) / REVIEWS,
  };
}

/** Lines wait for each other, but not for an urgent one. */
function linesSoFar(): number {
  log.error('counted');
  return lines;
}

async function review(handler: ReviewHandler, count: number): Promise<void> {
  const body = Buffer.from(reviewOf([known]));
  for (let index = 0; index < count; index += 1) await allowed(handler, body);
  // What a turn of the event loop does belongs to its reviews.
  await new Promise((resolve) => setImmediate(resolve));
}

async function allowed(handler: ReviewHandler, body: Buffer): Promise<void> {
  const answer = JSON.stringify(
    await handler('mutate', parseJson({ bytes: body, containers: 0, charge: () => {} }), caller),
  );
  if (!answer.includes('"allowed":true')) throw new Error(answer);
}

/** Bytes. The registry is a process of its own, as what it allocates counts for nobody. */
async function measureCold(): Promise<number> {
  const images = COLD_WARM_UP + COLD_REVIEWS;
  const remote = await startMeasured(
    [path.join(import.meta.dirname, '../load/image-registry.ts'), 'simple-signing', String(images)],
    /serving (\S+) (\S+)/,
  );
  const [, host = '', key = ''] = remote.match;
  const cold = createBenchEngine({ host, policies: [{ keys: [{ pem: Buffer.from(key, 'base64').toString() }] }] });
  const handler = createReviewHandler({ ...dependencies, decide: cold.decide });
  const bodies = Array.from({ length: images }, (_, index) => Buffer.from(reviewOf([`${host}/bench/app:${index}`])));
  const reviews = (all: readonly Buffer[]) => mapInParallel(all, COLD_AT_ONCE, (body) => allowed(handler, body));
  await reviews(bodies.slice(0, COLD_WARM_UP));
  const before = getHeapStatistics().total_allocated_bytes;
  await reviews(bodies.slice(COLD_WARM_UP));
  const bytes = getHeapStatistics().total_allocated_bytes - before;
  await cold.close();
  await remote.stop();
  return Math.round(bytes / COLD_REVIEWS);
}
