// SPDX-License-Identifier: Apache-2.0
// Makes the committed corpora anew, from the vectors of the real cosign and from examples: node test/fuzz/seeds.ts
// Keyless bundles are signed here, by a Sigstore of their own whose keys are not kept.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { generateKeyPairSync } from 'node:crypto';
import { projectFiles, read } from '../checks/sources.ts';
import { bundleFor, signKeyless, SIGNED_AT } from '../fakes/sigstore/keyless.ts';
import type { Signing, SigningOptions } from '../fakes/sigstore/keyless.ts';
import { createSigstore } from '../fakes/sigstore/sigstore.ts';
import { createLayoutRegistry, freshScope, imageNames, repositoryOf } from '../vectors/cosign/layout-registry.ts';
import { inputFor, KEY_NAMES, readEverything } from '../vectors/cosign/read-evidence.ts';
import { publicKeyFile } from '../vectors/cosign/layout-registry.ts';
import { saveInput, SEEDS } from './engine/corpus.ts';
import { signatureTag } from '../../core/cosign/simple-signing.ts';
import { objectOf, podOf, RESOURCES, reviewOf } from '../unit/webhook/reviews.ts';

type Seeds = Readonly<Record<string, readonly (string | Uint8Array)[]>>;

const registry = createLayoutRegistry();
const container = (image: string) => ({ name: 'a', image });
const DIGEST = registry.digest('demo/signed:1.0');

rmSync(SEEDS, { recursive: true, force: true });
save({ ...images(), ...headers(), ...(await evidence()), ...keyless(), ...keys(), ...settings(), review: reviews() });

function save(seeds: Seeds): void {
  for (const [target, inputs] of Object.entries(seeds)) {
    for (const input of inputs) saveInput(SEEDS, target, Buffer.from(input));
  }
}

function images(): Seeds {
  const file = path.join(import.meta.dirname, '../vectors/references/distribution.json');
  const vectors: readonly { readonly input: string }[] = JSON.parse(readFileSync(file, 'utf8'));
  const texts = vectors.map(({ input }) => input).filter((text) => text.length < 300);
  const patterns = [
    'nginx',
    '*',
    '**',
    'docker.io/**',
    'acme/*',
    '*/*',
    '**/app',
    '*.example.com/**',
    'ghcr.io/acme/**',
    'ghcr.io/*-team/**/app-*',
    `ghcr.io/acme/app@${DIGEST}`,
    'REGISTRY/app',
    '[::1]:5000/*',
    'a/**/b/**/c',
    'https://ghcr.io/x',
    'ghcr.io/x:1',
    'ghcr.io/a**b',
    'Acme/App',
    'localhost/*',
  ];
  return {
    reference: every(texts, 60),
    pattern: patterns.map((text, index) => `${text}\n${patterns.at(-index)}\nghcr.io/acme/app@${DIGEST}`),
  };
}

/** At most so many, from all over the list. */
function every<T>(list: readonly T[], most: number): readonly T[] {
  const step = Math.max(1, Math.floor(list.length / most));
  return list.filter((_, index) => index % step === 0);
}

function headers(): Seeds {
  return {
    challenge: [
      'Bearer realm="https://auth.example.com/token",service="registry.example.com",scope="repository:team/app:pull"',
      'Basic realm="Registry Realm"',
      'Negotiate, Basic realm=x',
      'Negotiate YWJj==, Bearer realm="a\\"b"',
      'Bearer realm="x", error="insufficient_scope", realm="y"',
      'Bearer',
      '',
      'Basic realm="unfinished',
    ],
    link: [
      '</v2/team/app/referrers/sha256:0?n=10&last=a>; rel="next"',
      '<https://registry.example.com/v2/x>; rel=next',
      '<https://evil.example/v2/x>; rel="next"',
      '</v2/../x>; rel="next"',
      '</v2/a>; rel="prev", </v2/b>; rel="next"',
      '<?n=1>; foo=bar; REL = "next"',
      '<',
      '</v2/%2e%2e/x>;rel=next',
    ],
  };
}

