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
  'folder that keeps trust roots from TUF repositories (default: cosignet/tuf in the user cache folder)';

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
    .description('run the operator and the webhook')
    .addOption(repeatable('--policies <path>', 'file or folder with ImagePolicies, instead of a cluster (repeatable)'))
    .option('--listen <host:port>', 'address of the webhook (HTTPS)', ':8443')
    .option('--metrics-listen <host:port>', 'address of probes and metrics (HTTP)', ':8080')
    .option('--probes-listen <host:port>', 'address of the probes alone (HTTP; default: only with the metrics)')
    .option('--dashboard-port <port>', 'port of the dashboard on the loopback address (default: no dashboard)')
    .option('--tls-cert <file>', 'certificate chain of the webhook (default: it makes its own)')
    .option('--tls-key <file>', 'private key of the webhook (default: it makes its own)')
    .option('--certificate-lifetime <seconds>', 'lifetime of certificates that it makes itself', '7776000')
    .option('--config <file>', 'configuration file')
    .option('--webhooks <file>', 'file with the webhook configurations to register (required without --policies)')
    .option('--tuf-cache <folder>', TUF_CACHE)
    .option('--name <name>', 'name of the release, and of its Service, Secret and Lease', 'cosignet')
    .option('--namespace <name>', 'namespace of the release (default: that of the Pod, or cosignet)')
    .addOption(choice('--log-level <level>', 'least severe level to log', ['error', 'warn', 'info', 'debug'], 'info'))
    .addOption(choice('--log-format <format>', 'format of log lines', ['json', 'text'], 'json'))
    .action(async (options) => finish(await (await import('./commands/serve.ts')).serve(options, terminal)));
}

