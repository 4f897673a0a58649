// SPDX-License-Identifier: Apache-2.0
// A webhook that admits whatever it is asked about, in a thread of its own: without a look at it, or, where `workerData` is
// `asking`, once the registry has said what each image stands for, and no more than that.
import { createServer } from 'node:https';
import { parentPort, workerData } from 'node:worker_threads';
import { Agent } from 'undici';
import { listen } from '../../fakes/registry/registry.ts';
import { makeAuthority } from '../../fakes/tls.ts';

const MANIFEST = 'application/vnd.oci.image.index.v1+json,application/vnd.oci.image.manifest.v1+json';
const dispatcher = new Agent({ connections: 16 });

const server = createServer(makeAuthority().certify('127.0.0.1'), (request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const text = Buffer.concat(chunks).toString();
    const [, uid = ''] = /"uid":"([^"]*)"/.exec(text) ?? [];
    const answer = { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: { uid, allowed: true } };
    const respond = () => response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
    if (workerData === 'asking') void askAll(text).then(respond, respond);
    else respond();
  });
});
parentPort?.postMessage(`https://127.0.0.1:${await listen(server)}`);

async function askAll(review: string): Promise<void> {
  const images = new Set(Array.from(review.matchAll(/"image":"([^"]*)"/g), ([, image = '']) => image));
  await Promise.all([...images].map(ask));
}

async function ask(image: string): Promise<void> {
  const [, host = '', repository = '', tag, digest] = /^([^/]+)\/([^@:]+)(?::([^@]+))?(?:@(.+))?$/.exec(image) ?? [];
  const { body } = await dispatcher.request({
    origin: `http://${host}`,
    path: `/v2/${repository}/manifests/${digest ?? tag ?? 'latest'}`,
    method: 'HEAD',
    headers: { accept: MANIFEST },
  });
  await body.dump();
}
