// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { completeNotification, type WrittenNotification } from '../../../../../core/config/notifications.ts';
import type { LogFields } from '../../../../../core/observe.ts';
import { createNotifier, type Notifier } from '../../../../../operator/telemetry/notifications/notifier.ts';
import { FakeReceiver } from '../../../../fakes/receiver.ts';
import { eventually } from '../../eventually.ts';
import { denial, refusal } from './denials.ts';
import { processorTime } from '../../../../fakes/processor-time.ts';

const PATH = '/services/very-secret';

describe('createNotifier', () => {
  let receiver: FakeReceiver;
  let notifier: Notifier;
  let secrets: Record<string, string>;
  let items: WrittenNotification[];
  let counted: Record<string, number>;
  /** Milliseconds that an answer is waited for. */
  let timeout: number;
  let lines: string[];

  beforeEach(async () => {
    receiver = await new FakeReceiver().start();
    secrets = {};
    counted = {};
    timeout = 300;
    lines = [];
    items = [{ name: 'ops', url: `${receiver.url}${PATH}`, insecure: true, ratePerMinute: 600 }];
    const log = (message: string, fields: LogFields = {}) => void lines.push(JSON.stringify({ message, ...fields }));
    notifier = createNotifier({
      notifications: () => items.map(completeNotification),
      secretText: (name, key) => secrets[`${name}/${key}`],
      identity: 'cosignet-0',
      onResult: ({ name, result }, notes) => {
        counted[`${name} ${result}`] = (counted[`${name} ${result}`] ?? 0) + notes;
      },
      log: { debug: log, info: log, warn: log, error: log },
      clock: Date.now,
      monotonic: () => performance.now(),
      limits: {
        repeat: 60_000,
        gather: 20,
        queue: 5,
        batch: 3,
        retry: 30,
        get timeout() {
          return timeout;
        },
      },
    });
  });
  afterEach(async () => {
    await notifier.stop();
    await receiver.stop();
    assert.doesNotMatch(lines.join('\n'), /very-secret/, 'the address must be in no line of the log');
  });

  const imagesAt = (index: number): string[] => {
    const { refusals }: { refusals: { verdict: { image: string } }[] } = JSON.parse(
      receiver.received[index]?.text ?? '{"refusals":[]}',
    );
    return refusals.map(({ verdict }) => verdict.image);
  };

  test('tells of a refusal', async () => {
    notifier.denied(denial('a:1'));
    await eventually(() => counted['ops sent'] === 1);
    assert.equal(receiver.received[0]?.path, PATH);
    assert.equal(receiver.received[0]?.headers['content-type'], 'application/json');
    assert.deepEqual(imagesAt(0), ['a:1']);
  });

  test('tells of refusals that come together in one message, and of the same one once', async () => {
    for (let count = 0; count < 50; count += 1) notifier.denied(denial('a:1'));
    notifier.denied(denial('b:1'));
    await eventually(() => counted['ops sent'] === 2);
    assert.equal(receiver.received.length, 1);
    assert.deepEqual(imagesAt(0), ['a:1', 'b:1']);
    assert.equal(counted['ops repeated'], 49);
  });

  test('holds few, says how many it left out, and counts them', async () => {
    for (let count = 0; count < 1000; count += 1) notifier.denied(denial(`a:${count}`));
    await eventually(() => counted['ops sent'] === 5);
    assert.equal(counted['ops dropped'], 995);
    assert.deepEqual(imagesAt(0), ['a:0', 'a:1', 'a:2']);
    assert.equal(JSON.parse(receiver.received[0]?.text ?? '').omitted, 995);
    assert.equal(JSON.parse(receiver.received[1]?.text ?? '').omitted, 0);
  });

  test('a namespace that is refused much fills the queue with nobody else, and is told of in turns', async () => {
    for (let count = 0; count < 1000; count += 1) notifier.denied(denial(`flood:${count}`));
    notifier.denied(denial('team:1', { namespace: 'team' }));
    notifier.denied(denial('team:2', { namespace: 'team' }));
    notifier.denied(denial('other:1', { namespace: 'other' }));
    await eventually(() => counted['ops sent'] === 5);
    assert.deepEqual(imagesAt(0), ['flood:0', 'team:1', 'other:1']);
    assert.deepEqual(imagesAt(1), ['flood:1', 'team:2']);
    assert.equal(counted['ops dropped'], 998);
    assert.equal(JSON.parse(receiver.received[0]?.text ?? '').omitted, 998);
    // What was dropped was not told: it is no repetition.
    notifier.denied(denial('flood:4'));
    await eventually(() => counted['ops sent'] === 6);
  });

  test('sends no faster than was asked for', async () => {
    items = [{ ...items[0], name: 'ops', ratePerMinute: 120 }];
    for (let count = 0; count < 5; count += 1) notifier.denied(denial(`a:${count}`));
    const startedAt = performance.now();
    await eventually(() => receiver.received.length === 2);
    assert.ok(performance.now() - startedAt > 450);
  });

  test('decides without it: telling takes no time even where nobody answers', async () => {
    receiver.answer = () => 'hang';
    const startedAt = processorTime();
    for (let count = 0; count < 1000; count += 1) notifier.denied(denial(`a:${count}`));
    assert.ok(processorTime() - startedAt < 200);
  });

  for (const [what, answer] of [
    ['no answer', 'hang'],
    ['an error of the receiver', { status: 503 }],
    ['too many requests', { status: 429 }],
  ] as const) {
    test(`tries twice after ${what}, and no more`, async () => {
      receiver.answer = () => answer;
      notifier.denied(denial('a:1'));
      await eventually(() => counted['ops failed'] === 1);
      await sleep(100);
      assert.equal(receiver.received.length, 2);
    });
  }

  test('is heard at the second try', async () => {
    receiver.answer = () => ({ status: receiver.received.length === 1 ? 500 : 200 });
    notifier.denied(denial('a:1'));
    await eventually(() => counted['ops sent'] === 1);
    assert.equal(counted['ops failed'], undefined);
  });

  test('follows no redirect', async () => {
    const elsewhere = await new FakeReceiver().start();
    receiver.answer = () => ({ status: 307, headers: { location: elsewhere.url } });
    notifier.denied(denial('a:1'));
    await eventually(() => counted['ops failed'] === 1);
    assert.equal(receiver.received.length, 1);
    assert.equal(elsewhere.received.length, 0);
    await elsewhere.stop();
  });

  test('tells of wanted outcomes and codes only', async () => {
    items = [
      { ...items[0], name: 'errors', outcomes: ['error'] },
      { ...items[0], name: 'forged', codes: ['UntrustedSignature'] },
    ];
    const verdicts = [
      refusal('a:1'),
      refusal('b:1', { code: 'UntrustedSignature' }),
      refusal('c:1', { code: 'RegistryUnavailable', outcome: 'error' }),
    ];
    notifier.denied(denial('', { verdicts }));
    await eventually(() => counted['errors sent'] === 1 && counted['forged sent'] === 1);
    assert.deepEqual(new Set([...imagesAt(0), ...imagesAt(1)]), new Set(['b:1', 'c:1']));
  });

  test('reads its address from a Secret, at each message', async () => {
    items = [{ name: 'ops', urlSecret: { name: 'hooks', key: 'ops' }, insecure: true, ratePerMinute: 600 }];
    notifier.denied(denial('a:1'));
    await eventually(() => counted['ops failed'] === 1);
    assert.match(lines.join(), /no usable address/);
    secrets['hooks/ops'] = `${receiver.url}${PATH}\n`;
    notifier.denied(denial('b:1'));
    await eventually(() => counted['ops sent'] === 1);
  });

  test('sends by plain HTTP only where that was asked for, Secret or not', async () => {
    items = [{ name: 'ops', urlSecret: { name: 'hooks', key: 'ops' }, ratePerMinute: 600 }];
    secrets['hooks/ops'] = `${receiver.url}${PATH}`;
    notifier.denied(denial('a:1'));
    await eventually(() => counted['ops failed'] === 1);
    assert.equal(receiver.received.length, 0);
  });

  test('says of an address where nobody listens no more than its name and the failure', async () => {
    items = [{ name: 'ops', url: `http://127.0.0.1:1${PATH}`, insecure: true, ratePerMinute: 600 }];
    notifier.denied(denial('a:1'));
    await eventually(() => counted['ops failed'] === 1);
    assert.match(lines[0] ?? '', /"name":"ops","error":"ECONNREFUSED"/);
  });

  test('ends at once, whatever waits', async () => {
    receiver.answer = () => 'hang';
    timeout = 60_000;
    notifier.denied(denial('a:1'));
    await eventually(() => receiver.received.length === 1);
    const startedAt = performance.now();
    await notifier.stop();
    assert.ok(performance.now() - startedAt < timeout / 2);
  });
});
