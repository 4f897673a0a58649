// SPDX-License-Identifier: Apache-2.0
// What people's tools write and registries answer, asked of the real cosign and of Cosignet side by side.
//
// To add a row: write a `Row` in a file of `rows/` (or begin one and list it in `rows.ts`), run
//   node --test test/e2e/signatures/field.test.ts        (FIELD=part of its title: that row alone)
//   node test/field/table.ts --write          (renews docs/reference/compatibility.md)
// `make` fills a real registry through `bench`; a row about a registry's manners gives `manner` too, which answers in the
// registry's place while both verify. `cosign` and `cosignet` are what is expected: each is measured when the row runs,
// and neither is taken from the other.
import type { VerdictCode } from '../../core/verdict-codes.ts';
import type { Bench } from './bench.ts';
import type { Manner } from './front.ts';
import type { RegistryKind } from '../vectors/cosign/workshop.ts';

export interface Row {
  /** Heading in the table. */
  readonly topic: Topic;
  /** What is verified, as a clause: "the referrers API answers 403 and the bundle is in the fallback tag". */
  readonly input: string;
  /** Who writes or answers so: product, specification or upstream file. */
  readonly source: string;
  /** `distribution` (no referrers API) unless it says otherwise. */
  readonly registry?: RegistryKind;
  /** Pushes and signs. The registry behaves as it really does meanwhile. */
  make(bench: Bench): Promise<Made>;
  /** How the registry behaves from then on. */
  readonly manner?: Manner;
  readonly cosign: 'accepts' | 'refuses';
  readonly cosignet: VerdictCode;
  /** Required where the two differ, and says why. */
  readonly why?: string;
  /** Fragments that message and remedy must hold. */
  readonly says?: readonly string[];
}

export const TOPICS = [
  'What is signed, and how',
  'Attestations',
  'Keys',
  'Certificates of your own authority',
  'What registries answer',
] as const;
export type Topic = (typeof TOPICS)[number];

export interface Made {
  /** `host/repository@sha256:…` or with a tag. */
  readonly image: string;
  /** What Cosignet is asked for, where a configuration of its own leads from there to `image`. */
  readonly named?: string;
  /** A key of the workshop; `release` unless it says otherwise. */
  readonly key?: string;
  /** Arguments for cosign beside key and log. */
  readonly cosignFlags?: readonly string[];
  /** False: cosign is given no key; its flags say whom it trusts. */
  readonly byKey?: boolean;
  /** What cosign is asked to do; `verify` unless it says otherwise. */
  readonly cosignCommand?: 'verify' | 'verify-attestation';
  /** For cosign alone, such as `COSIGN_REPOSITORY`. */
  readonly cosignEnvironment?: Readonly<Record<string, string>>;
  /** Of the policy, beside `images` and `keys`. */
  readonly policy?: Readonly<Record<string, unknown>>;
  /** Of the configuration; the registry is in it as an insecure one. */
  readonly configuration?: Readonly<Record<string, unknown>>;
  /** `username:password` for the registry, in a docker configuration that both read. */
  readonly login?: string;
  /** A refresh token for the registry, in the same place. */
  readonly identityToken?: string;
  /** Lines of a shell script: the credential helper for the registry that both are told of. */
  readonly helper?: readonly string[];
}
