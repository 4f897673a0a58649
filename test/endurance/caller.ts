// SPDX-License-Identifier: Apache-2.0
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { V1EndpointSlice, V1MutatingWebhookConfiguration } from '@kubernetes/client-node';
import { buildConnector, Pool } from 'undici';
import { podAddresses } from '../control-plane/addresses.ts';
import { follow } from '../control-plane/api.ts';
import type { ControlPlane } from '../control-plane/control-plane.ts';

export type Endpoint = 'mutate' | 'validate';

/** What became of one call. `cut`: the connection ended with the review under way. */
export type Outcome =
  | { readonly kind: 'answered'; readonly status: number; readonly text: string }
  | { readonly kind: 'cut' | 'failed'; readonly replica: string; readonly error: string };

/** Calls the webhook as API servers do: those ready behind the Service, trusted by what the configuration says now. */
export interface Caller {
  readonly met: {
    /** Serial numbers of serving certificates, and the authorities that issued them. */
    readonly certificates: ReadonlySet<string>;
    readonly authorities: ReadonlySet<string>;
    /** Connections that nobody took; the review then went to the other replica. */
    readonly unreachable: number;
  };
  call(endpoint: Endpoint, body: string): Promise<Outcome>;
  close(): Promise<void>;
}

interface Replica {
  readonly name: string;
  readonly origin: string;
}

const NAME = 'cosignet.cosignet.svc';
/** Milliseconds; as the configuration's timeoutSeconds. */
const TIMEOUT = 10_000;
/** A connection that is not used is closed after so long, as by an API server. */
export const IDLE = 90_000;
const CONFIGURATIONS = {
  mutate: '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations?fieldSelector=metadata.name%3Dcosignet',
  validate:
    '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations?fieldSelector=metadata.name%3Dcosignet',
} as const;
const SLICES =
  '/apis/discovery.k8s.io/v1/namespaces/cosignet/endpointslices?labelSelector=kubernetes.io%2Fservice-name%3Dcosignet';

/** A connection that was never there: nothing was sent. */
class Unreachable extends Error {}

/**
 * @param connectionLife milliseconds after which connections are made anew, so that new certificates are met. An API
 *   server's live for ever, or until caBundle changes.
 */
