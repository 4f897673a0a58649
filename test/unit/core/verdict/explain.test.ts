// SPDX-License-Identifier: Apache-2.0
import { DEFAULT_CONFIGURATION } from '../../../../core/config/configuration.ts';
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EngineError } from '../../../../core/errors.ts';
import { compilePolicy } from '../../../../core/policy/compile/compile.ts';
import type { ImagePolicySpec } from '../../../../core/policy/documents/image-policy.gen.ts';
import { createPolicyStore } from '../../../../core/policy/store/store.ts';
import { explainImage, explanationText } from '../../../../core/verdict/explain.ts';
import { compileContext } from '../../../fakes/engine.ts';
import { publicKeyFile } from '../../../vectors/cosign/layout-registry.ts';

const keys = [{ name: 'release', pem: publicKeyFile('release') }];

function explain(image: string, specs: Record<string, ImagePolicySpec>, namespace?: string): string {
  const store = createPolicyStore();
  store.replace(
    Object.entries(specs).map(([name, spec]) =>
      compilePolicy({ apiVersion: 'cosignet.dev/v1', kind: 'ImagePolicy', metadata: { name }, spec }, compileContext()),
    ),
  );
  const context = namespace === undefined ? { labels: {} } : { name: namespace, labels: {} };
  return explanationText(explainImage(image, context, store.snapshot(), { ...DEFAULT_CONFIGURATION, now: 0 }));
}

function exceptionUntil(expiresAt: string): Readonly<Record<string, ImagePolicySpec>> {
  return {
    exception: { images: ['nginx'], action: 'Allow', expiresAt, reason: 'until it is signed' },
    all: { images: ['**'], keys },
  };
}

describe('an explanation', () => {
  test('names the most specific pattern, what its policy asks for, and those that it outdoes', () => {
    const text = explain('nginx', {
      all: { images: ['**'], action: 'Deny' },
      hub: { images: ['docker.io/**'], keys },
      nginx: { images: ['nginx'], keys, mode: 'Warn' },
    });
    assert.match(text, /^docker\.io\/library\/nginx:latest\n {2}written as nginx\n/);
    assert.match(
      text,
      /decided by pattern nginx, the most specific that matches:\n {4}nginx: requires a signature by key "release" \(sha256:[0-9a-f]{12}\) \(mode Warn\)/,
    );
    assert.match(
      text,
      /other policies .*:\n {4}hub: pattern docker\.io\/\*\* is less specific\n {4}all: pattern \*\* is less specific$/,
    );
  });

  test('says that policies tied on one pattern must all be satisfied', () => {
    const text = explain('ghcr.io/acme/app:1', {
      a: { images: ['ghcr.io/acme/*'], keys },
      b: { images: ['ghcr.io/acme/*'], action: 'Allow' },
    });
    assert.match(
      text,
      /; all of them must be satisfied:\n {4}a: requires .*\n {4}b: allows it without checking signatures$/,
    );
    assert.doesNotMatch(text, /written as|other policies/);
  });

  test('tells policies of other namespaces from less specific ones', () => {
    const specs = {
      team: {
        images: ['ghcr.io/acme/app'],
        keys,
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'team' } },
      },
      rest: { images: ['ghcr.io/**'], keys },
    };
    const elsewhere = explain('ghcr.io/acme/app:1', specs, 'prod');
    assert.match(elsewhere, /^ghcr\.io\/acme\/app:1 {2}in namespace prod\n {2}decided by pattern ghcr\.io\/\*\*/);
    assert.match(elsewhere, / {4}team: pattern ghcr\.io\/acme\/app is not for this namespace$/);
    assert.match(explain('ghcr.io/acme/app:1', specs, 'team'), /decided by pattern ghcr\.io\/acme\/app,/);
  });

  test('shows until when an exception allows and why, and that one has expired', () => {
    assert.match(
      explain('nginx', exceptionUntil('1970-01-01T00:00:01Z')),
      / {4}exception: allows it without checking signatures until 1970-01-01T00:00:01Z \("until it is signed"\)\n/,
    );
    const expired = explain('nginx', exceptionUntil('1970-01-01T00:00:00Z'));
    assert.match(expired, /decided by pattern \*\*,/);
    assert.match(expired, / {4}exception: pattern nginx has expired at 1970-01-01T00:00:00Z$/);
  });

  test('says what happens to an image that no policy covers', () => {
    const text = explain('nginx', { a: { images: ['ghcr.io/**'], keys } });
    assert.match(text, /no policy covers it: denied \(unmatchedImages: Deny\)$/);
  });

  test('shows a policy that claims more than can be read of it beside the one that covers the image', () => {
    const specs = { slipped: { images: ['ghcr.io/acme/app?'], keys }, all: { images: ['**'], keys } };
    const text = explain('ghcr.io/acme/app:1', specs);
    assert.match(text, / {2}may be covered by pattern ghcr\.io\/acme\/app\?; .*:\n {4}slipped: not ready, denies it: /);
    assert.match(text, /\n {2}decided by pattern \*\*, the most specific that matches:\n {4}all: requires /);
    const alone = explain('ghcr.io/acme/app:1', { slipped: specs.slipped });
    assert.match(alone, /\n {2}no policy that can be read in full covers it: denied \(unmatchedImages: Deny\)$/);
  });

  test('shows the fault of a policy that keeps its images and denies them', () => {
    const text = explain('nginx', { broken: { images: ['nginx'], keys: [{ pem: 'no key' }] } });
    assert.match(text, / {4}broken: not ready, denies it: spec\.keys\[0\]\.pem: /);
  });

  test('does not call a policy broken because nobody asked the KMS that holds a key', () => {
    const held = { name: 'held', kms: 'hashivault://release' };
    assert.match(
      explain('nginx', { all: { images: ['**'], keys: [...keys, held] } }),
      / {4}all: requires signers that are not all known here: spec\.keys\[1\]\.kms: "hashivault:\/\/release" is not read here$/,
    );
    // A fault beside it is one.
    const broken = explain('nginx', { all: { images: ['**'], keys: [held, { pem: 'no key' }] } });
    assert.match(broken, /not ready, denies it: /);
  });

  test('refuses what is no reference', () => {
    assert.throws(() => explain('NGINX:', {}), EngineError);
  });
});
