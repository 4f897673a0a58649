// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { V1Pod } from '@kubernetes/client-node';
import { Agent, request } from 'undici';
import type { ObjectList } from '../../control-plane/api.ts';
import { question, summaryOf } from '../../endurance/questions.ts';
import type { Image, Installation } from './installation.ts';

/** Names of the replicas that run and are not being ended. */
export async function replicasOf({ bench }: Installation): Promise<readonly string[]> {
  const selector = encodeURIComponent('app.kubernetes.io/name=cosignet');
  const path = `/api/v1/namespaces/cosignet/pods?labelSelector=${selector}`;
  const { items } = await bench.cluster.api.get<ObjectList<V1Pod>>(path);
  const running = items.filter(({ metadata, status }) => status?.phase === 'Running' && !metadata?.deletionTimestamp);
  return running.map(({ metadata }) => metadata?.name ?? '');
}

/** Where a Pod's process listens, from its log. */
export async function addressesOf(here: Installation, pod: string): Promise<{ webhook: string; metrics: string }> {
  const log = await readFile(join(here.bench.dir, 'cluster/pods', pod, 'output.log'), 'utf8');
  const [, webhook = '', metrics = ''] = /"serving".*?"webhook":"([^"]+)","metrics":"([^"]+)"/.exec(log) ?? [];
  return { webhook, metrics };
}

/** Asks one replica, not the Service, about a Pod with this image; the answer as `summaryOf` has it; rejects on any other. */
export async function askReplica(
  here: Installation,
  pod: string,
  { image, namespace = 'shop' }: { readonly image: Image; readonly namespace?: string },
): Promise<string> {
  const { webhook } = await addressesOf(here, pod);
  const bundle = await here.read('mutatingwebhookconfiguration/cosignet', '.webhooks[0].clientConfig.caBundle');
  const path = await here.read('mutatingwebhookconfiguration/cosignet', '.webhooks[0].clientConfig.service.path');
  const dispatcher = new Agent({ connect: { ca: atob(bundle), servername: 'cosignet.cosignet.svc' } });
  const uid = randomUUID();
  const { body } = question('asked', '', { containers: [image.tag], namespace });
  const headers = { 'content-type': 'application/json' };
  const url = `${webhook}${path}?timeout=10s`;
  try {
    const answer = await request(url, { method: 'POST', dispatcher, headers, body: body(uid) });
    const text = await answer.body.text();
    if (answer.statusCode !== 200) throw new Error(`HTTP ${answer.statusCode}: ${text}`);
    return summaryOf(text, uid);
  } finally {
    await dispatcher.destroy();
  }
}
