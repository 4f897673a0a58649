// SPDX-License-Identifier: Apache-2.0
import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileErrorText } from '../../text.ts';
import { parsePolicyDocuments } from './document.ts';
import { MAXIMUM_FILE_SIZE } from './yaml-objects.ts';
import type { DocumentFault, PolicyDocument, PolicyDocuments } from './document.ts';
import { policyName } from './kinds.ts';

const EXTENSION = /\.(?:ya?ml|json)$/;
/** Folders below folders; a symbolic link that leads back up ends here. */
const MAXIMUM_DEPTH = 8;

/**
 * Reads policies from files and folders: of a folder `*.yaml`, `*.yml` and `*.json`, and its sub-folders, in
 * the order of their names; hidden ones (and so a mounted ConfigMap's `..data`) are left out. A file that
 * is named outright is read whatever its name. Never rejects: what cannot be read is a fault.
 * A caller that enforces must not go on with part of the policies: with any fault, refuse them all.
 */
export async function loadPolicies(paths: readonly string[]): Promise<PolicyDocuments> {
  const faults: DocumentFault[] = [];
  const policies: PolicyDocument[] = [];
  for (const path of paths) {
    for (const file of await filesAt(path, faults)) {
      const found = await readPolicies(file);
      policies.push(...found.policies);
      faults.push(...found.faults);
    }
  }
  return { policies, faults: [...faults, ...duplicatesIn(policies)] };
}

/** The files that a path means; what can't be read becomes a fault. */
export async function filesAt(path: string, faults: DocumentFault[], depth = 0): Promise<readonly string[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [path];
    if (depth === MAXIMUM_DEPTH) throw new Error(`folders are nested more than ${MAXIMUM_DEPTH} deep`);
    const names = (await readdir(path)).filter((name) => !name.startsWith('.')).toSorted();
    const files: string[] = [];
    for (const name of names) {
      const entry = join(path, name);
      const isFolder = (await stat(entry)).isDirectory();
      if (isFolder) files.push(...(await filesAt(entry, faults, depth + 1)));
      else if (EXTENSION.test(name)) files.push(entry);
    }
    return files;
  } catch (error) {
    faults.push({ file: path, line: 0, message: fileErrorText(error) });
    return [];
  }
}

async function readPolicies(file: string): Promise<PolicyDocuments> {
  try {
    const status = await stat(file);
    // A pipe or a device could go on for ever.
    if (!status.isFile()) throw new Error('not a regular file');
    if (status.size > MAXIMUM_FILE_SIZE) throw new Error(`larger than ${MAXIMUM_FILE_SIZE} bytes`);
    const text = new TextDecoder('utf-8', { fatal: true }).decode(await readFile(file));
    return parsePolicyDocuments(text, file);
  } catch (error) {
    return { policies: [], faults: [{ file, line: 0, message: fileErrorText(error) }] };
  }
}

/** One name, one policy: of two, one would silently not be enforced. */
function duplicatesIn(policies: readonly PolicyDocument[]): readonly DocumentFault[] {
  const first = new Map<string, PolicyDocument>();
  const faults: DocumentFault[] = [];
  for (const document of policies) {
    const name = policyName(document.policy);
    const other = first.get(name);
    if (other === undefined) {
      first.set(name, document);
      continue;
    }
    const message = `the policy ${name} is also in ${other.file}, line ${other.line}`;
    faults.push({ file: document.file, line: document.locate('metadata.name'), message });
  }
  return faults;
}
