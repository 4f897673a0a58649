// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, test } from 'node:test';
import { publicKeyPem, startEngine } from '../../../../fakes/engine.ts';
import type { TestEngine } from '../../../../fakes/engine.ts';

const policies = { all: { images: ['**'], keys: [{ name: 'release', pem: publicKeyPem('release') }] } };

async function using(
  refuses: (path: string) => boolean,
  work: (engine: TestEngine) => Promise<void>,
  referrersApi = false,
): Promise<void> {
  const intercept = (request: IncomingMessage, response: ServerResponse) => {
    if (!refuses(request.url ?? '')) return false;
    response.writeHead(403).end();
    return true;
  };
  const engine = await startEngine({ policies, registry: { intercept, referrersApi } });
  try {
    await work(engine);
  } finally {
    await engine.close();
  }
}

const isAttached = (path: string) => /\/manifests\/sha256-|\/referrers\//.test(path);

describe('a place that the registry refuses to show beside an image that it shows', () => {
  test('hides nothing in another place', async () => {
    await using(
      (path) => path.endsWith('.sig'),
      async (engine) => {
        const { outcome, code } = await engine.decide('demo/old-fallback:1.0');
        assert.deepEqual([outcome, code], ['allowed', 'Verified']);
      },
    );
  });

  test('is an error that names both readings where nothing else was found, and admits nothing', async () => {
    await using(isAttached, async (engine) => {
      for (const image of ['demo/signed:1.0', 'demo/unsigned:1.0']) {
        const verdict = await engine.decide(image);
        assert.deepEqual([verdict.outcome, verdict.code], ['error', 'RegistryUnauthorized']);
        assert.match(verdict.message, /either it is not there, or these credentials may not see it/);
        assert.match(verdict.remedy, /use credentials that may read all its tags/);
      }
    });
  });

  test('is asked again as soon as a failed read is', async () => {
    let refuses = true;
    await using(
      (path) => refuses && isAttached(path),
      async (engine) => {
        assert.equal((await engine.decide('demo/signed:1.0')).outcome, 'error');
        refuses = false;
        engine.time.now += 2001;
        assert.equal((await engine.decide('demo/signed:1.0')).code, 'Verified');
      },
    );
  });

  test('is a refusal like any other where the image is not shown either', async () => {
    await using(
      (path) => path.startsWith('/v2/demo/'),
      async (engine) => {
        const digest = engine.registry.content.manifest('demo/signed', '1.0')?.digest;
        const verdict = await engine.decide(`demo/signed@${digest}`);
        assert.deepEqual([verdict.outcome, verdict.code], ['error', 'RegistryUnauthorized']);
        assert.doesNotMatch(verdict.message, /either/);
      },
    );
  });
});

describe('one answer about the referrers API', () => {
  test('of a digest that is not there hides nobody else’s bundles', async () => {
    let lies = true;
    const intercept = (request: IncomingMessage, response: ServerResponse) => {
      if (!lies || !request.url?.includes('/referrers/')) return false;
      response.writeHead(404).end();
      return true;
    };
    const engine = await startEngine({ policies, registry: { intercept, referrersApi: true } });
    try {
      assert.equal((await engine.decide(`demo/bundle@sha256:${'0'.repeat(64)}`)).outcome, 'denied');
      lies = false;
      assert.equal((await engine.decide('demo/referrers-api:1.0')).code, 'Verified');
    } finally {
      await engine.close();
    }
  });
});

describe('a payload that did not come', () => {
  for (const [what, milliseconds] of [
    ['because the caller hung up', 150],
    ['because the registry failed', 5000],
  ] as const) {
    test(`${what} is asked for again by the next decision`, async () => {
      let ails = true;
      const intercept = (request: IncomingMessage, response: ServerResponse) => {
        if (!ails || !request.url?.includes('/blobs/')) return false;
        if (milliseconds > 1000) response.writeHead(503).end();
        else setTimeout(() => response.destroy(), 1000);
        return true;
      };
      const engine = await startEngine({ policies, registry: { intercept } });
      try {
        assert.equal((await engine.decide('demo/annotated:simple-signing', { milliseconds })).outcome, 'error');
        ails = false;
        engine.time.now += 2001;
        assert.equal((await engine.decide('demo/annotated:simple-signing')).code, 'Verified');
      } finally {
        await engine.close();
      }
    });
  }
});
