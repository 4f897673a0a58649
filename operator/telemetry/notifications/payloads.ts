// SPDX-License-Identifier: Apache-2.0
import type { NotificationConfiguration } from '../../../core/config/types.ts';
import type { Note } from './note.ts';

export interface Message {
  readonly notes: readonly Note[];
  /** Refusals since the last message that are in none. */
  readonly omitted: number;
  /** The replica that tells. */
  readonly instance: string;
}

/** The body of a notification. */
export function payloadOf(template: NotificationConfiguration['template'], message: Message): object {
  return { json: generic, slack, teams }[template](message);
}

/** `{version, source, refusals[], omitted}`: a verdict and its place, for programs. */
function generic({ notes, omitted, instance }: Message): object {
  return {
    version: 1,
    source: { product: 'cosignet', instance },
    refusals: notes.map(({ time, namespace, kind, name, owner, verdict }) => ({
      time,
      namespace,
      kind,
      name,
      owner,
      verdict,
    })),
    omitted,
  };
}

/** Characters, escaped; Slack's own bound for the text of a section is 3000. */
const SLACK_NAME_MOST = 400;
const SLACK_POLICIES_MOST = 600;
const SLACK_EXPLANATION_MOST = 1200;

/** https://docs.slack.dev/messaging/formatting-message-text, blocks of https://docs.slack.dev/reference/block-kit. */
function slack(message: Message): object {
  const sections = message.notes.map((note) => {
    const { verdict } = note;
    const lines = [
      `*${verdict.code}* ${slackCode(verdict.image, SLACK_NAME_MOST)}`,
      `${slackCode(placeOf(note), SLACK_NAME_MOST)} refused by ${slackCode(policiesOf(note), SLACK_POLICIES_MOST)}`,
      `\`\`\`${slackText(explanation(note), SLACK_EXPLANATION_MOST)}\`\`\``,
    ];
    // `verbatim` keeps Slack from making links and mentions of what looks like some.
    return { type: 'section', text: { type: 'mrkdwn', verbatim: true, text: lines.join('\n') } };
  });
  return {
    text: titleOf(message),
    blocks: [{ type: 'header', text: { type: 'plain_text', text: titleOf(message) } }, ...sections],
  };
}

function slackCode(text: string, most: number): string {
  return `\`${slackText(text, most)}\``;
}

/** Text for a code span: nothing in it ends the span, mentions somebody or is a link. Never empty, which Slack refuses. */
function slackText(text: string, most: number): string {
  const escaped = text.replaceAll('`', "'").replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  if (escaped.length <= most) return escaped === '' ? '-' : escaped;
  // No half of an entity at the end.
  return `${escaped.slice(0, most - 1).replace(/&[a-z]{0,3}$/, '')}…`.toWellFormed();
}

/** Characters; Teams refuses cards of more than 28 KB. */
const TEAMS_NAME_MOST = 300;
const TEAMS_EXPLANATION_MOST = 800;

/** A card for https://adaptivecards.io in the envelope that webhooks of Teams take. */
function teams(message: Message): object {
  const body = message.notes.flatMap((note) => {
    const { verdict } = note;
    return [
      richText([bold(`${verdict.code}  `), mono(cut(verdict.image, TEAMS_NAME_MOST))], true),
      richText([run(cut(`${placeOf(note)} refused by ${policiesOf(note)}`, 2 * TEAMS_NAME_MOST))]),
      richText([run(cut(explanation(note), TEAMS_EXPLANATION_MOST))]),
    ];
  });
  return {
    type: 'message',
    attachments: [
      {
        contentType: 'application/vnd.microsoft.card.adaptive',
        contentUrl: null,
        content: {
          $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
          type: 'AdaptiveCard',
          version: '1.4',
          body: [{ type: 'TextBlock', size: 'Medium', weight: 'Bolder', text: titleOf(message), wrap: true }, ...body],
        },
      },
    ],
  };
}

/** Text runs know no Markdown, so that an image's name is no link; text blocks do. */
function richText(inlines: readonly object[], separator = false): object {
  return { type: 'RichTextBlock', separator, inlines };
}

const run = (text: string) => ({ type: 'TextRun', text });
const bold = (text: string) => ({ type: 'TextRun', weight: 'Bolder', text });
const mono = (text: string) => ({ type: 'TextRun', fontType: 'Monospace', text });

/** Of our own words and numbers only: it stands where markup is read. */
function titleOf({ notes, omitted }: Message): string {
  const images = `Cosignet refused ${notes.length} image${notes.length === 1 ? '' : 's'}`;
  return omitted === 0 ? images : `${images}, and ${omitted} more that are not listed`;
}

function placeOf({ namespace, kind, name, owner }: Note): string {
  if (name !== '') return `${kind} ${namespace}/${name}`;
  return owner === undefined ? `${kind} in ${namespace}` : `${kind} of ${owner.kind} ${namespace}/${owner.name}`;
}

function policiesOf({ verdict: { policies, refusedBy = policies } }: Note): string {
  if (refusedBy.length === 0) return 'the configuration';
  return `${refusedBy.length === 1 ? 'policy' : 'policies'} ${refusedBy.join(', ')}`;
}

function explanation({ verdict: { message, remedy } }: Note): string {
  return remedy === '' ? message : `${message}. ${remedy}`;
}

function cut(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 1)}…`.toWellFormed() : text;
}
