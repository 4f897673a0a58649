// SPDX-License-Identifier: Apache-2.0
// The least that a webhook in Node can do: HTTPS, a body of JSON in, a body of JSON out. The baseline.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';

const [certificate = '', key = ''] = process.argv.slice(2);
// While others have their turn, it keeps its connections, as they do: a handshake is no part of a review.
const options = { cert: readFileSync(certificate), key: readFileSync(key), keepAliveTimeout: 600_000 };
const server = createServer(options, (request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const { request: review }: { request: { uid: string } } = JSON.parse(Buffer.concat(chunks).toString());
    const body = JSON.stringify({
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      response: { uid: review.uid, allowed: true },
    });
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
    response.end(body);
  });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object') console.log(`serving https://127.0.0.1:${address.port}`);
});
