// SPDX-License-Identifier: Apache-2.0
import type { Outcome, VerdictCode } from '../../../../core/verdict-codes.ts';
import { groupPods, type Running } from '../../../../operator/scan/running-groups.ts';
import { createPodKeeper } from '../../../../operator/scan/running-images.ts';
import { compiled } from '../../../fakes/engine.ts';
import { atOnce } from './at-once.ts';

export type Answer = readonly [outcome: Outcome, code: VerdictCode, ...refusedBy: string[]];

const keep = createPodKeeper();

/** What a sweep leaves: by `namespace/image`, run by a Pod of the image's name. */
export function found(answers: Readonly<Record<string, Answer | undefined>>, policies = ['demo']): Running {
  const pods = Object.keys(answers).map((key) => {
    const [namespace = '', image = ''] = key.split('/');
    return keep({ metadata: { name: image, namespace }, spec: { containers: [{ name: 'a', image }] } });
  });
  const running = atOnce(groupPods(pods, () => false));
  const known = policies.map((name) => compiled(name, { images: ['**'], action: 'Deny' }));
  for (const subject of running.subjects) {
    subject.policies = known;
    const answer = answers[`${subject.source.namespace}/${subject.image}`];
    if (answer === undefined) continue;
    const [outcome, code, ...refusedBy] = answer;
    subject.result = { outcome, code, refusedBy, at: 0 };
  }
  return running;
}
