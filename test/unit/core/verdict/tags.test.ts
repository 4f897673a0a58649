// SPDX-License-Identifier: Apache-2.0
// How long a tag counts, who asks for it, and what is made of a registry that does not answer.
import { UNBOUNDED } from '../../../../core/registry/read-budget.ts';
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DEFAULT_CACHE } from '../../../../core/config/types.ts';
import { EngineError } from '../../../../core/errors.ts';
import type { FailureCode } from '../../../../core/verdict-codes.ts';
import type { Digest } from '../../../../core/image/digest.ts';
import { parseReference } from '../../../../core/image/reference.ts';
import { silentMetrics } from '../../../../core/observe.ts';
import type { RequestScope } from '../../../../core/registry/types.ts';
import { factsOf } from '../../../../core/verdict-codes.ts';
import { createTagResolver } from '../../../../core/verdict/tags.ts';
import type { TagResolution } from '../../../../core/verdict/tags.ts';
import { createLayoutRegistry } from '../../../vectors/cosign/layout-registry.ts';

const DIGEST = `sha256:${'ab'.repeat(32)}` as const;
const OTHER = `sha256:${'cd'.repeat(32)}` as const;
const { tags, staleIfError } = DEFAULT_CACHE;

interface Stage {
  /** Milliseconds. */
  now: number;
  /** Requests, the text of the tag each. */
  readonly asked: string[];
  readonly looked: string[];
  answer: (scope: RequestScope) => Promise<Digest | undefined>;
  resolve: (tag?: string, options?: { readonly id?: string; readonly signal?: AbortSignal }) => Promise<TagResolution>;
}

function stage(): Stage {
  const resolver = createTagResolver({
    registry: {
      ...createLayoutRegistry(),
      resolveTag: (_, tag, scope) => {
        here.asked.push(tag);
        return here.answer(scope);
      },
    },
    lifetimes: () => DEFAULT_CACHE,
    clock: () => here.now,
    metrics: { ...silentMetrics, cacheLookup: ({ cache, result }) => void here.looked.push(`${cache} ${result}`) },
  });
  const here: Stage = {
    now: 0,
    asked: [],
    looked: [],
    answer: async () => DIGEST,
    resolve: (tag = '1', { id = '', signal = new AbortController().signal } = {}) => {
      const scope = { signal, keychain: { id, resolve: async () => [] }, budget: UNBOUNDED, count: () => {} };
      return resolver.resolve({ ...parseReference(`ghcr.io/acme/app:${tag}`), tag }, scope);
    },
  };
  return here;
}

const failing = (code: FailureCode) => () => Promise.reject(new EngineError(code, 'failed'));

describe('a tag', () => {
  test('is asked for once in its lifetime, and again when that is over', async () => {
    const here = stage();
    assert.deepEqual(await here.resolve(), { digest: DIGEST, stale: false });
    here.now = tags * 1000 - 1;
    here.answer = async () => OTHER;
    assert.deepEqual(await here.resolve(), { digest: DIGEST, stale: false });
    here.now += 1;
    assert.deepEqual(await here.resolve(), { digest: OTHER, stale: false });
    assert.equal(here.asked.length, 2);
    assert.deepEqual(here.looked, ['tag miss', 'tag hit', 'tag miss']);
    // Its lifetime began anew.
    here.now += tags * 1000 - 1;
    await here.resolve();
    assert.equal(here.asked.length, 2);
  });

  test('that is asked for while another is gets its own answer', async () => {
    const here = stage();
    const answers = new Map([
      ['1', Promise.withResolvers<Digest>()],
      ['2', Promise.withResolvers<Digest>()],
    ]);
    here.answer = () => answers.get(here.asked.at(-1) ?? '')?.promise ?? Promise.resolve(undefined);
    const both = Promise.all([here.resolve('1'), here.resolve('2')]);
    answers.get('2')?.resolve(OTHER);
    answers.get('1')?.resolve(DIGEST);
    assert.deepEqual(
      (await both).map(({ digest }) => digest),
      [DIGEST, OTHER],
    );
  });

  test('that is not there is not found, and looked for again', async () => {
    const here = stage();
    here.answer = async () => undefined;
    const missing = { code: 'ImageNotFound', message: 'ghcr.io has no acme/app:1' };
    await assert.rejects(here.resolve(), missing);
    await assert.rejects(here.resolve(), missing);
    assert.equal(here.asked.length, 2);
    here.answer = async () => DIGEST;
    assert.equal((await here.resolve()).digest, DIGEST);
  });

  test('is no other tag', async () => {
    const here = stage();
    await here.resolve('1');
    here.answer = async () => OTHER;
    assert.equal((await here.resolve('2')).digest, OTHER);
    assert.equal((await here.resolve('1')).digest, DIGEST);
  });
});

