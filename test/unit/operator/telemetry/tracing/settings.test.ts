// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { silentLogger } from '../../../../../core/observe.ts';
import {
  tracingSettings,
  type Environment,
  type TracingSettings,
} from '../../../../../operator/telemetry/tracing/settings.ts';

const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' };

function settingsOf(environment: Environment): TracingSettings | undefined {
  return tracingSettings(environment, { identity: 'cosignet-0', log: silentLogger });
}

function resource(environment: Environment) {
  return settingsOf({ ...ENDPOINT, ...environment })?.resource;
}

describe('the address of traces', () => {
  for (const [what, environment, url] of [
    ['is nowhere unless one is given', {}, undefined],
    ['has the path of traces behind the general one', ENDPOINT, 'http://collector:4318/v1/traces'],
    [
      'has no two slashes',
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'https://collector/otlp/' },
      'https://collector/otlp/v1/traces',
    ],
    [
      'is the one for traces as it is written',
      { ...ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://traces/in' },
      'https://traces/in',
    ],
    ['is nowhere where the SDK is switched off', { ...ENDPOINT, OTEL_SDK_DISABLED: 'TRUE' }, undefined],
    ['is nowhere where there is no exporter', { ...ENDPOINT, OTEL_TRACES_EXPORTER: 'none' }, undefined],
    ['is nowhere where gRPC is asked for', { ...ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, undefined],
    ['is nowhere where it is no URL', { OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318' }, undefined],
    ['is nowhere where the sampler is unknown', { ...ENDPOINT, OTEL_TRACES_SAMPLER: 'mine' }, undefined],
    [
      'is nowhere where the ratio is none',
      { ...ENDPOINT, OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '7' },
      undefined,
    ],
  ] as const) {
    test(what, () => assert.equal(settingsOf(environment)?.url, url));
  }
});

describe('what is sent along', () => {
  test('are the headers, those for traces first, decoded', () => {
    const { headers } = settingsOf({
      ...ENDPOINT,
      OTEL_EXPORTER_OTLP_HEADERS: 'Authorization=Bearer%20abc%3D, x-team=a,,=b,broken=%zz',
      OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'X-Team=b',
    }) ?? { headers: {} };
    assert.deepEqual(headers, { authorization: 'Bearer abc=', 'x-team': 'b' });
  });

  test('is the resource, in which OTEL_SERVICE_NAME wins', () => {
    assert.deepEqual(resource({}), { 'service.instance.id': 'cosignet-0', 'service.name': 'cosignet' });
    const attributes = { OTEL_RESOURCE_ATTRIBUTES: 'service.name=a,deployment.environment.name=test%20one' };
    assert.equal(resource(attributes)?.['service.name'], 'a');
    assert.equal(resource(attributes)?.['deployment.environment.name'], 'test one');
    assert.equal(resource({ ...attributes, OTEL_SERVICE_NAME: 'b' })?.['service.name'], 'b');
  });

  test('has a timeout', () => {
    assert.equal(settingsOf(ENDPOINT)?.timeout, 10_000);
    assert.equal(settingsOf({ ...ENDPOINT, OTEL_EXPORTER_OTLP_TIMEOUT: '500' })?.timeout, 500);
    assert.equal(settingsOf({ ...ENDPOINT, OTEL_EXPORTER_OTLP_TIMEOUT: 'soon' })?.timeout, 10_000);
  });
});
