// SPDX-License-Identifier: Apache-2.0
import { decodeBase64 } from '../../base64.ts';

/** A log's statement of its size and root (transparency-dev/formats, log/README.md), read but unproven. */
export interface Checkpoint {
  readonly origin: string;
  readonly treeSize: bigint;
  readonly rootHash: Uint8Array;
  /** What the signatures are over: the note with its last newline. */
  readonly note: string;
  readonly signatures: readonly NoteSignature[];
}

export interface NoteSignature {
  readonly name: string;
  /** First four bytes of the key's id. */
  readonly keyHint: Uint8Array;
  readonly signature: Uint8Array;
}

const MAXIMUM_CHARACTERS = 64 * 1024;
/** As many as golang.org/x/mod/sumdb/note reads: each witness adds a line. */
const MAXIMUM_SIGNATURES = 100;
/** Of a name with a plus, note's own key encoding could not tell the end (c2sp.org/signed-note). */
const SIGNATURE_LINE = /^\u2014 ([^\s+]+) (\S+)$/;
const SIZE = /^(0|[1-9][0-9]{0,18})$/;
const HASH_BYTES = 32;
const HINT_BYTES = 4;

/** @throws Error with one sentence. */
export function parseCheckpoint(envelope: string): Checkpoint {
  if (envelope.length > MAXIMUM_CHARACTERS) throw new Error('the checkpoint is too long');
  // The signatures follow the last empty line (golang.org/x/mod/sumdb/note).
  const split = envelope.lastIndexOf('\n\n');
  if (split === -1 || !envelope.endsWith('\n')) throw new Error('the checkpoint is not a signed note');
  const note = envelope.slice(0, split + 1);
  return { note, ...parseBody(note), signatures: parseSignatures(envelope.slice(split + 2, -1).split('\n')) };
}

/** Origin, size and root are the first three lines; others may follow. */
function parseBody(note: string): Pick<Checkpoint, 'origin' | 'treeSize' | 'rootHash'> {
  const [origin = '', size = '', root = ''] = note.split('\n');
  const rootHash = decodeBase64(root);
  if (origin === '') throw new Error('the checkpoint names no origin');
  if (!SIZE.test(size)) throw new Error('the checkpoint has no valid tree size');
  if (rootHash?.length !== HASH_BYTES) throw new Error('the checkpoint has no valid root hash');
  return { origin, treeSize: BigInt(size), rootHash };
}

function parseSignatures(lines: readonly string[]): readonly NoteSignature[] {
  if (lines.length > MAXIMUM_SIGNATURES) throw new Error('the checkpoint has too many signatures');
  return lines.map((line) => {
    const [, name, encoded] = SIGNATURE_LINE.exec(line) ?? [];
    const bytes = encoded === undefined ? undefined : decodeBase64(encoded);
    if (name === undefined || bytes === undefined || bytes.length <= HINT_BYTES) {
      throw new Error('the checkpoint has a malformed signature line');
    }
    return { name, keyHint: bytes.subarray(0, HINT_BYTES), signature: bytes.subarray(HINT_BYTES) };
  });
}