describe('while the registry fails', () => {
  const OUTAGES: readonly FailureCode[] = ['RegistryUnavailable', 'RegistryRateLimited', 'DeadlineExceeded'];
  const ANSWERS: readonly FailureCode[] = [
    'RegistryUnauthorized',
    'ResponseTooLarge',
    'ImageNotFound',
    'InternalError',
  ];

  for (const code of OUTAGES) {
    test(`by ${code}, a known tag is taken for what it was, for as long as an outage may last`, async () => {
      const here = stage();
      await here.resolve();
      here.answer = failing(code);
      here.now = staleIfError * 1000 - 1;
      assert.deepEqual(await here.resolve(), { digest: DIGEST, stale: true });
      assert.equal(here.looked.at(-1), 'tag stale');
      here.now += 1;
      await assert.rejects(here.resolve(), { code });
    });

    test(`by ${code}, an unknown tag stays unknown`, async () => {
      const here = stage();
      here.answer = failing(code);
      await assert.rejects(here.resolve(), { code });
      assert.equal(factsOf(code).isOutage, true);
    });
  }

  for (const code of ANSWERS) {
    test(`but answers ${code}, nothing old is taken`, async () => {
      const here = stage();
      await here.resolve();
      here.now = tags * 1000;
      here.answer = failing(code);
      await assert.rejects(here.resolve(), { code });
      assert.equal(factsOf(code).isOutage, false);
    });
  }

  test('by a mistake of ours, nothing old is taken', async () => {
    const here = stage();
    await here.resolve();
    here.now = tags * 1000;
    here.answer = () => Promise.reject(new TypeError('mistake'));
    await assert.rejects(here.resolve(), TypeError);
  });
});

describe('of several that ask at one time', () => {
  test('those with the same credentials ask once, and share also a failure', async () => {
    const here = stage();
    const both = await Promise.all([here.resolve(), here.resolve()]);
    assert.deepEqual(
      both.map(({ digest }) => digest),
      [DIGEST, DIGEST],
    );
    assert.equal(here.asked.length, 1);
    here.answer = failing('RegistryUnavailable');
    const failed = await Promise.allSettled([here.resolve('2'), here.resolve('2')]);
    assert.deepEqual(
      failed.map(({ status }) => status),
      ['rejected', 'rejected'],
    );
    assert.equal(here.asked.length, 2);
  });

  test('those with others ask for themselves', async () => {
    const here = stage();
    await Promise.all([here.resolve('1', { id: 'a' }), here.resolve('1', { id: 'b' })]);
    assert.equal(here.asked.length, 2);
  });

  test('one whose time is up ends nobody else', async () => {
    const here = stage();
    const [short, long] = [new AbortController(), new AbortController()];
    const answers: (() => void)[] = [];
    here.answer = () => new Promise((resolve) => void answers.push(() => resolve(DIGEST)));
    const first = here.resolve('1', { signal: short.signal });
    const second = here.resolve('1', { signal: long.signal });
    short.abort();
    await assert.rejects(first, { code: 'DeadlineExceeded' });
    while (answers.length < 2) await new Promise(setImmediate);
    answers.forEach((answer) => answer());
    assert.deepEqual(await second, { digest: DIGEST, stale: false });
    assert.equal(here.asked.length, 2);
  });

  test('one who waits for another waits no longer than it may', async () => {
    const here = stage();
    here.answer = () => new Promise(() => {});
    const [first, second] = [new AbortController(), new AbortController()];
    const asking = here.resolve('1', { signal: first.signal });
    const waiting = here.resolve('1', { signal: second.signal });
    second.abort();
    await assert.rejects(waiting, { code: 'DeadlineExceeded' });
    assert.equal(here.asked.length, 1);
    first.abort();
    await assert.rejects(asking, { code: 'DeadlineExceeded' });
  });
});
