// SPDX-License-Identifier: Apache-2.0
import { X509Certificate } from 'node:crypto';
import { errorText } from '../../core/text.ts';
import type { Clock, Logger } from '../../core/observe.ts';
import type { KubeApi } from '../kubernetes/api-client.ts';
import { writeSecret, type Secret } from '../kubernetes/secret.ts';
import {
  issueByPlan,
  isServable,
  parseSecretData,
  planCertificates,
  secretDataOf,
  servableOf,
  type CertificateIssuer,
  type CertificateMaterial,
  type CertificatePlan,
  type CertificateWish,
  type SecretData,
  type Servable,
} from './certificate-material.ts';

export interface CertificatesOptions {
  readonly api: KubeApi;
  readonly namespace: string;
  readonly secretName: string;
  readonly dnsNames: readonly string[];
  readonly issuer: CertificateIssuer;
  /** Of serving certificates, in milliseconds. */
  readonly life: number;
  /** The Secret as last seen. */
  readonly secret: () => Secret | undefined;
  readonly isLeader: () => boolean;
  /** Every webhook configuration has carried all of these authorities for long enough to be known everywhere. */
  readonly isBundleLive: (material: CertificateMaterial) => boolean;
  /** New certificates to serve by, and authorities to publish. */
  readonly onServing: (material: CertificateMaterial) => void;
  readonly log: Logger;
  readonly clock: Clock;
}

/**
 * The webhook's certificates in one Secret: the leader makes and renews them, every replica serves by
 * them. A Secret that is missing, garbage or out of date never replaces certificates that still work.
 */
export class Certificates {
  readonly #options: CertificatesOptions;
  #serving: CertificateMaterial | undefined;
  #servable: Servable | undefined;

  constructor(options: CertificatesOptions) {
    this.#options = options;
  }

  /** What is served by; undefined: nothing yet. */
  get serving(): CertificateMaterial | undefined {
    return this.#serving;
  }

  /** Ready to be used by a client now. */
  get isUsable(): boolean {
    return isServable(this.#servable, this.#options.clock());
  }

  /** Of what is served by; PEM. */
  get issuer(): string | undefined {
    return this.#servable?.issuer;
  }

  /** Of the serving certificate; milliseconds since the epoch. */
  get expiresAt(): number | undefined {
    return this.#serving && new X509Certificate(this.#serving.certificate).validToDate.getTime();
  }

  /** Idempotent; run on every change of the Secret or of leadership, and from time to time. */
  async reconcile(): Promise<void> {
    const secret = this.#options.secret();
    const stored = this.#parse(secret);
    if (stored) this.#adopt(stored);
    if (!this.#options.isLeader()) return;
    const [plan, before] = this.#plan(stored);
    if (plan === 'Keep') return;
    this.#options.log.info('making certificates', { plan, secret: this.#options.secretName });
    const made = await issueByPlan(plan, before, this.#wish(), this.#options.issuer);
    // Making keys takes a while; leadership may be gone.
    if (!this.#options.isLeader()) return;
    await this.#store(secret, made);
    this.#adopt(made);
  }

  #parse(secret: Secret | undefined): CertificateMaterial | undefined {
    const data: SecretData = secret?.data ?? {};
    // The chart makes it empty: nothing to complain about.
    if (Object.keys(data).length === 0) return undefined;
    try {
      return parseSecretData(data);
    } catch (thrown) {
      this.#options.log.error('the certificate Secret is not usable', {
        secret: this.#options.secretName,
        error: errorText(thrown),
      });
      return undefined;
    }
  }

  #plan(stored: CertificateMaterial | undefined): [CertificatePlan, CertificateMaterial | undefined] {
    if (stored) return [planCertificates(stored, this.#wish(), this.#options.isBundleLive(stored)), stored];
    // Somebody removed it: new keys, but what the replicas serve by stays trusted until they have the new ones.
    return this.isUsable ? ['RotateAuthority', this.#serving] : ['Create', undefined];
  }

  #wish(): CertificateWish {
    const { dnsNames, life, clock } = this.#options;
    return { dnsNames, life, now: clock() };
  }

  #adopt(material: CertificateMaterial): void {
    const { dnsNames, clock } = this.#options;
    const servable = servableOf(material, dnsNames);
    if (!isServable(servable, clock())) return;
    if (this.#serving && JSON.stringify(this.#serving) === JSON.stringify(material)) return;
    this.#serving = material;
    this.#servable = servable;
    this.#options.onServing(material);
  }

  async #store(secret: Secret | undefined, material: CertificateMaterial): Promise<void> {
    const { api, namespace, secretName } = this.#options;
    await writeSecret(api, { namespace, name: secretName }, secret, secretDataOf(material));
  }
}
