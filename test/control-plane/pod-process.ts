// SPDX-License-Identifier: Apache-2.0
import type { V1Container, V1Pod, V1Probe, V1Service } from '@kubernetes/client-node';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { request } from 'undici';
import type { Api, ObjectList } from './api.ts';
import { writeKubeconfig } from './accounts.ts';
import { bracketed } from './addresses.ts';
import { startProgram } from './process.ts';
import { mountsOf, realPath, writeVolumes } from './volumes.ts';

/** What a Pod's process needs of its surroundings. */
export interface PodHost {
  readonly api: Api;
  readonly server: string;
  /** Another way to it, for this Pod; left out, straight. */
  readonly reach?: ((server: string, pod: V1Pod) => Promise<string>) | undefined;
  readonly caFile: string;
  /** Runs instead of the image's entrypoint, before the container's arguments. */
  readonly entrypoint: readonly [string, ...string[]];
  readonly dir: string;
}

export interface PodProcess {
  /** Called whenever the readiness probe changes its mind. */
  onReady(listener: (ready: boolean) => void): void;
  /** SIGTERM, then SIGKILL after the grace period in seconds. */
  stop(graceSeconds: number): Promise<void>;
  readonly ended: Promise<number>;
}

/**
 * Runs a Pod's first container as a process of this machine: its arguments, its environment, its files,
 * and a kubeconfig with a token of its service account, so that the rights are those that the chart grants.
 * The file `pid` beside its log is for tests that end it the hard way.
 */
export async function startPodProcess(host: PodHost, pod: V1Pod, loopback: string): Promise<PodProcess> {
  const [container] = pod.spec?.containers ?? [];
  if (container === undefined) throw new Error('a Pod without containers');
  const name = pod.metadata?.name ?? '';
  const dir = path.join(host.dir, name);
  mkdirSync(dir, { recursive: true });
  await writeVolumes(host.api, pod, path.join(dir, 'volumes'));
  const kubeconfig = await accountKubeconfig(host, pod, dir);
  const mounts = mountsOf(container, path.join(dir, 'volumes'));
  const environment = environmentOf(container, pod, await serviceVariables(host, pod));
  for (const [key, value] of Object.entries(environment)) environment[key] = realPath(value, mounts);
  // In a network namespace of its own it would listen on every address there, of the families that it names.
  const every = loopback.includes(':') ? /^(?:\[::\])?:(?=\d+$)/ : /^(?:0\.0\.0\.0|\[::\])?:(?=\d+$)/;
  const args = (container.args ?? []).map((text) =>
    realPath(expand(text, environment), mounts).replace(every, `${bracketed(loopback)}:`),
  );
  const program = startProgram({
    command: [...entrypointOf(host, container), ...args],
    log: path.join(dir, 'output.log'),
    env: { PATH: process.env['PATH'] ?? '', HOME: dir, KUBECONFIG: kubeconfig, ...environment },
  });
  writeFileSync(path.join(dir, 'pid'), String(program.pid));
  const renewal = setInterval(() => {
    writeVolumes(host.api, pod, path.join(dir, 'volumes')).catch(() => undefined);
  }, 1000);
  const readiness = watchReadiness(container, loopback);
  void program.ended.then(readiness.stop);
  return {
    onReady: readiness.listen,
    ended: program.ended,
    stop: async (graceSeconds) => {
      readiness.stop();
      await program.stop(graceSeconds * 1000);
      clearInterval(renewal);
    },
  };
}

/** What a container's command may do beyond the image's entrypoint. Without `--permission` everything may be done. */
function entrypointOf({ entrypoint: [node, ...rest] }: PodHost, container: V1Container): [string, ...string[]] {
  // Node alone is another program than ours.
  if (container.command?.join() === 'node') return [process.execPath];
  const more = ['--allow-child-process'].filter((flag) => container.command?.includes(flag));
  return rest.includes('--permission') ? [node, ...more, ...rest] : [node, ...rest];
}

