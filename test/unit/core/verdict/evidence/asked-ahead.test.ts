// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { describe, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { DEFAULT_CONFIGURATION } from '../../../../../core/config/configuration.ts';
import { mapInParallel } from '../../../../../core/parallel.ts';
import type { RegistryClient } from '../../../../../core/registry/types.ts';
import { publicKeyPem, startEngine } from '../../../../fakes/engine.ts';
import type { FakeRegistry } from '../../../../fakes/registry/registry.ts';

const policies = { prod: { images: ['**'], keys: [{ pem: publicKeyPem('release') }] } };
const INDEX = 'application/vnd.oci.image.index.v1+json';
const IMAGES = ['signed', 'bundle', 'both-formats', 'unsigned'];
/** In turns, so that each meets most of what is beside it. */
const BY = ['tag', 'tag', 'digest'] as const;
const LATER = ['signature', 'referrers'] as const;

type Answer = (response: ServerResponse) => void;
const status =
  (code: number, body = '', type = 'text/plain', headers = {}): Answer =>
  (response) =>
    void response.writeHead(code, { 'content-type': type, ...headers }).end(body);

/** What a registry says on purpose: it says so again. */
const DEFINITE: Readonly<Record<string, Answer>> = {
  'no such path': status(404),
  'not known here': status(404, '{"errors":[{"code":"NAME_UNKNOWN"}]}'),
  'no such method': status(405),
  'an index that is none': status(200, '{}', INDEX),
  'an empty list': status(200, JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests: [] }), INDEX),
  'a page of HTML': status(200, '<html></html>', 'text/html'),
};
/** What may be otherwise a moment later. */
const FAULTS: Readonly<Record<string, Answer>> = {
  'asks for credentials': status(401, '', 'text/plain', { 'www-authenticate': 'Basic realm="x"' }),
  'refuses access': status(403),
  'limits requests': status(429),
  'an internal error': status(500),
  'a gateway without a server': status(502),
  'sends elsewhere': status(307, '', 'text/plain', { location: '/nowhere' }),
  'more than is read ahead': status(200, JSON.stringify({ manifests: [], fill: 'x'.repeat(20_000) }), INDEX),
  'hangs up': (response) => response.destroy(),
};
const SIGNATURE_TAG: Readonly<Record<string, Answer | undefined>> = {
  'what is there': undefined,
  'a refusal': status(403),
  'an outage': status(503),
};

interface Scene {
  readonly image: string;
  readonly by: 'tag' | 'digest';
  /** Of the tag `.sig`; undefined: what is there. */
  readonly tagged: Answer | undefined;
  readonly referrers: Answer | undefined;
  /** The first question for referrers only, and nobody's but that asked ahead. */
  readonly once: boolean;
  readonly later: 'signature' | 'referrers';
  /** Milliseconds for which an answer is waited for. */
  readonly patience?: number;
}

interface Decided {
  /** JSON. */
  readonly verdict: string;
  readonly requests: number;
}

async function decide(scene: Scene, asksAhead: boolean): Promise<Decided> {
  const engine = await startEngine({
    policies,
    registry: { referrersApi: true },
    ...(scene.patience && {
      configuration: { limits: { ...DEFAULT_CONFIGURATION.limits, requestMilliseconds: scene.patience } },
    }),
    wrap: (client) => wrapped(client, scene, asksAhead),
  });
  const { host } = engine.registry;
  const image = `demo/${scene.image}:1.0`;
  const name = scene.by === 'tag' ? image : image.replace(':1.0', `@${digestOf(engine.registry, scene.image)}`);
  intercept(engine.registry, asksAhead ? scene : { ...scene, ...(scene.once && { referrers: undefined }) });
  const verdict = await engine.decide(name, { milliseconds: 30_000 });
  const requests = engine.registry.lines().length;
  await engine.close();
  const told = JSON.stringify({ ...verdict, registryRequests: 0 });
  return { verdict: told.replaceAll(host, 'registry.test'), requests };
}

