// SPDX-License-Identifier: Apache-2.0
import { quote } from '../../image/reference.ts';
import type { Report } from '../problems/report.ts';
import type { ImagePolicySpec } from '../documents/image-policy.gen.ts';
import { countDistinctSigners, signerEntries } from '../signers/signers.ts';
import type { Signer, SignerEntry } from '../signers/signers.ts';

/**
 * The rules between fields. Most are CEL rules of the resource too, with the same words: policies also come
 * from files, and from API servers with an older resource.
 */
export function checkRules(spec: ImagePolicySpec, signers: readonly Signer[], report: Report): void {
  const entries = signerEntries(spec);
  const names = new Set(entries.map(({ name }) => name));
  checkNames(entries, report);
  checkZero(spec, report);
  if ((spec.action ?? 'Verify') === 'Verify') checkThreshold(spec, { signers, written: entries.length }, report);
  for (const [index, name] of (spec.required ?? []).entries()) {
    if (!names.has(name)) {
      report.add('InvalidSpec', `spec.required[${index}]`, `required names exist: there is no signer ${quote(name)}`);
    }
  }
}

/** Without signatures something else has to be asked for, and what is asked of signatures would check nothing. */
function checkZero(spec: ImagePolicySpec, report: Report): void {
  if (spec.threshold !== 0) return;
  const { attestations = [], annotations = {}, required = [], signedIdentity } = spec;
  if (attestations.length === 0) report.add('InvalidSpec', 'spec.threshold', 'threshold 0 needs attestations');
  if (Object.keys(annotations).length > 0 || required.length > 0) {
    const message = 'annotations and required are about signatures, and threshold 0 asks for none';
    report.add('InvalidSpec', 'spec.threshold', message);
  }
  if (signedIdentity !== undefined) {
    const message = 'signedIdentity is about signatures, and threshold 0 asks for none';
    report.add('InvalidSpec', 'spec.threshold', message);
  }
}

function checkNames(entries: readonly SignerEntry[], report: Report): void {
  const names = new Set<string>();
  for (const { name, path } of entries) {
    if (names.has(name)) report.add('InvalidSpec', `${path}.name`, `the name ${quote(name)} is used twice`);
    names.add(name);
  }
}

function checkThreshold(
  { threshold = 1 }: ImagePolicySpec,
  { signers, written }: { readonly signers: readonly Signer[]; readonly written: number },
  report: Report,
): void {
  if (written === 0) {
    report.add('InvalidSpec', 'spec', 'action Verify needs keys or identities or certificates');
  } else if (threshold > written) {
    report.add('InvalidSpec', 'spec.threshold', 'threshold must not exceed the number of signers');
  } else if (signers.length === written && threshold > countDistinctSigners(signers)) {
    const message = `threshold must not exceed the number of signers: some of the ${written} are the same key`;
    report.add('InvalidSpec', 'spec.threshold', message);
  }
}
