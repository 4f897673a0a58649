// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Denial } from '../../../../core/verdict/review-record.ts';
import type { Verdict } from '../../../../core/verdict/types.ts';
import { createDenialEvents } from '../../../../operator/telemetry/denial-events.ts';
import type { EventNote } from '../../../../operator/kubernetes/events.ts';

const VERDICT: Verdict = {
  image: 'docker.io/acme/app:1',
  outcome: 'denied',
  mode: 'Enforce',
  code: 'NoSignature',
  policies: ['prod', 'strict'],
  refusedBy: ['strict'],
  message: 'image docker.io/acme/app:1 has no signature',
  remedy: 'Sign it',
  signers: [],
  registryRequests: 2,
};

const DENIAL: Denial = { namespace: 'shop', kind: 'Pod', name: '', message: 'no', verdicts: [VERDICT] };
const SUBJECT = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-5f', uid: 'a-1' };

const policy = (name: string) => ({ apiVersion: 'cosignet.dev/v1', kind: 'ImagePolicy', name });

function eventsOf(denial: Denial): EventNote[] {
  const notes: EventNote[] = [];
  const events = { record: (note: EventNote) => void notes.push(note), stop: async () => undefined };
  createDenialEvents({ events, policy })(denial);
  return notes;
}

describe('the Events of a refusal', () => {
  test('are on the owner, in its namespace, with the reason and the remedy', () => {
    const [event] = eventsOf({ ...DENIAL, subject: SUBJECT });
    assert.deepEqual(event, {
      regarding: { ...SUBJECT, namespace: 'shop' },
      type: 'Warning',
      reason: 'NoSignature',
      action: 'Admit',
      note: 'image docker.io/acme/app:1 has no signature. Sign it',
    });
  });

  test('are on the policies that refuse and not on those that are satisfied, and say where it was', () => {
    const [event, ...others] = eventsOf({ ...DENIAL, name: 'web-0' });
    assert.equal(others.length, 0);
    assert.equal(event?.regarding.name, 'strict');
    assert.equal(event?.regarding.namespace, undefined);
    // Counted for the namespace that was refused.
    assert.equal(event?.party, 'shop');
    assert.match(event?.note ?? '', /^Pod shop\/web-0: image /);
  });

  test('name the owner where the Pod has no name yet, and the namespace where nobody owns it', () => {
    assert.match(eventsOf({ ...DENIAL, subject: SUBJECT })[1]?.note ?? '', /^Pod of ReplicaSet shop\/web-5f: /);
    assert.match(eventsOf(DENIAL)[0]?.note ?? '', /^Pod in shop: /);
  });

  test('are on every policy that spoke where it is not known which refused', () => {
    const { refusedBy: _, ...verdict } = VERDICT;
    const names = eventsOf({ ...DENIAL, verdicts: [verdict] }).map(({ regarding }) => regarding.name);
    assert.deepEqual(names, ['prod', 'strict']);
  });

  test('are few, however many images are refused', () => {
    const verdicts = Array.from({ length: 500 }, () => VERDICT);
    assert.equal(eventsOf({ ...DENIAL, verdicts }).length, 4);
  });
});
