// SPDX-License-Identifier: Apache-2.0
import type { Socket } from 'node:net';
import type { Logger } from '../../core/observe.ts';

/** Counts. */
export interface ConnectionLimits {
  readonly connections: number;
  /** Of those that didn't prove where they come from, from one address. API servers may share it with others. */
  readonly strangersOfSource: number;
}

/** How far a request of it has come: `waiting` is for TLS, for one, or for all of its headers. */
export type Stage = 'waiting' | 'sending' | 'answering';

export interface Connection {
  /** Its client's address; empty where it has gone already. */
  readonly source: string;
  /** Whether it was proven that it comes from an API server; until then it is a stranger. */
  readonly isAuthenticated: boolean;
  authenticate(): void;
  reach(stage: Stage): void;
}

/** All that are open. A new one is never refused while there is one that can be given up for it. */
export interface Connections {
  readonly size: number;
  /** Takes a new one in, which may cost another, or itself. */
  open(socket: Socket): void;
  /** The connection of this socket, which may be the TCP socket or the TLS one on top of it. */
  of(socket: Socket): Connection;
  closeAll(): void;
}

interface Entry extends Connection {
  readonly key: string;
  readonly socket: Socket;
  stage: Stage;
  isAuthenticated: boolean;
}

/**
 * A source over its bound gives up its own strangers, and all together give up those of the source that has most: so one
 * address costs no other anything. Of a source that one goes whose last step is longest ago: an API server connects and
 * sends its review at once, an attacker who wants to keep others out waits. What is being answered stays. Last go the idle ones of
 * API servers, since that may cost a review that is on its way.
 *
 * `onGivenUp`: a connection was closed for another, or found no room.
 */
export function createConnections(limits: ConnectionLimits, onGivenUp: (source: string) => void): Connections {
  // Both in the order of the last step: sets keep the order in which was added.
  const authenticated = new Set<Entry>();
  const strangers = new Map<string, Set<Entry>>();
  const entries = new Map<string, Entry>();
  /** As they were asked for: an address costs more to tell than an object. */
  const bySocket = new WeakMap<Socket, Entry>();

  function add(entry: Entry): void {
    if (entry.isAuthenticated) return void authenticated.add(entry);
    const same = strangers.get(entry.source);
    if (same) same.add(entry);
    else strangers.set(entry.source, new Set([entry]));
  }

  function remove(entry: Entry): void {
    if (entry.isAuthenticated) return void authenticated.delete(entry);
    const same = strangers.get(entry.source);
    if (same?.delete(entry) && same.size === 0) strangers.delete(entry.source);
  }

  function isOpen(entry: Entry): boolean {
    return entries.get(entry.key) === entry;
  }

  function forget(entry: Entry): void {
    if (!isOpen(entry)) return;
    entries.delete(entry.key);
    remove(entry);
  }

  /** Whether there is room now. */
  function makeRoom(source: string): boolean {
    const same = strangers.get(source);
    if (same && same.size >= limits.strangersOfSource && !giveUp(firstToGo(same))) return false;
    return entries.size < limits.connections || giveUp(firstToGo(largest()) ?? oldestIdle());
  }

  function giveUp(entry: Entry | undefined): boolean {
    if (!entry) return false;
    forget(entry);
    entry.socket.destroy();
    onGivenUp(entry.source);
    return true;
  }

  function largest(): ReadonlySet<Entry> {
    let most: ReadonlySet<Entry> = new Set();
    for (const same of strangers.values()) if (same.size > most.size) most = same;
    return most;
  }

  function oldestIdle(): Entry | undefined {
    return authenticated.values().find(({ stage }) => stage === 'waiting');
  }

  function entryOf(socket: Socket): Entry {
    const { remoteAddress: source = '' } = socket;
    const entry: Entry = {
      key: keyOf(socket),
      socket,
      source,
      stage: 'waiting',
      isAuthenticated: false,
      authenticate: () => {
        if (entry.isAuthenticated) return;
        remove(entry);
        entry.isAuthenticated = true;
        if (isOpen(entry)) add(entry);
      },
      reach: (stage) => {
        entry.stage = stage;
        // Of those of API servers only the idle ones are ever looked for: their order is that in which they became so.
        if (!isOpen(entry) || (entry.isAuthenticated && stage !== 'waiting')) return;
        remove(entry);
        add(entry);
      },
    };
    return entry;
  }

  return {
    get size() {
      return entries.size;
    },
    open(socket) {
      const entry = entryOf(socket);
      // Without an address it has gone already.
      if (entry.source === '' || !makeRoom(entry.source)) {
        socket.destroy();
        onGivenUp(entry.source);
        return;
      }
      entries.set(entry.key, entry);
      add(entry);
      socket.once('close', () => forget(entry));
    },
    // A socket that has just been given up may still have a request in it: that counts for no connection.
    of(socket) {
      const before = bySocket.get(socket);
      if (before && isOpen(before)) return before;
      const entry = entries.get(keyOf(socket)) ?? entryOf(socket);
      bySocket.set(socket, entry);
      return entry;
    },
    closeAll: () => {
      for (const { socket } of entries.values()) socket.destroy();
    },
  };
}

/** TLS wraps the socket in another, which has the same other end. */
function keyOf({ remoteAddress = '', remotePort = 0 }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

function firstToGo(strangers: ReadonlySet<Entry>): Entry | undefined {
  return strangers.values().find(({ stage }) => stage !== 'answering');
}

/** Between two lines about the same: who opens connections must not fill the log. */
const TELL_MILLISECONDS = 10_000;

export function tellOf(log: Logger, message: string): (last: string) => void {
  let count = 0;
  let toldAt = -Infinity;
  return (last) => {
    count += 1;
    if (performance.now() - toldAt < TELL_MILLISECONDS) return;
    log.warn(message, { count, last });
    count = 0;
    toldAt = performance.now();
  };
}