function digestOf({ content }: FakeRegistry, image: string): string {
  return content.manifest(`demo/${image}`, '1.0')?.digest ?? assert.fail('no image');
}

function wrapped(client: RegistryClient, { later }: Scene, asksAhead: boolean): RegistryClient {
  return {
    ...client,
    ...(!asksAhead && { askReferrersAhead: async () => {} }),
    async getManifest(...question) {
      const found = await client.getManifest(...question);
      if (later === 'signature' && question[1].endsWith('.sig')) await wait(15);
      return found;
    },
  };
}

function intercept({ behaviour }: FakeRegistry, { tagged, referrers, once, later }: Scene): void {
  let asked = 0;
  behaviour.intercept = ({ url = '' }, response) => {
    if (url.endsWith('.sig') && tagged) tagged(response);
    else if (url.includes('/referrers/') && referrers && !(once && asked++ > 0))
      setTimeout(() => referrers(response), later === 'referrers' ? 15 : 0);
    else return false;
    return true;
  };
}

function scenesOf(answers: Readonly<Record<string, Answer | undefined>>, once: boolean): readonly Scene[] {
  const scenes: Scene[] = [];
  for (const referrers of Object.values(answers)) {
    for (const tagged of Object.values(SIGNATURE_TAG)) {
      for (const image of IMAGES) {
        const [by, later] = [BY[scenes.length % 3], LATER[Math.floor(scenes.length / 5) % 2]];
        scenes.push({ image, tagged, referrers, once, by: by ?? 'tag', later: later ?? 'referrers' });
      }
    }
  }
  return scenes;
}

const SILENT = {
  by: 'tag',
  tagged: undefined,
  referrers: () => undefined,
  later: 'referrers',
  patience: 2000,
} as const;

async function assertAlike(scenes: readonly Scene[]): Promise<void> {
  await mapInParallel(scenes, 8, async (scene) => {
    const [ahead, inTurn] = [await decide(scene, true), await decide(scene, false)];
    assert.equal(ahead.verdict, inTurn.verdict, JSON.stringify(scene));
    assert.ok(ahead.requests <= inTurn.requests + 1, `${ahead.requests}, ${inTurn.requests}: ${JSON.stringify(scene)}`);
  });
}

describe('referrers asked for ahead: the verdict is that of asking in turn, with one request more at the most', () => {
  test('where they are shown', () => assertAlike(scenesOf({ shown: undefined }, false)));
  for (const [name, answer] of Object.entries(DEFINITE))
    test(`where the registry says: ${name}`, () => assertAlike(scenesOf({ [name]: answer }, false)));
  for (const [name, answer] of Object.entries(FAULTS)) {
    test(`where it always fails: ${name}`, () => assertAlike(scenesOf({ [name]: answer }, false)));
    test(`where it fails what is asked ahead: ${name}`, () => assertAlike(scenesOf({ [name]: answer }, true)));
  }
  test('where it never answers, what is asked ahead or at all', () =>
    assertAlike([
      { ...SILENT, image: 'bundle', once: true },
      { ...SILENT, image: 'bundle', once: false },
      { ...SILENT, image: 'unsigned', once: true },
      { ...SILENT, image: 'unsigned', once: false },
    ]));

  test('what a registry shows to nobody in particular says nothing of what it shows to who has credentials', async () => {
    const engine = await startEngine({
      policies,
      registry: { referrersApi: true, auth: { kind: 'basic', users: { reader: 'secret' } } },
    });
    const { behaviour, content } = engine.registry;
    behaviour.intercept = ({ url = '', headers }, response) => {
      const isHidden = url.includes('/referrers/') && headers.authorization === undefined;
      if (isHidden) status(200, JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests: [] }), INDEX)(response);
      return isHidden;
    };
    const keychain = { id: 'reader', resolve: async () => [{ username: 'reader', password: 'secret' }] };
    const digest = content.manifest('demo/bundle', '1.0')?.digest;
    const { code, message } = await engine.decide(`demo/bundle@${digest}`, { keychain });
    await engine.close();
    assert.equal(code, 'Verified', message);
  });
});
