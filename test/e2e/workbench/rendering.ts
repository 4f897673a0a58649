// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { parse, parseAllDocuments } from 'yaml';
import { output, requireTools, run } from './tools.ts';

requireTools('helm');

/** An object of the chart, as far as tests look at it. */
export interface Rendered {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly labels?: Record<string, string>;
    readonly annotations?: Record<string, string>;
  };
  readonly spec?: unknown;
  readonly data?: Record<string, string>;
  readonly webhooks?: readonly unknown[];
  readonly rules?: readonly Rule[];
}

interface Webhook {
  readonly name: string;
  readonly failurePolicy: string;
  readonly timeoutSeconds: number;
  readonly sideEffects: string;
  readonly clientConfig: unknown;
  readonly namespaceSelector: unknown;
  readonly rules: readonly Record<'apiGroups' | 'apiVersions' | 'resources' | 'operations', string[]>[];
  readonly matchConditions: readonly { readonly name: string; readonly expression: string }[];
}

interface Rule {
  readonly apiGroups: string[];
  readonly resources: string[];
  readonly verbs: string[];
  readonly resourceNames?: string[];
}

/** The command line that renders the chart, named cosignet in the namespace cosignet. */
export const template = (...flags: string[]): ['helm', ...string[]] => {
  const image = '--set=image.repository=registry.example/cosignet';
  return ['helm', 'template', 'cosignet', 'helm', '--namespace', 'cosignet', image, ...flags];
};

export async function render(...flags: string[]): Promise<Rendered[]> {
  const text = await output(template(...flags));
  return parseAllDocuments(text).flatMap((document) => {
    const object: Rendered | null = document.toJS();
    return object === null ? [] : [object];
  });
}

/** What the leading replica registers, once API servers reach it. */
export function registration(objects: readonly Rendered[]): Registration {
  const text = objects.find(({ data }) => data?.['webhooks.yaml'])?.data?.['webhooks.yaml'] ?? '';
  const written: Registration = parse(text);
  return written;
}

interface Registration {
  readonly mutating: readonly Webhook[];
  readonly validating: readonly Webhook[];
  readonly digestRequired?: { readonly name: string; readonly spec: unknown };
}

/** Why helm does not render it. */
export async function refusal(...flags: string[]): Promise<string> {
  const { code, stderr } = await run(template(...flags));
  assert.notEqual(code, 0, 'helm accepted it');
  return stderr;
}

/** A flag that sets a value that is no string. */
export const json = (path: string, value: unknown) => `--set-json=${path}=${JSON.stringify(value)}`;
