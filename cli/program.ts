// SPDX-License-Identifier: Apache-2.0
import { Argument, Command, CommanderError, Option } from 'commander';
import { ConfigurationError } from '../core/config/faults.ts';
import { errorText } from '../core/text.ts';
import { addHelp } from './help.ts';
import { EXIT, UsageError, type ExitCode } from './output/exit.ts';
import type { Terminal } from './output/terminal.ts';
import { VERSION } from './output/version.ts';

/**
 * Runs one command line and gives its exit code. Never rejects: what a user can mend is one sentence
 * and 2; anything else is one sentence and 3, because an unknown failure decides nothing.
 */
export async function run(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  let code: ExitCode = EXIT.allowed;
  const program = createProgram(terminal, (result) => {
    code = result;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    return failed(error, terminal);
  }
}

function failed(error: unknown, terminal: Terminal): ExitCode {
  // Commander has written its own sentence.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.allowed : EXIT.usage;
  if (error instanceof UsageError || error instanceof ConfigurationError) {
    terminal.err(`cosignet: ${error.message}`);
    return EXIT.usage;
  }
  terminal.err(`cosignet: failed: ${errorText(error)}`);
  return EXIT.undecided;
}

const TUF_CACHE =
  'where trust roots from TUF repositories are kept (default: cosignet/tuf among the caches of the user)';

type Finish = (code: ExitCode) => void;

/** The command line as data; each command's file is loaded only when it runs, which keeps start-up short. */
export function createProgram(terminal: Terminal, finish: Finish): Command {
  const program = new Command('cosignet')
    .description('Lets only images signed with cosign run.')
    .version(VERSION, '-V, --version', 'print the version')
    .exitOverride()
    .showHelpAfterError('(cosignet help lists commands and options)')
    .configureOutput({
      writeOut: (text) => terminal.out(text.trimEnd()),
      writeErr: (text) => terminal.err(text.trimEnd()),
    });
  addServe(program, terminal, finish);
  addVerify(program, terminal, finish);
  addScan(program, terminal, finish);
  addExplain(program, terminal, finish);
  addLint(program, terminal, finish);
  addDashboard(program, terminal, finish);
  addCheckRollback(program, terminal, finish);
  addVerifyBundle(program, terminal, finish);
  addCompletion(program, terminal, finish);
  addVersion(program, terminal);
  addHelp(program);
  return program;
}

function addServe(program: Command, terminal: Terminal, finish: Finish): void {
  program
    .command('serve')
    .description('run operator and webhook in this process')
    .addOption(repeatable('--policies <path>', 'read ImagePolicy files instead of a cluster (repeatable)'))
    .option('--listen <host:port>', 'address of the webhook (HTTPS)', ':8443')
    .option('--metrics-listen <host:port>', 'address of probes and metrics (HTTP)', ':8080')
    .option('--probes-listen <host:port>', 'address of probes alone (HTTP; default: only with the metrics)')
    .option('--dashboard-port <port>', 'port of the dashboard on the loopback of the Pod (default: no dashboard)')
    .option('--tls-cert <file>', 'certificate chain of the webhook (default: self-made)')
    .option('--tls-key <file>', 'private key of the webhook (default: self-made)')
    .option('--certificate-lifetime <seconds>', 'of serving certificates that are self-made in a cluster', '7776000')
    .option('--config <file>', 'configuration file')
    .option('--webhooks <file>', 'webhook configurations to register in the cluster (needed without --policies)')
    .option('--tuf-cache <folder>', TUF_CACHE)
    .option('--name <name>', 'name of the release: of its Service, Secret, Lease', 'cosignet')
    .option('--namespace <name>', 'namespace of the release (default: that of the service account, or cosignet)')
    .addOption(choice('--log-level <level>', 'least severe lines to write', ['error', 'warn', 'info', 'debug'], 'info'))
    .addOption(choice('--log-format <format>', 'how lines are written', ['json', 'text'], 'json'))
    .action(async (options) => finish(await (await import('./commands/serve.ts')).serve(options, terminal)));
}

function addVerify(program: Command, terminal: Terminal, finish: Finish): void {
  program
    .command('verify')
    .description('check images, or all of rendered manifests, as the webhook would')
    .argument('[image...]', 'image references')
    .addOption(repeatable('-f, --filename <path>', 'file or folder with manifests, - for standard input (repeatable)'))
    .option(
      '--oci-layout <folder>',
      'OCI image layout that has the images, in place of registries: as `cosign save` writes it',
    )
    .addOption(clusterPolicies())
    .addOption(
      repeatable('--key <file>', 'a public key that must have signed, in place of policies (repeatable: any of them)'),
    )
    .addOption(context())
    .addOption(kubeconfig())
    .addOption(releaseNamespace())
    .addOption(config())
    .option('--tuf-cache <folder>', TUF_CACHE)
    .option('-n, --namespace <name>', 'namespace that the images are meant for, where a manifest names none')
    .addOption(repeatable('--namespace-label <key=value>', 'a label of that namespace (repeatable)'))
    .addOption(repeatable('--insecure-registry <host>', 'registry to reach by plain HTTP (repeatable)'))
    .option('--registry-ca <file>', "PEM file with the registries' certificate authority")
    .addOption(
      new Option('-o, --output <format>', 'kind of output (default: table for manifests, else text)').choices([
        'text',
        'json',
        'yaml',
        'table',
        'junit',
        'sarif',
        'html',
      ]),
    )
    .action(async (images, options) =>
      finish(await (await import('./commands/verify.ts')).verify(images, options, terminal)),
    );
}

function addScan(program: Command, terminal: Terminal, finish: Finish): void {
  program
    .command('scan')
    .description('check what runs in a cluster, or a list of images, and write a report')
    .option('-n, --namespace <name>', 'namespace to look at (default: all that admission looks at)')
    .option('-A, --all-namespaces', 'all that admission looks at, which is the default')
    .option('-l, --selector <labels>', 'Pods to look at, by their labels')
    .addOption(clusterPolicies())
    .option('--images <file>', 'file with one image a line, in place of running Pods; needs --policies, and no cluster')
    .addOption(context())
    .addOption(kubeconfig())
    .addOption(releaseNamespace())
    .addOption(config())
    .option('--tuf-cache <folder>', TUF_CACHE)
    .addOption(repeatable('--insecure-registry <host>', 'registry to reach by plain HTTP (repeatable)'))
    .option('--registry-ca <file>', "PEM file with the registries' certificate authority")
    .addOption(
      choice('-o, --output <format>', 'kind of report', ['table', 'json', 'yaml', 'junit', 'sarif', 'html'], 'table'),
    )
    .option('--output-file <file>', 'write the report there (default: standard output)')
    .action(async (options) => finish(await (await import('./commands/scan.ts')).scan(options, terminal)));
}

function addExplain(program: Command, terminal: Terminal, finish: Finish): void {
  program
    .command('explain')
    .description('show which policy applies to images, and why; asks no registry')
    .argument('<image...>', 'image references')
    .addOption(clusterPolicies())
    .addOption(context())
    .addOption(kubeconfig())
    .addOption(releaseNamespace())
    .addOption(config())
    .option('-n, --namespace <name>', 'namespace that the images are meant for')
    .option('-A, --all-namespaces', 'for each namespace of the cluster')
    .addOption(repeatable('--namespace-label <key=value>', 'a label of that namespace (repeatable)'))
    .addOption(choice('-o, --output <format>', 'kind of output', ['text', 'json', 'yaml'], 'text'))
    .action(async (images, options) =>
      finish(await (await import('./commands/explain.ts')).explain(images, options, terminal)),
    );
}

function addLint(program: Command, terminal: Terminal, finish: Finish): void {
  program
    .command('lint')
    .description('check ImagePolicy files')
    .argument('<path...>', 'files or folders')
    .option('--config <file>', 'configuration file, which names the trust roots')
    .addOption(choice('-o, --output <format>', 'kind of report', ['text', 'json', 'yaml', 'junit', 'sarif'], 'text'))
    .action(async (paths, options) =>
      finish(await (await import('./commands/lint.ts')).lint(paths, options, terminal)),
    );
}

function addDashboard(program: Command, terminal: Terminal, finish: Finish): void {
  program
    .command('dashboard')
    .description("show a replica's dashboard: forwards a port of this machine to it with kubectl")
    .option('--port <port>', 'port of this machine (0: any free one)', '0')
    .option('--pod <name>', 'whose (default: the leading replica)')
    .addOption(context())
    .addOption(kubeconfig())
    .addOption(releaseNamespace())
    .action(async (options) => finish(await (await import('./commands/dashboard.ts')).dashboard(options, terminal)));
}

function addCheckRollback(program: Command, terminal: Terminal, finish: Finish): void {
  program
    .command('check-rollback')
    .description("tell whether the cluster's policies say what this release has no field for")
    .option('--context <name>', 'context of the kubeconfig')
    .option('--kubeconfig <file>', 'kubeconfig (default: as kubectl finds it)')
    .option('--release-namespace <name>', 'namespace of Cosignet in that cluster', 'cosignet')
    .option('--no-namespaced-policies', 'leave out policies of namespaces that may not be seen')
    .action(async (options) =>
      finish(await (await import('./commands/check-rollback.ts')).checkRollback(options, terminal)),
    );
}

function addVerifyBundle(program: Command, terminal: Terminal, finish: Finish): void {
  program
    .command('verify-bundle')
    .description('verify a Sigstore bundle for a file or a digest')
    .argument('<file-or-digest>', 'the artifact: a file, or sha256:<hex>')
    .requiredOption('--bundle <file>', 'the bundle')
    .option('--key <file>', 'public key of the signer')
    .option('--certificate-identity <subject>', 'subject of the signing certificate, exactly')
    .option('--certificate-oidc-issuer <url>', 'issuer of the identity, exactly')
    .addOption(
      repeatable('--certificate-claim <name=value>', 'an extension that the certificate must have (repeatable: all)'),
    )
    .option('--trusted-root <file>', 'trusted_root.json (default: the public-good one)')
    .option('--insecure-ignore-sct', 'of an instance without a certificate log; only with --trusted-root')
    .addOption(choice('-o, --output <format>', 'kind of output', ['text', 'json', 'yaml'], 'text'))
    .action(async (artifact, options) =>
      finish(await (await import('./commands/verify-bundle.ts')).verifyBundleCommand(artifact, options, terminal)),
    );
}

function addCompletion(program: Command, terminal: Terminal, finish: Finish): void {
  program
    .command('completion')
    .description('print the script with which a shell completes commands and options')
    .addArgument(new Argument('<shell>', 'whose').choices(['bash', 'zsh', 'fish']))
    .action(async (shell) => finish((await import('./commands/completion.ts')).completion(shell, program, terminal)));
}

function clusterPolicies(): Option {
  return repeatable('--policies <path>', "file or folder with ImagePolicies, in place of the cluster's (repeatable)");
}

function context(): Option {
  return new Option('--context <name>', 'context of the kubeconfig (default: its current one)');
}

function kubeconfig(): Option {
  return new Option('--kubeconfig <file>', 'kubeconfig (default: as kubectl finds it)');
}

function releaseNamespace(): Option {
  return new Option('--release-namespace <name>', 'namespace of Cosignet in the cluster').default('cosignet');
}

function config(): Option {
  return new Option('--config <file>', "configuration file, in place of the cluster's");
}

function addVersion(program: Command, terminal: Terminal): void {
  program
    .command('version')
    .description('print the version')
    .addOption(choice('-o, --output <format>', 'kind of output', ['text', 'json', 'yaml'], 'text'))
    .action(async ({ output }) => (await import('./commands/version.ts')).version(output, terminal));
}

/** A list, empty where the option is not given. */
function repeatable(flags: string, description: string): Option {
  return new Option(flags, description).argParser(collect).default([], 'none');
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

function choice(flags: string, description: string, values: readonly string[], fallback: string): Option {
  return new Option(flags, description).choices(values).default(fallback);
}
