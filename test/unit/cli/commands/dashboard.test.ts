// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { after, before, beforeEach, describe, test } from 'node:test';
import { run } from '../../../../cli/program.ts';
import { FakeApiServer } from '../../../fakes/api-server.ts';
import { kubeconfigFor } from '../../../fakes/kubeconfig.ts';

const PODS = '/api/v1/namespaces/cosignet/pods';
const LEASES = '/apis/coordination.k8s.io/v1/namespaces/cosignet/leases';

/** A kubectl that tells what it was asked, and forwards until it is ended. */
const KUBECTL = `#!${process.execPath}
const fs = require('node:fs');
fs.writeFileSync(process.env.TOLD, JSON.stringify(process.argv.slice(2)));
if (process.env.BROKEN) { console.error('error: lost connection to pod'); process.exit(1); }
process.on('SIGTERM', () => { fs.appendFileSync(process.env.TOLD, ' ended'); process.exit(0); });
setInterval(() => {}, 1000);
console.log('Forwarding from 127.0.0.1:45678 -> 8082');
`;

describe('cosignet dashboard', () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'cosignet-'));
  const [kubeconfig, told] = [path.join(dir, 'kubeconfig'), path.join(dir, 'told')];
  let server: FakeApiServer;

  before(async () => {
    server = await new FakeApiServer().start();
    writeFileSync(kubeconfig, kubeconfigFor(server));
    writeFileSync(path.join(dir, 'kubectl'), KUBECTL, { mode: 0o755 });
  });
  after(async () => {
    await server.stop();
    rmSync(dir, { recursive: true });
  });
  beforeEach(() => {
    server.fault = () => undefined;
    pod('a', true);
    pod('b', true);
    lease('b_1234');
  });

  function pod(name: string, isReady: boolean, port = 'dashboard'): void {
    server.put(PODS, {
      metadata: { name, namespace: 'cosignet' },
      spec: { containers: [{ name: 'cosignet', ports: [{ name: port, containerPort: 8082 }] }] },
      status: {
        conditions: [
          { type: 'Ready', status: isReady ? 'True' : 'False', lastTransitionTime: '', reason: '', message: '' },
        ],
      },
    });
  }
  function lease(holderIdentity: string): void {
    server.put(LEASES, { metadata: { name: 'cosignet', namespace: 'cosignet' }, spec: { holderIdentity } });
  }

  /** Stopped as soon as it says where the dashboard is. */
  async function dashboard(args: readonly string[] = [], environment: Record<string, string> = {}) {
    const stop = new AbortController();
    const [out, err]: string[][] = [[], []];
    rmSync(told, { force: true });
    const code = await run(['dashboard', '--kubeconfig', kubeconfig, ...args], {
      out: (text) => {
        out?.push(text);
        stop.abort();
      },
      err: (text) => err?.push(text),
      input: () => Readable.from([]),
      environment: { PATH: dir, HOME: '/nonexistent', TOLD: told, ...environment },
      signal: stop.signal,
    });
    return { code, out: out?.join('\n') ?? '', err: err?.join('\n') ?? '' };
  }
  const asked = () => readFileSync(told, 'utf8');

  test('forwards a port of this machine alone to the leading replica, until it is stopped', async () => {
    const { code, out, err } = await dashboard();
    assert.deepEqual(
      [code, out, err],
      [0, 'Dashboard of b, which leads: http://127.0.0.1:45678/\nCtrl-C ends it.', ''],
    );
    assert.equal(
      asked(),
      `${JSON.stringify(['port-forward', '--address=127.0.0.1', '--namespace=cosignet', `--kubeconfig=${kubeconfig}`, 'pod/b', ':8082'])} ended`,
    );
  });

  test('takes a port, a context and a replica that are named', async () => {
    const { code, out } = await dashboard(['--port', '9000', '--context', 'here', '--pod', 'a']);
    assert.equal(code, 0);
    assert.match(out, /^Dashboard of a: /);
    assert.match(asked(), /"--context=here".*"pod\/a","9000:8082"/);
  });

  test('takes a replica that is ready, whoever leads', async () => {
    pod('b', false);
    assert.match((await dashboard()).out, /^Dashboard of a: /);
  });

  test('needs no right to see who leads', async () => {
    server.fault = ({ path: where }) => (where.includes('leases') ? { status: 403 } : undefined);
    assert.match((await dashboard()).out, /^Dashboard of a: /);
  });

  test('says which replicas there are where none is called so', async () => {
    const { code, err } = await dashboard(['--pod', 'c']);
    assert.deepEqual([code, err], [2, 'cosignet: no Pod c serves a dashboard; these do: a, b']);
  });

  test('says how to turn the dashboard on where it is off', async () => {
    for (const name of ['a', 'b']) pod(name, true, 'metrics');
    const { code, err } = await dashboard();
    assert.equal(code, 2);
    assert.match(err, /no Pod in namespace cosignet serves a dashboard: .*dashboard\.enabled=true/);
  });

  test('says that kubectl is needed, and what it says', async () => {
    const without = await dashboard([], { PATH: '/nonexistent' });
    assert.deepEqual([without.code, without.err], [2, 'cosignet: kubectl is needed, and it is not in PATH']);
    const broken = await dashboard([], { BROKEN: '1' });
    assert.equal(broken.code, 3);
    assert.match(broken.err, /^kubectl: error: lost connection to pod\ncosignet: failed: kubectl port-forward ended/);
  });

  for (const port of ['x', '70000', '-1']) {
    test(`takes no port "${port}"`, async () => {
      const { code, err } = await dashboard([`--port=${port}`]);
      assert.deepEqual([code, err], [2, `cosignet: --port ${port}: write a port, from 0 to 65535`]);
    });
  }
});
