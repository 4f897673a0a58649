// SPDX-License-Identifier: Apache-2.0
import { documentText, type DocumentFormat } from '../output/document.ts';
import type { Terminal } from '../output/terminal.ts';
import { VERSION } from '../output/version.ts';

export function version(output: 'text' | DocumentFormat, terminal: Terminal): void {
  terminal.out(output === 'text' ? VERSION : documentText({ version: VERSION }, output));
}
