// SPDX-License-Identifier: Apache-2.0
import { EngineError } from '../../errors.ts';
import { errorText } from '../../text.ts';
import type { OwnCertificate, SignatureCandidate } from '../../signatures/types.ts';
import { readBundleMaterial } from '../bundle/bundle-material.ts';
import { readAnnotationMaterial } from '../bundle/legacy-material.ts';
import { contentOfCandidate } from '../bundle/signed-content.ts';
import type { SigningMaterial } from '../bundle/verification-material.ts';
import { requireLogWindow } from '../proof/log-inclusion.ts';
import { promisedTimes } from '../proof/promised-times.ts';
import { provenTimes } from '../proof/timestamp.ts';
import { proveEntries } from '../proof/transparency.ts';
import type { TrustRoot } from '../trust/trust-root.ts';
import type { OwnAuthority } from './authority.ts';
import { sentCertificates } from './chain-material.ts';
import { readOwnLeaf } from './own-leaf.ts';
import { requireOwnPath } from './own-path.ts';

/**
 * Proves that a certificate under the authority made the signature. When that counts is the policy's to say: the path is
 * valid for a while, and what proves the time of signing is `proveOwnTimes`' to tell.
 * @throws EngineError UntrustedSignature, MalformedSignature
 */
export function proveOwnCertificate(candidate: SignatureCandidate, authority: OwnAuthority): OwnCertificate {
  const [der, ...sent] = read(() => sentCertificates(candidate.material));
  const leaf = read(() => readOwnLeaf(der));
  if (contentOfCandidate(candidate).signedHash(leaf.publicKey) === undefined) {
    throw new EngineError('UntrustedSignature', "the signature is not by its certificate's key");
  }
  const { start, end } = trust(() => requireOwnPath(leaf.certificate, sent, authority));
  return {
    names: leaf.names,
    fingerprint: leaf.publicKey.fingerprint,
    validFrom: start.getTime(),
    validUntil: end.getTime(),
  };
}

export interface OwnTimes {
  /** Milliseconds since the epoch, at which somebody whom the trust root lists saw the signature. */
  readonly times: readonly number[];
  /** Whether a log of the trust root has it. */
  readonly logged: boolean;
}

/**
 * What the logs and timestamp authorities of a trust root prove of a signature whose certificate is another authority's.
 * @throws EngineError UntrustedSignature, MalformedSignature
 */
export function proveOwnTimes(candidate: SignatureCandidate, root: TrustRoot): OwnTimes {
  const [der] = read(() => sentCertificates(candidate.material));
  const { publicKey } = read(() => readOwnLeaf(der));
  const { logEntries, timestamps } = read(() => materialOf(candidate));
  const content = contentOfCandidate(candidate);
  const signer = { hash: content.signedHash(publicKey) ?? null, keyDer: publicKey.der, certificateDer: der };
  const entries = proveEntries(logEntries, content, signer, root);
  return trust(() => {
    const stamped = provenTimes(timestamps, content.stamped, root);
    for (const { entry, logs } of entries) requireLogWindow(entry, logs, stamped);
    const times = [...promisedTimes(entries), ...stamped].map((time) => time.getTime());
    return { times, logged: entries.length > 0 };
  });
}

function materialOf({ material }: SignatureCandidate): SigningMaterial {
  return material.kind === 'bundle' ? readBundleMaterial(material.bundle, 'any') : readAnnotationMaterial(material);
}

function read<T>(reading: () => T): T {
  return orEngineError('MalformedSignature', reading);
}

function trust<T>(proving: () => T): T {
  return orEngineError('UntrustedSignature', proving);
}

function orEngineError<T>(code: 'MalformedSignature' | 'UntrustedSignature', work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (cause instanceof EngineError) throw cause;
    throw new EngineError(code, errorText(cause), { cause });
  }
}
