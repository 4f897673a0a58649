// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseTrustRoot } from '../../../core/sigstore/trust/trust-root.ts';
import { verifyBundle } from '../../../core/sigstore/verify-bundle.ts';
import { errorText } from '../../../core/text.ts';
import { spkiOf, toPem } from '../../fakes/sigstore/certificates.ts';
import { bundleFor, ISSUER, SUBJECT } from '../../fakes/sigstore/keyless.ts';
import type { Signing } from '../../fakes/sigstore/keyless.ts';
import { TOOLS } from '../workbench/tools.ts';

const COSIGN = join(TOOLS, 'cosign');

/** What is asked about, where it is not the signing as it is. */
export interface Asked {
  /** The bundle in another spelling or version; a text is taken as it is. */
  readonly spell?: (bundle: ReturnType<typeof bundleFor>) => unknown;
  /** The same of the trusted root. */
  readonly root?: (root: Signing['root']) => unknown;
  /** The artifact's digest, in place of its bytes. */
  readonly digest?: string;
  /** The identity that must have signed. */
  readonly subject?: string;
}

/** Asks the real cosign and verify-bundle about the same bytes. */
export class SecondOpinion {
  #folder = '';

  async open(): Promise<void> {
    this.#folder = await mkdtemp(join(tmpdir(), 'sigstore-oracle-'));
  }

  close(): Promise<void> {
    return rm(this.#folder, { recursive: true });
  }

  /** @param accepted by cosign, @param byUs and by verify-bundle, where that is another answer */
  async bothSay(accepted: boolean, signing: Signing, asked: Asked = {}, byUs = accepted): Promise<void> {
    const [cosign, ours] = [await this.#cosign(signing, asked), await this.#verifyBundle(signing, asked)];
    assert.equal(cosign.accepts, accepted, `cosign: ${cosign.reason}`);
    assert.equal(ours.accepts, byUs, `verify-bundle: ${ours.reason}`);
  }

  async #cosign(signing: Signing, asked: Asked): Promise<Answer> {
    const isMessage = signing.signedBytes === signing.artifact;
    const { subject = SUBJECT, digest } = asked;
    const who =
      'key' in signing.verifier
        ? ['--key', await this.#file('key.pub', pemOf(signing))]
        : ['--certificate-identity', subject, '--certificate-oidc-issuer', ISSUER];
    const words = [
      ...(isMessage || digest !== undefined
        ? ['verify-blob']
        : ['verify-blob-attestation', '--type', 'slsaprovenance1']),
      '--bundle',
      await this.#file('bundle.json', bundleText(signing, asked)),
      '--trusted-root',
      await this.#file('root.json', rootText(signing, asked)),
      ...who,
      digest ?? (await this.#file('artifact', signing.artifact)),
    ];
    return new Promise((resolve) => {
      execFile(COSIGN, words, { timeout: 300_000 }, (error, _, stderr) =>
        resolve({ accepts: error === null, reason: stderr }),
      );
    });
  }

  async #verifyBundle(signing: Signing, asked: Asked): Promise<Answer> {
    try {
      const trustRoot = parseTrustRoot(rootText(signing, asked));
      const signer =
        'key' in signing.verifier
          ? { key: pemOf(signing), trustRoot }
          : { subject: asked.subject ?? SUBJECT, issuer: ISSUER, trustRoot };
      const bundle = Buffer.from(bundleText(signing, asked));
      const verdict = await verifyBundle({ bundle, artifact: asked.digest ?? signing.artifact, signer });
      return { accepts: verdict.ok, reason: verdict.ok ? verdict.signer : verdict.reason };
    } catch (error) {
      return { accepts: false, reason: errorText(error) };
    }
  }

  async #file(name: string, content: string | Buffer): Promise<string> {
    await writeFile(join(this.#folder, name), content);
    return join(this.#folder, name);
  }
}

interface Answer {
  readonly accepts: boolean;
  readonly reason: string;
}

function bundleText(signing: Signing, { spell = (bundle) => bundle }: Asked): string {
  const spelled = spell(bundleFor(signing));
  return typeof spelled === 'string' ? spelled : JSON.stringify(spelled);
}

function rootText({ root }: Signing, { root: change = (same) => same }: Asked): string {
  return JSON.stringify(change(structuredClone(root)));
}

const pemOf = ({ keys }: Signing): string => toPem('PUBLIC KEY', spkiOf(keys.publicKey));