async function evidence(): Promise<Seeds> {
  const manifests: Uint8Array[] = [];
  const payloads: Uint8Array[] = [];
  const bundles: Uint8Array[] = [];
  for (const name of imageNames) {
    const repository = repositoryOf(name);
    const found = await registry.getManifest(repository, signatureTag(registry.digest(name)), Infinity, freshScope());
    if (found) manifests.push(found.bytes);
    const { signatures, attestations } = await readEverything(inputFor(name, registry));
    for (const { format, signedBytes, material } of [...signatures, ...attestations]) {
      if (format === 'simple-signing' && attestations.length === 0) payloads.push(signedBytes);
      if (material.kind === 'bundle') bundles.push(Buffer.from(JSON.stringify(material.bundle)));
    }
  }
  const envelopes = bundles.map((bundle) => JSON.parse(Buffer.from(bundle).toString()).dsseEnvelope.payload);
  return {
    manifest: every(manifests, 16),
    payload: every(payloads, 16),
    bundle: [...ofImage(bundles, 'demo/bundle:1.0'), ...every(bundles, 12)],
    statement: [...every(envelopes, 12).map((text) => Buffer.from(text, 'base64')), statementOf('demo/bundle:1.0')],
  };
}

/** The bundle that the target's image has, so that something verifies. */
function ofImage(bundles: readonly Uint8Array[], name: string): readonly Uint8Array[] {
  const hex = registry.digest(name).slice('sha256:'.length);
  return bundles.filter((bundle) => {
    const { payload } = JSON.parse(Buffer.from(bundle).toString()).dsseEnvelope;
    return Buffer.from(payload, 'base64').includes(hex);
  });
}

function statementOf(name: string): string {
  const sha256 = registry.digest(name).slice('sha256:'.length);
  return JSON.stringify({
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ digest: { sha256, sha512: '00' }, annotations: { environment: 'production' } }],
    predicateType: 'https://sigstore.dev/cosign/sign/v1',
    predicate: {},
  });
}

function keyless(): Seeds {
  const sigstore = createSigstore();
  const options: readonly SigningOptions[] = [
    { entry: 'dsse1' },
    { entry: 'intoto2' },
    { message: true, entry: 'hashedrekord1' },
    { message: true, entry: 'hashedrekord2', stampedAt: SIGNED_AT },
    { entry: 'dsse2', stampedAt: SIGNED_AT },
    { kind: 'P-384', entry: 'dsse1' },
  ];
  const signings = options.map((each) => signKeyless({ sigstore, ...each }));
  const folder = path.join(import.meta.dirname, 'keyless');
  mkdirSync(folder, { recursive: true });
  const root = JSON.stringify(sigstore.trustedRoot);
  writeFileSync(path.join(folder, 'trusted-root'), root);
  writeFileSync(path.join(folder, 'artifact'), signings[0]?.artifact ?? '');
  writeFileSync(
    path.join(folder, 'signatures'),
    JSON.stringify(signings.map(({ signature }) => signature.toString('base64'))),
  );
  return {
    keyless: signings.flatMap((signing) =>
      (['0.1', '0.3'] as const).map((version) => JSON.stringify(bundleFor(signing, version))),
    ),
    certificate: signings.flatMap(certificateOf),
    'trust-root': [root, read('core/sigstore/trust/public-good.json')],
  };
}

function certificateOf({ verifier }: Signing): readonly Uint8Array[] {
  return 'certificate' in verifier ? [verifier.certificate] : [];
}

function keys(): Seeds {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;
  const x25519 = generateKeyPairSync('x25519').publicKey;
  return {
    key: [
      ...KEY_NAMES.map(publicKeyFile),
      publicKeyFile('release').replaceAll('\n', '\r\n    '),
      rsa.export({ type: 'pkcs1', format: 'pem' }),
      x25519.export({ type: 'spki', format: 'pem' }),
      // Not one, only called so: to see that the kind is refused.
      publicKeyFile('release').replaceAll('PUBLIC', 'EC PRIVATE'),
    ],
  };
}