async function accountKubeconfig(host: PodHost, pod: V1Pod, dir: string): Promise<string> {
  const { namespace, name, uid } = pod.metadata ?? {};
  const account = pod.spec?.serviceAccountName ?? 'default';
  const answer = await host.api.post<{ status: { token: string } }>(
    `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`,
    {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { expirationSeconds: 3600, boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid } },
    },
  );
  const { caFile } = host;
  const server = (await host.reach?.(host.server, pod)) ?? host.server;
  return writeKubeconfig(path.join(dir, 'kubeconfig'), { server, caFile, token: answer.status.token });
}

/** `<NAME>_SERVICE_HOST` of each Service of the namespace, as the kubelet sets them. */
async function serviceVariables(host: PodHost, pod: V1Pod): Promise<Record<string, string>> {
  const { items } = await host.api.get<ObjectList<V1Service>>(`/api/v1/namespaces/${pod.metadata?.namespace}/services`);
  const entries = items.map(({ metadata, spec }) => {
    return [`${metadata?.name?.toUpperCase().replaceAll('-', '_')}_SERVICE_HOST`, spec?.clusterIP ?? ''] as const;
  });
  return Object.fromEntries(entries);
}

function environmentOf(
  container: V1Container,
  pod: V1Pod,
  given: Readonly<Record<string, string>>,
): Record<string, string> {
  const fields: Readonly<Record<string, string | undefined>> = {
    'metadata.name': pod.metadata?.name,
    'metadata.namespace': pod.metadata?.namespace,
    'metadata.uid': pod.metadata?.uid,
    'spec.nodeName': pod.spec?.nodeName,
    'spec.serviceAccountName': pod.spec?.serviceAccountName,
    'status.podIP': pod.status?.podIP,
    'status.hostIP': pod.status?.hostIP,
  };
  const entries = (container.env ?? []).map(({ name, value, valueFrom }) => {
    const field = valueFrom?.fieldRef?.fieldPath;
    return [name, expand((field === undefined ? value : fields[field]) ?? '', given)] as const;
  });
  return { ...given, ...Object.fromEntries(entries) };
}

function expand(text: string, environment: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$\(([A-Za-z_][A-Za-z0-9_]*)\)/g, (whole, name: string) => environment[name] ?? whole);
}

/** Asks the readiness probe over and over; the other probes only matter to a kubelet. */
function watchReadiness(container: V1Container, loopback: string) {
  const listeners: ((ready: boolean) => void)[] = [];
  const stopped = new AbortController();
  const probe = container.readinessProbe;
  const loop = async () => {
    let ready = false;
    let failures = 0;
    while (!stopped.signal.aborted) {
      const passed = probe === undefined || (await succeeds(probe, container, loopback));
      failures = passed ? 0 : failures + 1;
      const now: boolean = passed || (ready && failures < (probe?.failureThreshold ?? 3));
      // What ended meanwhile has a last word of its own.
      if (stopped.signal.aborted) return;
      if (now !== ready) for (const listener of listeners) listener(now);
      ready = now;
      // Quicker than a kubelet: tests wait for it.
      await delay(200);
    }
  };
  void loop();
  return { listen: (listener: (ready: boolean) => void) => listeners.push(listener), stop: () => stopped.abort() };
}

async function succeeds(probe: V1Probe, container: V1Container, loopback: string): Promise<boolean> {
  const { port = 0, path: where = '/' } = probe.httpGet ?? {};
  const named = container.ports?.find(({ name }) => name === port)?.containerPort;
  try {
    const { statusCode, body } = await request(`http://${bracketed(loopback)}:${named ?? port}${where}`, {
      signal: AbortSignal.timeout((probe.timeoutSeconds ?? 1) * 1000),
    });
    await body.dump();
    return statusCode >= 200 && statusCode < 400;
  } catch {
    return false;
  }
}
