// SPDX-License-Identifier: Apache-2.0
import { quote } from '../../image/reference.ts';
import type { Report } from './report.ts';
import type { ImagePolicySpec } from '../documents/image-policy.gen.ts';
import { countDistinct, signerNames } from './signers.ts';
import type { Signer } from '../types.ts';

/**
 * The rules between fields. Most are CEL rules of the resource too, with the same words: policies also come
 * from files, and from API servers with an older resource.
 */
export function checkRules(spec: ImagePolicySpec, signers: readonly Signer[], report: Report): void {
  const names = signerNames(spec);
  checkNames(names, spec, report);
  if ((spec.action ?? 'Verify') === 'Verify') checkThreshold(spec, signers, report);
  for (const [index, name] of (spec.required ?? []).entries()) {
    if (!names.includes(name)) {
      report.add('InvalidSpec', `spec.required[${index}]`, `required names exist: there is no signer ${quote(name)}`);
    }
  }
}

function checkNames(names: readonly string[], { keys = [] }: ImagePolicySpec, report: Report): void {
  for (const [index, name] of names.entries()) {
    if (names.indexOf(name) === index) continue;
    const path = index < keys.length ? `spec.keys[${index}]` : `spec.identities[${index - keys.length}]`;
    report.add('InvalidSpec', `${path}.name`, `the name ${quote(name)} is used twice`);
  }
}

function checkThreshold(spec: ImagePolicySpec, signers: readonly Signer[], report: Report): void {
  const threshold = spec.threshold ?? 1;
  const written = (spec.keys?.length ?? 0) + (spec.identities?.length ?? 0);
  if (written === 0) {
    report.add('InvalidSpec', 'spec', 'action Verify needs keys or identities');
  } else if (threshold > written) {
    report.add('InvalidSpec', 'spec.threshold', 'threshold must not exceed the number of signers');
  } else if (signers.length === written && threshold > countDistinct(signers)) {
    const message = `threshold must not exceed the number of signers: some of the ${written} are the same key`;
    report.add('InvalidSpec', 'spec.threshold', message);
  }
}
