// SPDX-License-Identifier: Apache-2.0
import { factsOf } from '../../../core/verdict-codes.ts';
import { denialText } from '../../../core/verdict/denial.ts';
import { oneLine } from '../../../core/text.ts';
import { isFailing, isRefused } from '../decision/image-result.ts';
import { perVerdict } from '../decision/per-verdict.ts';
import type { Mode } from '../../../core/policy/types.ts';
import type { PlacedVerdict } from '../decision/image-result.ts';
import type { ReviewStatus } from './response.ts';
import type { ImageField, ImageList } from '../request/image-fields.ts';

const MAXIMUM_NAMED = 5;
const MAXIMUM_SHOWN = 10;
const MAXIMUM_TEXT = 1500;
const MAXIMUM_WARNINGS = 16;
/** The API server's advice for one warning; from 256 on it may cut. */
const WARNING_LENGTH = 120;
const MAXIMUM_CHUNKS = 4;
const ADMITTED = 'Admitted for now (mode Warn).';
const MAXIMUM_ANNOTATIONS = 32;
const MAXIMUM_ANNOTATED = 512;

const LABELS: Readonly<Record<ImageList, string>> = {
  containers: 'container',
  initContainers: 'init container',
  ephemeralContainers: 'ephemeral container',
  volumes: 'volume',
  fields: 'field',
};

const INTERNAL_ERROR = { code: 500, reason: 'InternalError' } as const;
/** Of several refusals, what its user can mend comes first. */
const STATUSES = [
  { code: 403, reason: 'Forbidden' },
  INTERNAL_ERROR,
  { code: 503, reason: 'ServiceUnavailable' },
] as const;

/** For whom the texts are. */
export interface Readers {
  readonly namespace: string;
  /** Whom they ask. */
  readonly contact?: string | undefined;
}

/**
 * The status of a refusal: `denied` is the user's to mend, `error` is a matter of the surroundings. One image is told on
 * one line, several on a line each.
 */
export function refusalStatus(results: readonly PlacedVerdict[], readers: Readers): ReviewStatus {
  const refused = results.filter(isRefused);
  const shown = refused.slice(0, MAXIMUM_SHOWN).map((result) => sentence(result, readers));
  const hidden = refused.length - shown.length;
  if (hidden > 0) shown.push(`and ${hidden} more images`);
  const message = shown.length === 1 ? shown.join('') : [`${refused.length} images are refused:`, ...shown].join('\n');
  const statuses = new Set(refused.map(({ verdict }) => factsOf(verdict.code).status));
  const status = STATUSES.find(({ code }) => statuses.has(code));
  return { ...(status ?? INTERNAL_ERROR), message };
}

/** Warnings for what is admitted although it fails (Warn), or passes with something left to do (a remedy). */
export function warningsOf(results: readonly PlacedVerdict[], readers: Readers): readonly string[] {
  const toWarn = results.filter(
    (result) => result.mode !== 'Audit' && !isRefused(result) && (isFailing(result) || result.verdict.remedy !== ''),
  );
  const warnings = toWarn.flatMap((result) => [...admittedForNow(result), ...chunks(sentence(result, readers))]);
  if (warnings.length <= MAXIMUM_WARNINGS) return warnings;
  return [...warnings.slice(0, MAXIMUM_WARNINGS - 1), `and more: ${toWarn.length} images in all`];
}

/** What matters first: which image, what is wrong, and that it runs all the same. */
function admittedForNow(result: PlacedVerdict): readonly string[] {
  if (!isFailing(result)) return [];
  const { image, code } = result.verdict;
  const rest = `: ${factsOf(code).summary} ${ADMITTED}`;
  const room = WARNING_LENGTH - rest.length;
  // The end of a long name tells images apart.
  const shown = image.length <= room ? image : `…${image.slice(1 - room)}`;
  return [oneLine(`${shown}${rest}`, WARNING_LENGTH)];
}

/**
 * One annotation an image, for the audit log; JSON, as the image's text is the user's and could imitate any
 * other form. Keys are qualified names once the API server has put the webhook's name before them.
 */
export function auditAnnotationsOf(results: readonly PlacedVerdict[]): Readonly<Record<string, string>> {
  const annotations: Record<string, string> = {};
  for (const [index, { verdict, mode }] of results.slice(0, MAXIMUM_ANNOTATIONS).entries()) {
    annotations[`verdict-${index}`] = annotationOf(mode, verdict);
  }
  if (results.length > MAXIMUM_ANNOTATIONS) {
    annotations['verdicts-omitted'] = String(results.length - MAXIMUM_ANNOTATIONS);
  }
  return annotations;
}

const annotationOf = perVerdict((mode: Mode, verdict): string => {
  const { image, outcome, code, policies, resolved = '' } = verdict;
  return JSON.stringify({
    image: oneLine(image, MAXIMUM_ANNOTATED),
    outcome,
    mode,
    code,
    policies: policies.slice(0, 8),
    ...(resolved !== '' && { digest: resolved.slice(resolved.lastIndexOf('@') + 1) }),
  });
});

function sentence({ fields, verdict }: PlacedVerdict, readers: Readers): string {
  return oneLine(`${places(fields)}: ${denialText(verdict, readers)}`, MAXIMUM_TEXT);
}

function places(fields: readonly ImageField[]): string {
  const named = fields.slice(0, MAXIMUM_NAMED).map(({ list, name }) => `${LABELS[list]} "${oneLine(name, 63)}"`);
  const hidden = fields.length - named.length;
  return hidden > 0 ? `${named.join(', ')} and ${hidden} more` : named.join(', ');
}

/** A text cut between words into pieces of at most 120 characters; a longer word is cut. */
function chunks(text: string): readonly string[] {
  const pieces: string[] = [];
  let rest = text;
  while (rest.length > WARNING_LENGTH && pieces.length < MAXIMUM_CHUNKS - 1) {
    const space = rest.lastIndexOf(' ', WARNING_LENGTH);
    const end = space > 0 ? space : WARNING_LENGTH;
    pieces.push(rest.slice(0, end).toWellFormed());
    rest = rest.slice(end).trimStart();
  }
  pieces.push(oneLine(rest, WARNING_LENGTH));
  return pieces;
}
