// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/**
 * Where Debian's packages come from: `DEBIAN_MIRROR`, or else the mirror that this machine's own apt uses. It needs no
 * trust, since each file is checked against the lock.
 * @throws Error where neither names one
 */
export function debianMirror(environment: NodeJS.ProcessEnv, aptFolder = '/etc/apt'): string {
  const found = environment['DEBIAN_MIRROR'] ?? sourcesOf(aptFolder).flatMap(mirrorsIn)[0];
  if (found === undefined) throw new Error('no Debian mirror is known: name one in DEBIAN_MIRROR (http://…/debian)');
  return found.replace(/\/+$/, '');
}

/** The texts of apt's source lists, in either of their two forms. */
function sourcesOf(folder: string): readonly string[] {
  const files = [path.join(folder, 'sources.list'), ...listsIn(path.join(folder, 'sources.list.d'))];
  return files.flatMap((file) => {
    try {
      return [readFileSync(file, 'utf8')];
    } catch {
      return [];
    }
  });
}

function listsIn(folder: string): readonly string[] {
  try {
    const names = readdirSync(folder).filter((name) => /\.(list|sources)$/.test(name));
    return names.toSorted().map((name) => path.join(folder, name));
  } catch {
    return [];
  }
}

/** Mirrors of Debian itself, not of its security updates: `deb [options] URI suite …`, or `URIs: URI …`. */
function mirrorsIn(text: string): readonly string[] {
  const uris = [...text.matchAll(/^(?:deb +(?:\[[^\]\n]*\] +)?|URIs: *)(https?:\/\/\S+)/gm)].map(([, uri = '']) => uri);
  return uris.filter((uri) => /\/debian\/?$/.test(uri));
}
