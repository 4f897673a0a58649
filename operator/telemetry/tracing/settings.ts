// SPDX-License-Identifier: Apache-2.0
import type { Logger } from '../../../core/observe.ts';
import { createSampler, type Sampler } from './sampler.ts';

/** Variables by name; those of https://opentelemetry.io/docs/specs/otel/protocol/exporter/ are read. */
export type Environment = Readonly<Record<string, string | undefined>>;

export interface TracingSettings {
  readonly url: string;
  /** May be credentials. */
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds of one export. */
  readonly timeout: number;
  /** `service.name` and others. */
  readonly resource: Readonly<Record<string, string>>;
  readonly sampler: Sampler;
}

const DEFAULT_TIMEOUT = 10_000;

/** Undefined: no traces; with a line in the log where what is asked for can't be done: traces are no reason not to start. */
export function tracingSettings(
  environment: Environment,
  { identity, log }: { readonly identity: string; readonly log: Logger },
): TracingSettings | undefined {
  const url = tracesUrl(environment);
  if (url === undefined) return undefined;
  const parsed = URL.parse(url);
  if (parsed === null || !['http:', 'https:'].includes(parsed.protocol)) {
    log.warn('no traces are sent: the OTLP endpoint is no http(s) URL');
    return undefined;
  }
  const protocol = either(environment, 'OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'OTEL_EXPORTER_OTLP_PROTOCOL');
  if (protocol === 'grpc') {
    log.warn('no traces are sent: of the OTLP protocols only http/json is spoken, and grpc is asked for');
    return undefined;
  }
  const sampler = createSampler(environment['OTEL_TRACES_SAMPLER'], environment['OTEL_TRACES_SAMPLER_ARG']);
  if (sampler === undefined) {
    log.warn('no traces are sent: OTEL_TRACES_SAMPLER or its argument is not known');
    return undefined;
  }
  const timeout = Number(either(environment, 'OTEL_EXPORTER_OTLP_TRACES_TIMEOUT', 'OTEL_EXPORTER_OTLP_TIMEOUT'));
  return {
    url,
    headers: lowerCased({
      ...pairs(environment['OTEL_EXPORTER_OTLP_HEADERS']),
      ...pairs(environment['OTEL_EXPORTER_OTLP_TRACES_HEADERS']),
    }),
    timeout: timeout > 0 ? Math.min(timeout, 60_000) : DEFAULT_TIMEOUT,
    resource: {
      'service.instance.id': identity,
      'service.name': 'cosignet',
      ...pairs(environment['OTEL_RESOURCE_ATTRIBUTES']),
      ...(environment['OTEL_SERVICE_NAME'] && { 'service.name': environment['OTEL_SERVICE_NAME'] }),
    },
    sampler,
  };
}

/** Where traces are asked for: the address of the collector; undefined: nowhere. */
function tracesUrl(environment: Environment): string | undefined {
  const { OTEL_SDK_DISABLED: disabled, OTEL_TRACES_EXPORTER: exporter } = environment;
  if (disabled?.toLowerCase() === 'true' || exporter === 'none') return undefined;
  const own = environment['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] ?? '';
  // The specification: this one as it is, the general one with the signal's path.
  if (own !== '') return own;
  const general = environment['OTEL_EXPORTER_OTLP_ENDPOINT'] ?? '';
  return general === '' ? undefined : `${general.replace(/\/$/, '')}/v1/traces`;
}

function either(environment: Environment, own: string, general: string): string {
  return environment[own] || environment[general] || '';
}

/** `key=value,key=value`, percent-encoded as in W3C Baggage. What is no pair is left out. */
function pairs(text = ''): Record<string, string> {
  const found = text.split(',').flatMap((item): [string, string][] => {
    const at = item.indexOf('=');
    const key = decoded(item.slice(0, at).trim());
    const value = decoded(item.slice(at + 1).trim());
    return at > 0 && key && value !== undefined ? [[key, value]] : [];
  });
  return Object.fromEntries(found);
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function lowerCased(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
