// SPDX-License-Identifier: Apache-2.0
import { Workshop } from '../../vectors/cosign/workshop.ts';
import type { RegistryKind } from '../../vectors/cosign/workshop.ts';
import { createBenchEngine } from './bench-engine.ts';
import { startCountingProxy } from './counting-proxy.ts';
import type { CountingProxy } from './counting-proxy.ts';
import { requestScenes } from './request-scenes.ts';
import type { RequestScene } from './request-scenes.ts';

/** Registry requests of one cold decision. */
export interface RequestRow {
  readonly scene: string;
  readonly registry: RegistryKind;
  readonly token: boolean;
  readonly by: 'tag' | 'digest';
  /** The first decision of a process; nothing is known of registry or repository. */
  readonly fresh: number;
  /** A decision about a new image where the repository's format, the registry's ways and its token are known. */
  readonly learned: number;
  readonly goal: number;
  /** Of the real cosign for the same answer, where it was asked. */
  readonly cosign?: number;
}

/** Counts every scene against real registries with and without the referrers API, through the same proxy. */
export async function countRequests(options: { readonly cosign: boolean }): Promise<readonly RequestRow[]> {
  await using workshop = await Workshop.open();
  const { scenes, trustRoots } = await requestScenes(workshop);
  const rows: RequestRow[] = [];
  for (const registry of ['distribution', 'referrers'] as const) {
    const target = await workshop.registry(registry);
    for (const token of [false, true]) {
      const proxy = await startCountingProxy(target, { token });
      for (const scene of scenes.filter((one) => !token || one.token)) {
        const counting = { workshop, proxy, trustRoots, registry, token, withCosign: options.cosign };
        rows.push(...(await countScene(scene, counting)));
      }
      await proxy.close();
    }
  }
  return rows;
}

interface Counting {
  readonly workshop: Workshop;
  readonly proxy: CountingProxy;
  readonly trustRoots: Readonly<Record<string, string>>;
  readonly registry: RegistryKind;
  readonly token: boolean;
  readonly withCosign: boolean;
}

async function countScene(scene: RequestScene, counting: Counting): Promise<readonly RequestRow[]> {
  const { workshop, proxy, trustRoots, registry, token, withCosign } = counting;
  const repository = `${proxy.host}/bench/${scene.name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '')}${token ? '-token' : ''}`;
  const tags = ['1.0', '2.0'].map((tag) => `${repository}:${tag}`);
  const digests: string[] = [];
  for (const tag of tags) digests.push(`${repository}@${await workshop.push(tag)}`);
  await scene.prepare(digests, repository);

  const rows: RequestRow[] = [];
  for (const by of ['tag', 'digest'] as const) {
    const [first = '', second = ''] = by === 'tag' ? tags : digests;
    const engine = createBenchEngine({ host: proxy.host, policies: scene.policies(repository), trustRoots });
    const fresh = await countDuring(proxy, () => engine.verify(first));
    const learned = await countDuring(proxy, () => engine.verify(second));
    await engine.close();
    const goal = scene.goal + (by === 'tag' ? 1 : 0);
    const row = { scene: scene.name, registry, token, by, fresh, learned, goal };
    const cosign = async () => {
      for (const { arguments: flags, environment } of scene.cosign(second, repository)) {
        await workshop.exec('cosign', flags, environment);
      }
    };
    rows.push(withCosign ? { ...row, cosign: await countDuring(proxy, cosign) } : row);
  }
  return rows;
}

async function countDuring(proxy: CountingProxy, work: () => Promise<unknown>): Promise<number> {
  proxy.reset();
  await work();
  return proxy.requests.length;
}
