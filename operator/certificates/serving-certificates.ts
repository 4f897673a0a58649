// SPDX-License-Identifier: Apache-2.0
import { X509Certificate } from 'node:crypto';
import type { Clock, Logger } from '../../core/observe.ts';
import type { KubeApi } from '../kubernetes/api-client.ts';
import type { CertificateIssuer, CertificateMaterial } from './certificate-material.ts';
import { Certificates } from './certificates.ts';
import type { Secret } from '../kubernetes/secret.ts';
import type { FileCertificate, ServingPair } from './file-certificate.ts';
import type { Registration } from '../registration/registration.ts';
import { createListeners } from '../../core/listeners.ts';
import { createWorkQueue, type QueueMetrics } from '../kubernetes/work-queue.ts';

/** What the webhook serves by, and how clients come to trust it. */
export interface ServingCertificates {
  /** Pends until there is one. */
  readonly first: Promise<ServingPair>;
  /** Called with what is served by, now and whenever it changes. */
  listen(listener: (pair: ServingPair) => void): void;
  /** Something that matters to them changed. */
  look(): void;
  /** Milliseconds since the epoch. */
  expiresAt(): number | undefined;
  start(): void;
  /** Why no client could call; empty: ready. */
  notReady(): readonly string[];
  stop(): Promise<void>;
}

/** The Secret and caBundle are somebody else's to keep, as cert-manager does. */
export function certificatesFromFiles(files: FileCertificate): ServingCertificates {
  return {
    first: Promise.resolve(files.current()),
    listen: files.listen,
    look: () => undefined,
    expiresAt: () => new X509Certificate(files.current().cert).validToDate.getTime(),
    start: () => undefined,
    notReady: () => [],
    stop: async () => undefined,
  };
}

export interface ManagedCertificatesOptions {
  readonly api: KubeApi;
  /** The release's; the Secret is called `<name>-tls`. */
  readonly namespace: string;
  readonly name: string;
  readonly dnsNames: readonly string[];
  readonly issuer: CertificateIssuer;
  /** Of serving certificates, in milliseconds. */
  readonly life: number;
  /** Undefined: not listed yet. */
  readonly secrets: () => { readonly get: (name: string) => Secret | undefined } | undefined;
  readonly isLeader: () => boolean;
  /** Publishes the authorities. */
  readonly registration: Pick<Registration, 'trusts' | 'carry' | 'publish'>;
  readonly log: Logger;
  readonly clock: Clock;
  readonly queueMetrics: QueueMetrics;
}

/** Milliseconds. Other API servers learn of a new caBundle within this. */
const PROPAGATION = 10_000;
const TICK = 15_000;

/** Self-made ones, in a Secret. */
export function manageCertificates(options: ManagedCertificatesOptions): ServingCertificates {
  const { api, namespace, name, secrets, isLeader, registration, log } = options;
  const secretName = `${name}-tls`;
  const first = Promise.withResolvers<ServingPair>();
  const changed = createListeners<ServingPair>();
  const certificates = new Certificates({
    api,
    namespace,
    secretName,
    dnsNames: options.dnsNames,
    issuer: options.issuer,
    life: options.life,
    secret: () => secrets()?.get(secretName),
    isLeader,
    isBundleLive: ({ authorities }) => registration.carry(authorities, PROPAGATION),
    onServing: (material) => {
      first.resolve(pairOf(material));
      changed.tell(pairOf(material));
      registration.publish(material.authorities);
    },
    log,
    clock: options.clock,
  });
  const queue = createWorkQueue({
    name: 'certificates',
    process: async () => {
      if (secrets()) await certificates.reconcile();
    },
    backoff: { first: 100, most: 5000 },
    log,
    metrics: options.queueMetrics,
  });
  const look = () => queue.add('certificates');
  let timer: NodeJS.Timeout | undefined;

  return {
    first: first.promise,
    listen: (listener) => {
      changed.listen(listener);
      if (certificates.serving) listener(pairOf(certificates.serving));
    },
    look,
    expiresAt: () => certificates.expiresAt,
    start() {
      timer = setInterval(look, TICK);
    },
    notReady() {
      const { issuer, isUsable } = certificates;
      if (issuer === undefined || !isUsable) return ['there is no usable serving certificate yet'];
      return registration.trusts(issuer)
        ? []
        : [`the webhook configurations ${name} don't carry our certificate authority`];
    },
    async stop() {
      clearInterval(timer);
      await queue.stop();
    },
  };
}

function pairOf({ certificate, key }: CertificateMaterial): ServingPair {
  return { cert: certificate, key };
}
