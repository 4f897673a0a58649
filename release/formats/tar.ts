// SPDX-License-Identifier: Apache-2.0
/** The part of POSIX ustar that images, npm packages and Debian packages use: files, folders, symbolic links. */

export interface TarEntry {
  /** Without leading `/` or `./`, without trailing `/`. */
  readonly path: string;
  readonly type: 'file' | 'folder' | 'link';
  /** Permission bits. */
  readonly mode: number;
  /** Empty unless it is a file. */
  readonly content: Uint8Array;
  /** Where a symbolic link points to. */
  readonly target?: string;
}

const BLOCK = 512;
/** name[100] and prefix[155] of a header. */
const NAME = 100;
const TYPES = { file: '0', folder: '5', link: '2' } as const;

/**
 * The same bytes for the same entries, whoever runs it and when: sorted by path, owned by root, of 1970.
 *
 * @throws {RangeError} for a path that doesn't fit
 */
export function writeTar(entries: readonly TarEntry[]): Buffer {
  const sorted = entries.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const parts = sorted.flatMap((entry) => {
    const rest = entry.content.length % BLOCK;
    return [header(entry), entry.content, Buffer.alloc(rest === 0 ? 0 : BLOCK - rest)];
  });
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]);
}

function header(entry: TarEntry): Buffer {
  const block = Buffer.alloc(BLOCK);
  const path = entry.type === 'folder' ? `${entry.path}/` : entry.path;
  for (const text of [path, entry.target ?? '']) {
    if (Buffer.byteLength(text) > NAME) throw new RangeError(`too long for a tar header: ${text}`);
  }
  block.write(path, 0);
  block.write(octal(entry.mode, 8), 100);
  block.write(octal(0, 8), 108); // uid
  block.write(octal(0, 8), 116); // gid
  block.write(octal(entry.content.length, 12), 124);
  block.write(octal(0, 12), 136); // mtime
  block.write(' '.repeat(8), 148); // the checksum counts itself as blanks
  block.write(TYPES[entry.type], 156);
  block.write(entry.target ?? '', 157);
  block.write('ustar\x0000', 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

function octal(value: number, length: number): string {
  return `${value.toString(8).padStart(length - 1, '0')}\0`;
}

/**
 * Entries other than the three types (extended headers of git and npm, for example) are left out.
 *
 * @throws {Error} where an archive ends within an entry, or a path leads out of it
 */
export function readTar(archive: Buffer): readonly TarEntry[] {
  const entries: TarEntry[] = [];
  for (let at = 0; at + BLOCK <= archive.length && archive[at] !== 0;) {
    const text = (start: number, length: number) => untilZero(archive.subarray(at + start, at + start + length));
    const size = Number.parseInt(text(124, 12), 8);
    const content = archive.subarray(at + BLOCK, at + BLOCK + size);
    if (content.length !== size) throw new Error('the archive ends within an entry');
    const type = typeOf(text(156, 1));
    if (type !== undefined) {
      // GNU tar writes times where POSIX has the prefix.
      const prefix = text(257, 8) === 'ustar' ? text(345, 155) : '';
      const path = cleanPath(prefix === '' ? text(0, NAME) : `${prefix}/${text(0, NAME)}`);
      const mode = Number.parseInt(text(100, 8), 8) & 0o7777;
      entries.push({ path, type, mode, content, ...(type === 'link' && { target: text(157, NAME) }) });
    }
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
  return entries;
}

/** @throws {Error} where there is no such file */
export function contentOf(entries: readonly TarEntry[], name: string): Buffer {
  const entry = entries.find(({ path, type }) => path === name && type === 'file');
  if (entry === undefined) throw new Error(`the archive has no ${name}`);
  return Buffer.from(entry.content.buffer, entry.content.byteOffset, entry.content.byteLength);
}

function typeOf(flag: string): TarEntry['type'] | undefined {
  if (flag === '') return 'file';
  return (['file', 'folder', 'link'] as const).find((type) => TYPES[type] === flag);
}

function cleanPath(path: string): string {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw new Error(`a path leads out of the archive: ${path}`);
  return parts.join('/');
}

function untilZero(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString('utf8', 0, end === -1 ? bytes.length : end);
}
