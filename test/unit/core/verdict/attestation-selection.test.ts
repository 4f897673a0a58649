// SPDX-License-Identifier: Apache-2.0
// Several attestations of one type: an old clean scan must not hide a newer one, and who only writes to the registry decides nothing.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Digest } from '../../../../core/image/digest.ts';
import type { ImagePolicySpec, PolicyAttestation } from '../../../../core/policy/documents/image-policy.gen.ts';
import type { Verdict } from '../../../../core/verdict/types.ts';
import { emailName } from '../../../fakes/sigstore/certificates.ts';
import { compileContext, compiled, startEngine } from '../../../fakes/engine.ts';
import type { TestEngine, TestEngineOptions } from '../../../fakes/engine.ts';
import { putImage, putStatement } from '../../../fakes/sigstore/keyless-image.ts';
import { ISSUER, SUBJECT } from '../../../fakes/sigstore/keyless.ts';
import type { SigningOptions } from '../../../fakes/sigstore/keyless.ts';
import { RegistryContent } from '../../../fakes/registry/registry-content.ts';
import { createSigstore, fulcioExtensions, issuerV2 } from '../../../fakes/sigstore/sigstore.ts';

const SCAN = 'https://example.com/scan/v1';
const IMAGE = 'demo/scanned:1.0';
const sigstore = createSigstore();
const context = compileContext({ trustRoots: new Set(['private']) });

interface Scan extends SigningOptions {
  /** As the predicate says: hours of the first of June. */
  readonly at?: string;
  readonly clean: boolean;
  /** When a log saw it, in minutes of the certificate's ten. */
  readonly minute?: number;
  readonly evidence?: 'log' | 'timestamp' | 'none';
}

const demand: PolicyAttestation = {
  name: 'scan',
  predicateType: SCAN,
  conditions: [{ expression: 'predicate.clean', message: 'it is not clean' }],
};
const BY_PREDICATE = { select: 'Newest', newestBy: 'timestamp(predicate.at)' } as const;

function policy(change: Partial<PolicyAttestation>, more: Partial<ImagePolicySpec> = {}): ImagePolicySpec {
  return {
    images: ['**'],
    threshold: 0,
    identities: [{ name: 'scanner', issuer: ISSUER, subject: SUBJECT, trustRoot: 'private' }],
    attestations: [{ ...demand, ...change }],
    ...more,
  };
}

interface Scanned {
  readonly engine: TestEngine;
  readonly manifests: readonly Digest[];
  readonly under: (change: Partial<PolicyAttestation>, more?: Partial<ImagePolicySpec>) => Promise<Verdict>;
}

async function scanned(
  scans: readonly Scan[],
  work: (scene: Scanned) => Promise<void>,
  options: TestEngineOptions = {},
): Promise<void> {
  const content = new RegistryContent();
  const digest = putImage(content, IMAGE);
  const manifests = scans.map(({ at, clean, minute, ...signing }) => {
    const statement = {
      predicateType: SCAN,
      predicate: { clean, ...(at !== undefined && { at: `2026-06-01T${at}Z` }) },
    };
    const loggedAt = minute === undefined ? {} : { loggedAt: new Date(Date.UTC(2026, 5, 1, 0, minute)) };
    return putStatement(content, { image: IMAGE, digest, statement }, { sigstore, ...loggedAt, ...signing });
  });
  const engine = await startEngine({
    registry: { content, referrersApi: true },
    trustRoots: { private: JSON.stringify(sigstore.trustedRoot) },
    ...options,
  });
  engine.time.now = Date.parse('2026-06-01T12:00:00Z');
  const under: Scanned['under'] = (change, more) => {
    engine.store.replace([compiled('scanned', policy(change, more), context)]);
    return engine.decide(IMAGE);
  };
  try {
    await work({ engine, manifests, under });
  } finally {
    await engine.close();
  }
}

const OLD_CLEAN = { at: '01:00:00', clean: true, minute: 1 };
const NEW_DIRTY = { at: '02:00:00', clean: false, minute: 2 };
const OLD_DIRTY = { ...OLD_CLEAN, clean: false };
const NEW_CLEAN = { ...NEW_DIRTY, clean: true };
const STRANGER = { subject: emailName('stranger@example.test') };

