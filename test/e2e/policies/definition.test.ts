// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Agent, request } from 'undici';
import { parse } from 'yaml';
import type { CrdSchema } from '../../../crds/crd-schema.ts';
import { mapInParallel } from '../../../core/parallel.ts';
import { startControlPlane, type ControlPlane } from '../../control-plane/control-plane.ts';
import { imageSchemaPaths } from '../../../webhook/admission/request/image-fields.ts';
import { imageFieldsOf, type OpenApi, type SchemaField } from '../workbench/image-fields.ts';
import { output, requireTools, run, TOOLS } from '../workbench/tools.ts';
import { attestedOnly, certificate, key, refused, SECRET } from './refused-specs.ts';
import { wrongValues, type WrongValue } from './wrong-values.ts';

requireTools('etcd', 'kube-apiserver', 'kube-controller-manager', 'kubectl');

const PLURALS = ['imagepolicies', 'namespacedimagepolicies'] as const;

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
    const definitions = PLURALS.map((plural) => `${plural}.cosignet.dev`);
    const files = definitions.map((name) => `--filename=crds/${name}.yaml`);
    await output(['kubectl', 'apply', '--server-side', ...files], { env });
    await output(['kubectl', 'wait', '--for=condition=Established', ...definitions.map((name) => `crd/${name}`)], {
      env,
    });
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

  for (const plural of PLURALS) {
    test(`names each field of ${plural} that has a wrong value, and what is allowed`, async () => {
      const { kind, spec }: Definition = readDefinition(plural);
      const all = wrongValues(spec);
      // One for each limit; that there are this many shows that the walk finds them.
      assert.ok(all.length > 150, `${all.length} values`);
      const dispatcher = new Agent({ connect: { ca: readFileSync(plane.caFile, 'utf8') } });
      const collection = plural === 'imagepolicies' ? plural : `namespaces/default/${plural}`;
      const url = `${plane.server}/apis/cosignet.dev/v1/${collection}?dryRun=All&fieldValidation=Strict`;
      const headers = { authorization: `Bearer ${plane.token}`, 'content-type': 'application/json' };
      const answers = await mapInParallel(all, 8, async (wrong) => {
        const policy = { apiVersion: 'cosignet.dev/v1', kind, metadata: { name: 'tried' }, spec: wrong.spec };
        const { body } = await request(url, { dispatcher, method: 'POST', headers, body: JSON.stringify(policy) });
        const status: Status = Object(await body.json());
        return isTold(wrong, status) ? [] : [{ ...wrong, message: status.message }];
      });
      await dispatcher.destroy();
      assert.deepEqual(answers.flat(), []);
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

interface Definition {
  readonly kind: string;
  readonly spec: CrdSchema;
}

function readDefinition(plural: string): Definition {
  const { spec } = Object(parse(readFileSync(`crds/${plural}.cosignet.dev.yaml`, 'utf8')));
  return { kind: spec.names.kind, spec: spec.versions[0].schema.openAPIV3Schema.properties.spec };
}

/** As far as it is read (meta/v1). */
interface Status {
  readonly message?: string;
  readonly details?: { readonly causes?: readonly { readonly field?: string; readonly message?: string }[] };
}

/** Unknown fields are told in one message, with their paths; all others each by its own cause. */
function isTold({ path: field, says }: WrongValue, { message = '', details = {} }: Status): boolean {
  const causes = (details.causes ?? []).filter((cause) => cause.field === field).map((cause) => cause.message ?? '');
  const told = causes.length > 0 ? causes : [message];
  return told.some((text) => says.every((part) => text.includes(part)));
}

function line({ apiVersion, kind, path: where }: SchemaField): string {
  return `${apiVersion} ${kind} ${where}`;
}
