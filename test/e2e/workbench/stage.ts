// SPDX-License-Identifier: Apache-2.0
import { run } from './tools.ts';

/** What a demonstration says and does, on standard output. */
export interface Stage {
  /** A new part of the story. */
  chapter(this: void, title: string): void;
  say(this: void, text: string): void;
  /** Runs a shell command for all to see; its output. Fails where the outcome is not the expected one. */
  show(this: void, command: string, expected?: Expectation): Promise<string>;
}

export interface Expectation {
  /** The command must fail. */
  readonly refused?: boolean;
  /** What its output must hold. */
  readonly holds?: readonly string[];
}

export function openStage(env: Readonly<Record<string, string>>): Stage {
  const started = Date.now();
  return {
    chapter: (title) => print(`\n=== ${title}  (${((Date.now() - started) / 1000).toFixed(0)} s)`),
    say: (text) => print(`\n# ${text.replaceAll('\n', '\n# ')}`),
    show: async (command, { refused = false, holds = [] } = {}) => {
      print(`\n$ ${command}`);
      const { code, stdout, stderr } = await run(['sh', '-c', command], { env });
      const text = `${stdout}${stderr}`.trimEnd();
      if (text !== '') print(text);
      if (refused !== (code !== 0))
        throw new Error(`expected ${refused ? 'a refusal' : 'success'}, got exit code ${code}`);
      for (const part of holds) {
        if (!text.includes(part)) throw new Error(`the output does not hold: ${part}`);
      }
      return stdout.trimEnd();
    },
  };
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
