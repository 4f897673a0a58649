// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { connect } from 'node:tls';
import { waitFor } from '../../control-plane/process.ts';
import {
  issueCertificateAuthority,
  issueServingCertificate,
  type CertifiedKey,
} from '../../../operator/certificates/issue.ts';
import {
  admitted,
  install,
  keyFlags,
  openInstallation,
  policyReady,
  type Installation,
} from '../workbench/installation.ts';
import { startLoad } from '../workbench/load.ts';

const NAME = 'cosignet.cosignet.svc';
const CONFIGURATIONS = ['mutatingwebhookconfiguration', 'validatingwebhookconfiguration'] as const;
/** An hour from now. */
const dates = () => ({ notBefore: Date.now() - 1000, notAfter: Date.now() + 3_600_000 });
const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/g;

/** How API servers see the webhook: what they trust, and what they meet behind the Service. */
function clientOf(here: Installation) {
  const bundles = (): Promise<readonly (readonly string[])[]> =>
    Promise.all(
      CONFIGURATIONS.map(async (kind) => {
        const bundle = await here.read(`${kind}/cosignet`, '.webhooks[0].clientConfig.caBundle');
        return Buffer.from(bundle, 'base64').toString().match(PEM) ?? [];
      }),
    );
  /** A new connection that trusts what the two configurations have in common; rejects as an API server would. */
  async function meet(): Promise<X509Certificate> {
    const [some = [], others = []] = await bundles();
    const ca = some.filter((pem) => others.includes(pem));
    const host = await here.read('cosignet:service/cosignet', '.spec.clusterIP');
    const port = Number(await here.read('cosignet:service/cosignet', '.spec.ports[0].port'));
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port, servername: NAME, ca, timeout: 30_000 }, () => {
        const certificate = new X509Certificate(socket.getPeerCertificate(true).raw);
        socket.end();
        resolve(certificate);
      });
      socket.on('timeout', () => socket.destroy(new Error('no handshake in 30 s')));
      socket.on('error', reject);
    });
  }
  return { bundles, meet };
}

const secretOf = async (here: Installation, entry: string) =>
  Buffer.from(
    await here.read('cosignet:secret/cosignet-tls', `.data['${entry.replace('.', '\\.')}']`),
    'base64',
  ).toString();

