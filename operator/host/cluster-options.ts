// SPDX-License-Identifier: Apache-2.0
import type { Clock, Logger } from '../../core/observe.ts';
import type { AnyImagePolicy } from '../../core/policy/documents/kinds.ts';
import type { Evaluator } from '../../core/policy/evaluator/evaluator.ts';
import type { PolicyStore } from '../../core/policy/store/store.ts';
import type { CompiledPolicy } from '../../core/policy/types.ts';
import type { CertificateIssuer } from '../certificates/certificate-material.ts';
import type { FileCertificate } from '../certificates/file-certificate.ts';
import type { LiveConfiguration } from '../configuration/live-configuration.ts';
import type { FollowKms } from '../kms/kms-keys.ts';
import type { CompileMeans } from '../policies/follow-policies.ts';
import type { WantedRegistration } from '../registration/wanted.ts';
import type { Metrics } from '../telemetry/metrics.ts';

export interface ClusterOptions {
  /** The release's. */
  readonly namespace: string;
  readonly name: string;
  /** The Pod's name. */
  readonly identity: string;
  readonly dnsNames: readonly string[];
  readonly issuer: CertificateIssuer;
  /** Of self-made serving certificates, in milliseconds. */
  readonly certificateLife: number;
  /** A certificate from files: the Secret and caBundle are then somebody else's. */
  readonly ownCertificate: FileCertificate | undefined;
  /** What API servers are to be told of us. */
  readonly wantedRegistration: WantedRegistration;
  readonly compile: (policy: AnyImagePolicy, means: CompileMeans) => CompiledPolicy;
  readonly evaluator: Evaluator;
  readonly followKms: FollowKms;
  readonly store: PolicyStore;
  readonly configuration: Pick<LiveConfiguration, 'configuration' | 'credentials'>;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly clock: Clock;
}
