// SPDX-License-Identifier: Apache-2.0
// Generated from crds/imagepolicies.cosignet.dev.yaml by crds/generate.ts. Do not edit.

export interface ObjectMetadata {
  readonly name: string;
  readonly generation?: number;
  readonly [field: string]: unknown;
}

/** ImagePolicy says which container images may run, and who must have signed them with cosign. The policy with the most specific pattern applies to an image; policies tied on one pattern must all be satisfied. */
export interface ImagePolicy {
  /** The version of this format, cosignet.dev/v1. */
  readonly apiVersion: 'cosignet.dev/v1';
  /** The kind of this object, ImagePolicy. */
  readonly kind: 'ImagePolicy';
  readonly metadata: ObjectMetadata;
  /** Which images, and what is asked of them. */
  readonly spec: ImagePolicySpec;
  /** What the operator made of the policy. */
  readonly status?: ImagePolicyStatus;
}

/** Which images, and what is asked of them. */
export interface ImagePolicySpec {
  /** Patterns of the images that the policy covers, each a repository without a tag: `docker.io/acme/*`. `*` is any run of characters inside of one segment, `**` any number of segments, alone everything. A pattern is read like an image: `nginx` is `docker.io/library/nginx`, and `*` is `docker.io/library/*`. `repository@sha256:...` is that digest only. */
  readonly images: readonly string[];
  /** The namespaces that the policy covers, by their labels. Left out, all of them. */
  readonly namespaceSelector?: LabelSelector;
  /** What is done with the images: Verify (their signatures must satisfy this policy), or Allow or Deny without looking at signatures. */
  readonly action?: 'Verify' | 'Allow' | 'Deny';
  /** With action Allow only: from this time on (RFC 3339) the policy covers nothing, and its images belong to the next policy that matches them. */
  readonly expiresAt?: string;
  /** With action Allow only. Why its images are allowed, for those who read the policy and what it decided. */
  readonly reason?: string;
  /** What happens to an image that fails: Enforce (it is refused), Warn (it is admitted with a warning) or Audit (it is admitted, and the failure only recorded). */
  readonly mode?: 'Enforce' | 'Warn' | 'Audit';
  /** Public keys whose signatures count. Two entries with the same key are one signer. */
  readonly keys?: readonly PolicyKey[];
  /** Signers without a key (keyless signing): who a certificate of the trust root says that they are. Their signatures always need evidence of their time, from a transparency log or a timestamp authority. */
  readonly identities?: readonly PolicyIdentity[];
  /** Signers with a certificate of an authority of your own (`cosign sign --certificate-chain`), for code signing. It is valid now, or a log or timestamp authority of a trust root proves that it was when it signed. Revocation is not looked at. */
  readonly certificates?: readonly PolicyCertificate[];
  /** How many distinct signers must have signed the image. Keys are told apart by fingerprint, others by name. 0, only together with attestations: the image itself need not be signed, its attestations must be, each by a signer. */
  readonly threshold?: number;
  /** Names of signers that must be among those who signed. */
  readonly required?: readonly string[];
  /** Claims, as made by `cosign sign -a key=value`, that each counted signature must carry. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** For which repository each counted signature must have been made, by the `docker-reference` in a `.sig`, as OpenShift's signedIdentity. Bundles name none and do not count. Left out, a signature counts for its image in any repository. */
  readonly signedIdentity?: SignedIdentity;
  /** Whether a signature by a key must have been recorded in a transparency log: Ignore or Require. The log entry is checked offline. */
  readonly transparencyLog?: 'Ignore' | 'Require';
  /** What must be signed where an image is an index of several platforms: the Index itself (the default), as `cosign sign` does, Each image that it lists, as `cosign sign --recursive` does, or IndexOrEach. It is the same for attestations. What BuildKit stores beside them as `unknown/unknown` is no image. An image of one platform is checked itself. */
  readonly platforms?: 'Index' | 'Each' | 'IndexOrEach';
  /** The repository where signatures and attestations live, if not beside the image (cosign's COSIGN_REPOSITORY). */
  readonly signatureRepository?: string;
  /** An image pull secret in the operator's namespace with the credentials for signatureRepository. It is watched. Left out, signatures are read with the credentials that the image is pulled with. */
  readonly signatureSecret?: string;
  /** Attestations that the image must have; all of them. */
  readonly attestations?: readonly PolicyAttestation[];
}

/** The namespaces that the policy covers, by their labels. Left out, all of them. */
export interface LabelSelector {
  /** Labels that the namespace must have, each with exactly this value. */
  readonly matchLabels?: Readonly<Record<string, string>>;
  /** Conditions on the namespace's labels; all must hold. */
  readonly matchExpressions?: readonly LabelSelectorRequirement[];
}

