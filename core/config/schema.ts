// SPDX-License-Identifier: Apache-2.0
import { VERDICT_CODES } from '../verdict-codes.ts';
import { FIELD_PATH_PATTERN } from '../formats/field-path.ts';
import { DEFAULT_LIMITS } from '../limits.ts';
import { PROGRAM_NAME } from '../registry/credentials/program.ts';
import { PLUGIN_NAME } from './kms-settings.ts';

const KIBIBYTE = 1024;
const MEBIBYTE = 1024 * KIBIBYTE;

const integer = (description: string, minimum: number, maximum: number) => ({
  type: 'integer',
  description,
  minimum,
  maximum,
});
const choice = (description: string, values: readonly string[]) => ({ type: 'string', description, enum: values });
const text = (description: string, maxLength = 4096) => ({ type: 'string', description, minLength: 1, maxLength });
const object = (description: string, properties: Record<string, object>, required: readonly string[] = []) => ({
  type: 'object',
  description,
  additionalProperties: false,
  required,
  properties,
});
const list = (description: string, items: object, maxItems: number) => ({
  type: 'array',
  description,
  items,
  maxItems,
});

/** `host[:port]` as it stands before the first `/` of an image reference. */
export const HOST_PATTERN = '^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\\[[0-9A-Fa-f:.]+\\])(?::[0-9]{1,5})?$';

/** `harbor.example.com/dockerhub`: a prefix is segments of a repository. */
const MIRROR_PATTERN = HOST_PATTERN.replace(/\$$/, '(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*$');
const host = (description: string) => ({ ...text(description, 255), pattern: HOST_PATTERN });
const namespace = { ...text('Name of a namespace.', 63), pattern: '^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$' };
const fieldPath = (description: string, example: string) => ({
  ...text(description, 512),
  pattern: FIELD_PATH_PATTERN,
  examples: [example],
});
const seconds = (description: string) => integer(description, 0, 30 * 24 * 3600);

const VAULT_PATH = '^[A-Za-z0-9_-][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*$';

const limits: Readonly<Record<keyof typeof DEFAULT_LIMITS, object>> = {
  manifestBytes: integer('Largest manifest or index that is read, in bytes.', KIBIBYTE, 16 * MEBIBYTE),
  indexBytes: integer('Largest referrers index, each page of it, in bytes.', KIBIBYTE, 16 * MEBIBYTE),
  payloadBytes: integer('Largest simple-signing payload, in bytes.', KIBIBYTE, 4 * MEBIBYTE),
  bundleBytes: integer('Largest Sigstore bundle or DSSE envelope, in bytes.', KIBIBYTE, 64 * MEBIBYTE),
  tokenBytes: integer("Largest answer of a registry's token server, in bytes.", KIBIBYTE, MEBIBYTE),
  signatures: integer('Signatures read from one `.sig` manifest.', 1, 1024),
  candidates: integer('Signatures and attestations kept of one image, from all places.', 1, 1024),
  evidenceBytes: integer('What is read beside one image in all, in bytes.', KIBIBYTE, 256 * MEBIBYTE),
  verifications: integer('Attempts to verify a signature, for one image and one policy.', 1, 65_536),
  referrers: integer('Referrer manifests fetched for one image.', 1, 1024),
  platforms: integer('Manifests of one image index that are looked at for `platforms: Each`.', 1, 256),
  referrerPages: integer('Pages of one referrers listing.', 1, 128),
  redirects: integer('Redirects followed for one blob.', 0, 10),
  requestMilliseconds: integer('Time for one exchange with a registry, in milliseconds.', 100, 60_000),
};

