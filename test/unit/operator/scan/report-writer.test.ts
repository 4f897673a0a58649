// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { ReportFormat } from '../../../../core/config/types.ts';
import { silentLogger, type Logger } from '../../../../core/observe.ts';
import { ApiError, type ApiRequest, type KubeApi } from '../../../../operator/kubernetes/api-client.ts';
import { ReportWriter } from '../../../../operator/scan/report-writer.ts';
import { eventually } from '../eventually.ts';
import { found } from './found.ts';

const SIGNED = ['allowed', 'Verified'] as const;
const LABELS = { 'app.kubernetes.io/managed-by': 'cosignet' };
const OPEN = '/apis/openreports.io/v1alpha1';

describe('the writer of reports', () => {
  let asked: ApiRequest[];
  /** Namespaces with a report, and its labels. */
  let there: Map<string, object>;
  let broken: Set<string>;
  /** Objects of a page at most. */
  let page: number;
  /** Of each report. */
  let annotations: Readonly<Record<string, string>>;
  let leads: boolean;
  let format: ReportFormat;
  let warned: unknown[];

  const api: KubeApi = {
    call: async <T>(request: ApiRequest): Promise<T> => {
      asked.push(request);
      const { path, method = 'GET' } = request;
      const [, namespace = ''] = /\/namespaces\/([^/]+)/.exec(path) ?? [];
      if (broken.has(namespace)) throw new ApiError(403, `${namespace} is being terminated`);
      if (method === 'PATCH') there.set(namespace, LABELS);
      if (method === 'DELETE') there.delete(namespace);
      const answer: unknown = { metadata: { name: 'cosignet', uid: 'u' } };
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what the code under test asked for
      return answer as T;
    },
    async *stream({ path, query = {}, accept }: ApiRequest) {
      asked.push({ path });
      assert.match(accept ?? '', /as=PartialObjectMetadataList/);
      const at = Number(query['continue'] ?? 0);
      const end = at + Math.min(page, Number(query['limit']));
      const items = [...there]
        .slice(at, end)
        .map(([namespace, labels]) => ({ metadata: { name: 'cosignet', namespace, labels, annotations } }));
      // Go writes null for none.
      const list = {
        metadata: { continue: end < there.size ? String(end) : '' },
        items: items.length > 0 ? items : null,
      };
      yield Buffer.from(JSON.stringify(list));
    },
  };
  const log: Logger = { ...silentLogger, warn: (_, fields) => void warned.push(fields) };
  let retry: number;
  const writers: ReportWriter[] = [];
  function writerOf(): ReportWriter {
    const options = { api, name: 'cosignet', format: () => format, isLeader: () => leads, log, retry };
    const writer = new ReportWriter(options);
    writers.push(writer);
    return writer;
  }
  const changes = () =>
    asked.filter(({ method }) => method !== undefined).map(({ method, path }) => `${method} ${path}`);

  beforeEach(() => {
    [asked, warned, there, broken] = [[], [], new Map(), new Set()];
    [page, annotations] = [1, {}];
    [leads, format, retry] = [true, 'OpenReports', 60_000];
  });
  afterEach(() => Promise.all(writers.splice(0).map((writer) => writer.stop())));

  async function write(writer: ReportWriter, running: ReturnType<typeof found>): Promise<void> {
    writer.write(running);
    // Whatever is under way is waited for.
    await eventually(() => asked.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }

  test('are made a few results at a time, so that others have their turn', async (t) => {
    let [turns, isOver] = [0, false];
    t.after(() => (isOver = true));
    const others = () => {
      turns += 1;
      if (!isOver) setImmediate(others);
    };
    setImmediate(others);
    writerOf().write(found(Object.fromEntries(Array.from({ length: 1024 }, (_, index) => [`shop/${index}`, SIGNED]))));
    while (asked.length === 0) await new Promise(setImmediate);
    // Each image and each result is a step, of which there are 256 in a turn.
    assert.ok(turns >= 8, `${turns}`);
  });

  test('applies one a namespace, owned by what an uninstallation removes', async () => {
    await write(writerOf(), found({ 'shop/a': SIGNED, 'web/b': SIGNED }));
    assert.deepEqual(changes(), [
      `PATCH ${OPEN}/namespaces/shop/reports/cosignet`,
      `PATCH ${OPEN}/namespaces/web/reports/cosignet`,
    ]);
    const first = asked.find(({ method }) => method === 'PATCH');
    assert.equal(first?.contentType, 'application/apply-patch+yaml');
    assert.partialDeepStrictEqual(first.body, {
      apiVersion: 'openreports.io/v1alpha1',
      kind: 'Report',
      metadata: {
        labels: LABELS,
        ownerReferences: [{ kind: 'ValidatingWebhookConfiguration', name: 'cosignet', uid: 'u' }],
      },
      summary: { pass: 1, fail: 0 },
    });
  });

  test('writes the older kind where that is asked for, and nothing where nothing is', async () => {
    format = 'PolicyReports';
    const writer = writerOf();
    await write(writer, found({ 'shop/a': SIGNED }));
    assert.deepEqual(changes(), ['PATCH /apis/wgpolicyk8s.io/v1alpha2/namespaces/shop/policyreports/cosignet']);
    format = 'None';
    asked = [];
    writer.write(found({ 'shop/a': ['denied', 'NoSignature', 'demo'] }));
    await writer.stop();
    assert.deepEqual(asked, []);
  });

  test('writes again only what changed or is gone, and removes what nothing is left to say in', async () => {
    const writer = writerOf();
    await write(writer, found({ 'shop/a': SIGNED, 'web/b': SIGNED }));
    asked = [];
    await write(writer, found({ 'shop/a': SIGNED, 'web/b': SIGNED }));
    assert.deepEqual(changes(), []);
    there.delete('shop');
    asked = [];
    await write(writer, found({ 'shop/a': SIGNED }));
    assert.deepEqual(changes(), [
      `PATCH ${OPEN}/namespaces/shop/reports/cosignet`,
      `DELETE ${OPEN}/namespaces/web/reports/cosignet`,
    ]);
  });

  test('removes nothing that does not bear its label', async () => {
    there.set('theirs', {});
    there.set('ours', LABELS);
    await write(writerOf(), found({}));
    assert.deepEqual(changes(), [`DELETE ${OPEN}/namespaces/ours/reports/cosignet`]);
  });

  test('reads what others made as large as they like, and goes on', async () => {
    page = 500;
    annotations = { theirs: 'x'.repeat(512 * 1024) };
    for (let index = 0; index < 12; index += 1) there.set(`of-a-tenant-${index}`, {});
    await write(writerOf(), found({ 'shop/a': SIGNED }));
    await eventually(() => there.has('shop'));
    assert.deepEqual(warned, []);
  });

  test('leaves those for later that take none, however many they are', async () => {
    retry = 1;
    const tenants = Array.from({ length: 12 }, (_, index) => `a-${index}`);
    for (const name of tenants) broken.add(name);
    const images = Object.fromEntries([...tenants, 'shop'].map((name) => [`${name}/a`, SIGNED]));
    writerOf().write(found(images));
    await eventually(() => there.has('shop'));
  });

  test('does nothing where another replica leads, also from one write to the next', async () => {
    leads = false;
    const writer = writerOf();
    writer.write(found({ 'shop/a': SIGNED }));
    await writer.stop();
    assert.deepEqual(asked, []);
  });

  test('tries again what failed, and says so once', async () => {
    retry = 1;
    broken.add('shop');
    writerOf().write(found({ 'shop/a': SIGNED }));
    await eventually(() => changes().length > 3);
    assert.deepEqual(warned, [{ reason: 'shop is being terminated' }]);
    broken.clear();
    await eventually(() => there.has('shop'));
  });

  test('goes on past a namespace that takes none, says so, and gives up after five', async () => {
    broken.add('shop');
    const writer = writerOf();
    const running = found({ 'shop/a': SIGNED, 'web/b': SIGNED });
    await write(writer, running);
    assert.equal(changes().length, 2);
    assert.deepEqual(warned, [{ reason: 'shop is being terminated' }]);
    const many = Array.from({ length: 20 }, (_, index) => `n${index}`);
    broken = new Set(many);
    asked = [];
    await write(writerOf(), found(Object.fromEntries(many.map((name) => [`${name}/a`, SIGNED]))));
    assert.equal(changes().length, 5);
  });
});
