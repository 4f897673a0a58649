// SPDX-License-Identifier: Apache-2.0
import { parsePublicKey } from '../../../keys/public-key.ts';
import type { PolicyKey } from '../../documents/image-policy.gen.ts';
import { reportedTime } from '../../problems/time.ts';
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
  const notBefore = reportedTime(entry.notBefore, `${path}.notBefore`, report);
  const notAfter = reportedTime(entry.notAfter, `${path}.notAfter`, report);
  if (notBefore !== undefined && notAfter !== undefined && notBefore >= notAfter) {
    report.add('InvalidSpec', path, 'notBefore must be before notAfter');
  }
  return { ...(notBefore === undefined ? {} : { notBefore }), ...(notAfter === undefined ? {} : { notAfter }) };
}
