// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { VERDICT_CODES } from '../../core/verdict-codes.ts';
import type { VerdictCode } from '../../core/verdict-codes.ts';
import { runCaptured } from '../unit/cli/captured-terminal.ts';
import { TOOLS_BIN } from '../vectors/cosign/workshop.ts';
import type { RegistryKind, SigningFormat, Workshop } from '../vectors/cosign/workshop.ts';
import { startFront } from './front.ts';
import type { Front } from './front.ts';
import type { Made, Row } from './row.ts';

/** What a row makes its image with. */
export interface Bench {
  /** openssl, crane, cosign and their folder. */
  readonly workshop: Workshop;
  /** Where to push to: the front of the row's registry. */
  readonly host: string;
  /** A repository of the row's own. */
  readonly repository: string;
  /** Pushes an image. @returns `host/repository@sha256:…` */
  push(this: void, tag?: string): Promise<string>;
  /** Pushes an image and signs it with the key `release`. @returns `host/repository@sha256:…` */
  signed(this: void, format: SigningFormat): Promise<string>;
}

/** Both answers, as measured. */
export interface Answers {
  readonly cosign: { readonly exitCode: number; readonly text: string };
  readonly cosignet: { readonly exitCode: number; readonly code: VerdictCode; readonly text: string };
  /** What Cosignet asked of the registry. */
  readonly requests: readonly string[];
}

/** `docker-credential-field`. */
const HELPER = 'field';

export const P256 = ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'] as const;

/** The registries of all rows, each behind one front. */
export async function openFronts(workshop: Workshop): Promise<Readonly<Record<RegistryKind, Front>>> {
  await workshop.key('release', P256);
  return {
    distribution: await startFront(await workshop.registry('distribution')),
    referrers: await startFront(await workshop.registry('referrers')),
  };
}

export async function ask(row: Row, front: Front, workshop: Workshop): Promise<Answers> {
  front.behave();
  const repository = `field/${row.input
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '')}`;
  const made = await row.make(benchOf(workshop, front, repository));
  const place = join(workshop.folder, repository);
  mkdirSync(place, { recursive: true });
  const environment = { DOCKER_CONFIG: place, PATH: `${place}:${TOOLS_BIN}:${process.env['PATH']}` };
  writeFileSync(join(place, 'config.json'), JSON.stringify(dockerConfigOf(front, made)));
  if (made.helper !== undefined) writeHelper(join(place, `docker-credential-${HELPER}`), made.helper);
  front.behave(row.manner);
  const cosign = await askCosign(workshop, made, environment);
  front.behave(row.manner);
  const cosignet = await askCosignet(workshop, { front, made, place, environment });
  return { cosign, cosignet, requests: front.requests };
}

function benchOf(workshop: Workshop, { host }: Front, repository: string): Bench {
  const push = async (tag = '1.0') => {
    const name = `${host}/${repository}`;
    return `${name}@${await workshop.push(`${name}:${tag}`)}`;
  };
  return {
    workshop,
    host,
    repository,
    push,
    signed: async (format) => {
      const image = await push();
      await workshop.cosign('sign', format, ['--key', 'release.key', image]);
      return image;
    },
  };
}

function dockerConfigOf({ host }: Front, { login, identityToken, helper }: Made): object {
  const entry = {
    ...(login !== undefined && { auth: Buffer.from(login).toString('base64') }),
    ...(identityToken !== undefined && { identitytoken: identityToken }),
  };
  return {
    auths: Object.keys(entry).length > 0 ? { [host]: entry } : {},
    credHelpers: helper === undefined ? {} : { [host]: HELPER },
  };
}

function writeHelper(file: string, lines: readonly string[]): void {
  writeFileSync(file, `${['#!/bin/sh', ...lines].join('\n')}\n`, { mode: 0o755 });
}

async function askCosign(
  workshop: Workshop,
  { image, key = 'release', byKey = true, cosignCommand = 'verify', cosignFlags = [], cosignEnvironment }: Made,
  environment: Record<string, string>,
): Promise<Answers['cosign']> {
  const flags = ['--insecure-ignore-tlog=true', ...(byKey ? ['--key', `${key}.pub`] : []), ...cosignFlags];
  const asked = { ...environment, ...cosignEnvironment };
  try {
    return { exitCode: 0, text: await workshop.exec('cosign', [cosignCommand, ...flags, image], asked) };
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && typeof error.code === 'number')) throw error;
    return { exitCode: error.code, text: error.message };
  }
}

interface Asking {
  readonly front: Front;
  readonly made: Made;
  readonly place: string;
  readonly environment: Record<string, string>;
}

async function askCosignet(
  workshop: Workshop,
  { front, made, place, environment }: Asking,
): Promise<Answers['cosignet']> {
  const { image, named = image, key = 'release', policy = {}, configuration = {} } = made;
  const file = (name: string, content: object) => {
    writeFileSync(join(place, name), stringify(content));
    return join(place, name);
  };
  const keys = [{ name: key, pem: await workshop.publicKey(key) }];
  const policies = file('policy.yaml', {
    apiVersion: 'cosignet.dev/v1',
    kind: 'ImagePolicy',
    metadata: { name: 'field' },
    spec: { images: ['**'], keys, ...policy },
  });
  const config = file('config.yaml', { registries: [{ host: front.host, insecure: true }], ...configuration });
  const args = ['verify', named, '--policies', policies, '--config', config, '-o', 'json'];
  const ran = await runCaptured(args, { HOME: place, ...environment });
  const verdict: Readonly<Record<string, string>> = ran.out === '' ? {} : JSON.parse(ran.out);
  const code = VERDICT_CODES.find((known) => known === verdict['code']);
  if (code === undefined) throw new Error(`cosignet gave no verdict: ${ran.err}${ran.out}`);
  return { exitCode: ran.code, code, text: `${verdict['message']} ${verdict['remedy']}` };
}
