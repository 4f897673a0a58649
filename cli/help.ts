// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander';

interface Help {
  /** Command lines that work as they are, with the reader's own files. */
  readonly examples: readonly string[];
  readonly exitCodes: Readonly<Partial<Record<0 | 1 | 2 | 3, string>>>;
}

const USAGE = { 2: 'wrong usage, or unreadable input', 3: 'the program failed' };
const VERDICTS = {
  0: 'all images are allowed',
  1: 'an image is denied',
  2: USAGE[2],
  3: 'an image could not be checked; try again',
};

/** What `--help` says beside a command's options. */
const HELP: Readonly<Record<string, Help>> = {
  serve: {
    examples: ['cosignet serve --policies policies/ --listen 127.0.0.1:8443'],
    exitCodes: { 0: 'stopped by a signal', ...USAGE },
  },
  verify: {
    examples: [
      'cosignet verify --key cosign.pub ghcr.io/acme/app:1.2',
      'cosignet verify --context prod --namespace shop ghcr.io/acme/app:1.2',
      'helm template shop charts/shop | cosignet verify --policies policies/ --namespace shop -f -',
    ],
    exitCodes: VERDICTS,
  },
  scan: {
    examples: [
      'cosignet scan',
      'cosignet scan --namespace shop --policies policies/',
      'cosignet scan --output html --output-file scan.html',
    ],
    exitCodes: VERDICTS,
  },
  explain: {
    examples: [
      'cosignet explain --policies policies/ --namespace shop ghcr.io/acme/app:1.2',
      'cosignet explain --all-namespaces ghcr.io/acme/app:1.2',
    ],
    exitCodes: { 0: 'explained', ...USAGE },
  },
  lint: {
    examples: ['cosignet lint policies/', 'cosignet lint policies/ --output sarif'],
    exitCodes: { 0: 'no errors (hints do not count)', 1: 'errors', ...USAGE },
  },
  dashboard: {
    examples: ['cosignet dashboard', 'cosignet dashboard --context prod --port 8082'],
    exitCodes: { 0: 'stopped by a signal', ...USAGE },
  },
  'check-rollback': {
    examples: ['cosignet check-rollback', 'cosignet check-rollback --context prod'],
    exitCodes: { 0: 'no policy would lose a field', 1: 'a policy would lose a field', ...USAGE },
  },
  'verify-bundle': {
    examples: ['cosignet verify-bundle --bundle app.sigstore.json --key cosign.pub app.tar.gz'],
    exitCodes: { 0: 'verified', 1: 'not verified', ...USAGE },
  },
  completion: {
    examples: ['source <(cosignet completion bash)', 'cosignet completion fish | source'],
    exitCodes: { 0: 'printed', ...USAGE },
  },
  version: { examples: ['cosignet version --output json'], exitCodes: { 0: 'printed', ...USAGE } },
};

/** Adds examples and exit codes to the help of each command. */
export function addHelp(program: Command): void {
  for (const command of program.commands) {
    const help = HELP[command.name()];
    if (help !== undefined) command.addHelpText('after', `\n${textOf(help)}`);
  }
}

function textOf({ examples, exitCodes }: Help): string {
  const codes = Object.entries(exitCodes).map(([code, meaning]) => `  ${code}  ${meaning}`);
  return ['Examples:', ...examples.map((line) => `  ${line}`), '', 'Exit codes:', ...codes].join('\n');
}
