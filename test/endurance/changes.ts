// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import { policy, type Installation } from '../e2e/workbench/installation.ts';
import { admitted, question, refused, type Question } from './questions.ts';
import { Timeline } from './timeline.ts';

/** A policy that changes to and fro, and the question whose answer that changes. */
interface Flip {
  readonly question: Question;
  /** The right answer before the first change, and after it. */
  readonly answers: readonly [string, string];
  /** To the second of them (true) or back. */
  readonly change: (forth: boolean) => Promise<unknown>;
}

export interface Changes {
  readonly questions: readonly Question[];
  /** Changes one policy after the other, each again after `period` milliseconds, until the signal; how often. */
  run(period: number, signal: AbortSignal): Promise<number>;
}

const POLICIES = '/apis/cosignet.dev/v1/imagepolicies';
const OWN = '/apis/cosignet.dev/v1/namespaces/team/namespacedimagepolicies';

/** Makes the policies that stay and those that change, and pushes the images whose verdicts they change. */
export async function prepareChanges(here: Installation): Promise<Changes> {
  await here.kubectl('create', 'namespace', 'team');
  await makeSteady(here);
  const flips = await Promise.all([keysOf(here), actionOf(here), presenceOf(here), modeOf(here), ownOf(here)]);
  return {
    questions: flips.map((flip) => flip.question),
    async run(period, signal) {
      let count = 0;
      for (; !signal.aborted; count += 1) {
        const { question: asked, answers, change } = at(flips, count % flips.length);
        const forth = Math.floor(count / flips.length) % 2 === 0;
        await asked.right.change(answers[forth ? 1 : 0], () => change(forth));
        await delay(period / flips.length);
      }
      return count;
    },
  };
}

async function makeSteady(here: Installation): Promise<void> {
  const { host } = here.bench.registry;
  const { reference } = await pushed(here, 'warn/a', false);
  const keys = [{ name: 'other', pem: here.other.publicKey }];
  await create(here, 'vendor', { images: [`${host}/vendor/*`], keys });
  await create(here, 'banned', { images: [`${host}/ban/*`], action: 'Deny' });
  await create(here, 'free', { images: [`${host}/free/*`], action: 'Allow' });
  await create(here, 'lenient', { images: [reference.replace(/:1\.0$/, '')], mode: 'Warn', keys });
}

/** Who must have signed. */
async function keysOf(here: Installation): Promise<Flip> {
  const { reference, pinned, repository } = await pushed(here, 'flip/keys');
  const spec = (pair: Installation['release']) => ({ images: [repository], keys: [{ pem: pair.publicKey }] });
  await create(here, 'flip-keys', spec(here.release));
  return flipOf('the keys of its policy change', [reference], {
    answers: [admitted(['Verified'], [pinned]), refused(['UntrustedSignature'])],
    change: (forth) => patch(here, 'flip-keys', spec(forth ? here.other : here.release)),
  });
}

async function actionOf(here: Installation): Promise<Flip> {
  const image = `${here.bench.registry.host}/flip/action`;
  await create(here, 'flip-action', { images: [image], action: 'Allow' });
  return flipOf('its policy allows, then denies', [image], {
    answers: [admitted(['AllowedByPolicy']), refused(['DeniedByPolicy'])],
    change: (forth) => patch(here, 'flip-action', { action: forth ? 'Deny' : 'Allow' }),
  });
}

/** Beside an image of a policy that stays: they are decided together. */
async function presenceOf(here: Installation): Promise<Flip> {
  const { reference, pinned, repository } = await pushed(here, 'flip/presence');
  const { signed } = here.images;
  return flipOf('a policy that denies comes and goes', [reference, signed.tag], {
    answers: [admitted(['Verified', 'Verified'], [pinned, signed.pinned]), refused(['DeniedByPolicy', 'Verified'])],
    change: (forth) =>
      forth
        ? create(here, 'flip-presence', { images: [repository], action: 'Deny' })
        : here.bench.cluster.api.delete(`${POLICIES}/flip-presence`),
  });
}

async function modeOf(here: Installation): Promise<Flip> {
  const { reference, repository } = await pushed(here, 'flip/mode', false);
  const keys = [{ pem: here.release.publicKey }];
  await create(here, 'flip-mode', { images: [repository], keys });
  return flipOf('its policy enforces, then audits', [reference], {
    answers: [refused(['NoSignature']), admitted(['NoSignature'])],
    change: (forth) => patch(here, 'flip-mode', { mode: forth ? 'Audit' : 'Enforce' }),
  });
}

async function ownOf(here: Installation): Promise<Flip> {
  const { api } = here.bench.cluster;
  const { signed } = here.images;
  const own = {
    apiVersion: 'cosignet.dev/v1',
    kind: 'NamespacedImagePolicy',
    metadata: { name: 'flip-own', namespace: 'team' },
    spec: { images: ['**'], keys: [{ pem: here.other.publicKey }] },
  };
  return flipOf('its namespace asks for more, then does not', [signed.tag], {
    namespace: 'team',
    answers: [admitted(['Verified'], [signed.pinned]), refused(['UntrustedSignature'])],
    change: (forth) => (forth ? api.post(OWN, own) : api.delete(`${OWN}/flip-own`)),
  });
}

interface FlipOptions extends Omit<Flip, 'question'> {
  readonly namespace?: string;
}

function flipOf(name: string, containers: readonly string[], { namespace = 'shop', ...rest }: FlipOptions): Flip {
  const right = new Timeline(rest.answers[0]);
  return { question: question(name, right, { weight: 3, namespace, containers }), ...rest };
}

async function pushed({ bench, release }: Installation, name: string, isSigned = true) {
  const reference = `${bench.registry.host}/${name}:1.0`;
  const digested = await bench.registry.push(`${name}:1.0`);
  if (isSigned) await bench.registry.sign(digested, release);
  const pinned = `${reference}${digested.slice(digested.indexOf('@'))}`;
  return { reference, pinned, repository: `${bench.registry.host}/${name}` };
}

function create({ bench }: Installation, name: string, spec: object): Promise<unknown> {
  return bench.cluster.api.post(POLICIES, policy(name, spec));
}

function patch({ bench }: Installation, name: string, spec: object): Promise<unknown> {
  return bench.cluster.api.patch(`${POLICIES}/${name}`, { spec });
}

function at<T>(items: readonly T[], index: number): T {
  const item = items[index];
  if (item === undefined) throw new RangeError(`no item ${index}`);
  return item;
}