/** JSON Schema (draft-07) of the configuration file. The reference page is checked against it. */
export const CONFIGURATION_SCHEMA = object('The configuration of Cosignet.', {
  unmatchedImages: choice('What happens to an image that no policy covers.', ['Deny', 'Warn', 'Allow']),
  pinDigests: choice('Where a verified tag is rewritten to its digest.', ['Pods', 'All', 'None']),
  enforcement: choice('`Audit` admits everything and only records, whatever the policies say.', ['PerPolicy', 'Audit']),
  contact: {
    ...text('Whom people ask whose image is refused: a name, an e-mail address or a URL.', 200),
    // One line, which ends in the midst of a sentence.
    pattern: '^[^\\x00-\\x1f\\x7f]*[^\\x00-\\x20\\x7f.]$',
  },
  excludedNamespaces: list(
    'Namespaces in which nothing is refused: not looked at, or with a mode.',
    {
      ...object(
        'A namespace and what is done there.',
        { name: namespace, mode: choice('How it is looked at.', ['Audit']) },
        ['name', 'mode'],
      ),
      ...namespace,
      // Each keyword is about one of the two.
      type: ['string', 'object'],
    },
    256,
  ),
  workloads: list(
    'Custom resources that hold Pods or images.',
    object(
      'One of them. It has either podSpec or images.',
      {
        group: {
          ...text('API group, with a dot.', 253),
          pattern: '^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)+$',
        },
        version: { ...text('Version of the group, such as v1.', 63), pattern: '^[a-z](?:[-a-z0-9]*[a-z0-9])?$' },
        resource: {
          ...text('Plural name of a namespaced resource, as in RBAC.', 63),
          pattern: '^[a-z](?:[-a-z0-9]*[a-z0-9])?$',
        },
        podSpec: fieldPath(
          'Path to a Pod specification: fields joined by dots, with [*] for each item of a list.',
          'spec.template.spec',
        ),
        images: {
          ...list(
            'Paths to images.',
            fieldPath(
              'Path to an image: fields joined by dots, with [*] for each item of a list.',
              'spec.steps[*].image',
            ),
            32,
          ),
          minItems: 1,
        },
      },
      ['group', 'version', 'resource'],
    ),
    64,
  ),
  deadlineSeconds: integer('Upper bound of one admission decision.', 1, 29),
  maxPolicyAgeSeconds: integer(
    'How long policies count that the API server no longer confirms; read at start.',
    20,
    86_400,
  ),
  cache: object('Lifetimes of remembered results, in seconds.', {
    verified: seconds('Proof that a key signed a digest.'),
    rejected: seconds('Absence of a proof.'),
    tags: seconds('The digest that a tag stands for.'),
    staleIfError: seconds('How much longer a proof counts while its registry fails.'),
  }),
  registries: list(
    'How particular registries are reached.',
    object(
      'One registry.',
      {
        host: host('`host[:port]`, as in image references.'),
        mirrors: list(
          'Where to ask first, in order.',
          {
            ...text('`host[:port]` of a mirror, with what it puts before each repository.', 512),
            pattern: MIRROR_PATTERN,
          },
          16,
        ),
        caFile: text("PEM file with the registry's certificate authority."),
        insecure: { type: 'boolean', description: 'Plain HTTP, and private addresses for its token server.' },
        credentialsSecret: text("Name of a dockerconfigjson Secret in the operator's namespace.", 253),
      },
      ['host'],
    ),
    256,
  ),
  trustRoots: list(
    'Trust roots that identities of policies name.',
    object(
      'One trust root. It has exactly one of file, inline and tuf.',
      {
        name: text('Name that `identities[].trustRoot` uses.', 63),
        file: text('A `trusted_root.json`.'),
        inline: {
          type: ['string', 'object'],
          description: 'The same, here: as text, or as it is.',
          minLength: 1,
          maxLength: 512 * KIBIBYTE,
        },
        certificateLog: choice(
          'Whether certificates need the promise (SCT) of a certificate log of the root. `Ignore` is for an instance that has none.',
          ['Require', 'Ignore'],
        ),
        tuf: object(
          'A TUF repository that it is followed in, in the background.',
          {
            url: text('Address of its metadata.', 2048),
            rootFile: text('The `root.json` that trust begins with, from a source that is trusted.'),
            targetName: {
              ...text('Name of the target with the `trusted_root.json`.', 255),
              pattern: '^[A-Za-z0-9][A-Za-z0-9._-]*$',
            },
            refreshSeconds: integer('From one successful refresh to the next.', 10, 7 * 24 * 3600),
            insecure: { type: 'boolean', description: 'Plain HTTP.' },
          },
          ['url', 'rootFile'],
        ),
      },
      ['name'],
    ),
    32,
  ),
  limits: object('Caps on what is read from registries.', limits),
  backgroundScan: object('Checking what runs already, in the background.', {
    enabled: { type: 'boolean', description: 'Watch running Pods and check their images.' },
    requestsPerMinute: integer('Requests to registries that each replica may spend on it.', 1, 100_000),
    reports: choice('Reports to write into namespaces about what runs there.', [
      'None',
      'OpenReports',
      'PolicyReports',
    ]),
  }),
  namespacedPolicies: { type: 'boolean', description: 'Follow NamespacedImagePolicies in a cluster.' },
  notifications: list(
    'Who is told of refusals, by webhook.',
    object(
      'One of them. It has either url or urlSecret.',
      {
        name: { ...text('Name in logs and metrics.', 63), pattern: '^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$' },
        url: text('Address. Whoever has it can write to its channel, so better kept in a Secret.'),
        urlSecret: object(
          "The entry with the address of a Secret in the operator's namespace.",
          { name: text('Name of the Secret.', 253), key: text('Key of its entry.', 253) },
          ['name', 'key'],
        ),
        template: choice('What is sent: our own JSON, or a message for a chat.', ['json', 'slack', 'teams']),
        outcomes: list('Outcomes to tell of.', choice('Outcome of a verdict.', ['denied', 'error']), 2),
        codes: list('Codes to tell of; none: all.', choice('Code of a verdict.', VERDICT_CODES), VERDICT_CODES.length),
        ratePerMinute: integer('Messages that each replica may send.', 1, 600),
        insecure: { type: 'boolean', description: 'Plain HTTP.' },
      },
      ['name'],
    ),
    16,
  ),
  credentialProviders: object(
    "Programs that know credentials, by the kubelet's protocol.",
    {
      configFile: text('A CredentialProviderConfig, as the kubelet reads it.'),
      binDir: text('Folder with the programs.'),
    },
    ['configFile', 'binDir'],
  ),
  credentialHelpers: object(
    "Programs that know credentials, by docker's protocol.",
    {
      binDir: text('Folder with the programs, each called `docker-credential-<name>`.'),
      hosts: {
        type: 'object',
        description: 'Which of them knows those of a host: `host[:port]` to name.',
        maxProperties: 256,
        propertyNames: host('`host[:port]`, as in image references.'),
        additionalProperties: { ...text('Name of a helper, such as ecr-login.', 64), pattern: PROGRAM_NAME },
      },
    },
    ['binDir', 'hosts'],
  ),
  kms: object('Keys that a key management service holds (`keys[].kms`).', {
    refreshSeconds: integer('From one successful reading of a key to the next.', 10, 7 * 24 * 3600),
    maxAgeSeconds: integer('How long a key counts after it was last read.', 10, 7 * 24 * 3600),
    endpoints: list(
      "Hosts that policies may name beside the vendors' own.",
      host('`host[:port]`, as in `awskms://` and `azurekms://`.'),
      64,
    ),
    plugins: object(
      "Programs for other services, by sigstore's protocol.",
      {
        folder: text('Folder with the programs, each called `sigstore-kms-NAME`.'),
        names: {
          ...list('Those of them that may run.', { ...text('What is before `://`.', 63), pattern: PLUGIN_NAME }, 16),
          minItems: 1,
        },
        environment: list(
          'Variables of the process that they are given, beside those that clouds define.',
          { ...text('Name of a variable.', 128), pattern: '^[A-Za-z_][A-Za-z0-9_]*$' },
          32,
        ),
      },
      ['folder', 'names'],
    ),
    vault: object('HashiCorp Vault or OpenBao; what is left out is taken from its own variables, such as VAULT_ADDR.', {
      address: {
        ...text('`https://host:port`.', 2048),
        pattern: '^https?://[A-Za-z0-9.:\\[\\]-]+(?:/[A-Za-z0-9._/-]*)?$',
      },
      caFile: text('PEM file with its certificate authority.'),
      namespace: text('Namespace of Vault Enterprise.', 255),
      transitPath: { ...text('Path of the transit engine.', 255), pattern: VAULT_PATH },
      kubernetes: object(
        'Logging in with the service account.',
        {
          role: text('Role of the Kubernetes auth method.', 255),
          authPath: { ...text('Path of the auth method.', 255), pattern: VAULT_PATH },
          tokenFile: text('Token of the service account.'),
        },
        ['role'],
      ),
      insecure: { type: 'boolean', description: 'Plain HTTP.' },
    }),
  }),
  clientCertificates: object(
    'By which API servers prove to the webhook who they are; whether they must is read at start.',
    {
      caFile: text('PEM file with the authorities that issue them.'),
      names: {
        ...list('Common name or DNS name, exactly; one of them.', text('A name.', 253), 32),
        minItems: 1,
      },
    },
    ['caFile', 'names'],
  ),
  proxy: object(
    'A proxy for HTTPS to registries and their token servers.',
    {
      url: {
        ...text('`http://host:port` or `https://host:port`, without a user.', 512),
        pattern: '^https?://[A-Za-z0-9.:\\[\\]-]+/?$',
      },
      noProxy: list(
        'Hosts that are asked directly.',
        {
          ...text('`registry.example.com`, or `.example.com` with all below it.', 255),
          pattern: '^\\.?[A-Za-z0-9][A-Za-z0-9.-]*$',
        },
        256,
      ),
    },
    ['url'],
  ),
});
