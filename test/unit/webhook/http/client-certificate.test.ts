// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import forge from 'node-forge';
import { runningDoors } from '../serving.ts';
import type { Door } from '../../../../webhook/http/door.ts';

interface Pair {
  readonly cert: string;
  readonly key: string;
}

interface Authority extends Pair {
  readonly issue: (subject: Partial<Record<'CN' | 'O', string>>[], more?: Issued) => Pair;
}

interface Issued {
  readonly dns?: readonly string[];
  readonly purpose?: 'clientAuth' | 'serverAuth';
  readonly hours?: number;
}

const HOUR = 3_600_000;
const KEYS = [0, 1, 2].map(() => forge.pki.rsa.generateKeyPair(2048));

/** @param index which key: an authority's own certificate is as much as its key. */
function authority(index: number): Authority {
  const keys = KEYS[index] ?? assert.fail();
  const name = [{ shortName: 'CN', value: `authority ${index}` }];
  const own = certificate(keys.publicKey, name, 1);
  own.setIssuer(name);
  own.setExtensions([
    { name: 'basicConstraints', cA: true },
    { name: 'keyUsage', keyCertSign: true },
  ]);
  own.sign(keys.privateKey, forge.md.sha256.create());
  const client = KEYS[2] ?? assert.fail();
  return {
    ...pem(own, keys.privateKey),
    issue(subject, { dns = [], purpose = 'clientAuth', hours = 1 } = {}) {
      const attributes = subject.flatMap((part) =>
        Object.entries(part).map(([shortName, value]) => ({ shortName, value })),
      );
      const made = certificate(client.publicKey, attributes, hours);
      made.setIssuer(name);
      const altNames = dns.map((value) => ({ type: 2, value }));
      made.setExtensions([
        { name: 'extKeyUsage', [purpose]: true },
        ...(altNames.length > 0 ? [{ name: 'subjectAltName', altNames }] : []),
      ]);
      made.sign(keys.privateKey, forge.md.sha256.create());
      return pem(made, client.privateKey);
    },
  };
}

function certificate(
  publicKey: forge.pki.PublicKey,
  subject: forge.pki.CertificateField[],
  hours: number,
): forge.pki.Certificate {
  const made = forge.pki.createCertificate();
  made.publicKey = publicKey;
  made.serialNumber = forge.util.bytesToHex(`\x01${forge.random.getBytesSync(8)}`);
  made.validity.notBefore = new Date(Date.now() - 2 * HOUR);
  made.validity.notAfter = new Date(Date.now() + hours * HOUR);
  made.setSubject(subject);
  return made;
}

function pem(cert: forge.pki.Certificate, key: forge.pki.PrivateKey): Pair {
  return { cert: forge.pki.certificateToPem(cert), key: forge.pki.privateKeyToPem(key) };
}

const mine = authority(0);
const other = authority(1);
const NAME = 'kube-apiserver-webhooks';

let bodies = 0;
const door: Door = {
  endpoints: new Map([
    [
      '/validate',
      {
        name: 'validate',
        answer: async () => {
          bodies += 1;
          return { status: 200, json: {} };
        },
      },
    ],
  ]),
};

describe('a caller that has to show a certificate', () => {
  const cases: readonly (readonly [string, number, Pair | undefined])[] = [
    ['with the name', 200, mine.issue([{ CN: NAME }])],
    ['with the name beside another DNS name', 200, mine.issue([{ CN: 'x' }], { dns: ['y', 'webhooks.example.com'] })],
    ['with none', 401, undefined],
    ['with another name', 401, mine.issue([{ CN: 'system:node:a' }])],
    ['with the name as an organization', 401, mine.issue([{ O: NAME }, { CN: 'x' }])],
    ['with the name behind another common name', 401, mine.issue([{ CN: 'x' }, { CN: NAME }])],
    ['with the name before another common name', 401, mine.issue([{ CN: NAME }, { CN: 'x' }])],
    ['with the name in the midst of another', 401, mine.issue([{ CN: `x\nCN=${NAME}` }])],
    ['with a DNS name that looks like two', 401, mine.issue([{ CN: 'x' }], { dns: ['y, DNS:webhooks.example.com'] })],
    [
      'with a DNS name that looks like three',
      401,
      mine.issue([{ CN: 'x' }], { dns: ['y, DNS:webhooks.example.com, z'] }),
    ],
    ['of another authority', 401, other.issue([{ CN: NAME }])],
    ['that is over', 401, mine.issue([{ CN: NAME }], { hours: -1 })],
    ['for servers', 401, mine.issue([{ CN: NAME }], { purpose: 'serverAuth' })],
  ];
  for (const [what, status, pair] of cases) {
    test(`${what} gets ${status}`, async () => {
      const authorities = { ca: mine.cert, names: [NAME, 'webhooks.example.com'] };
      const { server, ca } = await runningDoors([door], { clientAuthorities: () => authorities });
      bodies = 0;
      const socket = await shaken(server.port, ca, pair);
      assert.match(await ask(socket), new RegExp(`^HTTP/1\\.1 ${status}`));
      assert.equal(bodies, status === 200 ? 1 : 0);
    });
  }

  test('is held to what counts now, also on a connection that is open', async () => {
    let authorities = { ca: mine.cert, names: [NAME] };
    const { server, ca } = await runningDoors([door], { clientAuthorities: () => authorities });
    const change = (next: typeof authorities): void => {
      authorities = next;
      server.renewAuthorities();
    };
    const [first, second] = [mine.issue([{ CN: NAME }]), other.issue([{ CN: NAME }])];
    const kept = await shaken(server.port, ca, first);
    assert.match(await ask(kept), /^HTTP\/1\.1 200/);
    change({ ca: mine.cert + other.cert, names: [NAME] });
    assert.match(await ask(kept), /^HTTP\/1\.1 200/);
    assert.match(await ask(await shaken(server.port, ca, second)), /^HTTP\/1\.1 200/);
    change({ ca: other.cert, names: [NAME] });
    assert.match(await ask(kept), /^HTTP\/1\.1 401/);
    assert.match(await ask(await shaken(server.port, ca, first)), /^HTTP\/1\.1 401/);
    change({ ca: other.cert, names: ['nobody'] });
    assert.match(await ask(await shaken(server.port, ca, second)), /^HTTP\/1\.1 401/);
  });
});

function shaken(port: number, ca: string, pair: Pair | undefined): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, ca, servername: 'webhook.cosignet.svc', ...pair });
    socket.once('secureConnect', () => resolve(socket)).once('error', reject);
  });
}

async function ask(socket: TLSSocket): Promise<string> {
  const answered = once(socket, 'data');
  socket.write('POST /validate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}');
  return String(await answered);
}
