// SPDX-License-Identifier: Apache-2.0
// What a node says of an image is often not the digest that was pulled. The signatures are the real cosign's.
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { DEFAULT_CONFIGURATION } from '../../../../core/config/configuration.ts';
import { EngineError } from '../../../../core/errors.ts';
import { digestOf } from '../../../../core/image/digest.ts';
import type { Digest } from '../../../../core/image/digest.ts';
import { silentMetrics } from '../../../../core/observe.ts';
import type { ImagePolicySpec } from '../../../../core/policy/documents/image-policy.gen.ts';
import { createPolicyStore } from '../../../../core/policy/store/store.ts';
import type { RegistryClient } from '../../../../core/registry/types.ts';
import { createEngine } from '../../../../core/verdict/engine.ts';
import { compareContent } from '../../../../core/verdict/manifests/same-content.ts';
import type { Verdict } from '../../../../core/verdict/types.ts';
import { anonymous, compiled, publicKeyPem } from '../../../fakes/engine.ts';
import { createLayoutRegistry, freshScope } from '../../../vectors/cosign/layout-registry.ts';

const HOST = 'registry.example.com';
const INDEX = 'demo/index';
const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const layout = createLayoutRegistry();

interface Descriptor {
  readonly digest: Digest;
  readonly platform?: { readonly os: string; readonly architecture: string };
}

async function manifestOf(path: string, digest: Digest): Promise<{ manifests: Descriptor[]; config: Descriptor }> {
  const found = await layout.getManifest({ registry: HOST, path }, digest, 1_000_000, freshScope());
  return JSON.parse(Buffer.from(found?.bytes ?? []).toString());
}

