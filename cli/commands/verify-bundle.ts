// SPDX-License-Identifier: Apache-2.0
import { parsePublicKey } from '../../core/keys/public-key.ts';
import { parseArtifactDigest } from '../../core/sigstore/bundle/artifact.ts';
import { CLAIM_NAMES } from '../../core/sigstore/trust/claims.ts';
import { publicGoodTrustRoot } from '../../core/sigstore/trust/public-good.ts';
import { parseTrustRoot, type TrustRoot } from '../../core/sigstore/trust/trust-root.ts';
import { verifyBundle, type BundleRequest } from '../../core/sigstore/verify-bundle.ts';
import { errorText, fileErrorText, printable } from '../../core/text.ts';
import { MODEST_BYTES, readBounded } from '../../core/read-bounded.ts';
import { documentText, type DocumentFormat } from '../output/document.ts';
import { EXIT, UsageError, type ExitCode } from '../output/exit.ts';
import type { Terminal } from '../output/terminal.ts';

/** Held in memory: a signature may be over the whole of it. */
const LARGEST_ARTIFACT = 2 ** 30;

export interface VerifyBundleOptions {
  readonly bundle: string;
  readonly key?: string;
  readonly certificateIdentity?: string;
  readonly certificateOidcIssuer?: string;
  /** `name=value` */
  readonly certificateClaim: readonly string[];
  readonly trustedRoot?: string;
  readonly insecureIgnoreSct?: true;
  readonly output: 'text' | DocumentFormat;
}

/** Verifies one Sigstore bundle for a file, or for a digest where the file is not at hand. */
export async function verifyBundleCommand(
  artifact: string,
  options: VerifyBundleOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  const signer = await signerOf(options);
  const verdict = await verifyBundle({
    bundle: await readInput('--bundle', options.bundle),
    artifact: isDigest(artifact) ? artifact : await readInput('artifact', artifact, LARGEST_ARTIFACT),
    signer,
  });
  if (options.output !== 'text') {
    const { ok: verified, ...rest } = verdict;
    terminal.out(documentText({ artifact, verified, ...rest }, options.output));
    return verdict.ok ? EXIT.allowed : EXIT.denied;
  }
  if (!verdict.ok) {
    terminal.out(printable(`not verified: ${artifact}: ${verdict.reason}`));
    return EXIT.denied;
  }
  const type = verdict.predicateType === undefined ? '' : ` (${verdict.predicateType})`;
  terminal.out(printable(`verified: ${artifact} is signed by ${verdict.signer}${type}`));
  return EXIT.allowed;
}

const isDigest = (text: string): boolean => parseArtifactDigest(text) !== undefined;

async function signerOf(options: VerifyBundleOptions): Promise<BundleRequest['signer']> {
  const { key, certificateIdentity: subject, certificateOidcIssuer: issuer, trustedRoot } = options;
  const claims = claimsOf(options.certificateClaim);
  const { certificateClaim, insecureIgnoreSct } = options;
  const isOfCertificate = [subject, issuer, certificateClaim[0], insecureIgnoreSct].some((one) => one !== undefined);
  if (key !== undefined && !isOfCertificate) {
    const pem = (await readInput('--key', key)).toString('utf8');
    usable(`--key ${key}`, () => parsePublicKey(pem));
    return trustedRoot === undefined ? { key: pem } : { key: pem, trustRoot: await readTrustRoot(trustedRoot) };
  }
  if (key === undefined && subject !== undefined && issuer !== undefined) {
    const certificateLog = insecureIgnoreSct === true ? 'Ignore' : 'Require';
    return { subject, issuer, claims, trustRoot: await readTrustRoot(trustedRoot, certificateLog) };
  }
  throw new UsageError('give either --key, or --certificate-identity and --certificate-oidc-issuer');
}

function claimsOf(written: readonly string[]): Readonly<Record<string, string>> {
  const claims = new Map<string, string>();
  for (const text of written) {
    const at = text.indexOf('=');
    const [name, value] = [text.slice(0, Math.max(0, at)), text.slice(at + 1)];
    if (at === -1 || value === '') throw new UsageError(`--certificate-claim ${text}: write it as name=value`);
    if (!CLAIM_NAMES.includes(name)) {
      throw new UsageError(`--certificate-claim ${text}: the names are ${CLAIM_NAMES.join(', ')}`);
    }
    if (claims.has(name)) throw new UsageError(`--certificate-claim ${text}: ${name} is given twice`);
    claims.set(name, value);
  }
  return Object.fromEntries(claims);
}

async function readTrustRoot(
  file: string | undefined,
  certificateLog: TrustRoot['certificateLog'] = 'Require',
): Promise<TrustRoot> {
  if (file === undefined) {
    if (certificateLog === 'Require') return publicGoodTrustRoot();
    throw new UsageError('--insecure-ignore-sct needs --trusted-root: the public instance has a certificate log');
  }
  const text = (await readInput('--trusted-root', file)).toString('utf8');
  return usable(`--trusted-root ${file}`, () => parseTrustRoot(text, certificateLog));
}

/** What the user gave and can't be used is wrong input, and no word about the bundle. */
function usable<T>(what: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new UsageError(`${what}: ${errorText(error)}`);
  }
}

async function readInput(what: string, file: string, maximumBytes = MODEST_BYTES): Promise<Buffer> {
  try {
    return await readBounded(file, maximumBytes);
  } catch (error) {
    throw new UsageError(`${what} ${file}: ${fileErrorText(error)}`);
  }
}