function settings(): Seeds {
  const pages = projectFiles().filter((file) => /^docs\/.*\.md$/.test(file));
  const blocks = pages.flatMap((page) =>
    [...read(page).matchAll(/^```yaml\n(.*?)^```/gms)].map(([, text = '']) => text),
  );
  const examples = blocks.filter((text) => text.includes('kind: ImagePolicy'));
  const policy = { apiVersion: 'cosignet.dev/v1', kind: 'ImagePolicy', metadata: { name: 'a' } };
  const pem = publicKeyFile('release');
  const specs = [
    { images: ['ghcr.io/acme/**'], keys: [{ name: 'release', pem }], mode: 'Audit' },
    {
      images: ['**'],
      action: 'Deny',
      namespaceSelector: { matchExpressions: [{ key: 'a', operator: 'In', values: ['b'] }] },
    },
    {
      images: ['acme/*'],
      keys: [{ pem, notBefore: '2026-01-01T00:00:00Z' }, { secretRef: { name: 'a', key: 'cosign.pub' } }],
      threshold: 2,
      annotations: { environment: 'production' },
      signatureRepository: 'ghcr.io/acme/signatures',
      attestations: [
        {
          name: 'sbom',
          predicateType: 'https://example.com/tests/v1',
          conditions: [{ expression: 'predicate.passed == true', message: 'tests must pass' }],
          schema: { type: 'object', required: ['passed'] },
        },
      ],
    },
    {
      images: ['ghcr.io/x'],
      identities: [
        { issuer: 'https://accounts.example.test', subjectPattern: '.*@example[.]test', trustRoot: 'public-good' },
      ],
    },
  ];
  const yaml = `# two\n---\napiVersion: cosignet.dev/v1\nkind: ImagePolicy\nmetadata: { name: b }\nspec:\n  images: ["**"]\n  action: Deny\n---\nkind: List\nitems: []\n`;
  return {
    policy: [...specs.map((spec) => JSON.stringify({ ...policy, spec }, null, 1)), yaml, ...examples],
    configuration: [
      '',
      'unmatchedImages: Warn\ndeadlineSeconds: 5\nexcludedNamespaces: [kube-system, {name: flux-system, mode: Audit}]\n',
      'cache:\n  verified: 60\nregistries:\n  - host: Registry.example.com:5000\n    mirrors: [mirror.example.com]\n    insecure: true\ntrustRoots:\n  - name: own\n    file: root.json\nlimits:\n  signatures: 8\n',
      'registries: [{host: a.io}, {host: A.io}]\n',
      'limits: &a\n  signatures: 1\ncache: *a\n',
    ],
    'docker-config': [
      {
        auths: {
          'registry.example.com': { auth: 'dXNlcjpwYXNz' },
          'https://index.docker.io/v1/': { username: 'u', password: 'p' },
        },
      },
      {
        auths: { '*.example.com/team': { identitytoken: 't' }, '[::1]:5000': { registrytoken: 'r' }, 'x.io': {} },
        credsStore: 'desktop',
        credHelpers: { 'a.io': 'ecr-login' },
      },
    ].map((each) => JSON.stringify(each)),
    'label-selector': [
      { selector: { matchLabels: { team: 'a' } }, labels: { team: 'a' } },
      {
        selector: {
          matchExpressions: [
            { key: 'team', operator: 'NotIn', values: ['a', 'b'] },
            { key: 'x/y', operator: 'Exists' },
          ],
        },
        labels: { 'x/y': '' },
      },
      { selector: { matchExpressions: [{ key: 'constructor', operator: 'DoesNotExist' }] }, labels: {} },
      { selector: {}, labels: { a: 'b' } },
    ].map((each) => JSON.stringify(each)),
  };
}

function reviews(): readonly string[] {
  const spec = {
    containers: [container('nginx'), container('')],
    initContainers: [container('ghcr.io/acme/app:1')],
    ephemeralContainers: [],
    volumes: [
      { name: 'v', image: { reference: 'ghcr.io/acme/data:1' } },
      { name: 'w', emptyDir: {} },
    ],
    imagePullSecrets: [{ name: 'pull' }],
  };
  const each = RESOURCES.map((resource) => reviewOf(resource, objectOf(resource, spec)));
  const mirror = { annotations: { 'kubernetes.io/config.mirror': 'x' } };
  const special = [
    reviewOf('pods', podOf(['nginx']), { operation: 'UPDATE', oldObject: podOf(['nginx']) }),
    reviewOf('pods', podOf(['nginx']), {
      operation: 'UPDATE',
      oldObject: podOf(['other']),
      subResource: 'ephemeralcontainers',
    }),
    reviewOf('pods', podOf(['nginx'], mirror), { userInfo: { groups: ['system:nodes'] } }),
    reviewOf('pods', podOf(['nginx']), { namespace: 'kube-system' }),
    reviewOf('pods', null, { operation: 'DELETE', oldObject: podOf(['nginx']) }),
    reviewOf('deployments', objectOf('deployments', { containers: [container('')] })),
  ];
  return [...each, ...special].map((body) => JSON.stringify(body));
}
