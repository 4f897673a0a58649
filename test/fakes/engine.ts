// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { DEFAULT_CONFIGURATION } from '../../core/config/configuration.ts';
import type { Configuration, TrustRootConfiguration } from '../../core/config/types.ts';
import { silentLogger, silentMetrics } from '../../core/observe.ts';
import { compilePolicy } from '../../core/policy/compile/compile.ts';
import type { CompileContext } from '../../core/policy/compile/compile-context.ts';
import { prepareInProcess } from '../../core/policy/evaluator/in-process.ts';
import type { ImagePolicySpec } from '../../core/policy/documents/image-policy.gen.ts';
import { createPolicyStore } from '../../core/policy/store/store.ts';
import type { PolicyStore } from '../../core/policy/store/store.ts';
import type { CompiledPolicy } from '../../core/policy/types.ts';
import { createRegistryClient } from '../../core/registry/client/client.ts';
import type { Keychain, RegistryClient } from '../../core/registry/types.ts';
import { createEngine } from '../../core/verdict/engine.ts';
import { createTrustRoots, type FollowedText } from '../../core/verdict/trust-roots.ts';
import type { Decide, Verdict } from '../../core/verdict/types.ts';
import { loadLayout, RegistryContent } from './registry/registry-content.ts';
import { startFakeRegistry } from './registry/registry.ts';
import type { FakeRegistry, FakeRegistryOptions } from './registry/registry.ts';

export const LAYOUT = new URL('../vectors/cosign/layout/', import.meta.url).pathname;

export function publicKeyPem(name: string): string {
  return readFileSync(new URL(`../vectors/cosign/keys/${name}.pub`, import.meta.url), 'utf8');
}

/** Read once: no test changes them. */
const vectors = loadVectors();

async function loadVectors(): Promise<RegistryContent> {
  const content = new RegistryContent();
  await loadLayout(content, LAYOUT);
  return content;
}

/** All that a policy may need to compile in tests; Secrets are empty unless given. */
export function compileContext(overrides: Partial<CompileContext> = {}): CompileContext {
  return {
    secret: () => undefined,
    trustRoots: new Set(['public-good']),
    prepareDemand: prepareInProcess,
    ...overrides,
  };
}

export function compiled(name: string, spec: ImagePolicySpec, context = compileContext()): CompiledPolicy {
  return compilePolicy(
    { apiVersion: 'cosignet.dev/v1', kind: 'ImagePolicy', metadata: { name, generation: 1 }, spec },
    context,
  );
}

export const anonymous: Keychain = { id: '', resolve: async () => [] };

/**
 * A client beside which can be waited for what was asked ahead: so that requests are counted whole, and those of one
 * decision not with the next.
 */
export function settledAhead(client: RegistryClient) {
  const asked: Promise<void>[] = [];
  return {
    client: {
      ...client,
      askReferrersAhead(...question: Parameters<NonNullable<RegistryClient['askReferrersAhead']>>) {
        const asking = client.askReferrersAhead?.(...question) ?? Promise.resolve();
        asked.push(asking);
        return asking;
      },
    } satisfies RegistryClient,
    after:
      (decide: Decide): Decide =>
      async (request) => {
        const verdict = await decide(request);
        await Promise.all(asked.splice(0));
        return verdict;
      },
  };
}

/** The engine against a registry that serves the real cosign's vectors. */
export interface TestEngine {
  readonly registry: FakeRegistry;
  readonly store: PolicyStore;
  readonly client: RegistryClient;
  /** Milliseconds; tests move it. */
  readonly time: { now: number };
  configuration: Configuration;
  /** `image` without the registry: `demo/signed:1.0`. */
  decide(image: string, options?: DecideOptions): Promise<Verdict>;
  readonly decideRaw: Decide;
  close(): Promise<void>;
}

export interface DecideOptions {
  readonly labels?: Readonly<Record<string, string>>;
  readonly keychain?: Keychain;
  readonly milliseconds?: number;
}

export interface TestEngineOptions {
  readonly policies?: Readonly<Record<string, ImagePolicySpec>>;
  readonly registry?: FakeRegistryOptions;
  readonly configuration?: Partial<Configuration>;
  /** Texts of trusted_root.json files by name. */
  readonly trustRoots?: Readonly<Record<string, string>>;
  /** Trust roots with settings of their own. */
  readonly configuredRoots?: readonly TrustRootConfiguration[];
  /** A trust root `followed`, as if it were followed in a TUF repository. */
  readonly followed?: FollowedText;
  /** Stands between engine and registry. */
  readonly wrap?: (client: RegistryClient) => RegistryClient;
}

const FOLLOWED = {
  name: 'followed',
  tuf: { url: '', rootFile: '', targetName: '', refreshSeconds: 60, insecure: false },
};

export async function startEngine(options: TestEngineOptions = {}): Promise<TestEngine> {
  const registry = await startFakeRegistry({ content: await vectors, ...options.registry });
  const roots = options.trustRoots ?? {};
  const time = { now: Date.parse('2026-06-01T00:00:00Z') };
  const clock = () => time.now;
  const store = createPolicyStore();
  const client = createRegistryClient({
    settings: (host) => (host === registry.host ? { host, mirrors: [], insecure: true } : undefined),
    limits: { ...DEFAULT_CONFIGURATION.limits, ...options.configuration?.limits },
    clock,
    metrics: silentMetrics,
    log: silentLogger,
  });
  const settled = settledAhead(options.wrap?.(client) ?? client);
  for (const [name, spec] of Object.entries(options.policies ?? {})) store.set(compiled(name, spec));
  const engine: TestEngine = {
    registry,
    store,
    client,
    time,
    configuration: { ...DEFAULT_CONFIGURATION, ...options.configuration },
    decide: (image, { labels = {}, keychain = anonymous, milliseconds = 5000 } = {}) =>
      settled.after(decide)({
        image: /^(demo|keys)\//.test(image) ? `${registry.host}/${image}` : image,
        namespace: { name: 'default', labels },
        keychain,
        signal: AbortSignal.timeout(milliseconds),
      }),
    decideRaw: (request) => decide(request),
    close: async () => {
      await client.close();
      await registry.close();
    },
  };
  const decide = createEngine({
    policies: store,
    registry: settled.client,
    trustRoots: createTrustRoots(
      [
        ...Object.keys(roots).map((name) => ({ name, file: name })),
        ...(options.configuredRoots ?? []),
        ...(options.followed ? [FOLLOWED] : []),
      ],
      async (file) => roots[file] ?? '',
      options.followed,
    ),
    configuration: () => engine.configuration,
    clock,
    metrics: silentMetrics,
  });
  return engine;
}
