// SPDX-License-Identifier: Apache-2.0
// A webhook server on a free port, with a certificate made for it, and the ways to speak to it.
import type { ServerLimits } from '../../../webhook/http/limits.ts';
import { after } from 'node:test';
import { connect } from 'node:tls';
import { connect as connectTcp } from 'node:net';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { Agent, request } from 'undici';
import { silentLogger } from '../../../core/observe.ts';
import { createAdmissionDoor } from '../../../webhook/admission/door.ts';
import { startWebhookServer } from '../../../webhook/http/server.ts';
import { issueCertificateAuthority, issueServingCertificate } from '../../../operator/certificates/issue.ts';
import type { Door } from '../../../webhook/http/door.ts';
import type { ReviewHandler } from '../../../webhook/admission/handler.ts';
import type { ServingCertificate, WebhookServer, WebhookServerOptions } from '../../../webhook/http/server.ts';
import type { CertifiedKey } from '../../../operator/certificates/issue.ts';

const NOW = Date.now();
const HOUR = 3_600_000;

export function authority(commonName = 'test CA'): Promise<CertifiedKey> {
  return issueCertificateAuthority({ commonName, notBefore: NOW - HOUR, notAfter: NOW + HOUR });
}

export async function serving(issuer: CertifiedKey): Promise<ServingCertificate> {
  const { certificate, privateKey } = await issueServingCertificate({
    authority: issuer,
    commonName: 'test',
    dnsNames: ['localhost', 'webhook.cosignet.svc'],
    ipAddresses: ['127.0.0.1'],
    notBefore: NOW - HOUR,
    notAfter: NOW + HOUR,
  });
  return { cert: certificate, key: privateKey };
}

export interface Running {
  readonly server: WebhookServer;
  readonly ca: string;
  readonly agent: Agent;
  readonly post: (
    path: string,
    body: string | Buffer,
    headers?: Record<string, string>,
  ) => Promise<{ status: number; text: string }>;
  /** A TLS connection on which a test writes what it likes. */
  readonly raw: () => Promise<TLSSocket>;
  /** The same from another address of this machine. */
  readonly rawFrom: (localAddress: string) => Promise<TLSSocket>;
  /** A connection on which nothing is said. */
  readonly tcp: () => Promise<Socket>;
}

/** Starts a server for reviews; it and its clients end with the test file. */
export function running(
  handler: ReviewHandler,
  limits: Partial<ServerLimits> = {},
  isLeaving = () => false,
): Promise<Running> {
  return runningDoors([createAdmissionDoor(handler)], { limits, isLeaving });
}

export async function runningDoors(
  doors: readonly Door[],
  more: Partial<Omit<WebhookServerOptions, 'listen' | 'tls' | 'doors'>> = {},
): Promise<Running> {
  const issuer = await authority();
  const ca = issuer.certificate;
  const listen = { host: '127.0.0.1', port: 0 };
  const server = await startWebhookServer({ listen, tls: await serving(issuer), doors, log: silentLogger, ...more });
  const agent = new Agent({ connect: { ca, servername: 'webhook.cosignet.svc' }, connections: 16 });
  after(async () => {
    await agent.destroy();
    await server.drain(0);
  });
  return {
    server,
    ca,
    agent,
    post: async (path, body, headers = {}) => {
      const answer = await request(`https://127.0.0.1:${server.port}${path}`, {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/json', ...headers },
        dispatcher: agent,
      });
      return { status: answer.statusCode, text: await answer.body.text() };
    },
    raw: () => handshake(server.port, ca),
    rawFrom: (localAddress) => handshake(server.port, ca, { localAddress }),
    tcp: () =>
      new Promise((resolve, reject) => {
        const socket = connectTcp({ host: '127.0.0.1', port: server.port });
        socket.once('connect', () => resolve(socket)).once('error', reject);
      }),
  };
}

export function handshake(
  port: number,
  ca: string,
  { localAddress, servername = 'webhook.cosignet.svc' }: { localAddress?: string; servername?: string } = {},
): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const from = localAddress === undefined ? {} : { localAddress };
    const socket = connect({ host: '127.0.0.1', port, ca, servername, ALPNProtocols: ['http/1.1'], ...from });
    socket.once('secureConnect', () => resolve(socket));
    socket.once('error', reject);
  });
}

/** All that arrives until the server closes. */
export function untilClosed(socket: TLSSocket): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    // A server that has said enough resets the connection.
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(text));
  });
}
