// SPDX-License-Identifier: Apache-2.0
// A registry process full of signed images: bench/app:<n>, by `.sig` or bundle; bench/app:unsigned is none. Prints
// its host and the public key.
import { RegistryContent } from '../../fakes/registry/registry-content.ts';
import { startFakeRegistry } from '../../fakes/registry/registry.ts';
import { createSigner, putImage, signBundle, signSimple } from './signed-images.ts';

const [format = 'simple-signing', count = '1', delay = '0'] = process.argv.slice(2);
const content = new RegistryContent();
const registry = await startFakeRegistry({ content, delayMilliseconds: Number(delay) });
const signer = createSigner();
const place = { content, host: registry.host, repository: 'bench/app' };
for (let index = 0; index < Number(count); index += 1) {
  const digest = putImage(content, place.repository, `${index}`);
  if (format === 'bundle') signBundle(place, digest, signer);
  else signSimple(place, digest, signer);
}
putImage(content, place.repository, 'unsigned');
// A soak asks for hours: what was asked is of no use here.
setInterval(() => registry.forget(), 1000).unref();
console.log(`serving ${registry.host} ${Buffer.from(signer.publicPem).toString('base64')}`);
