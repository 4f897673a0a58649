// SPDX-License-Identifier: Apache-2.0
import { digestOf } from '../formats/oci.ts';

/** What is said of files or artefacts, before it is signed: in-toto attestation framework, Statement v1. */
export interface Statement {
  readonly _type: 'https://in-toto.io/Statement/v1';
  readonly subject: readonly Subject[];
  readonly predicateType: string;
  readonly predicate: object;
}

export interface Subject {
  readonly name: string;
  readonly digest: { readonly sha256: string };
}

export interface Predicate {
  readonly type: string;
  readonly content: object;
}

/** What `cosign sign` says of an image: that it is signed. */
export const SIGNED: Predicate = { type: 'https://sigstore.dev/cosign/sign/v1', content: {} };

export function statementOf(subject: readonly Subject[], { type, content }: Predicate): Statement {
  return { _type: 'https://in-toto.io/Statement/v1', subject, predicateType: type, predicate: content };
}

/** @param digest `sha256:…` */
export function subjectOf(name: string, digest: string): Subject {
  return { name, digest: { sha256: digest.replace('sha256:', '') } };
}

export function fileSubject(name: string, content: Uint8Array): Subject {
  return subjectOf(name, digestOf(content));
}
