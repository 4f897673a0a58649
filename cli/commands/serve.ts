// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { errorText } from '../../core/text.ts';
import { serve as run } from '../../operator/main.ts';
import { parseAddress, parsePort } from '../inputs/address.ts';
import { dockerKeychain } from '../inputs/credentials.ts';
import { EXIT, UsageError, type ExitCode } from '../output/exit.ts';
import { createLogger, type LoggerOptions } from '../output/logger.ts';
import type { Terminal } from '../output/terminal.ts';
import { VERSION } from '../output/version.ts';
import { tufCacheFolder } from '../inputs/trust-roots.ts';

export interface ServeCommandOptions {
  readonly policies: readonly string[];
  readonly listen: string;
  readonly metricsListen: string;
  readonly probesListen?: string;
  readonly dashboardPort?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly certificateLifetime: string;
  readonly config?: string;
  readonly webhooks?: string;
  readonly tufCache?: string;
  readonly name: string;
  readonly namespace?: string;
  readonly logLevel: LoggerOptions['level'];
  readonly logFormat: LoggerOptions['format'];
}

/** Where the kubelet tells a Pod its namespace. */
const SERVICE_ACCOUNT_NAMESPACE = '/var/run/secrets/kubernetes.io/serviceaccount/namespace';

/** Runs until a signal asks to stop. */
export async function serve(options: ServeCommandOptions, terminal: Terminal): Promise<ExitCode> {
  const { policies, tlsCert, tlsKey, name } = options;
  if ((tlsCert === undefined) !== (tlsKey === undefined))
    throw new UsageError('give --tls-cert and --tls-key together');
  const log = createLogger({ level: options.logLevel, format: options.logFormat });
  try {
    await run(
      {
        ...(policies.length > 0 && { policies, keychain: await dockerKeychain(terminal.environment) }),
        ...addressesOf(options),
        ...dashboardOf(options),
        ...(tlsCert !== undefined && tlsKey !== undefined && { tlsCert, tlsKey }),
        certificateLife: lifetimeOf(options.certificateLifetime),
        ...filesOf(options),
        tufCache: tufCacheFolder(options.tufCache, terminal.environment),
        namespace: options.namespace ?? (await ownNamespace()),
        name,
        identity: terminal.environment['POD_NAME'] ?? `${hostname()}-${process.pid}`,
        environment: terminal.environment,
        log,
      },
      terminal.signal,
    );
    return EXIT.allowed;
  } catch (error) {
    throw isInputFault(error) ? new UsageError(linesOf(error).join('\ncosignet: '), { cause: error }) : error;
  }
}

function filesOf({ config, webhooks }: ServeCommandOptions) {
  return { ...(config !== undefined && { configPath: config }), ...(webhooks !== undefined && { webhooks }) };
}

function addressesOf({ listen, metricsListen, probesListen }: ServeCommandOptions) {
  return {
    listen: parseAddress('--listen', listen),
    metricsListen: parseAddress('--metrics-listen', metricsListen),
    ...(probesListen !== undefined && { probesListen: parseAddress('--probes-listen', probesListen) }),
  };
}

function dashboardOf({ dashboardPort, policies }: ServeCommandOptions) {
  if (dashboardPort === undefined) return {};
  if (policies.length > 0) throw new UsageError('--dashboard-port: without a cluster there is no dashboard');
  return { dashboard: { port: parsePort('--dashboard-port', dashboardPort), version: VERSION } };
}

/** A minute leaves time for other API servers to learn of a new authority; ten years are for ever. */
function lifetimeOf(text: string): number {
  const seconds = /^[0-9]{1,10}$/.test(text) ? Number(text) : NaN;
  if (!(seconds >= 60 && seconds <= 10 * 365 * 86_400)) {
    throw new UsageError(`--certificate-lifetime ${text}: write whole seconds, from 60 to 315360000`);
  }
  return seconds * 1000;
}

async function ownNamespace(): Promise<string> {
  const text = await readFile(SERVICE_ACCOUNT_NAMESPACE, 'utf8').catch(() => '');
  return text.trim() || 'cosignet';
}

/** Files that can't be used, addresses that can't be listened on: the command line is what to mend. */
const INPUT_FAULTS: ReadonlySet<unknown> = new Set([
  'EACCES',
  'EADDRINUSE',
  'EADDRNOTAVAIL',
  'EISDIR',
  'ENOENT',
  'ENOTDIR',
  'ENOTFOUND',
]);

function isInputFault(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  return (
    isPolicyFault(error) || error.name === 'RegistrationError' || ('code' in error && INPUT_FAULTS.has(error.code))
  );
}

function isPolicyFault({ name }: Error): boolean {
  return name === 'PolicyFilesError';
}

/** A fault a line, as `lint` has them. */
function linesOf(error: Error): readonly string[] {
  return isPolicyFault(error) ? error.message.split('\n').map(errorText) : [errorText(error)];
}
