// SPDX-License-Identifier: Apache-2.0
// What many decisions share: 1,000 reviews of one new image at one time, and an edited policy. In registry requests.
import { RegistryContent } from '../../fakes/registry/registry-content.ts';
import { startFakeRegistry } from '../../fakes/registry/registry.ts';
import { createBenchEngine } from './bench-engine.ts';
import { reportGoals } from '../goals.ts';
import type { Goal } from '../goals.ts';
import { createSigner, putImage, signBundle, signSimple } from '../load/signed-images.ts';

const AT_ONCE = 1000;
/**
 * As in one decision, the first of its registry: HEAD, `.sig` and, beside it, the API in vain; with a bundle after these the
 * list, the manifest and the bundle.
 */
const ALONE = { 'simple-signing': 3, bundle: 6 } as const;

const goals: Goal[] = [];
for (const format of ['simple-signing', 'bundle'] as const) {
  const content = new RegistryContent();
  const registry = await startFakeRegistry({ content, delayMilliseconds: 5 });
  const signer = createSigner();
  const place = { content, host: registry.host, repository: 'bench/app' };
  const digest = putImage(content, place.repository, '1.0');
  (format === 'bundle' ? signBundle : signSimple)(place, digest, signer);
  const engine = createBenchEngine({ host: registry.host, policies: [{ keys: [{ pem: signer.publicPem }] }] });
  const image = `${registry.host}/bench/app:1.0`;
  await Promise.all(Array.from({ length: AT_ONCE }, () => engine.verify(image)));
  const together = registry.requests.length;
  goals.push({
    what: `requests of ${AT_ONCE} reviews of one new image at once, ${format}`,
    measured: together,
    goal: ALONE[format],
    unit: 'requests',
  });
  engine.replacePolicies([{ keys: [{ pem: createSigner().publicPem }, { pem: signer.publicPem }] }]);
  await engine.verify(image);
  goals.push({
    what: `requests after an edited policy, ${format}`,
    measured: registry.requests.length - together,
    goal: 0,
    unit: 'requests',
  });
  await engine.close();
  await registry.close();
}
reportGoals('sharing', goals);
