// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { startControlPlane, type ControlPlane } from '../../control-plane/control-plane.ts';
import { imageSchemaPaths } from '../../../webhook/admission/request/image-fields.ts';
import { imageFieldsOf, type OpenApi, type SchemaField } from '../workbench/image-fields.ts';
import { output, requireTools, run, TOOLS } from '../workbench/tools.ts';

requireTools('etcd', 'kube-apiserver', 'kube-controller-manager', 'kubectl');

const key = { pem: 'any text: what CEL can see of a key' };
const identity = { issuer: 'https://issuer.example', subject: 'someone@example.com' };

const certificate = { caPem: 'any text: what CEL can see of an authority', subject: 'someone@example.com' };
const attestedOnly = { images: ['**'], keys: [key], threshold: 0, attestations: [{ name: 'a', predicateType: 't' }] };

const SECRET = 'c2VjcmV0IG9mIHNvbWVib2R5';

/** Each spec breaks one rule of the definition; the message is what kubectl shows. */
const refused: readonly [string, object, RegExp][] = [
  ['no images', { keys: [key] }, /spec\.images: Required value/],
  ['an empty list of images', { images: [], keys: [key] }, /spec\.images.*should have at least 1 items/],
  ['no signers', { images: ['**'] }, /action Verify needs keys or identities/],
  ['a key that is nothing', { images: ['**'], keys: [{ name: 'a' }] }, /exactly one of pem, secretRef or kms/],
  [
    'a key that is two things',
    { images: ['**'], keys: [{ ...key, secretRef: { name: 'a', key: 'b' } }] },
    /exactly one of pem, secretRef or kms/,
  ],
  [
    'a key that is somewhere else, too',
    { images: ['**'], keys: [{ ...key, kms: 'hashivault://release' }] },
    /exactly one of pem, secretRef or kms/,
  ],
  ...['cosign.pub', 'https://keys.example/cosign.pub', 'pkcs11:token=x'].map((kms): [string, object, RegExp] => [
    `a KMS that is none, ${kms}`,
    { images: ['**'], keys: [{ kms }] },
    /spec\.keys\[0\]\.kms: Invalid value: .*kms is awskms:\/\/….* is written as pem/,
  ]),
  [
    'a Secret as if it were a KMS',
    { images: ['**'], keys: [{ kms: 'k8s://prod/release' }] },
    /spec\.keys\[0\]\.kms: Invalid value: .*k8s:\/\/ names a Secret: in place of kms write secretRef/,
  ],
  [
    'a private key',
    { images: ['**'], keys: [{ pem: `-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n${SECRET}` }] },
    /spec\.keys\[0\]: Invalid value: (?:"object": )?pem is a private key, .* give its public half/,
  ],
  ['a threshold that nobody reaches', { images: ['**'], keys: [key], threshold: 2 }, /must not exceed the number/],
  ['a threshold of nothing', { images: ['**'], keys: [key], threshold: 0 }, /threshold 0 needs attestations/],
  [
    'a threshold of nothing with annotations',
    { ...attestedOnly, annotations: { team: 'a' } },
    /annotations and required are about signatures, and threshold 0 asks for none/,
  ],
  [
    'a threshold of nothing with required names',
    { ...attestedOnly, keys: [{ ...key, name: 'a' }], required: ['a'] },
    /annotations and required are about signatures, and threshold 0 asks for none/,
  ],
  [
    'platforms of another kind',
    { images: ['**'], keys: [key], platforms: 'Some' },
    /spec\.platforms: Unsupported value/,
  ],
  [
    'a Secret for no repository of signatures',
    { images: ['**'], keys: [key], signatureSecret: 'pull' },
    /signatureSecret needs signatureRepository/,
  ],
  ['attestations by nobody', { ...attestedOnly, keys: [] }, /action Verify needs keys or identities/],
  ['a required name without a key', { images: ['**'], keys: [key], required: ['other'] }, /required names exist/],
  [
    'two keys of one name',
    {
      images: ['**'],
      keys: [
        { ...key, name: 'a' },
        { ...key, name: 'a' },
      ],
    },
    /key names must be unique/,
  ],
  [
    'a window that ends before it begins',
    { images: ['**'], keys: [{ ...key, notBefore: '2030-01-01T00:00:00Z', notAfter: '2029-01-01T00:00:00Z' }] },
    /notBefore must be before notAfter/,
  ],
  [
    'an identity with two issuers',
    { images: ['**'], identities: [{ ...identity, issuerPattern: '.*' }] },
    /exactly one of issuer or issuerPattern/,
  ],
  [
    'a signed identity without its repository',
    { images: ['**'], keys: [{ pem: 'x' }], signedIdentity: { matchPolicy: 'ExactRepository' } },
    /exactRepository goes with matchPolicy ExactRepository/,
  ],
  [
    'a signed identity with prefixes that are not asked for',
    {
      images: ['**'],
      keys: [{ pem: 'x' }],
      signedIdentity: {
        matchPolicy: 'MatchRepository',
        remapIdentity: { prefix: 'a.example', signedPrefix: 'b.example' },
      },
    },
    /remapIdentity goes with matchPolicy RemapIdentity/,
  ],
  [
    'a signed identity where no signature is asked for',
    { ...attestedOnly, signedIdentity: { matchPolicy: 'MatchRepository' } },
    /signedIdentity is about signatures, and threshold 0 asks for none/,
  ],
  [
    'an identity without a subject',
    { images: ['**'], identities: [{ issuer: identity.issuer }] },
    /exactly one of subject or subjectPattern/,
  ],
  [
    'a claim that nobody knows',
    { images: ['**'], identities: [{ ...identity, claims: [{ name: 'sourceRepo', value: 'x' }] }] },
    /Unsupported value: "sourceRepo": supported values: .*"sourceRepositoryURI"/,
  ],
  [
    'a claim with neither value nor pattern',
    { images: ['**'], identities: [{ ...identity, claims: [{ name: 'buildTrigger' }] }] },
    /exactly one of value or valuePattern/,
  ],
  [
    'a claim that is there twice',
    {
      images: ['**'],
      identities: [
        {
          ...identity,
          claims: [
            { name: 'buildTrigger', value: 'push' },
            { name: 'buildTrigger', value: 'release' },
          ],
        },
      ],
    },
    /claims\[1\]: Duplicate value/,
  ],
  [
    'a certificate of two authorities',
    { images: ['**'], certificates: [{ ...certificate, secretRef: { name: 'a', key: 'b' } }] },
    /exactly one of caPem or secretRef/,
  ],
  [
    'a certificate of nobody',
    { images: ['**'], certificates: [{ caPem: certificate.caPem }] },
    /exactly one of subject or subjectPattern/,
  ],
  [
    'a private key among authorities',
    { images: ['**'], certificates: [{ ...certificate, caPem: '-----BEGIN PRIVATE KEY-----' }] },
    /caPem holds a private key/,
  ],
  [
    'two certificates of one name',
    {
      images: ['**'],
      certificates: [
        { ...certificate, name: 'a' },
        { ...certificate, name: 'a' },
      ],
    },
    /certificate names must be unique/,
  ],
  [
    'a threshold that certificates do not reach',
    { images: ['**'], certificates: [certificate], threshold: 2 },
    /must not exceed the number/,
  ],
  [
    'a demand that ends by itself',
    { images: ['**'], keys: [key], expiresAt: '2030-01-01T00:00:00Z' },
    /expiresAt is for action Allow only: what is asked must not end by itself/,
  ],
  [
    'a denial that ends by itself',
    { images: ['**'], action: 'Deny', expiresAt: '2030-01-01T00:00:00Z' },
    /expiresAt is for action Allow only/,
  ],
  [
    'an exception that ends at no time',
    { images: ['**'], action: 'Allow', expiresAt: 'soon' },
    /spec\.expiresAt.*must be of type date-time/,
  ],
  ['a demand with a reason', { images: ['**'], keys: [key], reason: 'none' }, /reason is for action Allow only/],
  [
    'a time of attestations that are not ordered',
    { ...attestedOnly, attestations: [{ name: 'a', predicateType: 't', newestBy: 'timestamp(predicate.at)' }] },
    /newestBy needs select Newest/,
  ],
  [
    'an unknown selection',
    { ...attestedOnly, attestations: [{ name: 'a', predicateType: 't', select: 'Oldest' }] },
    /Unsupported value: "Oldest"/,
  ],
  ['an unknown mode', { images: ['**'], keys: [key], mode: 'Off' }, /Unsupported value: "Off"/],
  ['an unknown field', { images: ['**'], keys: [key], keyz: [] }, /unknown field "spec\.keyz"/],
];

