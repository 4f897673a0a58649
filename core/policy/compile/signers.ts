// SPDX-License-Identifier: Apache-2.0
import { parsePublicKey } from '../../keys/public-key.ts';
import type { CompileContext } from './compile-context.ts';
import type { Report } from './report.ts';
import type { ImagePolicySpec, PolicyIdentity, PolicyKey } from '../documents/image-policy.gen.ts';
import { exactText, textPattern } from '../expressions/text-matcher.ts';
import type { IdentitySigner, KeySigner, Signer, TextMatcher } from '../types.ts';

export const DEFAULT_TRUST_ROOT = 'public-good';

interface Place {
  readonly path: string;
  readonly name: string;
  readonly context: CompileContext;
  readonly report: Report;
}

/** Names of all signers in the order of the policy; the ones without get `key-<index>`, `identity-<index>`. */
export function signerNames({ keys = [], identities = [] }: ImagePolicySpec): readonly string[] {
  return [
    ...keys.map((key, index) => key.name ?? `key-${index}`),
    ...identities.map((identity, index) => identity.name ?? `identity-${index}`),
  ];
}

/**
 * The signers that could be read; the others are reported. Two keys with one fingerprint are both here, each
 * under its name, and are one signer to a threshold (`countDistinct`).
 */
export function compileSigners(spec: ImagePolicySpec, context: CompileContext, report: Report): readonly Signer[] {
  const names = signerNames(spec);
  const { keys = [], identities = [] } = spec;
  const place = (path: string, index: number): Place => ({ path, name: names[index] ?? path, context, report });
  return [
    ...keys.map((key, index) => compileKey(key, place(`spec.keys[${index}]`, index))),
    ...identities.map((identity, index) =>
      compileIdentity(identity, place(`spec.identities[${index}]`, keys.length + index)),
    ),
  ].filter((signer) => signer !== undefined);
}

/** Keys are told apart by fingerprint, identities by name. */
export function countDistinct(signers: readonly Signer[]): number {
  return new Set(signers.map((signer) => (signer.kind === 'key' ? signer.fingerprint : `name ${signer.name}`))).size;
}

function compileKey(key: PolicyKey, place: Place): KeySigner | undefined {
  const source = pemOf(key, place);
  if (source === undefined) return undefined;
  const parsed = place.report.attempt('InvalidKey', source.path, () =>
    (place.context.parseKey ?? parsePublicKey)(source.pem),
  );
  const window = windowOf(key, place);
  if (parsed === undefined) return undefined;
  const { fingerprint, algorithm } = parsed;
  return { kind: 'key', name: place.name, fingerprint, algorithm, key: parsed.key, ...window };
}

function pemOf({ pem, secretRef }: PolicyKey, place: Place): { pem: string; path: string } | undefined {
  if (pem !== undefined && secretRef === undefined) return { pem, path: `${place.path}.pem` };
  if (secretRef === undefined || pem !== undefined) {
    place.report.add('InvalidSpec', place.path, 'exactly one of pem or secretRef');
    return undefined;
  }
  const path = `${place.path}.secretRef`;
  const found = place.context.secret(secretRef.name, secretRef.key);
  if (found?.pem !== undefined) return { pem: found.pem, path };
  const absent = `there is no Secret ${secretRef.name} with an entry ${secretRef.key}`;
  place.report.add('SecretNotFound', path, found?.unavailable ?? absent);
  return undefined;
}

function windowOf(key: PolicyKey, place: Place): Pick<KeySigner, 'notBefore' | 'notAfter'> {
  const notBefore = timeOf(key.notBefore, `${place.path}.notBefore`, place.report);
  const notAfter = timeOf(key.notAfter, `${place.path}.notAfter`, place.report);
  if (notBefore !== undefined && notAfter !== undefined && notBefore >= notAfter) {
    place.report.add('InvalidSpec', place.path, 'notBefore must be before notAfter');
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

function compileIdentity(identity: PolicyIdentity, place: Place): IdentitySigner | undefined {
  const trustRoot = identity.trustRoot ?? DEFAULT_TRUST_ROOT;
  const issuer = matcherOf('issuer', [identity.issuer, identity.issuerPattern], place);
  const subject = matcherOf('subject', [identity.subject, identity.subjectPattern], place);
  if (!place.context.trustRoots.has(trustRoot)) {
    place.report.add('UnknownTrustRoot', `${place.path}.trustRoot`, `the configuration has no trust root ${trustRoot}`);
  }
  if (issuer === undefined || subject === undefined) return undefined;
  return { kind: 'identity', name: place.name, issuer, subject, trustRoot };
}

function matcherOf(
  field: 'issuer' | 'subject',
  [text, pattern]: readonly [string | undefined, string | undefined],
  { path, report }: Place,
): TextMatcher | undefined {
  if ((text === undefined) === (pattern === undefined)) {
    report.add('InvalidSpec', path, `exactly one of ${field} or ${field}Pattern`);
    return undefined;
  }
  if (pattern === undefined) return text === undefined ? undefined : exactText(text);
  return report.attempt('InvalidPattern', `${path}.${field}Pattern`, () => textPattern(pattern));
}
