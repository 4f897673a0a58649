// SPDX-License-Identifier: Apache-2.0
import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import { Resolver } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { isIP, type LookupFunction } from 'node:net';
import { callbackify } from 'node:util';

export interface NameLookupOptions {
  /** `address[:port]` of name servers; left out, those of /etc/resolv.conf. */
  readonly servers?: readonly string[];
  readonly hostsFile?: string;
  /** For names that the administrator wrote. */
  readonly system?: LookupFunction;
}

/** Milliseconds for one question to one server; a connection's own limit bounds the whole. */
const TIMEOUT = 2000;
const TRIES = 2;

/**
 * Looks up absolute names (with a final dot: those that outsiders chose) without the thread pool. The system's
 * look-up holds one of its few threads until the last server has timed out: four Pods that name a zone whose servers
 * don't answer would keep every other look-up and file waiting. Names without a final dot are the administrator's
 * and go to the system, with its search list.
 */
export function createNameLookup(options: NameLookupOptions = {}): LookupFunction {
  const { servers, hostsFile = '/etc/hosts', system = systemLookup } = options;
  const resolver = new Resolver({ timeout: TIMEOUT, tries: TRIES });
  if (servers) resolver.setServers([...servers]);
  return (hostname, settings, callback) => {
    if (!hostname.endsWith('.')) return system(hostname, settings, callback);
    callbackify(findAddresses)(resolver, hostsFile, hostname.slice(0, -1), (error, found) => {
      if (error) return callback(error, '');
      if (settings.all) return callback(null, found);
      callback(null, found[0]?.address ?? '', found[0]?.family);
    });
  };
}

/** Of both families; one of them is enough. Rejects as `dns.lookup` does, with a `code`. */
async function findAddresses(resolver: Resolver, hostsFile: string, name: string): Promise<LookupAddress[]> {
  const local = addressesInHosts(await readFile(hostsFile, 'utf8').catch(() => ''), name);
  if (local.length > 0) return local;
  const [four, six] = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
  const found = [
    ...(four.status === 'fulfilled' ? four.value.map((address) => ({ address, family: 4 })) : []),
    ...(six.status === 'fulfilled' ? six.value.map((address) => ({ address, family: 6 })) : []),
  ];
  if (found.length > 0) return found;
  throw lookupError([four, six], name);
}

/** `ENOTFOUND` where the name is known not to be; `EAI_AGAIN` where nobody could tell. */
function lookupError(results: readonly PromiseSettledResult<unknown>[], name: string): NodeJS.ErrnoException {
  const reasons: unknown[] = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
  const isMissing = reasons.every(
    (reason) => reason instanceof Error && 'code' in reason && ['ENOTFOUND', 'ENODATA'].includes(String(reason.code)),
  );
  const code = isMissing ? 'ENOTFOUND' : 'EAI_AGAIN';
  return Object.assign(new Error(`${code} ${name}`, { cause: reasons[0] }), { code });
}

/** hosts(5): an address, then its names; `hostAliases` of a Pod are written there. */
function addressesInHosts(text: string, name: string): LookupAddress[] {
  const wanted = name.toLowerCase();
  return text.split('\n').flatMap((line) => {
    const [address = '', ...names] = (line.split('#', 1)[0] ?? '').trim().split(/\s+/);
    const family = isIP(address);
    return family !== 0 && names.some((known) => known.toLowerCase() === wanted) ? [{ address, family }] : [];
  });
}
