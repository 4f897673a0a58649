// SPDX-License-Identifier: Apache-2.0
import { EngineError } from '../../errors.ts';
import { mapInParallel } from '../../parallel.ts';
import { repositoryName } from '../../image/reference.ts';
import type { CompiledPolicy } from '../../policy/types.ts';
import type { RequestScope } from '../../registry/types.ts';
import type { ResolvedImage } from '../../signatures/types.ts';
import { factsOf } from '../../verdict-codes.ts';
import { boundedReading, type Bounds } from '../evidence/bounded-reading.ts';
import type { VerdictSigner } from '../evaluation/distinct-signers.ts';
import { createWorkBudget } from '../evaluation/work-budget.ts';
import type { Platform, ReadPlatforms } from '../manifests/index-platforms.ts';
import { verifyPolicy } from './verify-policy.ts';
import type { PolicyVerification, VerificationDependencies } from './verify-policy.ts';

export interface ImageVerificationDependencies extends VerificationDependencies {
  readonly readPlatforms: ReadPlatforms;
}

type Satisfied = Extract<PolicyVerification, { satisfied: true }>;
type Refused = Extract<PolicyVerification, { satisfied: false }>;

/** One image for one policy. */
interface Question {
  readonly policy: CompiledPolicy;
  readonly image: ResolvedImage;
  readonly scope: RequestScope;
  readonly dependencies: ImageVerificationDependencies;
}

/** One that knows it is asked about an image of an index. */
const nothingToTell = async () => '';
const PARALLEL = 4;
const SHOWN = 3;

/**
 * The image itself, and where it is an index and the policy asks for that, each image that the index lists: by the whole
 * policy, as if it were the image. What is no index is verified itself.
 */
export async function verifyImage(
  policy: CompiledPolicy,
  image: ResolvedImage,
  scope: RequestScope,
  dependencies: ImageVerificationDependencies,
): Promise<PolicyVerification> {
  if (policy.platforms === 'Index') return verifyPolicy(policy, image, scope, dependencies);
  // One for all platforms: the work for an image must not grow with what its index lists.
  const budget = createWorkBudget(dependencies.limits().verifications, scope.signal);
  const question = { policy, image, scope, dependencies: { ...dependencies, budget } };
  return policy.platforms === 'Each' ? verifyEach(question) : verifyEither(question);
}

async function verifyEach(question: Question): Promise<PolicyVerification> {
  const platforms = await platformsOf(question);
  if ('satisfied' in platforms) return platforms;
  return platforms.listed === undefined ? verifyItself(question) : verifyPlatforms(platforms.listed, question);
}

/** The index where that is good. What is asked of its images says what is missing then. */
async function verifyEither(question: Question): Promise<PolicyVerification> {
  const { policy, dependencies } = question;
  const own = await verifyItself({
    ...question,
    dependencies: {
      ...dependencies,
      // Of an index, that its images are signed is no hint but the next question.
      tellPlatforms: async (asked) =>
        (await dependencies.readPlatforms(asked.image, asked.scope)) === undefined
          ? dependencies.tellPlatforms(asked)
          : '',
    },
  });
  if (own.satisfied || asksInVain(own)) return own;
  const platforms = await platformsOf(question);
  if ('satisfied' in platforms) return platforms;
  if (platforms.listed === undefined) return own;
  const each = await verifyPlatforms(platforms.listed, question);
  if (each.satisfied) return each;
  const reason = `the index: ${own.reason}; ${each.reason}`;
  // What could not be read of the index might have been good.
  const worst = isError(own) && !isError(each) ? own : each;
  return { ...worst, policy, reason };
}

function verifyItself({ policy, image, scope, dependencies }: Question): Promise<PolicyVerification> {
  return verifyPolicy(policy, image, scope, dependencies);
}

/** That the index can't be read is this policy's matter: how strictly it counts is the policy's own mode. */
async function platformsOf({
  policy,
  image,
  scope,
  dependencies,
}: Question): Promise<{ readonly listed: readonly Platform[] | undefined } | Refused> {
  try {
    return { listed: await dependencies.readPlatforms(image, scope) };
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    const { code, message, remedy } = error;
    return { satisfied: false, policy, code, reason: message, places: [], ...(remedy !== undefined && { remedy }) };
  }
}

