// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { request } from 'node:https';
import { after, before, describe, test } from 'node:test';
import { strangersWhoHold } from '../../endurance/hostile/connections.ts';
import { admitted, question, summaryOf } from '../../endurance/questions.ts';
import { waitFor } from '../../control-plane/process.ts';
import { install, openInstallation, type Installation } from '../workbench/installation.ts';
import { startLoad } from '../workbench/load.ts';
import { addressesOf, askReplica, replicasOf } from '../workbench/replica.ts';

const CONFIGURATIONS = ['mutatingwebhookconfiguration', 'validatingwebhookconfiguration'] as const;
const SECRET = 'cosignet:secret/cosignet-path';
const NOBODYS = '0'.repeat(64);

interface Said {
  readonly status: number | undefined;
  readonly text: string;
}

/** One story, in order. */
describe('who may call the webhook', () => {
  let here: Installation;

  before(async () => {
    here = await openInstallation();
    await install(here);
  });
  after(() => here.close());

  const paths = () =>
    Promise.all(CONFIGURATIONS.map((kind) => here.read(`${kind}/cosignet`, '.webhooks[0].clientConfig.service.path')));
  async function token(): Promise<string> {
    const [mutate = '', validate = ''] = await paths();
    const [, first] = /^\/mutate\/([0-9a-f]{64})$/.exec(mutate) ?? [];
    assert.ok(first, mutate);
    return validate === `/validate/${first}` ? first : '';
  }

  /** What any Pod can send, through the Service; `length`: says so, and sends no body. */
  async function call(path: string, length?: number): Promise<Said> {
    const host = await here.read('cosignet:service/cosignet', '.spec.clusterIP');
    const port = Number(await here.read('cosignet:service/cosignet', '.spec.ports[0].port'));
    const { body } = question('asked', '', { containers: [here.images.signed.tag], namespace: 'shop' });
    return new Promise((resolve, reject) => {
      const options = { host, port, path, method: 'POST', rejectUnauthorized: false, timeout: 60_000 };
      const sent = request(options, (answer) => {
        answer.setEncoding('utf8');
        let text = '';
        answer.on('data', (part: string) => (text += part));
        answer.on('end', () => {
          sent.destroy();
          resolve({ status: answer.statusCode, text });
        });
      });
      sent.setHeader('content-type', 'application/json');
      sent.on('timeout', () => sent.destroy(new Error('no answer')));
      sent.on('error', reject);
      if (length === undefined) sent.end(body('forged'));
      else {
        sent.setHeader('content-length', length);
        sent.flushHeaders();
      }
    });
  }

  /** Reviews and requests to registries of all replicas. */
  async function work(): Promise<number> {
    const pages = (await replicasOf(here)).map(async (name) => {
      const { metrics } = await addressesOf(here, name);
      const page = await (await fetch(`${metrics}/metrics`)).text();
      const lines = page.matchAll(/^(?:cosignet_reviews_total|cosignet_registry_requests_total)\{.*\} (\d+)$/gm);
      return [...lines].reduce((sum, [, count]) => sum + Number(count), 0);
    });
    return (await Promise.all(pages)).reduce((sum, count) => sum + count, 0);
  }
  /** Ours: what happens to Pods and Deployments is told for a while after an installation. */
  const events = () => {
    const ours = '--field-selector=reportingComponent=cosignet.dev/cosignet';
    return here.kubectl('get', 'events', '--all-namespaces', ours, '--output=name');
  };

  test('a stranger gets nothing, and causes nothing', async () => {
    await waitFor('the Event of the default policy', async () => (await events()) || undefined);
    const [worked, known] = [await work(), await events()];
    for (const endpoint of ['/mutate', '/validate']) {
      for (const end of ['', `/${NOBODYS}`, `/${(await token()).slice(1)}`]) {
        const { status, text } = await call(`${endpoint}${end}`);
        assert.deepEqual([status, text], [403, 'only API servers are answered'], end);
      }
    }
    assert.deepEqual([await work(), await events()], [worked, known]);
    // That review is good where an API server sends it.
    const { status, text } = await call(`/mutate/${await token()}`);
    assert.equal(status, 200);
    assert.match(summaryOf(text, 'forged'), /^admitted/);
    assert.ok((await work()) > worked);
  });

  test('a stranger is refused before anything of a body is there', async () => {
    assert.equal((await call(`/mutate/${NOBODYS}`, 1_000_000)).status, 403);
  });

  test('strangers who hold as many connections as they get keep no API server from a new one', async () => {
    const [pod = ''] = await replicasOf(here);
    const { webhook } = await addressesOf(here, pod);
    const counts: Record<string, number> = {};
    const count = (what: string) => void (counts[what] = (counts[what] ?? 0) + 1);
    const stopping = new AbortController();
    const targets = { webhooks: [new URL(webhook).origin], probes: [], path: '', api: '', token: '' };
    const holding = strangersWhoHold({ targets, signal: stopping.signal, count });
    try {
      // All that a replica takes, and some.
      await waitFor('strangers', async () => (counts['opened'] ?? 0) > 2200 || undefined, {
        timeout: 240_000,
      });
      const { signed } = here.images;
      for (let round = 0; round < 10; round += 1) {
        assert.equal(await askReplica(here, pod, { image: signed }), admitted(['Verified'], [signed.pinned]));
      }
    } finally {
      stopping.abort();
      await holding;
    }
  });

  test('the token changes under load without a lost request, and an old one is soon worth nothing', async () => {
    await using load = startLoad(here, { askers: 2 });
    const seen = [await token()];
    for (let round = 0; round < 3; round += 1) {
      // It is due when five minutes are over, and API servers are known to call by it.
      const due = JSON.stringify({ data: { rotatedAt: btoa('1') } });
      await here.kubectl('--namespace=cosignet', 'patch', 'secret', 'cosignet-path', `--patch=${due}`);
      seen.push(
        await waitFor(
          'another token',
          async () => {
            const now = await token();
            return now !== '' && !seen.includes(now) ? now : undefined;
          },
          { timeout: 150_000 },
        ),
      );
    }
    const { answered, failures } = await load.stop();
    assert.deepEqual(failures, []);
    assert.ok(answered > 20, `only ${answered} requests`);
    const statuses = () => Promise.all(seen.map(async (one) => (await call(`/validate/${one}`)).status));
    assert.deepEqual((await statuses()).slice(2), [200, 200]);
    // A replica may hear of the last change after API servers have.
    await waitFor('the old ones to be refused', async () => {
      assert.deepEqual(await statuses(), [403, 403, 200, 200]);
      return true;
    });
  });

  test('a Secret that is deleted is made anew, and no request is lost', async () => {
    await using load = startLoad(here, { askers: 2 });
    const uid = () =>
      here.bench.kubectl([
        'get',
        'secret',
        'cosignet-path',
        '--namespace=cosignet',
        '--output=jsonpath={.metadata.uid}{.data.active}',
      ]);
    const lost = (await uid()).stdout;
    await here.kubectl('--namespace=cosignet', 'delete', 'secret', 'cosignet-path');
    await waitFor('the Secret', async () => {
      const { stdout } = await uid();
      return stdout.length > 40 && stdout !== lost ? true : undefined;
    });
    const { failures } = await load.stop();
    assert.deepEqual(failures, []);
    await waitFor('API servers to be told what it has', async () => {
      assert.equal(Buffer.from(await here.read(SECRET, '.data.active'), 'base64').toString(), await token());
      return true;
    });
  });

  test('whoever is let in without it, because the values say so, calls plain paths', async () => {
    await install(here, '--set=webhook.pathToken=false');
    await waitFor('plain paths', async () => {
      assert.deepEqual(await paths(), ['/mutate', '/validate']);
      return true;
    });
    await waitFor('replicas of before to end', async () => {
      return (await here.read('cosignet:pods', '.items[*].metadata.deletionTimestamp')) === '' || undefined;
    });
    assert.equal((await call('/mutate')).status, 200);
    const left = ['get', 'secret', 'cosignet-path', '--namespace=cosignet', '--ignore-not-found', '--output=name'];
    await waitFor('the Secret to be gone', async () => (await here.bench.kubectl(left)).stdout === '' || undefined);
  });
});
