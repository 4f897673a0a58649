// SPDX-License-Identifier: Apache-2.0
import type { VerdictCode, Outcome } from '../verdict-codes.ts';
import type { FieldPath } from '../formats/field-path.ts';
import type { Limits } from '../limits.ts';

/** The configuration file after validation, defaults filled in. Durations are seconds. */
export interface Configuration {
  readonly unmatchedImages: 'Deny' | 'Warn' | 'Allow';
  readonly pinDigests: 'Pods' | 'All' | 'None';
  readonly enforcement: 'PerPolicy' | 'Audit';
  /** Whom people ask who are refused: a text or an address. Undefined: nobody is named. */
  readonly contact?: string;
  /** Not looked at. */
  readonly excludedNamespaces: readonly string[];
  /** Excluded too, but looked at: everything is admitted, unchanged, and recorded. None of the above. */
  readonly auditedNamespaces: readonly string[];
  /** Custom resources that are looked at beside the built-in kinds. */
  readonly workloads: readonly WorkloadConfiguration[];
  /** Upper bound of one admission decision; the API server's own `?timeout=` may be lower. */
  readonly deadlineSeconds: number;
  /** In a cluster: how long policies, namespaces and Secrets count after the API server last confirmed them. */
  readonly maxPolicyAgeSeconds: number;
  readonly cache: CacheLifetimes;
  readonly registries: readonly RegistryConfiguration[];
  readonly trustRoots: readonly TrustRootConfiguration[];
  readonly limits: Limits;
  readonly backgroundScan: BackgroundScan;
  /** Whether NamespacedImagePolicies are followed; only in a cluster, and read at start. */
  readonly namespacedPolicies: boolean;
  readonly notifications: readonly NotificationConfiguration[];
  /** Undefined: none run. */
  readonly credentialProviders?: CredentialProvidersConfiguration;
  readonly credentialHelpers?: CredentialHelpersConfiguration;
  /** Keys that a key management service holds. */
  readonly kms: KmsConfiguration;
  /** Undefined: registries are asked directly. */
  readonly proxy?: ProxyConfiguration;
  /** Undefined: callers of the webhook need none. Whether they do is read at start. */
  readonly clientCertificates?: ClientCertificatesConfiguration;
}

/** A custom resource that holds Pods or images; each resource of a group once. */
export interface WorkloadConfiguration {
  /** With a dot, as every group of custom resources. */
  readonly group: string;
  readonly version: string;
  /** Plural, as in RBAC. */
  readonly resource: string;
  /** Where a PodSpec is. Undefined: it has none. */
  readonly podSpec?: FieldPath;
  /** Where images are beside that; without a PodSpec at least one. */
  readonly images: readonly FieldPath[];
}

/** By which API servers prove to the webhook who they are. */
export interface ClientCertificatesConfiguration {
  /** PEM file with the authorities that issue them. */
  readonly caFile: string;
  /** Common name or DNS name, exactly; one of them. */
  readonly names: readonly string[];
}

/** Programs that speak the kubelet's protocol (credentialprovider.kubelet.k8s.io). */
export interface CredentialProvidersConfiguration {
  /** A CredentialProviderConfig, as the kubelet reads it. */
  readonly configFile: string;
  readonly binDir: string;
}

/** Programs that speak docker's protocol: `docker-credential-<name>`. */
export interface CredentialHelpersConfiguration {
  readonly binDir: string;
  /** `host[:port]` to name. */
  readonly hosts: Readonly<Record<string, string>>;
}

/** How the public keys of `keys[].kms` are read. */
export interface KmsConfiguration {
  /** Seconds from one successful reading to the next. */
  readonly refreshSeconds: number;
  /** Seconds for which a key counts after it was last read. */
  readonly maxAgeSeconds: number;
  /** `host[:port]` that policies may name beside the vendors' own. */
  readonly endpoints: readonly string[];
  /** Undefined: none run. */
  readonly plugins?: KmsPluginsConfiguration;
  readonly vault?: VaultConfiguration;
}

/** Programs that speak sigstore's protocol for key services: `sigstore-kms-NAME`. */
export interface KmsPluginsConfiguration {
  readonly folder: string;
  readonly names: readonly string[];
  /** Variables of the process that they are given, beside those that clouds define. */
  readonly environment: readonly string[];
}

