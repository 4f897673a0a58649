// SPDX-License-Identifier: Apache-2.0
import { createHash, verify } from 'node:crypto';
import { includes } from '../trust/chain.ts';
import { parseCheckpoint } from './checkpoint.ts';
import type { Checkpoint } from './checkpoint.ts';
import { rootFromProof } from './merkle.ts';
import { isOpenEnded } from '../trust/trust-root.ts';
import type { TransparencyLog, TrustRoot } from '../trust/trust-root.ts';
import type { InclusionProof, LogEntry } from '../bundle/verification-material.ts';

const TREE = / - [0-9]{1,20}$/;

/** The trusted logs that an entry says it is from; none: someone else's log, which proves nothing. */
export function logsOf(entry: LogEntry, root: TrustRoot): readonly TransparencyLog[] {
  return root.transparencyLogs.filter(({ logId, checkpointKeyId }) =>
    [logId, checkpointKeyId].some((id) => id.equals(entry.logId)),
  );
}

/**
 * Requires each proof that the entry carries, and at least one: a promise (SET), or an inclusion proof
 * under a signed checkpoint.
 * @throws Error with one sentence.
 */
export function requireInclusion(entry: LogEntry, logs: readonly TransparencyLog[]): void {
  if (entry.promise === undefined && entry.proof === undefined) throw new Error(`${entry.path} has no inclusion proof`);
  if (entry.promise !== undefined) requirePromise(entry, entry.promise, logs);
  if (entry.proof !== undefined) requireProof(entry, entry.proof, logs);
}

/**
 * Requires that the log of an entry without a promise was trusted when the entry was made. Nothing vouches for its date,
 * so each time that something does counts as well; with none at all, only a log that is still in use is believed: the
 * key of one that is not may be in other hands.
 * @param times when trusted authorities saw the signature.
 * @throws Error with one sentence.
 */
export function requireLogWindow(entry: LogEntry, logs: readonly TransparencyLog[], times: readonly Date[]): void {
  const { promise, integratedTime, path } = entry;
  if (promise !== undefined) return;
  const dates = integratedTime === undefined ? times : [new Date(integratedTime * 1000), ...times];
  if (dates.length === 0 && !logs.some(({ validFor }) => isOpenEnded(validFor))) {
    throw new Error(`${path} is of a log that is no longer trusted, and nothing proves that it was made before`);
  }
  if (!logs.some(({ validFor }) => dates.every((date) => includes(validFor, date)))) {
    throw new Error(
      `${path} is of a log that was not trusted at the time of the ${times.length > 0 ? 'timestamp' : 'entry'}`,
    );
  }
}

/** Rekor's signed entry timestamp: over the canonical JSON (RFC 8785) of the entry. */
function requirePromise(entry: LogEntry, promise: Uint8Array, logs: readonly TransparencyLog[]): void {
  if (entry.integratedTime === undefined) throw new Error(`${entry.path}.integratedTime is missing`);
  const time = new Date(entry.integratedTime * 1000);
  const current = logs.filter(({ validFor }) => includes(validFor, time));
  if (current.length === 0) throw new Error(`${entry.path} is dated outside of the time in which its log is trusted`);
  // By hand, so that an index beyond 2^53 keeps its digits; nothing in here needs escaping.
  const body = Buffer.from(entry.body).toString('base64');
  const logId = Buffer.from(entry.logId).toString('hex');
  const signed = `{"body":"${body}","integratedTime":${entry.integratedTime},"logID":"${logId}","logIndex":${entry.logIndex}}`;
  if (!current.some((log) => signedByLog(log, Buffer.from(signed), promise))) {
    throw new Error(`${entry.path}.inclusionPromise is not by its log`);
  }
}

function requireProof(entry: LogEntry, proof: InclusionProof, logs: readonly TransparencyLog[]): void {
  const path = `${entry.path}.inclusionProof`;
  const checkpoint = parseCheckpoint(proof.checkpoint);
  if (!logs.some((log) => signedCheckpoint(log, checkpoint))) throw new Error(`${path}.checkpoint is not by its log`);
  if (checkpoint.treeSize !== proof.treeSize) throw new Error(`${path}.treeSize is not that of its checkpoint`);
  if (!equal(checkpoint.rootHash, proof.rootHash)) throw new Error(`${path}.rootHash is not that of its checkpoint`);
  requireIndex(entry, proof, checkpoint);
  const root = rootFromProof(entry.body, proof);
  if (root === undefined || !equal(root, checkpoint.rootHash)) {
    throw new Error(`${path} does not lead from the entry to the root`);
  }
}

/**
 * Rekor v1 counts the entries of its earlier shards too, which the proof does not; its entries are the dated ones, and
 * its checkpoints name the tree. Nothing is decided by an index: this only refuses what no log would write.
 */
function requireIndex(entry: LogEntry, proof: InclusionProof, { origin }: Checkpoint): void {
  const sharded = entry.integratedTime !== undefined || TREE.test(origin);
  const fits = sharded ? entry.logIndex >= proof.logIndex : entry.logIndex === proof.logIndex;
  if (!fits) throw new Error(`${entry.path}.logIndex is not that of its inclusion proof`);
}

function signedCheckpoint(log: TransparencyLog, checkpoint: Checkpoint): boolean {
  const hint = log.checkpointKeyId.subarray(0, 4);
  return checkpoint.signatures.some(
    ({ name, keyHint, signature }) =>
      hint.equals(keyHint) &&
      isOrigin(log, name, checkpoint.origin) &&
      signedByLog(log, Buffer.from(checkpoint.note), signature),
  );
}

/**
 * Who signed must be whose checkpoint it is. A Rekor v2 log signs under the name of its address (c2sp.org/signed-note).
 * Rekor v1 appends the number of the tree (`rekor.sigstore.dev - 1193050959916656506`) and calls itself after the
 * machine that it runs on, unless it is told its address: only its key identifies it.
 */
function isOrigin(log: TransparencyLog, name: string, origin: string): boolean {
  if (TREE.test(origin) && isNamedByKey(log)) return origin.replace(TREE, '') === name;
  return origin === name && isNameOf(log, name);
}

/** RFC 6962, 3.2. */
function isNamedByKey({ key, checkpointKeyId }: TransparencyLog): boolean {
  return createHash('sha256')
    .update(key.export({ format: 'der', type: 'spki' }))
    .digest()
    .equals(checkpointKeyId);
}

/** Signers are named after the log's address: `log2025-1.rekor.sigstore.dev`. */
function isNameOf(log: TransparencyLog, name: string): boolean {
  const address = log.baseUrl.replace(/^[a-z]+:\/\//, '').replace(/\/$/, '');
  const [host = ''] = address.split('/');
  const [hostname = ''] = host.split(':');
  return log.baseUrl === '' || [address, host, hostname].includes(name);
}

function signedByLog({ key, hash }: TransparencyLog, signed: Uint8Array, signature: Uint8Array): boolean {
  try {
    return verify(hash, signed, key, signature);
  } catch {
    return false; // OpenSSL throws where a signature is not even well-formed for the key
  }
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
