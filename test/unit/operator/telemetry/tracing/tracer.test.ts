// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { silentLogger } from '../../../../../core/observe.ts';
import type { ReviewRecord } from '../../../../../core/verdict/review-record.ts';
import { tracingSettings, type Environment } from '../../../../../operator/telemetry/tracing/settings.ts';
import { createTracer, type Tracer, type TracerLimits } from '../../../../../operator/telemetry/tracing/tracer.ts';
import { FakeReceiver } from '../../../../fakes/receiver.ts';
import { eventually } from '../../eventually.ts';
import { HOSTILE, refusal } from '../notifications/denials.ts';
import { processorTime } from '../../../../fakes/processor-time.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { key: string; value: Record<string, unknown> }[];
  readonly status: { code: number };
}

function record(change: Partial<ReviewRecord> = {}): ReviewRecord {
  const time = { startedAt: 1_772_366_400_000, endedAt: 1_772_366_400_250 };
  return {
    endpoint: 'mutate',
    uid: 'u-1',
    namespace: 'shop',
    kind: 'Pod',
    name: 'web-0',
    user: 'jane',
    operation: 'CREATE',
    dryRun: false,
    outcome: 'refused',
    decisions: [{ verdict: refusal('docker.io/acme/app:1'), mode: 'Enforce', refused: true, time }],
    time,
    ...change,
  };
}

function valuesOf(span: Span | undefined): Record<string, unknown> {
  return Object.fromEntries((span?.attributes ?? []).map(({ key, value }) => [key, Object.values(value)[0]]));
}

describe('createTracer', () => {
  let collector: FakeReceiver;
  let tracer: Tracer;
  let counted: Record<string, number>;

  function start(environment: Environment = {}, limits: Partial<TracerLimits> = {}): void {
    const address = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_EXPORTER_OTLP_TIMEOUT: '200' };
    const settings = tracingSettings({ ...address, ...environment }, { identity: 'cosignet-0', log: silentLogger });
    assert.ok(settings);
    tracer = createTracer({
      settings,
      onSpans: (result, count) => (counted[result] = (counted[result] ?? 0) + count),
      log: silentLogger,
      limits: { gather: 20, queue: 100, batch: 50, ...limits },
    });
  }
  const spans = (): Span[] =>
    collector.received.flatMap(({ text }) => {
      const body: { resourceSpans: { scopeSpans: { spans: Span[] }[] }[] } = JSON.parse(text);
      return body.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans));
    });

  beforeEach(async () => {
    collector = await new FakeReceiver().start();
    counted = {};
  });
  afterEach(async () => {
    await tracer.stop();
    await collector.stop();
  });

  test('sends a span for the review and, below it, one for each image', async () => {
    start();
    tracer.reviewed(record());
    await eventually(() => counted['exported'] === 2);
    assert.equal(collector.received[0]?.path, '/v1/traces');
    assert.equal(collector.received[0]?.headers['content-type'], 'application/json');
    const [review, image] = spans();
    assert.match(review?.traceId ?? '', /^[0-9a-f]{32}$/);
    assert.match(review?.spanId ?? '', /^[0-9a-f]{16}$/);
    assert.equal(review?.parentSpanId, undefined);
    assert.deepEqual([review?.name, review?.kind], ['admission mutate', 2]);
    assert.deepEqual([image?.traceId, image?.parentSpanId, image?.kind], [review?.traceId, review?.spanId, 1]);
    assert.notEqual(image?.spanId, review?.spanId);
    assert.equal(review?.startTimeUnixNano, '1772366400000000000');
    assert.equal(review?.endTimeUnixNano, '1772366400250000000');
  });

  test('tells code, outcome and requests of an image, in the types of OTLP', async () => {
    start();
    tracer.reviewed(record());
    await eventually(() => spans().length === 2);
    const values = valuesOf(spans()[1]);
    assert.equal(values['cosignet.image'], 'docker.io/acme/app:1');
    assert.equal(values['cosignet.code'], 'NoSignature');
    assert.equal(values['cosignet.outcome'], 'denied');
    assert.deepEqual(values['cosignet.policies'], { values: [{ stringValue: 'prod' }] });
    const requests = spans()[1]?.attributes.find(({ key }) => key === 'cosignet.registry.requests');
    assert.deepEqual(requests?.value, { intValue: '2' });
  });

  test('a refusal is no error, and what could not be checked is one', async () => {
    start();
    const verdict = refusal('a:1', { outcome: 'error', code: 'RegistryUnavailable' });
    const time = record().time;
    tracer.reviewed(record());
    tracer.reviewed(record({ decisions: [{ verdict, mode: 'Enforce', refused: true, time }] }));
    await eventually(() => spans().length === 4);
    assert.deepEqual(
      spans().map(({ status }) => status.code),
      [0, 0, 2, 2],
    );
  });

  test('takes up the trace of the API server, and leaves out what that does not record', async () => {
    start();
    tracer.reviewed(record({ traceparent: `00-${TRACE}-${PARENT}-00` }));
    tracer.reviewed(record({ traceparent: `00-${TRACE}-${PARENT}-01` }));
    await eventually(() => counted['exported'] === 2);
    assert.deepEqual([spans()[0]?.traceId, spans()[0]?.parentSpanId], [TRACE, PARENT]);
  });

  test('sends headers and resource as they were given', async () => {
    start({ OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20t', OTEL_SERVICE_NAME: 'gate' });
    tracer.reviewed(record());
    await eventually(() => collector.received.length === 1);
    assert.equal(collector.received[0]?.headers.authorization, 'Bearer t');
    const { resourceSpans } = JSON.parse(collector.received[0]?.text ?? '');
    const { attributes } = resourceSpans[0].resource;
    assert.ok(attributes.some((item: object) => JSON.stringify(item).includes('"gate"')));
  });

  test('hands no header on to where a collector redirects', async () => {
    const elsewhere = await new FakeReceiver().start();
    collector.answer = () => ({ status: 308, headers: { location: elsewhere.url } });
    start({ OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20t' });
    tracer.reviewed(record());
    await eventually(() => counted['failed'] === 2);
    assert.equal(elsewhere.received.length, 0);
    await elsewhere.stop();
  });

  test('what a hostile image is called stays a short text', async () => {
    start();
    const time = record().time;
    const verdict = refusal(`${HOSTILE}${'x'.repeat(1_000_000)}`);
    tracer.reviewed(record({ decisions: [{ verdict, mode: 'Enforce', refused: true, time }] }));
    await eventually(() => spans().length === 2);
    assert.ok((collector.received[0]?.text.length ?? 0) < 5000);
    assert.doesNotMatch(String(valuesOf(spans()[1])['cosignet.image']), /[\n\u202e]/);
  });

  test('a collector that hangs costs a batch each and holds no more than the queue', async () => {
    collector.answer = () => 'hang';
    start();
    const startedAt = processorTime();
    for (let count = 0; count < 1000; count += 1) tracer.reviewed(record());
    assert.ok(processorTime() - startedAt < 500);
    await eventually(() => counted['failed'] === 50);
    assert.ok((counted['dropped'] ?? 0) >= 1800, `${counted['dropped']}`);
  });

  test('sends what waits before it ends', async () => {
    start({}, { gather: 60_000 });
    tracer.reviewed(record());
    await tracer.stop();
    assert.equal(counted['exported'], 2);
  });
});
