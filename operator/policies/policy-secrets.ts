// SPDX-License-Identifier: Apache-2.0
import { errorText } from '../../core/text.ts';
import type { SecretEntry } from '../../core/policy/signers/common/signer-kind.ts';
import { quote } from '../../core/image/reference.ts';
import type { Logger } from '../../core/observe.ts';
import { apiPath, isStatus, type KubeApi, type KubeObject } from '../kubernetes/api-client.ts';
import { createWorkQueue, type QueueMetrics } from '../kubernetes/work-queue.ts';

/** A Secret by its whole name. */
export interface SecretName {
  readonly namespace: string;
  readonly name: string;
}

export interface PolicySecretsOptions {
  readonly api: KubeApi;
  /** All that namespaced policies name now. */
  readonly named: () => Iterable<SecretName>;
  /** A Secret is not what it was, or may no longer be read: policies that name it have to be compiled again. */
  readonly onChange: (secret: SecretName) => void;
  readonly log: Logger;
  readonly queueMetrics?: QueueMetrics;
  /** Milliseconds, for tests. */
  readonly refresh?: number;
}

/** Secrets that namespaced policies name, each in its policy's namespace. */
export interface PolicySecrets {
  start(): void;
  /** As it was last read. What is asked for the first time is read at once, and `onChange` follows. */
  lookup(secret: SecretName, key: string): SecretEntry | undefined;
  /** Whether it was asked for and not read yet: what is said of its policies now is no news. `onChange` follows. */
  isPending(secret: SecretName): boolean;
  /** Whether all that was asked for was read, or could not be: true for ever after it was true once. */
  isSettled(): boolean;
  stop(): Promise<void>;
}

export interface SecretObject extends KubeObject {
  readonly type?: string;
  readonly data?: Readonly<Record<string, string>>;
}

type Known = { readonly data: SecretObject['data'] } | { readonly problem: string };

const REFRESH = 30_000;
const TIMEOUT = 5_000;
/** As many as there are connections for them. */
const WORKERS = 2;
/** A namespace must not keep us from reading those of others. */
const NAMED_MOST = 16;
const UNREAD: Known = { problem: 'the Secret was not read yet' };

/**
 * One GET for each Secret that is named, again every half minute. A watch would need the right to list all Secrets of
 * all namespaces; this needs `get` only, which a namespace can also grant for one name. What can't be read makes its
 * policies not Ready; an outage changes nothing of what was read before.
 */
export function createPolicySecrets(options: PolicySecretsOptions): PolicySecrets {
  const { api, onChange } = options;
  const known = new Map<string, Known>();
  let isSettled = false;
  let timer: NodeJS.Timeout | undefined;
  const queue = createWorkQueue({
    name: 'policy-secrets',
    process: refresh,
    workers: WORKERS,
    partyOf: (key) => nameOf(key).namespace,
    log: options.log,
    ...(options.queueMetrics && { metrics: options.queueMetrics }),
  });

  async function refresh(key: string): Promise<void> {
    const secret = nameOf(key);
    const before = known.get(key);
    if (before === undefined) return;
    try {
      publish(secret, await read(api, secret));
    } catch (thrown) {
      if (before === UNREAD)
        publish(secret, { problem: `the Secret ${secret.name} can't be read: ${errorText(thrown)}` });
      throw thrown;
    }
  }

  function publish(secret: SecretName, next: Known): void {
    const key = keyOf(secret);
    const before = known.get(key);
    if (before === undefined || JSON.stringify(before) === JSON.stringify(next)) return;
    known.set(key, next);
    onChange(secret);
  }

  /** Undefined: there are too many of that namespace. */
  function follow(secret: SecretName): Known | undefined {
    const key = keyOf(secret);
    const found = known.get(key);
    if (found !== undefined) return found;
    const others = [...known.keys()].filter((other) => nameOf(other).namespace === secret.namespace);
    if (others.length >= NAMED_MOST) return undefined;
    known.set(key, UNREAD);
    queue.add(key);
    return UNREAD;
  }

  function refreshAll(): void {
    const named = [...options.named()];
    const keys = new Set(named.map(keyOf));
    for (const key of known.keys()) if (!keys.has(key)) known.delete(key);
    for (const secret of named) if (follow(secret) !== undefined) queue.add(keyOf(secret));
  }

  return {
    start() {
      timer ??= setInterval(refreshAll, options.refresh ?? REFRESH);
    },
    lookup(secret, key) {
      const found = follow(secret);
      if (found === undefined)
        return { unavailable: `policies of this namespace name more than ${NAMED_MOST} Secrets` };
      return 'problem' in found ? { unavailable: found.problem } : secretEntry(found, key);
    },
    isPending: (secret) => known.get(keyOf(secret)) === UNREAD,
    isSettled() {
      isSettled ||= ![...known.values()].includes(UNREAD);
      return isSettled;
    },
    async stop() {
      clearInterval(timer);
      await queue.stop();
    },
  };
}

/** Nothing else can be the name of one. */
const SECRET_NAME = /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/;

async function read(api: KubeApi, { namespace, name }: SecretName): Promise<Known> {
  if (!SECRET_NAME.test(name)) return { problem: `there is no Secret ${quote(name)}` };
  try {
    const path = apiPath('/api/v1/namespaces', namespace, 'secrets', name);
    const { data } = await api.call<SecretObject>({ path, timeout: TIMEOUT, lane: 'policySecrets' });
    return { data };
  } catch (thrown) {
    if (isStatus(thrown, 404)) return { problem: `there is no Secret ${name}` };
    if (isStatus(thrown, 403)) {
      return { problem: `Cosignet may not read the Secret ${name}: grant its service account \`get\` on it` };
    }
    throw thrown;
  }
}

/** An entry as text; undefined where the Secret has none of this key. */
export function secretEntry(
  secret: { readonly data?: SecretObject['data'] | undefined } | undefined,
  key: string,
): { readonly pem: string } | undefined {
  const data = secret?.data;
  const value = data && Object.hasOwn(data, key) ? data[key] : undefined;
  return value === undefined ? undefined : { pem: Buffer.from(value, 'base64').toString('utf8') };
}

function keyOf({ namespace, name }: SecretName): string {
  return `${namespace}/${name}`;
}

function nameOf(key: string): SecretName {
  const slash = key.indexOf('/');
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}
