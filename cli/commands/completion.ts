// SPDX-License-Identifier: Apache-2.0
import type { Command, Option } from 'commander';
import { EXIT, type ExitCode } from '../output/exit.ts';
import type { Terminal } from '../output/terminal.ts';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** Prints the script with which a shell completes commands, options and their values; other words are files. */
export function completion(shell: Shell, program: Command, terminal: Terminal): ExitCode {
  terminal.out(SCRIPTS[shell](program).trimEnd());
  return EXIT.allowed;
}

const SCRIPTS: Readonly<Record<Shell, (program: Command) => string>> = { bash, zsh, fish };

interface Choices {
  readonly flags: readonly string[];
  readonly values: readonly string[];
}

function flagsOf({ short, long }: Option): readonly string[] {
  return [long, short].filter((flag) => typeof flag === 'string');
}

function optionsOf(command: Command): readonly string[] {
  return ['--help', ...command.options.flatMap(flagsOf)];
}

/** Options and arguments that take one of a few words. */
function choicesOf(command: Command): readonly Choices[] {
  return command.options.flatMap((option) =>
    option.argChoices === undefined ? [] : [{ flags: flagsOf(option), values: option.argChoices }],
  );
}

function wordsOf(command: Command): readonly string[] {
  return command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []);
}

function bash(program: Command): string {
  return `# cosignet completion for bash: source <(cosignet completion bash)
_cosignet() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]} command=\${COMP_WORDS[1]}
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '${names(program)}' -- "$current"))
    return
  fi
  case $command in
${program.commands.map(bashCase).join('\n')}
  esac
}
complete -o default -F _cosignet cosignet kubectl-cosignet
`;
}

function bashCase(command: Command): string {
  const choices = choicesOf(command).map(
    ({ flags, values }) =>
      `        ${flags.join(' | ')}) COMPREPLY=($(compgen -W '${values.join(' ')}' -- "$current")); return ;;`,
  );
  const words = wordsOf(command).join(' ');
  return [
    `    ${command.name()})`,
    ...(choices.length === 0 ? [] : ['      case $previous in', ...choices, '      esac']),
    `      if [[ $current == -* ]]; then COMPREPLY=($(compgen -W '${optionsOf(command).join(' ')}' -- "$current")); return; fi`,
    ...(words === '' ? [] : [`      COMPREPLY=($(compgen -W '${words}' -- "$current"))`]),
    '      ;;',
  ].join('\n');
}

function zsh(program: Command): string {
  const described = program.commands.map((command) => `    ${quoted(`${command.name()}:${command.description()}`)}`);
  return `#compdef cosignet kubectl-cosignet
# cosignet completion for zsh: source <(cosignet completion zsh)
_cosignet() {
  local -a commands
  commands=(
${described.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local previous=\${words[CURRENT - 1]} current=\${words[CURRENT]}
  case \${words[2]} in
${program.commands.map(zshCase).join('\n')}
  esac
  _files
}
if (( ! $+functions[compdef] )); then autoload -Uz compinit && compinit; fi
compdef _cosignet cosignet kubectl-cosignet
`;
}

function zshCase(command: Command): string {
  const choices = choicesOf(command).map(
    ({ flags, values }) => `        ${flags.join(' | ')}) compadd -- ${values.join(' ')}; return ;;`,
  );
  const words = wordsOf(command).join(' ');
  return [
    `    ${command.name()})`,
    ...(choices.length === 0 ? [] : ['      case $previous in', ...choices, '      esac']),
    `      if [[ $current == -* ]]; then compadd -- ${optionsOf(command).join(' ')}; return; fi`,
    ...(words === '' ? [] : [`      compadd -- ${words}; return`]),
    '      ;;',
  ].join('\n');
}

function fish(program: Command): string {
  const commands = program.commands.map(
    (command) =>
      `complete -c cosignet -f -n __fish_use_subcommand -a ${command.name()} -d ${quoted(command.description())}`,
  );
  return `# cosignet completion for fish: cosignet completion fish | source
${[...commands, ...program.commands.flatMap(fishLines)].join('\n')}
`;
}

function fishLines(command: Command): readonly string[] {
  const where = `complete -c cosignet -n '__fish_seen_subcommand_from ${command.name()}'`;
  const options = command.options.map((option) => {
    const { long, short, argChoices, description, required } = option;
    const flags = [
      ...(long === undefined || long === null ? [] : [`-l ${long.replace(/^--/, '')}`]),
      ...(short === undefined || short === null ? [] : [`-s ${short.replace(/^-/, '')}`]),
    ];
    const takes = argChoices === undefined ? (required ? ['-r'] : []) : [`-x -a ${quoted(argChoices.join(' '))}`];
    return [where, ...flags, ...takes, `-d ${quoted(description)}`].join(' ');
  });
  const words = wordsOf(command).join(' ');
  return words === '' ? options : [...options, `${where} -f -a ${quoted(words)}`];
}

function names(program: Command): string {
  return program.commands.map((command) => command.name()).join(' ');
}

/** For a shell: all of the three take it as it is. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
