// SPDX-License-Identifier: Apache-2.0
import path from 'node:path';
import { fileErrorText } from '../../core/text.ts';
import type { CompileContext } from '../../core/policy/compile/compile-context.ts';
import { compilePolicy } from '../../core/policy/compile/compile.ts';
import type { PolicyDocument } from '../../core/policy/documents/document.ts';
import { isFollowed } from '../../core/policy/documents/kinds.ts';
import { loadPolicies } from '../../core/policy/documents/load.ts';
import type { ImagePolicy } from '../../core/policy/documents/image-policy.gen.ts';
import { createPolicyStore, type PolicyStore } from '../../core/policy/store/store.ts';
import type { CompiledPolicy } from '../../core/policy/types.ts';
import { readBoundedText } from '../../core/read-bounded.ts';
import type { ReadKms } from '../../core/kms/types.ts';
import { kmsLookup } from './kms-keys.ts';
import { UsageError } from '../output/exit.ts';
import { placed } from '../output/placed.ts';

/** As the definition of ImagePolicy has it. */
const KEY_NAME = /^(?=.{1,63}$)[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/;

export interface PolicyOptions {
  /** Files or folders. */
  readonly policies: readonly string[];
  /** Public keys that make a policy of their own for all images. */
  readonly key?: readonly string[];
}

/** What the configuration says about policies. */
export interface SourceContext {
  /** Names. */
  readonly trustRoots: readonly string[];
  readonly namespacedPolicies: boolean;
  /** How keys of a KMS are read; undefined: they are not. */
  readonly readKms?: ReadKms | undefined;
}

/**
 * The policies that the command line names. Fails with `UsageError` where one can't be read: an answer
 * from a part of the policies could be the wrong one.
 */
export async function loadPolicySource(options: PolicyOptions, context: SourceContext): Promise<PolicyStore> {
  const { policies, key = [] } = options;
  if (policies.length > 0 === key.length > 0) throw new UsageError('give either --policies or --key');
  const store = createPolicyStore();
  store.replace(key.length > 0 ? [await policyOfKeys(key)] : await compiledFiles(policies, context));
  return store;
}

async function compiledFiles(
  paths: readonly string[],
  { trustRoots, namespacedPolicies, readKms }: SourceContext,
): Promise<readonly CompiledPolicy[]> {
  const read = (await readPolicyFiles(paths)).map(({ policy }) => policy);
  const policies = read.filter((policy) => isFollowed(policy, { namespacedPolicies }));
  const context = await compileContext(policies, trustRoots, readKms);
  return policies.map((policy) => compilePolicy(policy, context));
}

/** All policies of files and folders. Fails with `UsageError` where one can't be read, or there is none. */
export async function readPolicyFiles(paths: readonly string[]): Promise<readonly PolicyDocument[]> {
  const { policies, faults } = await loadPolicies(paths);
  if (faults.length > 0) throw new UsageError(faults.map(placed).join('\ncosignet: '));
  if (policies.length === 0) throw new UsageError(`there is no ImagePolicy in ${paths.join(', ')}`);
  return policies;
}

/** What compiling needs; the evaluators of conditions and schemas are loaded only where a policy has some. */
export async function compileContext(
  policies: readonly Pick<ImagePolicy, 'spec'>[],
  trustRoots: readonly string[],
  readKms?: ReadKms,
): Promise<CompileContext> {
  // Secrets are in a cluster; a policy that names one is not Ready here, and says so.
  const kms = readKms && (await kmsLookup(policies, readKms));
  const lookups = { secret: () => undefined, ...(kms && { kms }), trustRoots: new Set(trustRoots) };
  if (!policies.some(({ spec }) => (spec.attestations ?? []).length > 0)) {
    return { ...lookups, prepareDemand: notLoaded };
  }
  const { prepareInProcess } = await import('../../core/policy/evaluator/in-process.ts');
  return { ...lookups, prepareDemand: prepareInProcess };
}

/** A fault of the policy, and so a denial, should one have attestations after all. */
function notLoaded(): never {
  throw new Error('attestations can not be evaluated here');
}

/** A policy for all images that any of the keys satisfies. */
async function policyOfKeys(files: readonly string[]): Promise<CompiledPolicy> {
  const names = namesOf(files);
  const keys = await Promise.all(files.map(async (file, index) => ({ ...names[index], pem: await readKey(file) })));
  const compiled = compilePolicy(
    {
      apiVersion: 'cosignet.dev/v1',
      kind: 'ImagePolicy',
      metadata: { name: 'command-line' },
      spec: { images: ['**'], keys },
    },
    await compileContext([], []),
  );
  const [problem] = compiled.problems;
  if (problem === undefined) return compiled;
  const index = Number(/^spec\.keys\[(\d+)\]/.exec(problem.path)?.[1] ?? 0);
  throw new UsageError(`--key ${files[index] ?? ''}: ${problem.message}`);
}

/** What signers are called: as their files, where that can be a name, and names nobody else. */
function namesOf(files: readonly string[]): readonly { readonly name?: string }[] {
  const taken = new Set<string>();
  return files.map((file) => {
    const name = path.basename(file);
    if (!KEY_NAME.test(name) || taken.has(name)) return {};
    taken.add(name);
    return { name };
  });
}

async function readKey(file: string): Promise<string> {
  try {
    return await readBoundedText(file);
  } catch (error) {
    throw new UsageError(`--key ${file}: ${fileErrorText(error)}`);
  }
}
