// SPDX-License-Identifier: Apache-2.0
import { hardlyMeant } from '../../core/policy/compile/hardly-meant.ts';
import { compilePolicy } from '../../core/policy/compile/compile.ts';
import { loadPolicies } from '../../core/policy/documents/load.ts';
import type { ProblemReason } from '../../core/policy/problems/report.ts';
import { policyName } from '../../core/policy/documents/kinds.ts';
import { PUBLIC_GOOD } from '../../core/config/trust-root-settings.ts';
import { configurationOf } from '../inputs/configuration.ts';
import { EXIT, UsageError, type ExitCode } from '../output/exit.ts';
import { compileContext } from '../inputs/policies.ts';
import { HARDLY_MEANT, renderLint, UNREADABLE, type LintFormat } from '../output/lint-report.ts';
import type { Terminal } from '../output/terminal.ts';

export interface LintOptions {
  readonly config?: string;
  readonly output: LintFormat;
}

/** Prints what the operator would find wrong with the policies in files and folders, one fault a line. */
export async function lint(paths: readonly string[], options: LintOptions, terminal: Terminal): Promise<ExitCode> {
  const { trustRoots } = await configurationOf(options);
  const { policies, faults } = await loadPolicies(paths);
  if (policies.length === 0 && faults.length === 0) {
    throw new UsageError(`there is no ImagePolicy in ${paths.join(', ')}`);
  }
  const unknowable = unknowableReasons(options);
  const context = await compileContext(
    policies.map(({ policy }) => policy),
    [PUBLIC_GOOD, ...trustRoots.map(({ name }) => name)],
  );
  const problems = policies.flatMap(({ policy, file, locate }) =>
    compilePolicy(policy, context)
      .problems.filter(({ reason }) => !unknowable.has(reason))
      .map(({ path, message, reason }) => ({
        file,
        line: locate(path),
        message: `${path}: ${message}`,
        reason,
        policy: policyName(policy),
      })),
  );
  const all = [...faults.map(({ file, line, message }) => ({ file, line, message, reason: UNREADABLE })), ...problems];
  const hints = policies.flatMap(({ policy, file, locate }) =>
    hardlyMeant(policy).map(({ path, message }) => ({
      file,
      line: locate(path),
      message: `${path}: ${message}`,
      reason: HARDLY_MEANT,
      policy: policyName(policy),
    })),
  );
  const report = {
    hints,
    policies: policies.map(({ policy, file, line }) => ({ name: policyName(policy), file, line })),
    all,
  };
  const text = renderLint(report, options.output, new Date());
  if (text !== '') terminal.out(text);
  const hinted = hints.length === 0 ? '' : `, ${counted(hints.length, 'hint', 'hints')}`;
  const errors = counted(all.length, 'error', 'errors');
  terminal.err(`${counted(policies.length, 'policy', 'policies')} read, ${errors}${hinted}`);
  return exitCode(policies.length, all);
}

/** What only a cluster, or a configuration that wasn't given, could tell. */
function unknowableReasons({ config }: LintOptions): ReadonlySet<ProblemReason> {
  const elsewhere = ['SecretNotFound', 'KeyUnavailable'] as const;
  return new Set(config === undefined ? [...elsewhere, 'UnknownTrustRoot'] : elsewhere);
}

/** A fault without a line is a file that could not be read; if there is nothing else, that is wrong input. */
function exitCode(policies: number, faults: readonly { readonly line: number }[]): ExitCode {
  if (faults.length === 0) return EXIT.allowed;
  return policies === 0 && faults.every(({ line }) => line === 0) ? EXIT.usage : EXIT.denied;
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}
