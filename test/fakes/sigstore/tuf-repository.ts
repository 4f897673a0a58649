// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { canonical } from './sigstore.ts';

type Role = 'root' | 'timestamp' | 'snapshot' | 'targets';

interface Key {
  readonly id: string;
  readonly privateKey: KeyObject;
  readonly public: object;
}

/** What a publication says differently from a sound one. */
export interface Publication {
  /** ISO times, by role; default: in a day. */
  readonly expires?: Partial<Record<Role, string>>;
  /** Hashes of the target in targets.json. */
  readonly hashes?: Readonly<Record<string, string>>;
  /** In place of the target's bytes. */
  readonly served?: string;
  /** More fields of the signed part of targets.json. */
  readonly targets?: Readonly<Record<string, unknown>>;
}

export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

const TARGET = 'trusted_root.json';

/**
 * A repository of The Update Framework, made and signed here by its specification, with consistent snapshots; served
 * on loopback. Nothing of the library that reads it is used.
 */
export class FakeTufRepository {
  /** By path. */
  readonly files = new Map<string, Buffer>();
  /** Paths that were asked for. */
  readonly requests: string[] = [];
  /** Answers in place of the files, by path. */
  readonly answers = new Map<string, Answer>();
  keys: Record<Role, Key> = { root: newKey(), timestamp: newKey(), snapshot: newKey(), targets: newKey() };
  versions: Record<Role, number> = { root: 0, timestamp: 0, snapshot: 0, targets: 0 };
  readonly #server = createServer((request, response) => this.#serve(request, response));

  async start(port = 0): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve));
    return this;
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  get port(): number {
    const address: AddressInfo | string | null = this.#server.address();
    assert.ok(typeof address === 'object' && address !== null);
    return address.port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Text of a root.json, the first by default: what users are given by another way. */
  rootText(version = 1): string {
    return this.files.get(`/${version}.root.json`)?.toString() ?? '';
  }

  /** A further root, signed by the present key and by the new one where they differ. */
  publishRoot(keys: Partial<Record<Role, Key>> = {}, expires = tomorrow()): void {
    const signers = [this.keys.root];
    this.keys = { ...this.keys, ...keys };
    if (!signers.includes(this.keys.root)) signers.push(this.keys.root);
    const all = Object.values(this.keys);
    const role = (key: Key) => ({ keyids: [key.id], threshold: 1 });
    const version = (this.versions.root += 1);
    this.#write(`/${version}.root.json`, signers, {
      _type: 'root',
      spec_version: '1.0.31',
      version,
      expires,
      consistent_snapshot: true,
      keys: Object.fromEntries(all.map((key) => [key.id, key.public])),
      roles: Object.fromEntries(Object.entries(this.keys).map(([name, key]) => [name, role(key)])),
    });
  }

  /** The target, and new targets.json, snapshot.json and timestamp.json about it. */
  publish(text: string, { expires = {}, hashes, served, targets }: Publication = {}): void {
    const { versions, keys } = this;
    const common = (name: Role) => ({
      _type: name,
      spec_version: '1.0.31',
      version: versions[name],
      expires: expires[name] ?? tomorrow(),
    });
    for (const role of ['targets', 'snapshot', 'timestamp'] as const) versions[role] += 1;
    const sha256 = hashOf(Buffer.from(text));
    this.files.set(`/targets/${Object.values(hashes ?? { sha256 })[0]}.${TARGET}`, Buffer.from(served ?? text));
    const file = this.#write(`/${versions.targets}.targets.json`, [keys.targets], {
      ...common('targets'),
      targets: { [TARGET]: { length: Buffer.byteLength(text), hashes: hashes ?? { sha256 } } },
      ...targets,
    });
    const snapshot = this.#write(`/${versions.snapshot}.snapshot.json`, [keys.snapshot], {
      ...common('snapshot'),
      meta: { 'targets.json': metaOf(file, versions.targets) },
    });
    this.#write('/timestamp.json', [keys.timestamp], {
      ...common('timestamp'),
      meta: { 'snapshot.json': metaOf(snapshot, versions.snapshot) },
    });
  }

  /** What is served now, to serve it again later. */
  backup(): ReadonlyMap<string, Buffer> {
    return new Map(this.files);
  }

  restore(files: ReadonlyMap<string, Buffer>): void {
    this.files.clear();
    for (const [name, content] of files) this.files.set(name, content);
  }

  #write(name: string, signers: readonly Key[], signed: object): Buffer {
    const bytes = canonical(signed);
    const signatures = signers.map(({ id, privateKey }) => ({
      keyid: id,
      sig: sign(null, bytes, privateKey).toString('hex'),
    }));
    const file = Buffer.from(JSON.stringify({ signatures, signed }));
    this.files.set(name, file);
    return file;
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const name = request.url ?? '';
    this.requests.push(name);
    const answer = this.answers.get(name);
    if (answer !== undefined) return answer(request, response);
    const content = this.files.get(name);
    response.writeHead(content === undefined ? 404 : 200).end(content);
  }
}

/** An Ed25519 key in TUF's own spelling; its id is the hash of that. */
export function newKey(): Key {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const { x = '' } = publicKey.export({ format: 'jwk' });
  const keyval = { public: Buffer.from(x, 'base64url').toString('hex') };
  const key = { keytype: 'ed25519', scheme: 'ed25519', keyval };
  return { id: hashOf(canonical(key)), privateKey, public: key };
}

function metaOf(file: Buffer, version: number): object {
  return { version, length: file.length, hashes: { sha256: hashOf(file) } };
}

function hashOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function tomorrow(): string {
  return new Date(Date.now() + 86_400_000).toISOString();
}