/** One condition on a label. */
export interface LabelSelectorRequirement {
  /** The label's key, for instance `kubernetes.io/metadata.name`. */
  readonly key: string;
  /** How the label is compared with the values. */
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  /** The values for In and NotIn; must be left out for Exists and DoesNotExist. */
  readonly values?: readonly string[];
}

/** One public key, given as exactly one of pem, secretRef or kms. */
export interface PolicyKey {
  /** What messages and `required` call the key; unique in the policy. Left out, `key-` and its index. */
  readonly name?: string;
  /** The public key as `cosign generate-key-pair` writes it to cosign.pub (PEM). */
  readonly pem?: string;
  /** A Secret in the operator's namespace that holds the public key. It is watched. */
  readonly secretRef?: SecretReference;
  /** A key that a key management service holds, as `cosign sign --key` names it: awskms://, gcpkms://, azurekms://, hashivault://, or the name of a plugin that the configuration lists. Its public key is read in the background; all its versions are one signer. */
  readonly kms?: string;
  /** The key does not count before this time (RFC 3339). */
  readonly notBefore?: string;
  /** The key does not count after this time (RFC 3339). */
  readonly notAfter?: string;
}

/** A Secret in the operator's namespace that holds the public key. It is watched. */
export interface SecretReference {
  /** The Secret's name. */
  readonly name: string;
  /** The entry in the Secret's data, for instance `cosign.pub`. */
  readonly key: string;
}

/** One identity, an issuer and a subject. */
export interface PolicyIdentity {
  /** What messages and `required` call the identity; unique in the policy. Left out, `identity-` and its index. */
  readonly name?: string;
  /** The OpenID Connect issuer, for instance `https://token.actions.githubusercontent.com`. */
  readonly issuer?: string;
  /** A regular expression (RE2) that the whole issuer must match. */
  readonly issuerPattern?: string;
  /** The certificate's subject alternative name, an e-mail address or a URI. */
  readonly subject?: string;
  /** A regular expression (RE2) that the whole subject must match. */
  readonly subjectPattern?: string;
  /** The trust root, by its name in the configuration, that must have issued the certificate. */
  readonly trustRoot?: string;
  /** What else the certificate must say of how its holder came to it, by Fulcio's extensions; all must hold. Who calls a shared workflow has its subject: say here whose repository or branch it may be. */
  readonly claims?: readonly PolicyClaim[];
}

/** One claim, and the value that it must have. */
export interface PolicyClaim {
  /** A Fulcio extension. */
  readonly name: 'githubWorkflowTrigger' | 'githubWorkflowSHA' | 'githubWorkflowName' | 'githubWorkflowRepository' | 'githubWorkflowRef' | 'issuer' | 'buildSignerURI' | 'buildSignerDigest' | 'runnerEnvironment' | 'sourceRepositoryURI' | 'sourceRepositoryDigest' | 'sourceRepositoryRef' | 'sourceRepositoryIdentifier' | 'sourceRepositoryOwnerURI' | 'sourceRepositoryOwnerIdentifier' | 'buildConfigURI' | 'buildConfigDigest' | 'buildTrigger' | 'runInvocationURI' | 'sourceRepositoryVisibilityAtSigning' | 'deploymentEnvironment' | 'tokenSubject';
  /** The value, exactly. */
  readonly value?: string;
  /** A regular expression (RE2) that the whole value must match. */
  readonly valuePattern?: string;
}

/** One subject, in certificates under one authority. */
export interface PolicyCertificate {
  /** What messages and `required` call the signer; unique in the policy. Left out, `certificate-` and its index. */
  readonly name?: string;
  /** Certificates of the authority, up to 16 in PEM. Each of them is trusted by itself; those between it and the signer's may come with the signature. */
  readonly caPem?: string;
  /** A Secret in the operator's namespace that holds these certificates. It is watched. */
  readonly secretRef?: CertificateSecretReference;
  /** An alternative name of the certificate: an e-mail address, a URI or a DNS name. Its common name, only where it has no alternative name. */
  readonly subject?: string;
  /** A regular expression (RE2) that the whole of such a name must match. */
  readonly subjectPattern?: string;
}

/** A Secret in the operator's namespace that holds these certificates. It is watched. */
export interface CertificateSecretReference {
  /** The Secret's name. */
  readonly name: string;
  /** The entry in the Secret's data, for instance `ca.crt`. */
  readonly key: string;
}

/** For which repository each counted signature must have been made, by the `docker-reference` in a `.sig`, as OpenShift's signedIdentity. Bundles name none and do not count. Left out, a signature counts for its image in any repository. */
export interface SignedIdentity {
  /** Which repository: MatchRepository (the image's own), ExactRepository (the one that is named), or RemapIdentity (the image's own, with one prefix for another). */
  readonly matchPolicy: 'MatchRepository' | 'ExactRepository' | 'RemapIdentity';
  /** For matchPolicy ExactRepository. */
  readonly exactRepository?: ExactRepository;
  /** For matchPolicy RemapIdentity. An image that does not have the prefix must be signed for its own repository. */
  readonly remapIdentity?: RemapIdentity;
}