/** HashiCorp Vault or OpenBao. What is left out is as its own command takes it from the process's variables. */
export interface VaultConfiguration {
  readonly address?: string;
  readonly caFile?: string;
  readonly namespace?: string;
  /** Path of the transit engine. */
  readonly transitPath?: string;
  /** How a Pod logs in; undefined: by VAULT_TOKEN. */
  readonly kubernetes?: {
    readonly role: string;
    readonly authPath?: string;
    readonly tokenFile?: string;
  };
  /** Plain HTTP. */
  readonly insecure?: boolean;
}

/** For HTTPS. It looks up names itself, so the proxy decides where they lead. */
export interface ProxyConfiguration {
  /** `http://host:port` or `https://host:port`. */
  readonly url: string;
  /** Hosts to ask directly: `registry.example.com`, with all below it `.example.com`. */
  readonly noProxy: readonly string[];
}

/** Checking what runs already: it warms the cache and tells what each policy would deny. */
export interface BackgroundScan {
  /** Only in a cluster, and with the right to watch Pods. */
  readonly enabled: boolean;
  /** What each replica may ask of all registries together for it; admissions don't count. */
  readonly requestsPerMinute: number;
  /** What is written into each namespace about what runs there. */
  readonly reports: ReportFormat;
}

/** Of openreports.io, or of wgpolicyk8s.io, which came before it. */
export type ReportFormat = 'None' | 'OpenReports' | 'PolicyReports';

export interface CacheLifetimes {
  readonly verified: number;
  readonly rejected: number;
  readonly tags: number;
  readonly staleIfError: number;
}

export interface RegistryConfiguration {
  /** `host[:port]`, as in image references. */
  readonly host: string;
  /** Hosts to ask first, in order; what they serve is checked like the registry's own. */
  readonly mirrors: readonly string[];
  /** PEM file with the registry's CA. */
  readonly caFile?: string;
  /** Plain HTTP, and private addresses for its token server and redirects. */
  readonly insecure: boolean;
  /** Name of a kubernetes.io/dockerconfigjson Secret in the operator's namespace. */
  readonly credentialsSecret?: string;
}

export interface TrustRootConfiguration {
  readonly name: string;
  /** A trusted_root.json. Exactly one of the three. */
  readonly file?: string;
  /** The same as text. */
  readonly inline?: string;
  readonly tuf?: TufConfiguration;
  /** Whether its certificates have to be promised by a certificate log; undefined: `Require`. */
  readonly certificateLog?: CertificateLog;
}

/** `Ignore`: of a Sigstore that has no certificate log, such as GitHub's for private repositories. */
export type CertificateLog = 'Require' | 'Ignore';

/** A repository of The Update Framework that a trusted_root.json is followed in. */
export interface TufConfiguration {
  /** Of the metadata; targets are below `targets/`. */
  readonly url: string;
  /** The root.json that trust begins with, from a source that is trusted. */
  readonly rootFile: string;
  readonly targetName: string;
  /** From one successful refresh to the next. */
  readonly refreshSeconds: number;
  /** Plain HTTP. */
  readonly insecure: boolean;
}

/** Somebody who is told of refusals. */
export interface NotificationConfiguration {
  /** Unique; a metric label. */
  readonly name: string;
  /** Exactly one of the two. A URL is a secret: whoever has it can write to its channel. */
  readonly url?: string;
  /** An entry of a Secret in the operator's namespace. */
  readonly urlSecret?: { readonly name: string; readonly key: string };
  readonly template: 'json' | 'slack' | 'teams';
  readonly outcomes: readonly Exclude<Outcome, 'allowed'>[];
  /** Empty: all. */
  readonly codes: readonly VerdictCode[];
  /** Messages that each replica may send. */
  readonly ratePerMinute: number;
  /** Plain HTTP. */
  readonly insecure: boolean;
}

export const DEFAULT_CACHE: CacheLifetimes = { verified: 3600, rejected: 15, tags: 10, staleIfError: 86400 };
export const DEFAULT_BACKGROUND_SCAN: BackgroundScan = { enabled: true, requestsPerMinute: 120, reports: 'None' };
export const DEFAULT_KMS: KmsConfiguration = { refreshSeconds: 3600, maxAgeSeconds: 86_400, endpoints: [] };
