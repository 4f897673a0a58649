// SPDX-License-Identifier: Apache-2.0
// Run by `helm test`: asks what the kubelet asks, and then what the API server asks, by the same name and authority. It
// doesn't know the path that API servers are told, so that a webhook that answers them refuses this Pod.
import { request } from 'node:https';

const { ADDRESS = '', PORT, NAME } = process.env;
const host = ADDRESS.includes(':') ? `[${ADDRESS}]` : ADDRESS;

const ready = await fetch(`http://${host}:8080/readyz`);
console.log(`readyz: ${ready.status} ${await ready.text()}`);
if (!ready.ok) process.exit(1);

// It is no reference of an image, so that no registry is asked.
const object = { metadata: { name: 'test' }, spec: { containers: [{ name: 'test', image: 'NO REFERENCE' }] } };
const review = {
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  request: {
    uid: 'helm-test',
    kind: { group: '', version: 'v1', kind: 'Pod' },
    resource: { group: '', version: 'v1', resource: 'pods' },
    namespace: 'helm-test',
    operation: 'CREATE',
    userInfo: { username: 'helm-test' },
    dryRun: true,
    object,
  },
};
const sent = request({
  host: ADDRESS,
  port: PORT,
  servername: NAME,
  path: '/validate',
  method: 'POST',
  timeout: 10_000,
});
sent.setHeader('content-type', 'application/json');
sent.on('timeout', () => sent.destroy(new Error('no answer in 10 s')));
sent.end(JSON.stringify(review));
const answer = await new Promise((resolve, reject) => sent.on('response', resolve).on('error', reject));
const text = (await answer.toArray()).join('');
console.log(`review: ${answer.statusCode} ${text}`);
const isAnswered = answer.statusCode === 200 && JSON.parse(text).response.uid === 'helm-test';
if (answer.statusCode !== 403 && !isAnswered) process.exit(1);
