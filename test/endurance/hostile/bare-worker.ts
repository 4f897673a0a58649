// SPDX-License-Identifier: Apache-2.0
// A webhook that admits whatever it is asked about, and looks at none of it; in a thread of its own.
import { createServer } from 'node:https';
import { parentPort } from 'node:worker_threads';
import { listen } from '../../fakes/registry/registry.ts';
import { makeAuthority } from '../../fakes/tls.ts';

const server = createServer(makeAuthority().certify('127.0.0.1'), (request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const [, uid = ''] = /"uid":"([^"]*)"/.exec(Buffer.concat(chunks).toString('latin1')) ?? [];
    const answer = { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: { uid, allowed: true } };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  });
});
parentPort?.postMessage(`https://127.0.0.1:${await listen(server)}`);
