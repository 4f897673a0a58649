// SPDX-License-Identifier: Apache-2.0
// What a warm review costs by steps, beside a bare server: `http` is our server with nothing behind it, `review` reads the
// review and makes its answer of a verdict that is there already; the program also looks for that verdict, counts and logs.
import { readFileSync } from 'node:fs';
import { DEFAULT_CONFIGURATION } from '../../../core/config/configuration.ts';
import { silentLogger } from '../../../core/observe.ts';
import type { Verdict } from '../../../core/verdict/types.ts';
import { createAdmissionDoor } from '../../../webhook/admission/door.ts';
import { createReviewHandler } from '../../../webhook/admission/handler.ts';
import type { Door } from '../../../webhook/http/door.ts';
import { startWebhookServer } from '../../../webhook/http/server.ts';
import { anonymous } from '../../fakes/engine.ts';

const [step = '', certificate = '', key = ''] = process.argv.slice(2);

const verdicts = new Map<string, Verdict>();

function verdictOf(image: string): Verdict {
  const verdict: Verdict = verdicts.get(image) ?? {
    image,
    resolved: `${image.slice(0, image.lastIndexOf(':'))}@sha256:${'0'.repeat(64)}`,
    outcome: 'allowed',
    mode: 'Enforce',
    code: 'Verified',
    policies: ['bench'],
    message: '',
    remedy: '',
    signers: [],
    registryRequests: 0,
  };
  verdicts.set(image, verdict);
  return verdict;
}

interface Review {
  readonly request: { readonly uid: string };
}

const nothingBehind: Door = {
  endpoints: new Map([
    [
      '/mutate',
      {
        name: 'mutate',
        answer: (body) => {
          // oxlint-disable-next-line no-unsafe-type-assertion -- only the benchmark's own reviews come here
          const { uid } = (body as Review).request;
          const response = { uid, allowed: true };
          return { status: 200, json: { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response } };
        },
      },
    ],
  ]),
};

const reviews = createAdmissionDoor(
  createReviewHandler({
    decide: async ({ image }) => verdictOf(image),
    recall: verdictOf,
    namespaceContext: async (name) => ({ name, labels: {} }),
    keychainFor: () => anonymous,
    configuration: () => DEFAULT_CONFIGURATION,
    ownNamespace: '',
    log: silentLogger,
    clock: Date.now,
    observe: { request: () => undefined, denied: () => undefined },
  }),
);

const server = await startWebhookServer({
  listen: { host: '127.0.0.1', port: 0 },
  tls: { cert: readFileSync(certificate, 'utf8'), key: readFileSync(key, 'utf8') },
  doors: [step === 'http' ? nothingBehind : reviews],
  log: silentLogger,
});
console.log(`serving https://127.0.0.1:${server.port}/mutate?timeout=10s`);
