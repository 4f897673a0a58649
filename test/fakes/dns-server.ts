// SPDX-License-Identifier: Apache-2.0
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

/** Addresses of a name; `silent`: its zone's servers don't answer. Names without an entry do not exist. */
export type Zone = Readonly<Record<string, readonly string[] | 'silent'>>;

export interface DnsServer {
  /** `127.0.0.1:port`. */
  readonly address: string;
  /** Names that were asked for, of both families. */
  readonly asked: readonly string[];
  stop(): void;
}

/** A name server that knows A records, as far as RFC 1035 is needed for that. */
export async function startDnsServer(zone: Zone): Promise<DnsServer> {
  const socket = createSocket('udp4');
  const asked: string[] = [];
  socket.on('message', (query, { address, port }) => {
    const name = nameIn(query);
    asked.push(name);
    const known = Object.hasOwn(zone, name) ? zone[name] : undefined;
    if (known !== 'silent') socket.send(answerTo(query, name, known), port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return { address: `127.0.0.1:${socket.address().port}`, asked, stop: () => void socket.close() };
}

/** After the header of twelve bytes come labels, each with its length before it. */
function nameIn(query: Buffer): string {
  const labels: string[] = [];
  for (let at = 12; query[at] !== undefined && query[at] !== 0; at += (query[at] ?? 0) + 1) {
    labels.push(query.toString('latin1', at + 1, at + 1 + (query[at] ?? 0)).toLowerCase());
  }
  return labels.join('.');
}

function answerTo(query: Buffer, name: string, addresses: readonly string[] | undefined): Buffer {
  const questionEnd = 12 + name.length + 2 + 4;
  const wantsIPv4 = query.readUInt16BE(questionEnd - 4) === 1;
  const found = wantsIPv4 ? (addresses ?? []) : [];
  const header = Buffer.alloc(12);
  query.copy(header, 0, 0, 2);
  // A response to a recursive question; 3: no such name.
  header.writeUInt16BE(0x8180 | (addresses === undefined ? 3 : 0), 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(found.length, 6);
  const records = found.map((address) =>
    // Name as at byte 12, type A, class IN, 60 s, four bytes.
    Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...address.split('.').map(Number)]),
  );
  return Buffer.concat([header, query.subarray(12, questionEnd), ...records]);
}
