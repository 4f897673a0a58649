// SPDX-License-Identifier: Apache-2.0
import type { Logger } from '../../../core/observe.ts';
import type { Environment } from './settings.ts';
import type { SpanResult, Tracer } from './tracer.ts';

export interface TracingOptions {
  readonly environment: Environment;
  /** This replica's name. */
  readonly identity: string;
  readonly onSpans: (result: SpanResult, count: number) => void;
  readonly log: Logger;
}

/** Undefined: nobody asks for traces, and then nothing of them is loaded. */
export async function startTracing({ environment, ...rest }: TracingOptions): Promise<Tracer | undefined> {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: general, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: own } = environment;
  if (!general && !own) return undefined;
  const { tracingSettings } = await import('./settings.ts');
  const { createTracer } = await import('./tracer.ts');
  const settings = tracingSettings(environment, rest);
  return settings && createTracer({ settings, ...rest });
}
