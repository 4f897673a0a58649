// SPDX-License-Identifier: Apache-2.0
import type { Logger } from '../../../core/observe.ts';
import type { ReviewRecord } from '../../../core/verdict/review-record.ts';
import { postFailure, postJson } from '../delivery/post-json.ts';
import { contextOf } from './sampler.ts';
import type { TracingSettings } from './settings.ts';
import { attributes, spansOf, type OtlpSpan } from './spans.ts';

export interface TracerOptions {
  readonly settings: TracingSettings;
  readonly onSpans: (result: SpanResult, count: number) => void;
  readonly log: Logger;
  readonly limits?: TracerLimits;
}

/** What became of spans; `dropped`: the collector is slower than we are. */
export type SpanResult = 'exported' | 'failed' | 'dropped';

export interface TracerLimits {
  /** Milliseconds that spans wait for others. */
  readonly gather: number;
  readonly queue: number;
  readonly batch: number;
}

export interface Tracer {
  /** Never waits, never fails. */
  reviewed(this: void, record: ReviewRecord): void;
  /** Sends what waits, if that is quickly done. */
  stop(): Promise<void>;
}

/** Milliseconds that an end may be put off. */
const FAREWELL = 3000;
const LIMITS: TracerLimits = { gather: 2000, queue: 2048, batch: 512 };

/** Sends sampled reviews as OTLP/HTTP in JSON: in batches, one at a time, and each batch once. */
export function createTracer(options: TracerOptions): Tracer {
  const { settings, onSpans, log } = options;
  const limits = options.limits ?? LIMITS;
  const resource = { attributes: attributes(settings.resource) };
  const stopping = new AbortController();
  let waiting: OtlpSpan[] = [];
  let timer: NodeJS.Timeout | undefined;
  let exporting: Promise<void> | undefined;
  let stopped = false;

  function reviewed(record: ReviewRecord): void {
    const context = contextOf(record.traceparent);
    if (stopped || !settings.sampler(context)) return;
    const spans = spansOf(record, context);
    if (waiting.length + spans.length > limits.queue) return onSpans('dropped', spans.length);
    waiting.push(...spans);
    if (waiting.length >= limits.batch) flush();
    else schedule();
  }

  function schedule(): void {
    // A trace that is still to be sent keeps no process running.
    timer ??= setTimeout(flush, limits.gather).unref();
  }

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    exporting ??= exportAll().finally(() => {
      exporting = undefined;
    });
  }

  async function exportAll(): Promise<void> {
    while (waiting.length > 0) {
      const spans = waiting.slice(0, limits.batch);
      waiting = waiting.slice(limits.batch);
      const sent = await exportOnce(spans);
      onSpans(sent ? 'exported' : 'failed', spans.length);
      if (waiting.length < limits.batch && !stopped) break;
    }
    if (waiting.length > 0 && !stopped) schedule();
  }

  async function exportOnce(spans: readonly OtlpSpan[]): Promise<boolean> {
    const { url, headers, timeout } = settings;
    const body = JSON.stringify({
      resourceSpans: [{ resource, scopeSpans: [{ scope: { name: 'cosignet' }, spans }] }],
    });
    try {
      const status = await postJson({ url, body, headers, timeout, signal: stopping.signal });
      if (status < 200 || status >= 300) log.warn('traces were refused', { status });
      return status >= 200 && status < 300;
    } catch (thrown) {
      log.warn('traces were not taken', { error: postFailure(thrown) });
      return false;
    }
  }

  async function stop(): Promise<void> {
    stopped = true;
    const cut = setTimeout(() => stopping.abort(), FAREWELL);
    flush();
    await exporting;
    clearTimeout(cut);
  }

  return { reviewed, stop };
}