/** For matchPolicy ExactRepository. */
export interface ExactRepository {
  /** The repository, without tag and digest. */
  readonly repository: string;
}

/** For matchPolicy RemapIdentity. An image that does not have the prefix must be signed for its own repository. */
export interface RemapIdentity {
  /** A host, or a host and the first segments of a path, of the images, for instance a mirror. */
  readonly prefix: string;
  /** What stands in its place in signatures. */
  readonly signedPrefix: string;
}

/** One attestation that the image must have. */
export interface PolicyAttestation {
  /** What messages call it; unique in the policy. */
  readonly name: string;
  /** The in-toto predicate type, for instance `https://slsa.dev/provenance/v1`. */
  readonly predicateType: string;
  /** A JSON Schema that the predicate must satisfy. At most 64 KiB, 500 subschemas and 5000 values. */
  readonly schema?: Readonly<Record<string, unknown>>;
  /** Conditions on the predicate; all must hold. */
  readonly conditions?: readonly PolicyCondition[];
  /** Which of several attestations of this type by trusted signers must hold: Any of them (the default), All of them, or the Newest. With All and Newest each place where attestations may be has to be read completely. */
  readonly select?: 'Any' | 'All' | 'Newest';
  /** With select Newest: a CEL expression over `predicate` and `statement` that gives the timestamp which tells the newest. Left out, the earliest time that a log or a timestamp authority proves. */
  readonly newestBy?: string;
  /** Names of the signers that may have made it. Left out, all of the policy's. */
  readonly signers?: readonly string[];
}

/** One condition. */
export interface PolicyCondition {
  /** A CEL expression over `predicate`, `statement`, `image`, `signer` (who made it: `name`, `issuer`, `subject`, `claims`, `time`) and `now` that must be true. */
  readonly expression: string;
  /** What is said when the condition does not hold. Left out, the expression. */
  readonly message?: string;
}

/** What the operator made of the policy. */
export interface ImagePolicyStatus {
  /** The generation of the spec that this status is about. */
  readonly observedGeneration?: number;
  /** The first pattern, and how many more there are. */
  readonly images?: string;
  /** How many keys count as signers. */
  readonly keyCount?: number;
  /** The keys as they were read. */
  readonly keys?: readonly KeyStatus[];
  /** Running Pods that the policy would refuse if they were created now, whatever its mode, as the last scan found them. Absent before the first scan and where scans are switched off. */
  readonly affected?: AffectedStatus;
  /** `Ready`: the policy is in use; where it is False the policy denies its images, and reason and message say why. `Shadowed`: other policies take every image of this one. `Expiring`: it, or a key of it, ends within two weeks. `Expired`: it covers nothing any more. */
  readonly conditions?: readonly StatusCondition[];
}

/** One key. */
export interface KeyStatus {
  /** The key's name in the spec, or `key-` and its index. */
  readonly name: string;
  /** `sha256:` and the hash of the SubjectPublicKeyInfo (DER); what makes two keys distinct. */
  readonly fingerprint: string;
  /** The kind of key, for instance ECDSA-P256. */
  readonly algorithm: string;
  /** When a signature by this key last counted for an image. Written at most once an hour, so it may be an hour old; absent where none has counted yet. */
  readonly lastSeen?: string;
}

/** Running Pods that the policy would refuse if they were created now, whatever its mode, as the last scan found them. Absent before the first scan and where scans are switched off. */
export interface AffectedStatus {
  /** How many Pods it would deny. */
  readonly wouldDeny: number;
  /** How many more could not be checked, for instance because their registry could not be asked. With mode Enforce they would be refused too. */
  readonly undecided?: number;
  /** Some of them, one for each image of a namespace: `namespace/pod: image: code`. */
  readonly sample: readonly string[];
  /** The generation of the spec that the scan checked by. */
  readonly observedGeneration?: number;
  /** When a scan first found this. Later ones that find the same don't write. */
  readonly observedAt?: string;
}

/** One condition. */
export interface StatusCondition {
  /** The condition's name. */
  readonly type: string;
  /** Whether it holds. */
  readonly status: 'True' | 'False' | 'Unknown';
  /** The generation of the spec that it is about. */
  readonly observedGeneration?: number;
  /** When its status last changed. */
  readonly lastTransitionTime: string;
  /** Why, in one word for programs. */
  readonly reason: string;
  /** Why, in a sentence for people. */
  readonly message: string;
}
