// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { admitted } from '../../endurance/questions.ts';
import { openLink, type Link } from '../../control-plane/link.ts';
import { waitFor } from '../../control-plane/process.ts';
import { install, openInstallation, policy, type Installation } from '../workbench/installation.ts';
import { askReplica } from '../workbench/replica.ts';

/** Seconds; short, so that the test is. */
const BOUND = 24;
const CALLERS = 6;

interface Answer {
  readonly at: number;
  /** `admitted`, or why not. */
  readonly said: string;
}

/**
 * The API server keeps its connections to a replica that is cut off from it, as long as they are used: through them
 * the replica would go on admitting by policies that are gone.
 */
describe('a policy that is revoked while a replica is cut off from the API server', () => {
  let here: Installation;
  const links = new Map<string, Link>();
  const stopping = new AbortController();
  const answers: Answer[] = [];
  const callers: Promise<void>[] = [];

  before(async () => {
    here = await openInstallation(undefined, {
      reach: async (server, pod) => {
        const link = await openLink(server);
        links.set(pod.metadata?.name ?? '', link);
        return link.server;
      },
    });
    await install(here, `--set=config.maxPolicyAgeSeconds=${BOUND}`);
  });
  after(async () => {
    stopping.abort();
    await Promise.all(callers);
    await here.close();
    await Promise.all([...links.values()].map((link) => link.close()));
  });

  async function ask(): Promise<string> {
    const { api } = here.bench.cluster;
    const containers = [{ name: 'main', image: here.images.signed.tag }];
    try {
      await api.post('/api/v1/namespaces/shop/pods?dryRun=All', { metadata: { name: 'tried' }, spec: { containers } });
      return 'admitted';
    } catch (error) {
      return String(error);
    }
  }
  async function call(): Promise<void> {
    while (!stopping.signal.aborted) {
      const at = performance.now();
      const said = await ask();
      answers.push({ at, said });
      await delay(100);
    }
  }
  const since = (time: number) => answers.filter(({ at }) => at >= time);

  test('is enforced for everybody once its bound is over, and soon by the other replica alone', async (t) => {
    // Before anything is cut, nothing of this is seen, though nothing changes for longer than the bound.
    const began = performance.now();
    for (let caller = 0; caller < CALLERS; caller++) callers.push(call());
    await delay(BOUND * 1500);
    assert.deepEqual([...new Set(since(began).map(({ said }) => said))], ['admitted']);

    const [[name = '', cut] = []] = links;
    assert.equal(
      await askReplica(here, name, { image: here.images.signed }),
      admitted(['Verified'], [here.images.signed.pinned]),
    );
    cut?.cut();
    const cutAt = performance.now();
    const { code, stderr } = await here.apply(policy('default', { images: ['**'], action: 'Deny' }));
    assert.equal(code, 0, stderr);
    // A watch that was heard of just after the cut, and a second in which verdicts may be repeated.
    const over = cutAt + BOUND * 1000 + 2000;
    await waitFor('answers after the bound', () => Promise.resolve(performance.now() > over + 15_000 || undefined), {
      timeout: 60_000,
    });
    const within = answers.filter(({ at }) => at > cutAt && at < over);
    t.diagnostic(`${within.filter(({ said }) => said === 'admitted').length} of ${within.length} admitted before`);
    assert.ok(since(over).length > 50, `${since(over).length} answers`);
    assert.deepEqual(
      since(over).filter(({ said }) => said === 'admitted'),
      [],
    );
    // Whoever still comes to it is refused.
    assert.equal(await askReplica(here, name, { image: here.images.signed }), 'refused 503 PolicyStale');
    // Nobody is sent to the replica that can't decide. Each of the connections that lay idle since before it was taken
    // out may yet carry one review, and ends with that.
    const late = since(over).filter(({ said }) => said.includes('has not heard'));
    t.diagnostic(`${late.length} refused for their age`);
    assert.ok(late.length <= CALLERS, `${late.length} refused for their age`);
    assert.deepEqual(
      since(over).filter((answer) => !late.includes(answer) && !answer.said.includes(' blocks ')),
      [],
    );

    cut?.heal();
  });
});
