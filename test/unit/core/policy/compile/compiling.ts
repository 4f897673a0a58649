// SPDX-License-Identifier: Apache-2.0
import { compilePolicy } from '../../../../../core/policy/compile/compile.ts';
import type { CompileContext } from '../../../../../core/policy/compile/compile-context.ts';
import type { ImagePolicySpec } from '../../../../../core/policy/documents/image-policy.gen.ts';
import type { CompiledPolicy } from '../../../../../core/policy/types.ts';
import { createAuthority } from '../../../../fakes/sigstore/authorities.ts';
import { toPem } from '../../../../fakes/sigstore/certificates.ts';
import { EMPTY_CONTEXT, newPem, policy } from '../examples.ts';

export const OTHER_PEM = newPem();
export const CA = toPem('CERTIFICATE', createAuthority().root);

export function compile(spec: Partial<ImagePolicySpec>, context: CompileContext = EMPTY_CONTEXT): CompiledPolicy {
  return compilePolicy(policy(spec), context);
}

/** `reason path` of each problem. */
export function problemsOf(spec: Partial<ImagePolicySpec>, context?: CompileContext): readonly string[] {
  return compile(spec, context).problems.map(({ reason, path }) => `${reason} ${path}`);
}

export function claims({ patterns }: CompiledPolicy): readonly string[] {
  return patterns.map(({ canonical }) => canonical);
}