describe('of several attestations', () => {
  const scenes: readonly (readonly [string, readonly Scan[], Readonly<Record<string, string>>])[] = [
    [
      'an old clean one and a newer dirty one',
      [OLD_CLEAN, NEW_DIRTY],
      { Any: 'Verified', All: 'AttestationFailed', Newest: 'AttestationFailed' },
    ],
    [
      'an old dirty one and a newer clean one',
      [OLD_DIRTY, NEW_CLEAN],
      { Any: 'Verified', All: 'AttestationFailed', Newest: 'Verified' },
    ],
    ['two clean ones', [OLD_CLEAN, NEW_CLEAN], { Any: 'Verified', All: 'Verified', Newest: 'Verified' }],
    [
      'a clean and a dirty one of the same time',
      [NEW_CLEAN, NEW_DIRTY],
      { Any: 'Verified', All: 'AttestationFailed', Newest: 'AttestationFailed' },
    ],
    [
      "a clean one and a stranger's newer dirty one",
      [OLD_CLEAN, { ...NEW_DIRTY, ...STRANGER }],
      { Any: 'Verified', All: 'Verified', Newest: 'Verified' },
    ],
    [
      "a dirty one and a stranger's newer clean one",
      [OLD_DIRTY, { ...NEW_CLEAN, ...STRANGER }],
      { Any: 'AttestationFailed', All: 'AttestationFailed', Newest: 'AttestationFailed' },
    ],
    [
      "only a stranger's",
      [{ ...NEW_CLEAN, ...STRANGER }],
      { Any: 'AttestationMissing', All: 'AttestationMissing', Newest: 'AttestationMissing' },
    ],
    ['none', [], { Any: 'AttestationMissing', All: 'AttestationMissing', Newest: 'AttestationMissing' }],
  ];
  for (const [what, scans, expected] of scenes) {
    test(`${what}: each selection says its own`, () =>
      scanned(scans, async ({ under }) => {
        const codes = {
          Any: (await under({ select: 'Any' })).code,
          All: (await under({ select: 'All' })).code,
          Newest: (await under(BY_PREDICATE)).code,
        };
        assert.deepEqual(codes, expected);
        // The logs saw them in the same order as the predicates say.
        assert.equal((await under({ select: 'Newest' })).code, expected['Newest']);
      }));
  }

  test('the one that fails is named', () =>
    scanned([OLD_CLEAN, NEW_DIRTY], async ({ under, manifests }) => {
      assert.match((await under({ select: 'All' })).message, new RegExp(`${manifests[1]}: it is not clean`));
    }));

  test('newestBy alone decides which is the newest', () =>
    scanned([OLD_CLEAN, { ...NEW_DIRTY, minute: 0 }], async ({ under }) => {
      assert.equal((await under({ select: 'Newest' })).code, 'Verified');
      assert.equal((await under(BY_PREDICATE)).code, 'AttestationFailed');
    }));

  test('one without a time fails, by name, since it may be the newest', () =>
    scanned([OLD_CLEAN, { clean: true, minute: 2 }], async ({ under, manifests }) => {
      const { code, message } = await under(BY_PREDICATE);
      assert.equal(code, 'AttestationFailed');
      assert.match(
        message,
        new RegExp(`${manifests[1]} has no time: newestBy gives no time \\(.*the predicate has "clean"\\)`),
      );
    }));

  test('one of more than five minutes ahead fails, by name', () =>
    scanned([OLD_CLEAN, { at: '12:05:00', clean: true, minute: 2 }], async ({ engine, under, manifests }) => {
      assert.equal((await under(BY_PREDICATE)).code, 'Verified');
      engine.time.now -= 1;
      const { code, message } = await under(BY_PREDICATE);
      assert.equal(code, 'AttestationFailed');
      assert.match(message, new RegExp(`${manifests[1]} is of 2026-06-01T12:05:00Z, more than 5 minutes ahead`));
    }));

  test('all take a reading to the end, and no request more than it needs', () =>
    scanned([OLD_CLEAN, NEW_CLEAN, { ...NEW_CLEAN, at: '03:00:00' }], async ({ engine, under }) => {
      // The tag, the list of referrers, and two for each bundle; for all of them `.att` too.
      assert.deepEqual([(await under({ select: 'Any' })).registryRequests, engine.registry.lines().length], [4, 4]);
      const { registryRequests } = await under(BY_PREDICATE);
      assert.equal(registryRequests, 2 * 2 + 1);
      assert.equal((await under({ select: 'All' })).registryRequests, 0);
    }));
});

