// SPDX-License-Identifier: Apache-2.0
import type { Problem, Report } from '../problems/report.ts';
import type { CompileContext } from './compile-context.ts';
import { fieldOf } from '../../json.ts';
import { errorText } from '../../text.ts';
import { compileAttestations } from './attestations.ts';
import { compileSignaturePlace } from './signature-place.ts';
import { joinPolicyName, namespaceOf, policyName } from '../documents/kinds.ts';
import type { AnyImagePolicy } from '../documents/kinds.ts';
import { compileLabelSelector } from './label-selector.ts';
import { createReport } from '../problems/report.ts';
import { claimPatterns, compilePatterns, type PolicyScope } from './patterns.ts';
import { reportedTime } from '../problems/time.ts';
import { checkRules } from './rules.ts';
import { compileSignedIdentity } from './signed-identity.ts';
import type { ImagePolicySpec } from '../documents/image-policy.gen.ts';
import { compileSigners } from '../signers/signers.ts';
import type { CompiledPolicy } from '../types.ts';
import { validateDocument } from '../documents/validate.ts';
import type { FieldFault } from '../documents/validate.ts';

/**
 * An ImagePolicy or a NamespacedImagePolicy, from the API server or a file, made ready for decisions; its shape is checked here too. Never
 * throws: what is wrong is in `problems`, all of it at once. A policy with problems keeps its claim on its images
 * and denies them. So does one that is marked `unread`: its spec is not all there.
 */
export function compilePolicy(policy: unknown, context: CompileContext): CompiledPolicy {
  try {
    // Without the status, which is ours and may be another version's; items of a list may come without kind.
    const unread = fieldOf(policy, 'unread');
    if (unread !== undefined) return refusePolicy(policy, [invalid({ path: 'spec', message: textOf(unread) })]);
    const metadata = fieldOf(policy, 'metadata');
    const spec = fieldOf(policy, 'spec');
    const kind = isNamespaced(policy) ? 'NamespacedImagePolicy' : 'ImagePolicy';
    const validated = validateDocument({ apiVersion: 'cosignet.dev/v1', kind, metadata, spec });
    return validated.faults === undefined
      ? compileValid(validated.policy, context)
      : refusePolicy(policy, validated.faults.map(invalid));
  } catch (error) {
    return refusePolicy(policy, [invalid({ path: 'spec', message: `cannot be compiled: ${errorText(error)}` })]);
  }
}

function compileValid(policy: AnyImagePolicy, context: CompileContext): CompiledPolicy {
  const spec: ImagePolicySpec = policy.spec;
  const report = createReport();
  checkScope(policy, report);
  const patterns = compilePatterns(spec.images, scopeOf(namespaceOf(policy)), report);
  const namespaceSelector = compileSelector(spec, report);
  const signers = compileSigners(spec, namespaceOf(policy) === undefined ? context : withoutKms(context), report);
  checkRules(spec, signers, report);
  const signaturePlace = compileSignaturePlace(spec, context, report);
  const attestations = compileAttestations(spec, signers, context, report);
  return {
    ...identityOf(policy),
    patterns,
    action: spec.action ?? 'Verify',
    mode: spec.mode ?? 'Enforce',
    ...compileException(spec, report),
    signers,
    threshold: spec.threshold ?? 1,
    required: spec.required ?? [],
    annotations: spec.annotations ?? {},
    ...compileSignedIdentity(spec, report),
    transparencyLog: spec.transparencyLog ?? 'Ignore',
    platforms: spec.platforms ?? 'Index',
    attestations,
    problems: report.problems,
    ...namespaceSelector,
    ...signaturePlace,
  };
}

/** What asks for something must not stop asking by itself, so only an exception ends. */
function compileException(
  { action = 'Verify', expiresAt, reason }: ImagePolicySpec,
  report: Report,
): Pick<CompiledPolicy, 'expiresAt' | 'reason'> {
  if (action !== 'Allow' && expiresAt !== undefined) {
    const message = 'expiresAt is for action Allow only: what is asked must not end by itself';
    report.add('InvalidSpec', 'spec.expiresAt', message);
  }
  if (action !== 'Allow' && reason !== undefined) {
    report.add('InvalidSpec', 'spec.reason', 'reason is for action Allow only');
  }
  const end = reportedTime(expiresAt, 'spec.expiresAt', report);
  return { ...(end !== undefined && { expiresAt: end }), ...(reason !== undefined && { reason }) };
}

