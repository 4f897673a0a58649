// SPDX-License-Identifier: Apache-2.0
// The least that a cold review of a `.sig` costs in Node, whatever else is asked of it: HTTPS, JSON in and out, the two
// requests to the registry, two hashes, one signature. It bounds nothing, times nothing and trusts everybody.
import { createHash, createPublicKey, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { Pool } from 'undici';
import { cosignPayload } from '../../../core/cosign/payload-prediction.ts';
import { isDigest } from '../../../core/image/digest.ts';
import type { HttpRequest, HttpResponse } from '../../../core/registry/transport/http-message.ts';
import { ResponseReader } from '../../../core/registry/transport/response-reader.ts';
import { UNBOUNDED } from '../../../core/registry/read-budget.ts';

const [certificate = '', keyFile = '', host = '', pem = ''] = process.argv.slice(2);
const repository = 'bench/app';
const publicKey = createPublicKey(Buffer.from(pem, 'base64').toString());
const origin = `http://${host}`;
const pool = new Pool(origin, { connections: 64 });
const ACCEPT = { accept: 'application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json' };
const asked: HttpRequest = {
  registry: host,
  operation: 'manifest',
  method: 'GET',
  url: new URL(origin),
  route: { reach: 'any' },
  headers: ACCEPT,
  maximumBytes: Infinity,
};

interface Review {
  readonly request: {
    readonly uid: string;
    readonly object: { readonly spec: { readonly containers: readonly [{ readonly image: string }] } };
  };
}

interface SignatureManifest {
  readonly layers: readonly [{ readonly digest: string; readonly annotations: Readonly<Record<string, string>> }];
}

// While others have their turn, it keeps its connections, as they do: a handshake is no part of a review.
const options = { cert: readFileSync(certificate), key: readFileSync(keyFile), keepAliveTimeout: 600_000 };
const server = createServer(options, (request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const review: Review = JSON.parse(Buffer.concat(chunks).toString());
    const [{ image }] = review.request.object.spec.containers;
    check(image.slice(image.lastIndexOf(':') + 1)).then(
      (patch) => {
        const body = JSON.stringify({
          apiVersion: 'admission.k8s.io/v1',
          kind: 'AdmissionReview',
          response: { uid: review.request.uid, allowed: true, patch, patchType: 'JSONPatch' },
        });
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
        response.end(body);
      },
      (error: unknown) => response.destroy(error instanceof Error ? error : undefined),
    );
  });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object') console.log(`serving https://127.0.0.1:${address.port}`);
});

async function check(tag: string): Promise<string> {
  const { headers } = await send('HEAD', tag);
  const digest = headers['docker-content-digest'];
  if (!isDigest(digest)) throw new Error(`no digest of ${tag}`);
  const { body } = await send('GET', `${digest.replace(':', '-')}.sig`);
  createHash('sha256').update(body).digest('hex');
  const manifest: SignatureManifest = JSON.parse(body.toString());
  const [layer] = manifest.layers;
  const payload = cosignPayload(`${host}/${repository}`, digest);
  const signature = Buffer.from(layer.annotations['dev.cosignproject.cosign/signature'] ?? '', 'base64');
  const isSame = layer.digest === `sha256:${createHash('sha256').update(payload).digest('hex')}`;
  if (!isSame || !verify('sha256', payload, publicKey, signature)) throw new Error(`${tag} is not signed`);
  const value = `${host}/${repository}:${tag}@${digest}`;
  const patch = [{ op: 'replace', path: '/spec/containers/0/image', value }];
  return Buffer.from(JSON.stringify(patch)).toString('base64');
}

function send(method: 'GET' | 'HEAD', reference: string): Promise<HttpResponse> {
  const reader = new ResponseReader({ ...asked, method }, UNBOUNDED);
  const path = `/v2/${repository}/manifests/${reference}`;
  pool.dispatch({ origin, path, method, headers: ACCEPT, reset: false }, reader);
  return reader.response;
}