function refuse(engine: TestEngine, status: number, part: RegExp): void {
  engine.registry.behaviour.intercept = ({ url = '' }, response) => {
    if (!part.test(url)) return false;
    response.writeHead(status).end();
    return true;
  };
}

describe('attestations that could not be read', () => {
  const places: readonly (readonly [string, number, RegExp, string])[] = [
    ['a tag that is not shown', 403, /\.att$/, 'RegistryUnauthorized'],
    ['a tag that fails', 500, /\.att$/, 'RegistryUnavailable'],
    ['referrers that are not shown', 403, /referrers/, 'RegistryUnauthorized'],
  ];
  for (const [what, status, part, code] of places) {
    test(`are an error where they might count: ${what}`, () =>
      scanned([OLD_CLEAN], async ({ engine, under }) => {
        refuse(engine, status, part);
        for (const select of [BY_PREDICATE, { select: 'All' as const }]) {
          const verdict = await under(select);
          assert.deepEqual([verdict.outcome, verdict.code], ['error', code], verdict.message);
        }
        if (part.test('x.att')) assert.equal((await under({ select: 'Any' })).code, 'Verified');
      }));
  }

  test('are an error where there are more than are read', () =>
    scanned([OLD_CLEAN, NEW_CLEAN], async ({ engine, under }) => {
      engine.configuration = { ...engine.configuration, limits: { ...engine.configuration.limits, referrers: 1 } };
      assert.equal((await under({ select: 'Any' })).code, 'Verified');
      const verdict = await under(BY_PREDICATE);
      assert.deepEqual([verdict.outcome, verdict.code], ['error', 'ResponseTooLarge'], verdict.message);
      assert.match(verdict.remedy, /limits\.referrers/);
    }));

  test('are not made up for by what was read before an outage', () =>
    scanned([OLD_CLEAN], async ({ engine, under }) => {
      assert.equal((await under(BY_PREDICATE)).code, 'Verified');
      engine.time.now += engine.configuration.cache.verified * 1000 + 1;
      await engine.registry.close();
      assert.equal((await under({ select: 'Any' })).code, 'Verified');
      assert.equal((await under(BY_PREDICATE)).outcome, 'error');
    }));
});

describe('conditions', () => {
  const fresh = {
    conditions: [{ expression: 'now - timestamp(predicate.at) <= duration("11h")', message: 'it is too old' }],
  };

  test('see the time of the decision: a scan gets old without a request', () =>
    scanned([OLD_CLEAN], async ({ engine, under }) => {
      assert.equal((await under(fresh)).code, 'Verified');
      engine.time.now += 1;
      const { code, message, registryRequests } = await engine.decide(IMAGE);
      assert.deepEqual([code, registryRequests], ['AttestationFailed', 1]);
      assert.match(message, /it is too old/);
    }));

  test('that fail for want of a field name those that there are', () =>
    scanned([OLD_CLEAN], async ({ under }) => {
      const { message } = await under({ conditions: [{ expression: 'predicate.scannedAt != ""' }] });
      assert.match(message, /scannedAt.*; the predicate has "clean", "at"\)/);
    }));

  const SOURCE = 'https://github.com/acme/app';
  const extensions = [issuerV2(ISSUER), ...fulcioExtensions({ 12: SOURCE })];
  const BY_CLAIM = { ...OLD_CLEAN, leaf: { extensions } };
  const signers: readonly (readonly [string, string, string])[] = [
    ['name', 'signer.name == "scanner"', 'signer.name == "other"'],
    ['issuer', `signer.issuer == "${ISSUER}"`, 'signer.issuer == ""'],
    ['subject', `signer.subject == "${SUBJECT}"`, 'signer.subject == ""'],
    ['claims', `signer.claims.sourceRepositoryURI == "${SOURCE}"`, 'signer.claims.sourceRepositoryURI == ""'],
    ['time', 'signer.time == timestamp("2026-06-01T00:01:00Z")', 'signer.time < timestamp("2026-06-01T00:01:00Z")'],
    ['time, which there is', 'has(signer.time)', '!has(signer.time)'],
  ];
  for (const [field, good, bad] of signers) {
    test(`see the signer's ${field}`, () =>
      scanned([BY_CLAIM], async ({ under }) => {
        const verified = await under({ conditions: [{ expression: good }] });
        assert.equal(verified.code, 'Verified', verified.message);
        assert.equal((await under({ conditions: [{ expression: bad }] })).code, 'AttestationFailed');
      }));
  }
});
