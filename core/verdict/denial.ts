// SPDX-License-Identifier: Apache-2.0
import type { CompiledPolicy } from '../policy/types.ts';
import { trimmedEnd } from '../text.ts';
import { factsOf } from '../verdict-codes.ts';
import { showCommand } from './message.ts';
import type { Verdict } from './types.ts';

const SHOWN_SIGNERS = 5;
const NOBODY_NAMED = "the cluster's administrators";

/** What a policy requires of signatures, in the words of `Grounds.demand`. */
export function demandOf(policy: CompiledPolicy): string {
  const about = {
    Index: '',
    Each: ' for each platform',
    IndexOrEach: ' for the image index or each platform',
  } as const;
  return demandOfSigners(policy) + about[policy.platforms];
}

function demandOfSigners({ signers, threshold, required }: CompiledPolicy): string {
  const names = signers.slice(0, SHOWN_SIGNERS).map(({ name }) => `"${name}"`);
  const more = signers.length - names.length;
  const all = more > 0 ? [...names, `${more} more`] : names;
  if (threshold === 0) return `attestations by ${enumerated(all, 'or')}`;
  if (Math.max(threshold, required.length) === signers.length) {
    return `${signers.length === 1 ? 'a signature' : 'signatures'} by ${enumerated(all, 'and')}`;
  }
  const quoted = required.map((name) => `"${name}"`);
  const among = required.length === 0 ? '' : `, ${enumerated(quoted, 'and')} among them`;
  return threshold === 1
    ? `a signature by ${enumerated(all, 'or')}${among}`
    : `signatures by ${threshold} of ${enumerated(all, 'and')}${among}`;
}

/**
 * A refusal for who deploys the image, in whole sentences: the fact, whom to ask, and the command that shows the rest.
 *
 * @param contact whom to ask, as the configuration names them.
 */
export function denialText(
  verdict: Verdict,
  { contact, namespace }: { contact?: string | undefined; namespace: string },
): string {
  const { image, code, grounds, remedy, refusedBy = [] } = verdict;
  if (grounds === undefined) return sentences(verdict.message, remedy);
  const name = nameOf(image);
  const { policy, demand = 'signatures', reason, platforms, notice = '', unaccepted } = grounds;
  const text = factsOf(code).denial({
    image: platforms === undefined ? name : `${name} (${platforms})`,
    policy: policy === undefined ? 'The configuration' : `Policy "${policy}"`,
    demand,
    reason: trimmedEnd(reason, '. \n'),
    remedy,
    contact: contact ?? NOBODY_NAMED,
    ...(unaccepted !== undefined && { unaccepted }),
  });
  const others = refusedBy.filter((other) => other !== policy).map((other) => `"${other}"`);
  return sentences(
    text,
    notice,
    others.length === 0 ? '' : `${enumerated(others, 'and')} refused it, too.`,
    detailsOf(verdict, namespace),
  );
}

/** The command that shows all that was found. */
function detailsOf({ image, resolved, code, grounds }: Verdict, namespace: string): string {
  if (code === 'InvalidReference') return '';
  if (code === 'PolicyNotReady' && grounds?.policy !== undefined) return `Details: ${showCommand(grounds.policy)}`;
  const digest = resolved === undefined || image.includes('@') ? '' : resolved.slice(resolved.indexOf('@'));
  const command = code === 'NoPolicy' || code === 'PolicyExpired' ? 'explain' : 'verify';
  return `Details: cosignet ${command} --namespace ${namespace} ${image}${digest}`;
}

/** Without the digest, which says little to people, and is told with the command. */
function nameOf(image: string): string {
  const at = image.indexOf('@');
  return at === -1 ? image : image.slice(0, at);
}

function sentences(...parts: readonly string[]): string {
  return parts
    .filter((part) => part !== '')
    .map((part, index, all) => (index === all.length - 1 || /[.!?]$/.test(part) ? part : `${part}.`))
    .join(' ');
}

function enumerated(items: readonly string[], conjunction: 'and' | 'or'): string {
  const last = items.at(-1) ?? '';
  return items.length < 2 ? last : `${items.slice(0, -1).join(', ')} ${conjunction} ${last}`;
}