/** Else a policy meant for one namespace would apply to all. */
function checkScope({ kind, metadata }: AnyImagePolicy, report: Report): void {
  if (kind !== 'ImagePolicy' || metadata['namespace'] === undefined) return;
  const message = 'an ImagePolicy is for the whole cluster: leave this out, or write a NamespacedImagePolicy';
  report.add('InvalidSpec', 'metadata.namespace', message);
}

/** Cosignet's own identity reads what a KMS holds: the owner of a namespace must not be able to make it ask. */
function withoutKms(context: CompileContext): CompileContext {
  const refused = 'kms is for ImagePolicies only: give the public key as pem or secretRef';
  return { ...context, kms: () => ({ refused }) };
}

function identityOf(policy: AnyImagePolicy): Pick<CompiledPolicy, 'name' | 'namespace' | 'generation'> {
  const namespace = namespaceOf(policy);
  const { generation } = policy.metadata;
  return {
    name: policyName(policy),
    ...(namespace === undefined ? {} : { namespace }),
    generation: typeof generation === 'number' ? generation : 0,
  };
}

/** One that can't be read selects all namespaces: the claim is kept, and the policy denies. */
function compileSelector(
  { namespaceSelector }: Pick<ImagePolicySpec, 'namespaceSelector'>,
  report: Report,
): Pick<CompiledPolicy, 'namespaceSelector' | 'partlyRead'> {
  if (namespaceSelector === undefined) return {};
  const before = report.problems.length;
  const predicate = compileLabelSelector(namespaceSelector, 'spec.namespaceSelector', report);
  return report.problems.length === before ? { namespaceSelector: predicate } : { partlyRead: true };
}

function invalid({ path, message }: FieldFault): Problem {
  return { reason: 'InvalidSpec', path: path || 'spec', message };
}

/** A policy of which nothing is used but the claim, as far as it can be read, beside those of others. Always denies. */
export function refusePolicy(policy: unknown, problems: readonly Problem[]): CompiledPolicy {
  const metadata = fieldOf(policy, 'metadata');
  const spec = fieldOf(policy, 'spec');
  const generation = fieldOf(metadata, 'generation');
  const images = fieldOf(spec, 'images');
  const texts = (Array.isArray(images) ? images : [images]).filter((image) => typeof image === 'string');
  const mode = fieldOf(spec, 'mode');
  const name = textOf(fieldOf(metadata, 'name'));
  const namespace = isNamespaced(policy) ? textOf(fieldOf(metadata, 'namespace')) : undefined;
  const namespaceSelector = namespace === undefined ? selectorOf(spec) : {};
  return {
    name: joinPolicyName({ namespace, name }),
    ...(namespace === undefined ? {} : { namespace }),
    generation: typeof generation === 'number' ? generation : 0,
    patterns: claimPatterns(texts, scopeOf(namespace)),
    action: 'Verify',
    mode: mode === 'Warn' || mode === 'Audit' ? mode : 'Enforce',
    signers: [],
    threshold: 1,
    required: [],
    annotations: {},
    transparencyLog: 'Ignore',
    platforms: 'Index',
    attestations: [],
    problems,
    partlyRead: true,
    ...namespaceSelector,
  };
}

/** What can be told of the selector of a policy that is refused: one that is sound limits it all the same. */
function selectorOf(spec: unknown): Pick<CompiledPolicy, 'namespaceSelector'> {
  const namespaceSelector = fieldOf(spec, 'namespaceSelector');
  const alone = {
    apiVersion: 'cosignet.dev/v1',
    kind: 'ImagePolicy',
    metadata: { name: 'refused' },
    spec: { images: ['**'], namespaceSelector },
  };
  const { policy } = validateDocument(alone);
  return policy?.kind === 'ImagePolicy' ? compileSelector(policy.spec, createReport()) : {};
}

function scopeOf(namespace: string | undefined): PolicyScope {
  return namespace === undefined ? 'cluster' : 'namespace';
}

function isNamespaced(policy: unknown): boolean {
  return fieldOf(policy, 'kind') === 'NamespacedImagePolicy';
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
