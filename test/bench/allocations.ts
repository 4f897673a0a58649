// SPDX-License-Identifier: Apache-2.0
// What one warm review allocates on V8's heap, from the bytes of its body to the bytes of the answer, without HTTP and
// TLS, and how many lines it logs: as the program answers it within a second of the last, and decided anew of what is
// known. In a process of its own, for figures.ts.
import { Writable } from 'node:stream';
import { getHeapStatistics } from 'node:v8';
import { createLogger } from '../../cli/output/logger.ts';
import { DEFAULT_CONFIGURATION } from '../../core/config/configuration.ts';
import type { NamespaceContext } from '../../core/policy/types.ts';
import { createRecentVerdicts } from '../../core/verdict/recent.ts';
import { createMetrics } from '../../operator/telemetry/metrics.ts';
import { parseJson } from '../../webhook/http/body.ts';
import { createReviewHandler } from '../../webhook/admission/handler.ts';
import type { ReviewHandler, ReviewHandlerDependencies } from '../../webhook/admission/handler.ts';
import { anonymous } from '../fakes/engine.ts';
import { RegistryContent } from '../fakes/registry/registry-content.ts';
import { startFakeRegistry } from '../fakes/registry/registry.ts';
import { createBenchEngine } from './bench-engine.ts';
import { reviewOf } from './reviews.ts';
import { createSigner, putImage, signSimple } from './signed-images.ts';

/** Until the compiler has settled. */
const WARM_UP = 10_000;
const REVIEWS = 5000;

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
const body = Buffer.from(reviewOf([`${registry.host}/bench/app:1.0`]));
const caller = new AbortController();

const repeated = await measure(
  createReviewHandler({ ...dependencies, recall: (image) => recent.recall(image, NAMESPACE) }),
);
const renewed = await measure(createReviewHandler(dependencies));
console.log(
  JSON.stringify({
    bytesPerReview: repeated.bytes,
    bytesPerRenewedReview: renewed.bytes,
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
  for (let index = 0; index < count; index += 1) {
    const answer = JSON.stringify(
      await handler('mutate', parseJson({ bytes: body, containers: 0, charge: () => {} }), caller),
    );
    if (!answer.includes('"allowed":true')) throw new Error(answer);
  }
  // What a turn of the event loop does belongs to its reviews.
  await new Promise((resolve) => setImmediate(resolve));
}