describe('what runs', () => {
  const spec: ImagePolicySpec = {
    images: [`${HOST}/**`],
    keys: [{ name: 'release', pem: publicKeyPem('release') }],
  };
  let policies: Record<string, ImagePolicySpec>;
  /** Beside the vectors: manifests by `host/path@digest`, tags by `host/path:tag`. */
  let manifests: Map<string, object>;
  let tags: Map<string, Digest | undefined>;
  let asked: string[];
  let fails: (name: string) => void;

  beforeEach(() => {
    policies = { all: spec };
    [manifests, tags, asked] = [new Map(), new Map(), []];
    fails = () => undefined;
  });

  const registry: Partial<RegistryClient> = {
    resolveTag: async (repository, tag, scope) => {
      scope.count();
      const name = `${repository.registry}/${repository.path}:${tag}`;
      fails(name);
      return tags.has(name) ? tags.get(name) : layout.resolveTag(repository, tag, scope);
    },
    getManifest: async (repository, reference, most, scope) => {
      scope.count();
      const name = `${repository.registry}/${repository.path}@${reference}`;
      asked.push(name);
      fails(name);
      const own = manifests.get(name);
      if (own === undefined) return layout.getManifest(repository, reference, most, scope);
      const bytes = Buffer.from(JSON.stringify(own));
      return { digest: digestOf(bytes), mediaType: '', bytes };
    },
  };

  function store(repository: string, manifest: object): Digest {
    const digest = digestOf(Buffer.from(JSON.stringify(manifest)));
    manifests.set(`${repository}@${digest}`, manifest);
    return digest;
  }

  function decide(image: string, runs: string): Promise<Verdict> {
    const known = createPolicyStore();
    known.replace(Object.entries(policies).map(([name, policy]) => compiled(name, policy)));
    const engine = createEngine({
      policies: { snapshot: () => known.snapshot() },
      registry: { ...layout, ...registry },
      trustRoots: { names: () => [], load: () => Promise.reject(new Error('there is none')) },
      configuration: () => DEFAULT_CONFIGURATION,
      clock: () => 0,
      metrics: silentMetrics,
    });
    const signal = AbortSignal.timeout(60_000);
    return engine({ image, runs, namespace: { labels: {} }, keychain: anonymous, signal });
  }

  async function shown(image: string, runs: string): Promise<readonly unknown[]> {
    const { outcome, code, image: named } = await decide(image, runs);
    return [outcome, code, named];
  }

  const unsigned = layout.digest('demo/unsigned:1.0');
  const signed = layout.digest('demo/signed:1.0');

  for (const format of ['simple-signing', 'bundle'] as const) {
    const tag = `${HOST}/${INDEX}:${format}`;
    const index = layout.digest(`${INDEX}:${format}`);

    test(`is allowed where the node names the manifest for its platform of a signed index (${format})`, async () => {
      const { manifests: children } = await manifestOf(INDEX, index);
      assert.equal(children.length, 2);
      for (const { digest } of children) {
        const verdict = await decide(tag, `${HOST}/${INDEX}@${digest}`);
        assert.deepEqual([verdict.outcome, verdict.code], ['allowed', 'Verified'], verdict.message);
        assert.equal(verdict.image, `${tag}@${digest}`);
        assert.equal(verdict.resolved, `${HOST}/${INDEX}@${index}`);
        assert.ok(verdict.message.endsWith(`; the node names its content ${HOST}/${INDEX}@${digest}`));
      }
    });

    test(`is allowed where another index of the same manifests runs, and not where that has more (${format})`, async () => {
      const { manifests: children } = await manifestOf(INDEX, index);
      const attestation = { digest: unsigned, platform: { os: 'unknown', architecture: 'unknown' } };
      const again = store(`${HOST}/${INDEX}`, { mediaType: OCI_INDEX, manifests: [...children, attestation] });
      assert.deepEqual((await shown(tag, `${HOST}/${INDEX}@${again}`)).slice(0, 2), ['allowed', 'Verified']);
      for (const more of [
        { digest: unsigned },
        { digest: unsigned, platform: { os: 'linux', architecture: 's390x' } },
      ]) {
        const other = store(`${HOST}/${INDEX}`, { mediaType: OCI_INDEX, manifests: [...children, more] });
        assert.deepEqual((await shown(tag, `${HOST}/${INDEX}@${other}`)).slice(0, 2), ['denied', 'NoSignature']);
      }
    });

    test(`is allowed where the node names another repository's manifest of the same configuration (${format})`, async () => {
      const { manifests: children } = await manifestOf(INDEX, index);
      const { config } = await manifestOf(INDEX, children[1]?.digest ?? assert.fail());
      const elsewhere = 'mirror.example.org/copy';
      const same = store(elsewhere, { mediaType: OCI_MANIFEST, config, layers: [] });
      assert.deepEqual(await shown(tag, `${elsewhere}@${same}`), ['allowed', 'Verified', tag]);
      const other = store(elsewhere, { mediaType: OCI_MANIFEST, config: { digest: unsigned }, layers: [] });
      assert.deepEqual(await shown(tag, `${elsewhere}@${other}`), ['error', 'RunningImageUnknown', tag]);
    });
  }

  test('is allowed where another manifest of the same configuration was named first', async () => {
    const { config } = await manifestOf('demo/signed', signed);
    const again = store(`${HOST}/demo/signed`, {
      mediaType: OCI_MANIFEST,
      config,
      layers: [],
      annotations: { a: 'b' },
    });
    const image = `${HOST}/demo/signed:1.0`;
    assert.deepEqual(await shown(image, `${HOST}/demo/signed@${again}`), ['allowed', 'Verified', `${image}@${again}`]);
  });

  test('is denied where neither is signed, or the tag names another single image by now', async () => {
    const other = store(`${HOST}/demo/signed`, { mediaType: OCI_MANIFEST, config: { digest: unsigned }, layers: [] });
    assert.deepEqual((await shown(`${HOST}/demo/signed:1.0`, `${HOST}/demo/signed@${other}`)).slice(0, 2), [
      'denied',
      'NoSignature',
    ]);
    assert.deepEqual((await shown(`${HOST}/demo/unsigned:1.0`, `${HOST}/demo/unsigned@${other}`)).slice(0, 2), [
      'denied',
      'NoSignature',
    ]);
    assert.deepEqual((await shown(`${HOST}/demo/unsigned:1.0`, `example.org/x@${other}`)).slice(0, 2), [
      'denied',
      'NoSignature',
    ]);
  });

  test('is not known where the tag names another index by now: it may have been part of one that was signed', async () => {
    const other = store(`${HOST}/${INDEX}`, { mediaType: OCI_MANIFEST, config: { digest: unsigned }, layers: [] });
    const tag = `${HOST}/${INDEX}:bundle`;
    const verdict = await decide(tag, `${HOST}/${INDEX}@${other}`);
    assert.deepEqual([verdict.outcome, verdict.code], ['error', 'RunningImageUnknown']);
    assert.match(verdict.message, /which is not signed itself; whether that is what was signed under this tag is not/);
    assert.deepEqual(verdict.refusedBy, ['all']);
  });

  test('is not known where the tag is gone, unless it is an index', async () => {
    tags.set(`${HOST}/${INDEX}:old`, undefined);
    const { manifests: children } = await manifestOf(INDEX, layout.digest(`${INDEX}:bundle`));
    const tag = `${HOST}/${INDEX}:old`;
    const [first] = children;
    assert.equal((await shown(tag, `${HOST}/${INDEX}@${first?.digest}`))[1], 'RunningImageUnknown');
    const index = store(`${HOST}/${INDEX}`, { mediaType: OCI_INDEX, manifests: [] });
    assert.equal((await shown(tag, `${HOST}/${INDEX}@${index}`))[1], 'NoSignature');
    assert.equal((await shown(tag, `example.org/x@${index}`))[1], 'RunningImageUnknown');
  });

  test('is not known where the other repository does not answer, and an outage of its own stays one', async () => {
    const tag = `${HOST}/${INDEX}:bundle`;
    fails = (name) => {
      if (name.startsWith('example.org/')) throw new EngineError('RegistryUnavailable', 'example.org is away');
    };
    const { outcome, code, message } = await decide(tag, `example.org/x@${unsigned}`);
    assert.deepEqual([outcome, code], ['error', 'RunningImageUnknown']);
    assert.match(message, /: example\.org is away$/);
    fails = () => {
      throw new EngineError('RegistryUnavailable', 'nobody is there');
    };
    assert.equal((await shown(tag, `${HOST}/${INDEX}@${unsigned}`))[1], 'RegistryUnavailable');
  });

  test('is not denied while the tag can not be asked for', async () => {
    const tag = `${HOST}/${INDEX}:bundle`;
    fails = (name) => {
      if (name === tag) throw new EngineError('RegistryRateLimited', 'too many');
    };
    assert.equal((await shown(tag, `${HOST}/${INDEX}@${unsigned}`))[1], 'RegistryRateLimited');
  });

  test('is what is signed itself, whatever the tag names by now', async () => {
    tags.set(`${HOST}/demo/signed:1.0`, unsigned);
    const image = `${HOST}/demo/signed:1.0`;
    assert.deepEqual((await shown(image, `${HOST}/demo/signed@${signed}`)).slice(0, 2), ['allowed', 'Verified']);
    // Also where the node names a copy of the same digest.
    assert.deepEqual((await shown(image, `example.org/copy@${signed}`)).slice(0, 2), ['allowed', 'Verified']);
  });

  test('is denied by a policy for its digest, though the tag names an index that is signed', async () => {
    const tag = `${HOST}/${INDEX}:bundle`;
    const { manifests: children } = await manifestOf(INDEX, layout.digest(`${INDEX}:bundle`));
    const digest = children[0]?.digest ?? assert.fail();
    policies['bad'] = { images: [`${HOST}/${INDEX}@${digest}`], action: 'Deny' };
    assert.equal((await shown(tag, `${HOST}/${INDEX}@${digest}`))[1], 'DeniedByPolicy');
    // Its own signers, too.
    policies['bad'] = { ...spec, images: [`${HOST}/${INDEX}@${digest}`] };
    assert.equal((await shown(tag, `${HOST}/${INDEX}@${digest}`))[1], 'NoSignature');
  });

  test('is what the Pod says where that has a digest, or the node says nothing', async () => {
    const pinned = `${HOST}/demo/signed@${signed}`;
    assert.deepEqual((await shown(pinned, `${HOST}/demo/signed@${unsigned}`)).slice(0, 2), ['allowed', 'Verified']);
    for (const nonsense of ['', 'sha256:abc', signed, '@@', `${HOST}/demo/signed:1.0`]) {
      assert.deepEqual((await shown(`${HOST}/demo/signed:1.0`, nonsense))[1], 'Verified', nonsense);
    }
  });

  test('costs at most 10 requests for manifests, however many an index has', async () => {
    const repository = { registry: HOST, path: 'demo/many' };
    const name = `${HOST}/${repository.path}`;
    const children = Array.from({ length: 40 }, (_, number) => ({
      digest: store(name, { config: { digest: signed }, number }),
      platform: { os: 'linux', architecture: `a${number}` },
    }));
    const named = { repository, digest: store(name, { mediaType: OCI_INDEX, manifests: children }) };
    const running = { repository, digest: store(name, { config: { digest: unsigned } }) };
    let counted = 0;
    const scope = { ...freshScope(), count: () => (counted += 1) };
    const dependencies = { registry: { ...layout, ...registry }, limits: () => DEFAULT_CONFIGURATION.limits };
    assert.equal(await compareContent(named, running, scope, dependencies), 'unknown');
    assert.deepEqual([asked.length, counted], [10, 10]);
  });

  test('counts all requests of a decision', async () => {
    const { manifests: children } = await manifestOf(INDEX, layout.digest(`${INDEX}:bundle`));
    const before = asked.length;
    const { registryRequests } = await decide(`${HOST}/${INDEX}:bundle`, `${HOST}/${INDEX}@${children[0]?.digest}`);
    // And one to resolve the tag.
    assert.equal(registryRequests, asked.length - before + 1);
  });
});
