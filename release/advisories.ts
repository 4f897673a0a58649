// SPDX-License-Identifier: Apache-2.0
/**
 * Holds package-lock.json against release/advisories.json, without asking anybody: `npm audit` for where no registry
 * serves it. Usage: node release/advisories.ts
 */
import { readFileSync } from 'node:fs';
import { packagesOf, readLockFile, type LockFile } from './inputs/lockfile.ts';
import { isInRange } from './inputs/versions.ts';

export interface AdvisoryPolicy {
  readonly denied: readonly Denial[];
  /** Exceptions: a denied version that is used in a way that the weakness doesn't reach. */
  readonly accepted: readonly Acceptance[];
}

export interface Denial {
  readonly package: string;
  /** As {@link isInRange} reads it. */
  readonly versions: string;
  /** CVE or GHSA numbers; left out for a version that is unfit for another reason. */
  readonly advisory?: string;
  readonly reason: string;
}

export interface Acceptance {
  readonly package: string;
  /** One version: the next one is to be checked anew. */
  readonly version: string;
  readonly reason: string;
}

export function readAdvisories(): AdvisoryPolicy {
  const policy: AdvisoryPolicy = JSON.parse(readFileSync(new URL('advisories.json', import.meta.url), 'utf8'));
  return policy;
}

/** A sentence for each copy of a denied version, development packages included: they run where releases are built. */
export function findDenied(lock: LockFile, { denied, accepted }: AdvisoryPolicy): readonly string[] {
  return packagesOf(lock).flatMap(({ name, version, folder }) => {
    if (accepted.some((one) => one.package === name && one.version === version)) return [];
    return denied
      .filter((one) => one.package === name && isInRange(version, one.versions))
      .map(({ versions, advisory, reason }) => `${folder} is ${version}, denied is ${versions}: ${advisory ?? reason}`);
  });
}

/** Exceptions for what isn't there any more. */
export function staleAcceptances(lock: LockFile, { accepted }: AdvisoryPolicy): readonly string[] {
  const present = new Set(packagesOf(lock).map(({ name, version }) => `${name}@${version}`));
  return accepted.map((one) => `${one.package}@${one.version}`).filter((one) => !present.has(one));
}

if (import.meta.main) {
  const findings = findDenied(readLockFile(), readAdvisories());
  for (const finding of findings) console.error(finding);
  process.exitCode = findings.length === 0 ? 0 : 1;
}
