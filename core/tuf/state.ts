// SPDX-License-Identifier: Apache-2.0
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** What was verified last, as texts. */
export interface KeptTrustRoot {
  /** A trusted_root.json. */
  readonly text: string;
  /** When it was last confirmed, milliseconds since the epoch. */
  readonly confirmedAt: number;
}

/** In the order to write them: no kept file is older than one that vouches for it. */
const METADATA = ['root.json', 'timestamp.json', 'snapshot.json', 'targets.json'] as const;
const TARGET = 'trusted_root';

/**
 * What is kept of one repository, in a folder of its own: the newest metadata, by which older ones are told later, and
 * the trust root that they vouched for. Files are replaced whole, so that a process that ends leaves no halves. They are
 * not flushed to the disk, which Node's permission model forbids: what a power cut breaks is read from the repository.
 */
export class TufState {
  readonly #folder: string;

  constructor(cache: string, repositoryId: string) {
    this.#folder = path.join(cache, repositoryId);
  }

  /** Undefined: nothing is kept. */
  async kept(): Promise<KeptTrustRoot | undefined> {
    try {
      const file = path.join(this.#folder, TARGET);
      const [text, { mtimeMs }] = await Promise.all([readFile(file, 'utf8'), stat(file)]);
      return { text, confirmedAt: mtimeMs };
    } catch (error) {
      if (isAbsence(error)) return undefined;
      throw error;
    }
  }

  /**
   * Gives the work a copy of the metadata to change, beginning with the given root.json where none is kept. What it
   * leaves there replaces what is kept, also where it fails: each file was verified before it was written.
   */
  async update<T>(root: string, work: (folder: string) => Promise<T>): Promise<T> {
    const copy = path.join(this.#folder, `next-${process.pid}`);
    await rm(copy, { recursive: true, force: true });
    await mkdir(copy, { recursive: true });
    try {
      for (const name of METADATA) {
        const text = (await textOf(path.join(this.#folder, name))) ?? (name === 'root.json' ? root : undefined);
        if (text !== undefined) await writeFile(path.join(copy, name), text);
      }
      try {
        return await work(copy);
      } finally {
        await this.#take(copy);
      }
    } finally {
      await rm(copy, { recursive: true, force: true });
    }
  }

  /** The text that the metadata vouch for now. */
  async keep(text: string): Promise<void> {
    await this.#replace(TARGET, text);
  }

  /** Forgets everything: what is kept can't be read. */
  async clear(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #take(copy: string): Promise<void> {
    for (const name of METADATA) {
      const [text, before] = await Promise.all([textOf(path.join(copy, name)), textOf(path.join(this.#folder, name))]);
      if (text !== undefined && text !== before) await this.#replace(name, text);
    }
  }

  async #replace(name: string, text: string): Promise<void> {
    const fresh = path.join(this.#folder, `${name}.${process.pid}.new`);
    await writeFile(fresh, text);
    await rename(fresh, path.join(this.#folder, name));
  }
}

async function textOf(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
}

function isAbsence(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
