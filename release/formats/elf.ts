// SPDX-License-Identifier: Apache-2.0
/** What a 64-bit little-endian ELF file needs to start: System V ABI, chapters 4 and 5. */

export interface ElfNeeds {
  /** Path of the loader; undefined for most libraries. */
  readonly interpreter?: string;
  /** Names of shared libraries (DT_NEEDED), in their order. */
  readonly needed: readonly string[];
}

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const DT_NEEDED = 1;
const DT_STRTAB = 5;
const DYNAMIC_ENTRY = 16;

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

/** @throws {Error} where it is no such file */
export function readElf(file: Buffer): ElfNeeds {
  if (file.toString('latin1', 0, 6) !== '\x7fELF\x02\x01') throw new Error('not a 64-bit little-endian ELF file');
  const segments = readSegments(file);
  const interpreter = segments.find(({ type }) => type === PT_INTERP);
  return {
    needed: readNeeded(file, segments),
    ...(interpreter && { interpreter: stringAt(file, interpreter.offset) }),
  };
}

function readSegments(file: Buffer): readonly Segment[] {
  const table = number64(file, 32);
  const entrySize = file.readUInt16LE(54);
  return Array.from({ length: file.readUInt16LE(56) }, (_, index) => {
    const at = table + index * entrySize;
    return {
      type: file.readUInt32LE(at),
      offset: number64(file, at + 8),
      address: number64(file, at + 16),
      size: number64(file, at + 32),
    };
  });
}

function readNeeded(file: Buffer, segments: readonly Segment[]): readonly string[] {
  const dynamic = segments.find(({ type }) => type === PT_DYNAMIC);
  if (dynamic === undefined) return [];
  const entries = Array.from({ length: Math.floor(dynamic.size / DYNAMIC_ENTRY) }, (_, index) => {
    const at = dynamic.offset + index * DYNAMIC_ENTRY;
    return { tag: number64(file, at), value: number64(file, at + 8) };
  });
  const strings = entries.find(({ tag }) => tag === DT_STRTAB)?.value ?? 0;
  // The table's place is told as address in memory; the segment that is loaded there tells where it is in the file.
  const home = segments.find(
    ({ type, address, size }) => type === PT_LOAD && strings >= address && strings < address + size,
  );
  if (home === undefined) throw new Error('the ELF file has no table of strings');
  const table = strings - home.address + home.offset;
  return entries.filter(({ tag }) => tag === DT_NEEDED).map(({ value }) => stringAt(file, table + value));
}

function number64(file: Buffer, at: number): number {
  return Number(file.readBigUInt64LE(at));
}

function stringAt(file: Buffer, at: number): string {
  return file.toString('latin1', at, file.indexOf(0, at));
}
