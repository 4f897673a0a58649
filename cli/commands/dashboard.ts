// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { oneLine } from '../../core/text.ts';
import type { DashboardPod } from '../cluster/dashboard-pod.ts';
import { parsePort } from '../inputs/address.ts';
import { EXIT, UsageError, type ExitCode } from '../output/exit.ts';
import type { Terminal } from '../output/terminal.ts';

export interface DashboardOptions {
  readonly port: string;
  readonly pod?: string;
  readonly context?: string;
  readonly kubeconfig?: string;
  readonly releaseNamespace: string;
}

const LINE_MOST = 500;

/** Forwards a port of this machine to a replica's dashboard, until a signal asks to stop. */
export async function dashboard(options: DashboardOptions, terminal: Terminal): Promise<ExitCode> {
  const { releaseNamespace, pod: wanted, context, kubeconfig } = options;
  const local = parsePort('--port', options.port);
  const { dashboardPod } = await import('../cluster/dashboard-pod.ts');
  const pod = await dashboardPod({ context, kubeconfig }, { releaseNamespace, pod: wanted });
  const args = [
    'port-forward',
    '--address=127.0.0.1',
    `--namespace=${releaseNamespace}`,
    ...(context === undefined ? [] : [`--context=${context}`]),
    ...(kubeconfig === undefined ? [] : [`--kubeconfig=${kubeconfig}`]),
    `pod/${pod.name}`,
    `${local === 0 ? '' : local}:${pod.port}`,
  ];
  return forward(args, pod, terminal);
}

/** By kubectl, which knows every way into a cluster that its users have. */
async function forward(args: readonly string[], pod: DashboardPod, terminal: Terminal): Promise<ExitCode> {
  const { signal, environment } = terminal;
  const child = spawn('kubectl', args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...environment } });
  const stop = () => child.kill('SIGTERM');
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  createInterface({ input: child.stdout }).on('line', (line) => {
    const port = /^Forwarding from 127\.0\.0\.1:(\d+) -> /.exec(line)?.[1];
    if (port !== undefined) terminal.out(greeting(port, pod));
  });
  createInterface({ input: child.stderr }).on('line', (line) => terminal.err(`kubectl: ${oneLine(line, LINE_MOST)}`));
  const ended = Promise.withResolvers<void>();
  child.once('error', (error: NodeJS.ErrnoException) =>
    ended.reject(error.code === 'ENOENT' ? new UsageError('kubectl is needed, and it is not in PATH') : error),
  );
  child.once('close', () => ended.resolve());
  try {
    await ended.promise;
  } finally {
    signal.removeEventListener('abort', stop);
  }
  if (signal.aborted) return EXIT.allowed;
  throw new Error('kubectl port-forward ended; run this again to see another replica');
}

function greeting(port: string, { name, leads }: DashboardPod): string {
  return `Dashboard of ${name}${leads ? ', which leads' : ''}: http://127.0.0.1:${port}/\nCtrl-C ends it.`;
}
