// SPDX-License-Identifier: Apache-2.0
import { parsePublicKey } from '../../../keys/public-key.ts';
import type { PolicyKey } from '../../documents/image-policy.gen.ts';
import type { Report } from '../../problems/report.ts';
import type { SignerInput } from '../common/signer-kind.ts';
import type { KeySigner } from './key-signer.ts';
import { sourceOf } from './key-source.ts';

export function compileKey(entry: PolicyKey, input: SignerInput): KeySigner | undefined {
  const source = sourceOf(entry, input);
  if (source === undefined) return undefined;
  const parsed = input.report.attempt('InvalidKey', source.path, () =>
    (input.lookups.parseKey ?? parsePublicKey)(source.pem),
  );
  const window = windowOf(entry, input);
  if (parsed === undefined) return undefined;
  const { fingerprint, algorithm } = parsed;
  return { kind: 'key', name: input.name, fingerprint, algorithm, key: parsed.key, ...window };
}

function windowOf(entry: PolicyKey, { path, report }: SignerInput): Pick<KeySigner, 'notBefore' | 'notAfter'> {
  const notBefore = timeOf(entry.notBefore, `${path}.notBefore`, report);
  const notAfter = timeOf(entry.notAfter, `${path}.notAfter`, report);
  if (notBefore !== undefined && notAfter !== undefined && notBefore >= notAfter) {
    report.add('InvalidSpec', path, 'notBefore must be before notAfter');
  }
  return { ...(notBefore === undefined ? {} : { notBefore }), ...(notAfter === undefined ? {} : { notAfter }) };
}

/** Milliseconds. A time that cannot be read must not become "no limit". */
function timeOf(text: string | undefined, path: string, report: Report): number | undefined {
  if (text === undefined) return undefined;
  const time = Date.parse(text);
  if (Number.isNaN(time)) report.add('InvalidSpec', path, 'not a time (RFC 3339), for instance 2026-01-31T00:00:00Z');
  return time;
}
