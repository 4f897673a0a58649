// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { EngineError } from '../../../../../core/errors.ts';
import { proveCertificate } from '../../../../../core/sigstore/identity.ts';
import { parseTrustRoot } from '../../../../../core/sigstore/trust/trust-root.ts';
import { candidateFor, signKeyless, SIGNED_AT } from '../../../../fakes/sigstore/keyless.ts';
import type { Signing } from '../../../../fakes/sigstore/keyless.ts';
import { createSigstore } from '../../../../fakes/sigstore/sigstore.ts';

export type Source = 'bundle' | 'annotations';

export const prove = (signing: Signing, from: Source) =>
  proveCertificate(candidateFor(signing, from), parseTrustRoot(JSON.stringify(signing.root)));

export async function refused(signing: Signing, from: Source, reason: RegExp): Promise<void> {
  await assert.rejects(prove(signing, from), (error) => {
    assert.ok(error instanceof EngineError, String(error));
    assert.match(`${error.code}: ${error.message}`, reason);
    return true;
  });
}

export const required = (signing: Signing) =>
  proveCertificate(candidateFor(signing, 'bundle'), parseTrustRoot(JSON.stringify(signing.root)), {
    transparencyLog: 'Require',
  });

export const sigstore = createSigstore();
export const elsewhere = createSigstore();

export interface Change {
  readonly name: string;
  readonly change: (signing: Signing) => void;
  readonly reason: RegExp;
}

export const other = signKeyless({ sigstore, artifact: 'another artifact\n', entry: 'dsse1', stampedAt: SIGNED_AT });
