// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import type { RequestOptions } from 'node:https';
import { KubeConfig, type RequestContext } from '@kubernetes/client-node';
import { Agent, type Dispatcher } from 'undici';
import { createKubeApi, type ApiAuthorization, type KubeApi } from './api-client.ts';

type TlsOptions = Pick<RequestOptions, 'ca' | 'cert' | 'key' | 'rejectUnauthorized' | 'servername'>;

interface SharedAgents {
  /** Of the TLS options they were made with. */
  readonly fingerprint: string;
  readonly calls: Dispatcher;
  readonly watches: Dispatcher;
  readonly lease: Dispatcher;
  readonly secrets: Dispatcher;
  readonly policySecrets: Dispatcher;
}

/** Short requests queue on this many connections; each watch has one of its own. */
const CALL_CONNECTIONS = 4;
const SECRET_CONNECTIONS = 4;
/** No decision waits for these. */
const POLICY_SECRET_CONNECTIONS = 2;
const LEASE_CONNECTIONS = 2;

/**
 * The client library opens a connection for each call; this one shares them. They are replaced when
 * the files behind them (CA, client certificate) change, and the old ones close after their last answer.
 */
export class SharedKubeConfig extends KubeConfig {
  #agents: SharedAgents | undefined;

  /** How to reach the current cluster now: a fresh token, and connections that trust its present CA. */
  async authorization(): Promise<ApiAuthorization> {
    const options: RequestOptions = {};
    await this.applyToHTTPSOptions(options);
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries(options.headers ?? {}))
      headers[name.toLowerCase()] = String(value).trim();
    if (typeof options.auth === 'string') headers['authorization'] = `Basic ${btoa(options.auth)}`;
    const { calls, watches, lease, secrets, policySecrets } = this.#agentsFor(options);
    return { headers, calls, watches, lease, secrets, policySecrets };
  }

  override async applySecurityAuthentication(context: RequestContext): Promise<void> {
    const { headers, calls } = await this.authorization();
    for (const [name, value] of Object.entries(headers)) context.setHeaderParam(name, value);
    if (calls) context.setDispatcher(calls);
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    const agents = this.#agents;
    this.#agents = undefined;
    await Promise.all(dispatchersOf(agents).map((dispatcher) => dispatcher.destroy()));
  }

  #agentsFor(options: TlsOptions): SharedAgents {
    const fingerprint = fingerprintOf(options);
    if (this.#agents?.fingerprint === fingerprint) return this.#agents;
    const stale = this.#agents;
    // Errors of connections that are being closed concern requests that see them themselves.
    void Promise.all(dispatchersOf(stale).map((dispatcher) => dispatcher.close())).catch(() => undefined);
    this.#agents = {
      fingerprint,
      calls: this.#dispatcher(options, CALL_CONNECTIONS),
      watches: this.#dispatcher(options),
      lease: this.#dispatcher(options, LEASE_CONNECTIONS),
      secrets: this.#dispatcher(options, SECRET_CONNECTIONS),
      policySecrets: this.#dispatcher(options, POLICY_SECRET_CONNECTIONS),
    };
    return this.#agents;
  }

  #dispatcher(options: TlsOptions, connections?: number): Dispatcher {
    if (this.getCurrentCluster()?.proxyUrl) throw new Error('proxy-url in the kubeconfig is not supported');
    const { ca, cert, key, rejectUnauthorized, servername } = options;
    // HTTP/1.1: cutting off a silent exchange closes its connection, and nothing else is on it.
    return new Agent({
      allowH2: false,
      connect: {
        timeout: 10_000,
        ...(ca && { ca }),
        ...(cert && { cert }),
        ...(typeof key === 'string' || Buffer.isBuffer(key) ? { key } : {}),
        ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
        ...(servername && { servername }),
      },
      ...(connections !== undefined && { connections }),
    });
  }
}

/** Which file, and which of its contexts; undefined: as kubectl chooses. */
export interface KubeConfigSelection {
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
}

/** From KUBECONFIG, the user's file, or the Pod's service account, in this order. Throws where it is not there. */
export function loadKubeConfig({ kubeconfig, context }: KubeConfigSelection = {}): SharedKubeConfig {
  const config = new SharedKubeConfig();
  if (kubeconfig === undefined) config.loadFromDefault();
  else config.loadFromFile(kubeconfig);
  if (context !== undefined) {
    if (config.getContextObject(context) === null) throw new Error(`the kubeconfig has no context "${context}"`);
    config.setCurrentContext(context);
  }
  return config;
}

export function kubeApiOf(config: SharedKubeConfig): KubeApi {
  const cluster = config.getCurrentCluster();
  const server = cluster?.server ?? '';
  // Without any kubeconfig the library makes up http://localhost:8080, and refuses it at each call.
  if (!server.startsWith('https://') && !cluster?.skipTLSVerify) {
    throw new Error(
      'no cluster is configured: there is no kubeconfig (--kubeconfig, KUBECONFIG, ~/.kube/config), and this is not a Pod',
    );
  }
  return createKubeApi({ server, authorize: () => config.authorization() });
}

function dispatchersOf(agents: SharedAgents | undefined): readonly Dispatcher[] {
  return agents === undefined ? [] : [agents.calls, agents.watches, agents.lease, agents.secrets, agents.policySecrets];
}

function fingerprintOf({ ca, cert, key, rejectUnauthorized, servername }: TlsOptions): string {
  const hash = createHash('sha256');
  for (const part of [ca, cert, key]) hash.update(`${JSON.stringify(part) ?? ''}\0`);
  return hash.update(`${String(rejectUnauthorized)}\0${String(servername)}`).digest('hex');
}