interface Verified {
  readonly platform: Platform;
  readonly verification: PolicyVerification;
}

/** All of them, so that what is missing is told at once; after what would be asked in vain, no more. */
async function verifyPlatforms(platforms: readonly Platform[], question: Question): Promise<PolicyVerification> {
  const { policy, image, scope, dependencies } = question;
  const bounds = boundedReading(scope, dependencies);
  let last: Refused | undefined;
  const all = await mapInParallel(platforms, PARALLEL, async (platform): Promise<Verified> => {
    const verification = last ?? (await verifyPlatform(platform, question, bounds));
    if (!verification.satisfied && asksInVain(verification)) last = verification;
    return { platform, verification };
  });
  const refused = all.flatMap(({ platform, verification }) =>
    verification.satisfied ? [] : [{ platform, verification }],
  );
  // What could not be read outweighs what was read.
  const worst = refused.find(({ verification }) => isError(verification)) ?? refused[0];
  if (worst !== undefined) return refusal(worst.verification, refused, image);
  const satisfied = all.flatMap(({ verification }) => (verification.satisfied ? [verification] : []));
  return satisfied.length > 0 ? together(policy, satisfied) : listsNothing(policy);
}

async function verifyPlatform(
  { digest }: Platform,
  { policy, image, dependencies }: Question,
  { scope, cache, exceeded }: Bounds,
): Promise<PolicyVerification> {
  const over = exceeded();
  if (over !== undefined) return { satisfied: false, policy, places: [], ...over };
  return verifyPolicy(policy, { ...image, digest }, scope, { ...dependencies, cache, tellPlatforms: nothingToTell });
}

function together(policy: CompiledPolicy, satisfied: readonly Satisfied[]): Satisfied {
  const signers = new Map<string, VerdictSigner>();
  for (const one of satisfied.flatMap((each) => each.signers)) {
    signers.set(`${one.name} ${one.fingerprint} ${one.format}`, one);
  }
  const stale = satisfied.some((one) => one.stale);
  return { satisfied: true, policy, signers: [...signers.values()], stale, platforms: satisfied.length };
}

/** Without this, an index that lists nothing would be signed by nobody and lack nothing. */
function listsNothing(policy: CompiledPolicy): Refused {
  const reason = 'the image index lists no image: nothing in it could be signed';
  return { satisfied: false, policy, code: 'NoSignature', reason, places: [] };
}

interface RefusedPlatform {
  readonly platform: Platform;
  readonly verification: Refused;
}

function refusal(worst: Refused, refused: readonly RefusedPlatform[], image: ResolvedImage): Refused {
  const lines = refused.map(({ platform, verification }) => `${labelOf(platform)}: ${verification.reason}`);
  const alike = refused.filter(({ verification }) => verification.code === worst.code);
  const sign = `cosign sign --recursive --key cosign.key ${repositoryName(image.repository)}@${image.digest}`;
  return {
    ...worst,
    reason: shown(lines, '; '),
    platforms: shown(
      alike.map(({ platform }) => platform.name || platform.digest),
      ', ',
    ),
    ...(worst.code === 'NoSignature' && { remedy: `Sign the image of each platform: ${sign}` }),
  };
}

function labelOf({ name, digest }: Platform): string {
  return name === '' ? digest : `${name} (${digest})`;
}

function shown(items: readonly string[], separator: string): string {
  const more = items.length > SHOWN ? ` (+${items.length - SHOWN} more)` : '';
  return items.slice(0, SHOWN).join(separator) + more;
}

function isError({ code }: Refused): boolean {
  return factsOf(code).outcome === 'error';
}

/** The registry does not answer, or not us. */
function asksInVain({ code }: Refused): boolean {
  const { endsReading, isOutage } = factsOf(code);
  return endsReading || isOutage;
}
