// SPDX-License-Identifier: Apache-2.0
// Images beside which megabytes are stored: many at once must not add up in memory, nor make others wait.
import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { afterEach, describe, test } from 'node:test';
import { preAuthenticationEncoding } from '../../../../core/formats/dsse-envelope.ts';
import { hexOf } from '../../../../core/image/digest.ts';
import type { Verdict } from '../../../../core/verdict/types.ts';
import { anonymous, startEngine } from '../../../fakes/engine.ts';
import type { TestEngine } from '../../../fakes/engine.ts';
import { eventually } from '../../operator/eventually.ts';
import { RegistryContent } from '../../../fakes/registry/registry-content.ts';

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const IN_TOTO = 'application/vnd.in-toto+json';
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const release = { name: 'release', pem: publicKey.export({ format: 'pem', type: 'spki' }) };

/** An image, signed by a bundle of so many bytes. */
function putSigned(content: RegistryContent, repository: string, bytes: number, key = privateKey): void {
  const config = { mediaType: 'application/vnd.oci.image.config.v1+json', ...content.putBlob(repository, '{}') };
  const image = { schemaVersion: 2, mediaType: MANIFEST, config, layers: [], annotations: { repository } };
  const digest = content.putManifest(repository, image, '1.0');
  const statement = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: repository, digest: { sha256: hexOf(digest) } }],
    predicateType: 'https://sigstore.dev/cosign/sign/v1',
    predicate: { padding: 'x'.repeat(bytes * 0.75) },
  };
  const payload = Buffer.from(JSON.stringify(statement));
  const signature = sign('sha256', preAuthenticationEncoding(IN_TOTO, payload), key);
  const bundle = {
    mediaType: BUNDLE,
    verificationMaterial: { publicKey: { hint: 'x' } },
    dsseEnvelope: {
      payload: payload.toString('base64'),
      payloadType: IN_TOTO,
      signatures: [{ sig: signature.toString('base64') }],
    },
  };
  const layer = { mediaType: BUNDLE, ...content.putBlob(repository, JSON.stringify(bundle)) };
  const subject = { mediaType: MANIFEST, digest, size: 1 };
  const referrer = { schemaVersion: 2, mediaType: MANIFEST, artifactType: BUNDLE, config, layers: [layer], subject };
  content.putManifest(repository, referrer);
}

const LARGE = 400_000;
const SMALL = 4000;

let engine: TestEngine;

interface Hostile {
  /** What was asked for and never comes. */
  readonly held: readonly IncomingMessage[];
  /** Of those, at a time. */
  readonly mostOpen: () => number;
}

/** Blobs of hostile images never come, if they are asked for. */
async function startHostile(images: readonly string[]): Promise<Hostile> {
  const content = new RegistryContent();
  for (const image of images) putSigned(content, image, LARGE);
  putSigned(content, 'honest/large', LARGE);
  putSigned(content, 'honest/other', LARGE);
  putSigned(content, 'honest/small', SMALL);
  putSigned(content, 'honest/strange', LARGE, stranger.privateKey);
  const held: IncomingMessage[] = [];
  let [open, mostOpen] = [0, 0];
  const hold = (request: IncomingMessage): true => {
    held.push(request);
    mostOpen = Math.max(mostOpen, (open += 1));
    request.socket.once('close', () => (open -= 1));
    return true;
  };
  engine = await startEngine({
    registry: {
      content,
      referrersApi: true,
      intercept: (request) => /\/hostile\/.*\/blobs\//.test(request.url ?? '') && hold(request),
    },
    policies: { all: { images: ['**'], keys: [release] } },
  });
  return { held, mostOpen: () => mostOpen };
}

function ask(image: string, namespace: string, signal = AbortSignal.timeout(30_000)): Promise<Verdict> {
  const reference = `${engine.registry.host}/${image}:1.0`;
  return engine.decideRaw({
    image: reference,
    namespace: { name: namespace, labels: {} },
    keychain: anonymous,
    signal,
  });
}

describe('many large images at once', () => {
  afterEach(() => engine.close());

  const images = Array.from({ length: 12 }, (_, index) => `hostile/app${index}`);

  test('of one namespace are read two at a time, and others are verified meanwhile', async () => {
    const { held } = await startHostile(images);
    const deadline = AbortSignal.timeout(3000);
    const hostile = images.map((image) => ask(image, 'hostile', deadline));
    await eventually(() => held.length === 2);
    const [large, small] = await Promise.all([ask('honest/large', 'honest'), ask('honest/small', 'hostile')]);
    assert.deepEqual([large.code, small.code], ['Verified', 'Verified']);
    const verdicts = await Promise.all(hostile);
    assert.deepEqual([...new Set(verdicts.map(({ code }) => code))], ['DeadlineExceeded']);
    assert.equal(held.length, 2);
    const waited = verdicts.filter(({ message }) => /only a few images at a time/.test(message));
    assert.equal(waited.length, images.length - 2);
  });

  test('of many namespaces are read four at a time, in turns, and whoever is given up on makes room', async () => {
    const { held, mostOpen } = await startHostile(images);
    // Read already, but to work on it takes memory all the same.
    assert.equal((await ask('honest/strange', 'honest')).code, 'UntrustedSignature');
    const gone = new AbortController();
    let isHeldUp = true;
    const hostile = images.slice(0, 8).map(async (image, index) => {
      await ask(image, `hostile-${index}`, gone.signal);
      isHeldUp = false;
    });
    await eventually(() => held.length >= 4);
    assert.equal((await ask('honest/small', 'honest')).code, 'Verified');
    const [large, strange] = await Promise.all([ask('honest/large', 'honest'), ask('honest/strange', 'honest')]);
    assert.deepEqual([large.code, strange.code, isHeldUp], ['Verified', 'UntrustedSignature', true]);
    // Four, and for a moment some whose turn is over and whose connection is being closed.
    assert.ok(mostOpen() >= 4 && mostOpen() <= 6, `${mostOpen()}`);
    gone.abort();
    await Promise.all(hostile);
    assert.equal((await ask('honest/other', 'honest')).code, 'Verified');
  });

  test('are no different alone: one request for each thing that is read', async () => {
    await startHostile([]);
    const { code, registryRequests } = await ask('honest/large', 'honest');
    assert.equal(code, 'Verified');
    const lines = engine.registry.lines();
    assert.deepEqual([lines.length, new Set(lines).size], [registryRequests, registryRequests]);
    assert.equal((await ask('honest/large', 'honest')).registryRequests, 0);
  });
});