describe('the ImagePolicy definition in a real API server', () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'cosignet-'));
  let plane: ControlPlane;
  const kubectl = (args: readonly string[], input = '') =>
    run(['kubectl', ...args], { env: { KUBECONFIG: plane.kubeconfig, HOME: dir }, input });
  const apply = (spec: object) => {
    const policy = { apiVersion: 'cosignet.dev/v1', kind: 'ImagePolicy', metadata: { name: 'tried' }, spec };
    return kubectl(['apply', '--dry-run=server', '--output=json', '--filename=-'], JSON.stringify(policy));
  };

  before(async () => {
    plane = await startControlPlane({ bin: TOOLS, dir });
    const env = { KUBECONFIG: plane.kubeconfig, HOME: dir };
    await output(['kubectl', 'apply', '--server-side', '--filename=crds/imagepolicies.cosignet.dev.yaml'], { env });
    await output(['kubectl', 'wait', '--for=condition=Established', 'crd/imagepolicies.cosignet.dev'], { env });
  });
  after(async () => {
    await plane.stop();
    rmSync(dir, { recursive: true });
  });

  test('has a structural schema that the API server takes without reservation', async () => {
    const { stdout } = await kubectl(['get', 'crd/imagepolicies.cosignet.dev', '-o', 'json']);
    const { status }: { status: { conditions: { type: string; status: string; message: string }[] } } =
      JSON.parse(stdout);
    const holding = status.conditions.filter((condition) => condition.status === 'True').map(({ type }) => type);
    assert.deepEqual(holding.toSorted(), ['Established', 'NamesAccepted']);
  });

  test('takes the smallest policy and fills in the defaults', async () => {
    const { code, stdout, stderr } = await apply({ images: ['docker.io/acme/*'], keys: [key] });
    assert.equal(code, 0, stderr);
    const { spec }: { spec: unknown } = JSON.parse(stdout);
    const defaults = { action: 'Verify', mode: 'Enforce', threshold: 1, transparencyLog: 'Ignore' };
    assert.deepEqual(spec, { images: ['docker.io/acme/*'], keys: [key], ...defaults });
  });

  test('takes certificates alone, required by name or by index', async () => {
    const certificates = [{ ...certificate, name: 'a' }, certificate];
    const required = ['a', 'certificate-1'];
    const { code, stderr } = await apply({ images: ['**'], certificates, threshold: 2, required });
    assert.equal(code, 0, stderr);
    assert.match(
      (await apply({ images: ['**'], certificates, required: ['certificate-0'] })).stderr,
      /required names exist/,
    );
  });

  test('takes attestations alone', async () => {
    const { code, stderr } = await apply(attestedOnly);
    assert.equal(code, 0, stderr);
  });

  test('takes an exception that ends, with its reason', async () => {
    const exception = {
      images: ['**'],
      action: 'Allow',
      expiresAt: '2030-01-01T00:00:00Z',
      reason: 'until it is signed',
    };
    const { code, stderr } = await apply(exception);
    assert.equal(code, 0, stderr);
  });

  for (const [what, spec, message] of refused) {
    test(`refuses ${what}`, async () => {
      const { code, stderr } = await apply(spec);
      assert.equal(code, 1);
      assert.match(stderr, message);
      assert.ok(!stderr.includes(SECRET), 'a private key is not shown');
    });
  }

  test('explains every field to kubectl', async () => {
    const { stdout } = await kubectl(['explain', 'imagepolicies.spec', '--api-version=cosignet.dev/v1', '--recursive']);
    for (const field of [
      'images',
      'namespaceSelector',
      'keys',
      'secretRef',
      'identities',
      'claims',
      'certificates',
      'threshold',
      'platforms',
      'signatureSecret',
      'attestations',
    ]) {
      assert.match(stdout, new RegExp(`^\\s+${field}\\t`, 'm'));
    }
    const keys = await kubectl(['explain', 'imagepolicies.spec.keys', '--api-version=cosignet.dev/v1']);
    assert.match(keys.stdout, /Public keys whose signatures count/);
    assert.doesNotMatch(keys.stdout, /<no description>/);
  });

  test('is found by its short name and category', async () => {
    assert.equal((await kubectl(['get', 'sigpol'])).code, 0);
    assert.equal((await kubectl(['get', 'cosignet'])).code, 0);
  });

  test('covers, in the webhook, each field of each kind that the API server knows to hold an image', async () => {
    const openApi = await plane.api.get<OpenApi>('/openapi/v2');
    const known = imageFieldsOf(openApi).map(line).toSorted();
    assert.ok(known.includes('apps/v1 Deployment spec.template.spec.containers[].image'), 'the walk finds nothing');
    assert.deepEqual(imageSchemaPaths().map(line).toSorted(), known);
  });
});

function line({ apiVersion, kind, path: where }: SchemaField): string {
  return `${apiVersion} ${kind} ${where}`;
}
