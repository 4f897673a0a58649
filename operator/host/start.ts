// SPDX-License-Identifier: Apache-2.0
import { createKeyRing } from '../../core/keys/key-ring.ts';
import { createKmsReader, serviceName } from '../../core/kms/read-keys.ts';
import type { Logger } from '../../core/observe.ts';
import { compilePolicy } from '../../core/policy/compile/compile.ts';
import type { AnyImagePolicy } from '../../core/policy/documents/kinds.ts';
import type { Evaluator } from '../../core/policy/evaluator/evaluator.ts';
import { createPolicyStore } from '../../core/policy/store/store.ts';
import type { CompiledPolicy } from '../../core/policy/types.ts';
import { anonymousKeychain, chainKeychains } from '../../core/registry/credentials/keychains.ts';
import type { Keychain } from '../../core/registry/types.ts';
import { DEFAULT_LIFE } from '../certificates/certificate-material.ts';
import type { FileCertificate } from '../certificates/file-certificate.ts';
import { issueCertificateAuthority, issueServingCertificate } from '../certificates/issue.ts';
import { issueLocalCertificate } from '../certificates/local-certificate.ts';
import { serviceDnsNames } from '../certificates/server-names.ts';
import type { LiveConfiguration } from '../configuration/live-configuration.ts';
import { createKmsKeys, type FollowKms, type KmsKeysOptions } from '../kms/kms-keys.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { readWantedRegistration, RegistrationError } from '../registration/wanted.ts';
import type { CompileMeans } from '../policies/follow-policies.ts';
import { createFileDemands } from './file-demands.ts';
import type { Host } from './host.ts';

export interface HostOptions {
  /** Files and folders with ImagePolicies, in place of a cluster. */
  readonly policies?: readonly string[];
  /** Of serving certificates that are self-made in a cluster, in milliseconds; default 90 days. */
  readonly certificateLife?: number;
  /** Where the release is, and what its Service, Lease, webhook configurations and (with `-tls`) Secret are called. */
  readonly namespace: string;
  readonly name: string;
  /** File with what API servers are to be told of us; needed in a cluster. */
  readonly webhooks?: string;
  /** Of this replica: the Pod's name. */
  readonly identity: string;
  /** Credentials for registries outside of a cluster. */
  readonly keychain?: Keychain;
  /** Variables of the process: OTEL_… say where traces go, those of clouds and of Vault who reads what a KMS holds. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly log: Logger;
}

/** What was started before it. */
export interface HostParts {
  readonly configuration: Pick<LiveConfiguration, 'configuration' | 'trustRoots' | 'credentials'>;
  /** Undefined: certificates are self-made. */
  readonly certificate: FileCertificate | undefined;
  /** Of what policies ask of attestations. */
  readonly evaluator: Evaluator;
  readonly metrics: Metrics;
}

/** Rejects (`PolicyFilesError`, errors of the cluster's configuration) where it can't start. */
export async function startHost(options: HostOptions, parts: HostParts): Promise<Host> {
  const { configuration, certificate, evaluator, metrics } = parts;
  const { log } = options;
  const compile = policyCompiler(configuration);
  const followKms = kmsFollower(options, parts);
  const store = createPolicyStore();
  if (options.policies) {
    const { startStandalone } = await import('./standalone.ts');
    const { prepareDemand, load } = createFileDemands(evaluator);
    return startStandalone({
      policies: options.policies,
      compile: (policy, kms) => compile(policy, { secret: () => undefined, kms, prepareDemand }),
      load,
      followKms,
      namespacedPolicies: configuration.configuration().namespacedPolicies,
      store,
      keychain: chainKeychains([options.keychain ?? anonymousKeychain, configuration.credentials]),
      certificate: certificate ? Promise.resolve(certificate.current()) : issueLocalCertificate(Date.now()),
      onCertificate: (listener) => certificate?.listen(listener),
      onReload: (succeeded) => metrics.policiesReloaded(succeeded),
      log,
    });
  }
  // The client library is large: it is loaded only where there is a cluster.
  if (options.webhooks === undefined)
    throw new RegistrationError(
      'give --webhooks, the file with the webhook configurations that the chart writes; or --policies to run without a cluster',
    );
  const wantedRegistration = await readWantedRegistration(options.webhooks);
  const { startCluster } = await import('./cluster.ts');
  return startCluster({
    namespace: options.namespace,
    name: options.name,
    identity: options.identity,
    dnsNames: serviceDnsNames(options.name, options.namespace),
    issuer: { issueAuthority: issueCertificateAuthority, issueServing: issueServingCertificate },
    certificateLife: options.certificateLife ?? DEFAULT_LIFE,
    ownCertificate: certificate,
    wantedRegistration,
    compile,
    evaluator,
    followKms,
    store,
    configuration,
    metrics,
    log,
    clock: Date.now,
  });
}

function kmsFollower(
  { environment = {}, log }: HostOptions,
  { configuration: { configuration }, metrics }: Pick<HostParts, 'configuration' | 'metrics'>,
): FollowKms {
  const settings = () => configuration().kms;
  const read = createKmsReader({ settings, proxy: () => configuration().proxy, environment, mayAskTools: false });
  const onRead: KmsKeysOptions['onRead'] = (reference, succeeded) => metrics.kmsRead(serviceName(reference), succeeded);
  const around = { log, onRead, monotonic: () => performance.now(), random: Math.random };
  return (policies) => createKmsKeys({ read, settings, ...around, ...policies });
}

function policyCompiler({
  trustRoots,
}: Pick<LiveConfiguration, 'trustRoots'>): (policy: AnyImagePolicy, means: CompileMeans) => CompiledPolicy {
  const parseKey = createKeyRing();
  return (policy, means) => compilePolicy(policy, { ...means, parseKey, trustRoots: new Set(trustRoots.names()) });
}
