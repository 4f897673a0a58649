// SPDX-License-Identifier: Apache-2.0
import { parsePublicKey } from '../../../keys/public-key.ts';
import type { PolicyKey } from '../../documents/image-policy.gen.ts';
import { createReport } from '../../problems/report.ts';
import { reportedTime } from '../../problems/time.ts';
import type { SignerInput } from '../common/signer-kind.ts';
import type { KeySigner, KeyVersion } from './key-signer.ts';
import { sourceOf, type KeySource } from './key-source.ts';

export function compileKey(entry: PolicyKey, input: SignerInput): KeySigner | undefined {
  const source = sourceOf(entry, input);
  if (source === undefined) return undefined;
  const versions = versionsIn(source, input);
  const window = windowOf(entry, input);
  const [newest, ...older] = versions;
  if (newest === undefined) return undefined;
  return { kind: 'key', name: input.name, ...newest, ...(older.length > 0 && { older }), ...window };
}

/** A version that can't be used doesn't count; where none can, the first reason is told. */
function versionsIn({ pems, path }: KeySource, { lookups, report }: SignerInput): readonly KeyVersion[] {
  const parse = lookups.parseKey ?? parsePublicKey;
  const attempts = createReport();
  const versions = pems.flatMap((pem) => {
    const parsed = attempts.attempt('InvalidKey', path, () => parse(pem));
    return parsed === undefined ? [] : [pick(parsed)];
  });
  const [fault] = attempts.problems;
  if (versions.length === 0 && fault !== undefined) report.add(fault.reason, fault.path, fault.message);
  return versions;
}

function pick({ fingerprint, algorithm, key }: KeyVersion): KeyVersion {
  return { fingerprint, algorithm, key };
}

function windowOf(entry: PolicyKey, { path, report }: SignerInput): Pick<KeySigner, 'notBefore' | 'notAfter'> {
  const notBefore = reportedTime(entry.notBefore, `${path}.notBefore`, report);
  const notAfter = reportedTime(entry.notAfter, `${path}.notAfter`, report);
  if (notBefore !== undefined && notAfter !== undefined && notBefore >= notAfter) {
    report.add('InvalidSpec', path, 'notBefore must be before notAfter');
  }
  return { ...(notBefore === undefined ? {} : { notBefore }), ...(notAfter === undefined ? {} : { notAfter }) };
}