export function startCaller({ api, serviceOctet }: ControlPlane, connectionLife = Infinity): Caller {
  const { loopback } = podAddresses(serviceOctet + 64);
  const stopping = new AbortController();
  const slices = new Map<string, readonly Replica[]>();
  const bundles: Record<Endpoint, string> = { mutate: '', validate: '' };
  const paths: Record<Endpoint, string> = { mutate: '', validate: '' };
  const pools = new Map<string, { readonly pool: Pool; readonly bundle: string; readonly openedAt: number }>();
  const met = { certificates: new Set<string>(), authorities: new Set<string>(), unreachable: 0 };
  const following = [
    follow<V1EndpointSlice>(api, {
      path: SLICES,
      signal: stopping.signal,
      onChange: (slice) => slices.set(slice.metadata?.uid ?? '', readyOf(slice, loopback)),
      onDelete: (slice) => slices.delete(slice.metadata?.uid ?? ''),
    }),
    ...(['mutate', 'validate'] as const).map((endpoint) =>
      follow<V1MutatingWebhookConfiguration>(api, {
        path: CONFIGURATIONS[endpoint],
        signal: stopping.signal,
        onChange: ({ webhooks = [] }) => {
          const { caBundle = '', service } = webhooks[0]?.clientConfig ?? {};
          bundles[endpoint] = atob(caBundle);
          paths[endpoint] = service?.path ?? '';
        },
        onDelete: () => (bundles[endpoint] = ''),
      }),
    ),
  ];

  function poolFor(replica: Replica, endpoint: Endpoint): Pool {
    const key = `${replica.name} ${endpoint}`;
    const known = pools.get(key);
    const bundle = bundles[endpoint];
    if (known?.bundle === bundle && performance.now() - known.openedAt < connectionLife) return known.pool;
    // Answers that are under way still come.
    void known?.pool.close().catch(() => undefined);
    const pool = new Pool(replica.origin, {
      connections: 16,
      keepAliveTimeout: IDLE,
      headersTimeout: TIMEOUT,
      bodyTimeout: TIMEOUT,
      connect: connectorFor(bundle, met),
    });
    pools.set(key, { pool, bundle, openedAt: performance.now() });
    return pool;
  }

  async function attempt(replica: Replica, endpoint: Endpoint, body: string): Promise<Outcome> {
    const over = new AbortController();
    // Whatever becomes of the connection or of the client, every review has an outcome: a timer is never forgotten.
    const timer = setTimeout(() => over.abort(new Error('no outcome in time')), 2 * TIMEOUT);
    const never = new Promise<never>((_, reject) => {
      over.signal.addEventListener('abort', () => reject(over.signal.reason));
    });
    const asked = async (): Promise<Outcome> => {
      const { statusCode, body: answer } = await poolFor(replica, endpoint).request({
        method: 'POST',
        path: `${paths[endpoint]}?timeout=10s`,
        headers: { 'content-type': 'application/json' },
        body,
        signal: over.signal,
      });
      return { kind: 'answered', status: statusCode, text: await answer.text() };
    };
    try {
      return await Promise.race([asked(), never]);
    } catch (thrown) {
      if (thrown instanceof Unreachable) throw thrown;
      const isCut = codeOf(thrown) === 'UND_ERR_SOCKET' || codeOf(thrown) === 'ECONNRESET';
      return { kind: isCut ? 'cut' : 'failed', replica: replica.name, error: String(thrown) };
    } finally {
      clearTimeout(timer);
    }
  }

  async function call(endpoint: Endpoint, body: string): Promise<Outcome> {
    const ready = [...slices.values()].flat();
    const first = Math.floor(Math.random() * ready.length);
    for (const replica of [...ready.slice(first), ...ready.slice(0, first)]) {
      try {
        return await attempt(replica, endpoint, body);
      } catch {
        met.unreachable += 1;
      }
    }
    return { kind: 'failed', replica: '', error: `nobody answers of ${ready.length} that are ready` };
  }

  return {
    met,
    call,
    close: async () => {
      stopping.abort();
      await Promise.all([...pools.values()].map(({ pool }) => pool.destroy()));
      await Promise.all(following);
    },
  };
}

function readyOf({ ports, endpoints }: V1EndpointSlice, loopback: (address: string) => string): readonly Replica[] {
  const port = ports?.find(({ name }) => name === 'webhook')?.port ?? 0;
  const ready = (endpoints ?? []).filter(({ conditions }) => conditions?.ready !== false);
  return ready.flatMap(({ addresses, targetRef }) =>
    addresses.map((address) => ({ name: targetRef?.name ?? '', origin: `https://${loopback(address)}:${port}` })),
  );
}

/** Every connection with a whole handshake: what is resumed is not verified again. */
function connectorFor(ca: string, met: { certificates: Set<string>; authorities: Set<string> }) {
  const connect = buildConnector({ ca, servername: NAME, maxCachedSessions: 0, timeout: TIMEOUT });
  const connector: typeof connect = (options, callback) =>
    connect(options, (...[error, socket]) => {
      if (error !== null) return callback(reached(error) ? error : new Unreachable(error.message), null);
      note(socket);
      callback(null, socket);
    });
  function note(socket: Socket): void {
    if (!(socket instanceof TLSSocket)) return;
    // Gone where the replica was killed right after its handshake; a throw here would leave the review unanswered for ever.
    const certificate = socket.getPeerX509Certificate();
    if (certificate === undefined) return;
    const { serialNumber, issuer } = certificate;
    met.certificates.add(serialNumber);
    met.authorities.add(issuer);
  }
  return connector;
}

/** Whether somebody was there, as with a certificate that is not trusted. */
function reached(error: Error): boolean {
  return !['ECONNREFUSED', 'ECONNRESET', 'EPIPE'].includes(codeOf(error));
}

function codeOf(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
}