function addVerify(program: Command, terminal: Terminal, finish: Finish): void {
  program
    .command('verify')
    .description('check images, or all images in manifests, as the webhook would')
    .argument('[image...]', 'image references')
    .addOption(repeatable('-f, --filename <path>', 'file or folder with manifests, - for standard input (repeatable)'))
    .option(
      '--oci-layout <folder>',
      'OCI image layout to read the images from instead of registries, as `cosign save` writes it',
    )
    .addOption(clusterPolicies())
    .addOption(
      repeatable('--key <file>', 'public key that must have signed, instead of policies (repeatable: one of them)'),
    )
    .addOption(context())
    .addOption(kubeconfig())
    .addOption(releaseNamespace())
    .addOption(config())
    .option('--tuf-cache <folder>', TUF_CACHE)
    .option('-n, --namespace <name>', 'namespace the images are for, where a manifest names none')
    .addOption(repeatable('--namespace-label <key=value>', 'label of that namespace (repeatable)'))
    .addOption(repeatable('--insecure-registry <host>', 'registry to reach over plain HTTP (repeatable)'))
    .option('--registry-ca <file>', 'PEM file with the certificate authority of the registries')
    .addOption(
      new Option('-o, --output <format>', 'output format (default: table for manifests, otherwise text)').choices([
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
    .description('check the images that run in a cluster, or a list of images, and write a report')
    .option('-n, --namespace <name>', 'namespace to scan (default: all that are checked)')
    .option('-A, --all-namespaces', 'scan all namespaces that are checked (the default)')
    .option('-l, --selector <labels>', 'label selector of the Pods to scan')
    .addOption(clusterPolicies())
    .option('--images <file>', 'file with one image per line, instead of running Pods; needs --policies and no cluster')
    .addOption(context())
    .addOption(kubeconfig())
    .addOption(releaseNamespace())
    .addOption(config())
    .option('--tuf-cache <folder>', TUF_CACHE)
    .addOption(repeatable('--insecure-registry <host>', 'registry to reach over plain HTTP (repeatable)'))
    .option('--registry-ca <file>', 'PEM file with the certificate authority of the registries')
    .addOption(
      choice('-o, --output <format>', 'output format', ['table', 'json', 'yaml', 'junit', 'sarif', 'html'], 'table'),
    )
    .option('--output-file <file>', 'write the report to this file (default: standard output)')
    .action(async (options) => finish(await (await import('./commands/scan.ts')).scan(options, terminal)));
}

function addExplain(program: Command, terminal: Terminal, finish: Finish): void {
  program
    .command('explain')
    .description('show which policy applies to an image, and why, without asking a registry')
    .argument('<image...>', 'image references')
    .addOption(clusterPolicies())
    .addOption(context())
    .addOption(kubeconfig())
    .addOption(releaseNamespace())
    .addOption(config())
    .option('-n, --namespace <name>', 'namespace the images are for')
    .option('-A, --all-namespaces', 'explain for each namespace of the cluster')
    .addOption(repeatable('--namespace-label <key=value>', 'label of that namespace (repeatable)'))
    .addOption(choice('-o, --output <format>', 'output format', ['text', 'json', 'yaml'], 'text'))
    .action(async (images, options) =>
      finish(await (await import('./commands/explain.ts')).explain(images, options, terminal)),
    );
}

function addLint(program: Command, terminal: Terminal, finish: Finish): void {
  program
    .command('lint')
    .description('check ImagePolicy files')
    .argument('<path...>', 'files or folders')
    .option('--config <file>', 'configuration file with the trust roots')
    .addOption(choice('-o, --output <format>', 'output format', ['text', 'json', 'yaml', 'junit', 'sarif'], 'text'))
    .action(async (paths, options) =>
      finish(await (await import('./commands/lint.ts')).lint(paths, options, terminal)),
    );
}

function addDashboard(program: Command, terminal: Terminal, finish: Finish): void {
  program
    .command('dashboard')
    .description('show the dashboard of a replica, through a port that kubectl forwards')
    .option('--port <port>', 'local port (0: any free port)', '0')
    .option('--pod <name>', 'Pod whose dashboard to show (default: the leading replica)')
    .addOption(context())
    .addOption(kubeconfig())
    .addOption(releaseNamespace())
    .action(async (options) => finish(await (await import('./commands/dashboard.ts')).dashboard(options, terminal)));
}

function addCheckRollback(program: Command, terminal: Terminal, finish: Finish): void {
  program
    .command('check-rollback')
    .description('check whether policies in the cluster have fields that this release does not know')
    .addOption(context())
    .addOption(kubeconfig())
    .addOption(releaseNamespace())
    .option('--no-namespaced-policies', 'leave out NamespacedImagePolicies that you may not list')
    .action(async (options) =>
      finish(await (await import('./commands/check-rollback.ts')).checkRollback(options, terminal)),
    );
}

function addVerifyBundle(program: Command, terminal: Terminal, finish: Finish): void {
  program
    .command('verify-bundle')
    .description('verify a Sigstore bundle for a file or a digest')
    .argument('<file-or-digest>', 'the artifact: a file, or its digest as sha256:<hex>, sha384:<hex> or sha512:<hex>')
    .requiredOption('--bundle <file>', 'the bundle')
    .option('--key <file>', 'public key of the signer')
    .option('--certificate-identity <subject>', 'exact subject of the signing certificate')
    .option('--certificate-oidc-issuer <url>', 'exact issuer of the identity')
    .addOption(
      repeatable('--certificate-claim <name=value>', 'claim that the certificate must have (repeatable: all of them)'),
    )
    .option('--trusted-root <file>', 'trusted_root.json (default: that of public Sigstore)')
    .option('--insecure-ignore-sct', 'accept certificates that are in no certificate log; only with --trusted-root')
    .addOption(choice('-o, --output <format>', 'output format', ['text', 'json', 'yaml'], 'text'))
    .action(async (artifact, options) =>
      finish(await (await import('./commands/verify-bundle.ts')).verifyBundleCommand(artifact, options, terminal)),
    );
}

function addCompletion(program: Command, terminal: Terminal, finish: Finish): void {
  program
    .command('completion')
    .description('print the completion script for a shell')
    .addArgument(new Argument('<shell>', 'name of the shell').choices(['bash', 'zsh', 'fish']))
    .action(async (shell) => finish((await import('./commands/completion.ts')).completion(shell, program, terminal)));
}

function clusterPolicies(): Option {
  return repeatable('--policies <path>', "file or folder with ImagePolicies, instead of the cluster's (repeatable)");
}

function context(): Option {
  return new Option('--context <name>', 'context of the kubeconfig (default: the current one)');
}

function kubeconfig(): Option {
  return new Option('--kubeconfig <file>', 'kubeconfig file (default: the one that kubectl uses)');
}

function releaseNamespace(): Option {
  return new Option('--release-namespace <name>', 'namespace of Cosignet in the cluster').default('cosignet');
}

function config(): Option {
  return new Option('--config <file>', "configuration file, instead of the cluster's");
}

function addVersion(program: Command, terminal: Terminal): void {
  program
    .command('version')
    .description('print the version')
    .addOption(choice('-o, --output <format>', 'output format', ['text', 'json', 'yaml'], 'text'))
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