describe('self-made certificates in a cluster', () => {
  let here: Installation;
  let client: ReturnType<typeof clientOf>;

  before(async () => {
    here = await openInstallation();
    client = clientOf(here);
    await install(here, '--set=certificates.lifetimeSeconds=60');
  });
  after(() => here.close());

  /** Under load, until what was asked holds; no review may fail meanwhile, and no new connection. */
  async function underLoad<T>(what: string, ask: (met: X509Certificate) => Promise<T | undefined>): Promise<T> {
    await using load = startLoad(here, { askers: 2 });
    try {
      return await waitFor(
        what,
        async () => {
          // A failed handshake fails the test at once: it is not waited over.
          const met = await client.meet().catch((error: unknown) => ({ error }));
          if ('error' in met) assert.fail(`a new connection failed: ${String(met.error)}`);
          return ask(met);
        },
        { timeout: 150_000, interval: 100 },
      );
    } finally {
      const { answered, failures } = await load.stop();
      assert.deepEqual(failures, []);
      assert.ok(answered > 20, `only ${answered} requests`);
    }
  }

  test('are renewed after two thirds of their life under load, by the same authority, without a failed review', async () => {
    const first = new X509Certificate(await secretOf(here, 'tls.crt'));
    const { serialNumber } = await underLoad('a renewed certificate', async (met) => {
      return met.serialNumber === first.serialNumber ? undefined : met;
    });
    const renewed = new X509Certificate(await secretOf(here, 'tls.crt'));
    assert.equal(renewed.serialNumber, serialNumber);
    assert.ok(first.validToDate.getTime() > Date.now(), 'the first one had not run out yet');
    assert.equal(renewed.issuer, first.issuer);
  });

  test('a deleted Secret is made anew: both authorities are trusted, then the new one is used, and no review fails', async () => {
    const old = await client.meet();
    const [[oldAuthority = ''] = []] = await client.bundles();
    await here.kubectl('--namespace=cosignet', 'delete', 'secret', 'cosignet-tls');
    const startedAt = Date.now();
    const overlap = await waitFor('a new Secret and both authorities', async () => {
      const [some = [], others = []] = await client.bundles();
      const both = some.length === 2 && others.length === 2 && some.includes(oldAuthority);
      return both && (await secretOf(here, 'tls.crt')) !== '' ? some : undefined;
    });
    assert.ok(Date.now() - startedAt < 30_000, `took ${Date.now() - startedAt} ms`);
    const fresh = new X509Certificate(overlap.find((pem) => pem !== oldAuthority) ?? '');
    const met = await underLoad('a certificate by the new authority', async (certificate) => {
      return certificate.issuer === old.issuer ? undefined : certificate;
    });
    assert.ok(met.verify(fresh.publicKey));
    assert.ok((await client.bundles()).flat().includes(oldAuthority), 'the old one is trusted for a while yet');
  });

  test('a Secret with garbage is put right within seconds, and reviews go on', async () => {
    const garbage = { data: { 'tls.crt': btoa('garbage'), 'tls.key': btoa('garbage') } };
    await using load = startLoad(here, { askers: 2 });
    await here.kubectl('--namespace=cosignet', 'patch', 'secret', 'cosignet-tls', `--patch=${JSON.stringify(garbage)}`);
    await waitFor('a usable Secret', async () => (await secretOf(here, 'tls.crt')).includes('BEGIN') || undefined, {
      timeout: 30_000,
    });
    await client.meet();
    const { failures } = await load.stop();
    assert.deepEqual(failures, []);
  });

  for (const kind of CONFIGURATIONS) {
    test(`a caBundle of the ${kind} that was taken out or replaced is restored within seconds, with an Event`, async () => {
      const wanted = await client.bundles();
      const { certificate } = await issueCertificateAuthority({ commonName: 'somebody', ...dates() });
      for (const operation of [
        { op: 'remove', path: '/webhooks/0/clientConfig/caBundle' },
        { op: 'replace', path: '/webhooks/0/clientConfig/caBundle', value: btoa(certificate) },
      ]) {
        await here.kubectl('patch', kind, 'cosignet', '--type=json', `--patch=${JSON.stringify([operation])}`);
        await waitFor(
          'the authorities to be back',
          async () => JSON.stringify(await client.bundles()) === JSON.stringify(wanted) || undefined,
          { timeout: 30_000 },
        );
      }
      const note = await waitFor('an Event', async () => {
        const selector = `--field-selector=reason=WebhooksRestored,involvedObject.name=cosignet`;
        const path = '--output=jsonpath={range .items[*]}{.involvedObject.kind}: {.type} {.message}{"\\n"}{end}';
        const events = await here.kubectl('--namespace=default', 'get', 'events', selector, path);
        return events.split('\n').find((line) => line.toLowerCase().startsWith(`${kind}:`));
      });
      assert.match(note, /: Warning webhooks or their caBundle were changed/);
      await admitted(here, here.images.signed);
    });
  }

  test('helm test finds the webhook ready and trusted', async () => {
    const { code, stdout, stderr } = await here.helm('test', 'cosignet', '--namespace=cosignet', '--timeout=180s');
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /Phase: +Succeeded/);
  });
});

