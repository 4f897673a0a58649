// SPDX-License-Identifier: Apache-2.0
// sigstore's protocol for key services of one's own: sigstore/pkg/signature/kms/cliplugin, README and common/interface.go.
import path from 'node:path';
import { fieldOf, parseJsonObject } from '../json.ts';
import { oneLine } from '../text.ts';
import { programEnvironment } from '../registry/credentials/program.ts';
import type { KmsReference } from './reference.ts';
import { serviceMeantBy } from './spelling.ts';
import type { KmsMeans } from './types.ts';

const VERSION = 'v1';
/** Go's number of SHA-256; a public key does not depend on it. */
const SHA256 = 5;
const MILLISECONDS = 10_000;

/** Runs `sigstore-kms-NAME`, one of those that the configuration lists, for its public key. */
export async function readPluginKey(
  { scheme, resource }: KmsReference,
  { settings, environment, run, clock }: KmsMeans,
): Promise<readonly string[]> {
  const { plugins } = settings;
  if (plugins === undefined || !plugins.names.includes(scheme)) {
    const meant = serviceMeantBy(scheme);
    const hint = meant === undefined ? '' : `; did you mean ${meant}://?`;
    throw new Error(`the configuration lists no KMS plugin ${scheme}${hint}`);
  }
  const name = `sigstore-kms-${scheme}`;
  const ctxDeadline = new Date(clock() + MILLISECONDS).toISOString();
  const question = {
    initOptions: { ctxDeadline, protocolVersion: VERSION, keyResourceID: resource, hashFunc: SHA256, rpcOptions: {} },
    methodName: 'publicKey',
    publicKey: { publicKeyOptions: { rpcOptions: { ctxDeadline } } },
  };
  const own = Object.fromEntries(plugins.environment.map((variable) => [variable, environment[variable]]));
  const { exitCode, output } = await run({
    file: path.join(plugins.folder, name),
    name,
    args: [VERSION, JSON.stringify(question)],
    input: '',
    environment: { ...programEnvironment(environment), ...own },
    timeoutMilliseconds: MILLISECONDS,
  });
  // Which one it is says nothing, by the protocol; an end by a signal does.
  if (exitCode === null) throw new Error(`${name} was ended by a signal`);
  return [keyIn(parseJsonObject(output), name)];
}

function keyIn(answer: unknown, name: string): string {
  if (answer === undefined) throw new Error(`${name} answered no JSON`);
  const fault = fieldOf(answer, 'errorMessage');
  if (typeof fault === 'string' && fault !== '') throw new Error(`${name} says: ${oneLine(fault, 300)}`);
  const encoded = fieldOf(fieldOf(answer, 'publicKey'), 'publicKeyPEM');
  if (typeof encoded !== 'string' || encoded === '') throw new Error(`${name} answered no public key`);
  return Buffer.from(encoded, 'base64').toString('utf8');
}