describe("cert-manager's certificates", () => {
  let here: Installation;
  let authority: CertifiedKey;

  /** What cert-manager does, by hand: the Secret, and caBundle as its cainjector writes it. */
  async function issue(): Promise<X509Certificate> {
    const made = await issueServingCertificate({ authority, commonName: NAME, dnsNames: [NAME], ...dates() });
    const data = { 'ca.crt': authority.certificate, 'tls.crt': made.certificate, 'tls.key': made.privateKey };
    const metadata = { name: 'cosignet-cert-manager-tls', namespace: 'cosignet' };
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata, type: 'kubernetes.io/tls', stringData: data };
    const { code, stderr } = await here.apply(secret, '--namespace=cosignet');
    assert.equal(code, 0, stderr);
    return new X509Certificate(made.certificate);
  }
  async function inject(): Promise<void> {
    const value = btoa(authority.certificate);
    const patch = JSON.stringify([{ op: 'add', path: '/webhooks/0/clientConfig/caBundle', value }]);
    for (const kind of CONFIGURATIONS) {
      assert.equal(
        await here.read(`${kind}/cosignet`, ".metadata.annotations['cert-manager\\.io/inject-ca-from']"),
        'cosignet/cosignet',
      );
      await waitFor('the leading replica to write webhooks', async () => {
        const { code, stderr } = await here.bench.kubectl([
          'patch',
          kind,
          'cosignet',
          '--type=json',
          `--patch=${patch}`,
        ]);
        if (code !== 0) throw new Error(stderr);
        return true;
      });
    }
  }

  before(async () => {
    here = await openInstallation();
    authority = await issueCertificateAuthority({ commonName: 'as cert-manager', ...dates() });
    for (const [kind, plural] of [
      ['Certificate', 'certificates'],
      ['Issuer', 'issuers'],
    ] as const) {
      const { code, stderr } = await here.apply(definition(kind, plural));
      assert.equal(code, 0, stderr);
    }
    await here.kubectl(
      'wait',
      '--for=condition=Established',
      'crd/certificates.cert-manager.io',
      'crd/issuers.cert-manager.io',
    );
    await here.kubectl('create', 'namespace', 'cosignet');
  });
  after(() => here.close());

  test('serve reviews, and a renewed one is served without a restart and without a failed review', async () => {
    const first = await issue();
    const flags = [...keyFlags(here.release), '--set=certificates.provider=cert-manager'];
    // Without caBundle API servers don't reach it, and nothing is in force.
    const installing = here.make('install', ...flags);
    const configurations = waitFor('the configurations', () =>
      here.read(`${CONFIGURATIONS[1]}/cosignet`, '.metadata.name'),
    );
    await configurations.then(inject);
    const { code, stdout, stderr } = await installing;
    assert.equal(code, 0, stdout + stderr);
    await policyReady(here.kubectl, 'default');
    const client = clientOf(here);
    assert.equal((await client.meet()).serialNumber, first.serialNumber);
    await admitted(here, here.images.signed);
    await using load = startLoad(here, { askers: 2 });
    const second = await issue();
    await waitFor('the renewed certificate at both replicas', async () => {
      const met = await Promise.all(Array.from({ length: 16 }, client.meet));
      return met.every(({ serialNumber }) => serialNumber === second.serialNumber) || undefined;
    });
    const { failures } = await load.stop();
    assert.deepEqual(failures, []);
    const tested = await here.helm('test', 'cosignet', '--namespace=cosignet', '--timeout=180s');
    assert.equal(tested.code, 0, tested.stdout + tested.stderr);
  });

  test("are not the operator's to write: it has neither the rights nor a Secret of its own", async () => {
    const as = '--as=system:serviceaccount:cosignet:cosignet';
    for (const [verb, what] of [['update', 'secrets/cosignet-cert-manager-tls']] as const) {
      const { stdout } = await here.bench.kubectl(['auth', 'can-i', verb, what, '--namespace=cosignet', as]);
      assert.equal(stdout.trim(), 'no', `${verb} ${what}`);
    }
    assert.match(await here.refused('--namespace=cosignet', 'get', 'secret', 'cosignet-tls'), /not found/);
  });
});

function definition(kind: string, plural: string): object {
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.cert-manager.io` },
    spec: {
      group: 'cert-manager.io',
      names: { kind, plural, singular: kind.toLowerCase() },
      scope: 'Namespaced',
      versions: [{ name: 'v1', served: true, storage: true, schema }],
    },
  };
}
