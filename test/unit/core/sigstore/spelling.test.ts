// SPDX-License-Identifier: Apache-2.0
// What a bundle or a trusted root may be spelled like, and what only looks like another spelling.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseBundle } from '../../../../core/cosign/bundle-statement.ts';
import { digestOf } from '../../../../core/image/digest.ts';
import { parseTrustRoot } from '../../../../core/sigstore/trust/trust-root.ts';
import { verifyBundle } from '../../../../core/sigstore/verify-bundle.ts';
import { bundleFor, ISSUER, logEntry, signKeyless, SIGNED_AT, SUBJECT } from '../../../fakes/sigstore/keyless.ts';
import type { Signing } from '../../../fakes/sigstore/keyless.ts';
import { asDefined } from '../../../fakes/sigstore/as-defined.ts';
import { createSigstore } from '../../../fakes/sigstore/sigstore.ts';
import type { CheckpointNames } from '../../../fakes/sigstore/sigstore.ts';
import { encoded, refused, rootOf } from './bundles.ts';

const sigstore = createSigstore();
const rekor1 = signKeyless({ sigstore, entry: 'dsse1' });
const rekor2 = signKeyless({ sigstore, entry: 'hashedrekord2', stampedAt: SIGNED_AT });

function verify(signing: Signing, bundle: unknown = bundleFor(signing), trustRoot = rootOf(signing)) {
  const signer = { subject: SUBJECT, issuer: ISSUER, trustRoot };
  return verifyBundle({ bundle: encoded(bundle), artifact: signing.artifact, signer });
}

/** With its one entry changed. */
function withEntry(signing: Signing, change: object, version: '0.1' | '0.3' = '0.3') {
  const bundle = bundleFor(signing, version);
  const tlogEntries = signing.entries.map((entry) => ({ ...entry, ...change }));
  return { ...bundle, verificationMaterial: { ...bundle.verificationMaterial, tlogEntries } };
}

describe('a bundle', () => {
  test('may have its fields by the names of their definition', async () => {
    for (const signing of [rekor1, rekor2]) {
      assert.deepEqual(await verify(signing, asDefined(bundleFor(signing))), await verify(signing));
      assert.equal((await verify(signing, asDefined(bundleFor(signing)))).ok, true);
    }
  });

  test('beside an image may have them too, and null for what is absent', () => {
    const image = signKeyless({ sigstore, withKey: true });
    const digest = digestOf(image.artifact);
    const bundle = asDefined({ ...bundleFor(image), messageSignature: null });
    const read = { bytes: encoded(bundle), maximumBytes: 1 << 20, digest, source: 'here' };
    const { attestations, faults } = parseBundle(read);
    assert.deepEqual([attestations.length, faults], [1, []]);
  });

  test('may have a promise that says nothing, which is none', async () => {
    for (const inclusionPromise of [{}, { signedEntryTimestamp: '' }, { signedEntryTimestamp: null }, null]) {
      assert.equal((await verify(rekor2, withEntry(rekor2, { inclusionPromise }))).ok, true);
      refused(await verify(rekor1, withEntry(rekor1, { inclusionPromise })), /nothing .* tells a trusted time/);
      refused(await verify(rekor1, withEntry(rekor1, { inclusionPromise }, '0.1')), /inclusionPromise is missing/);
    }
    refused(await verify(rekor2, withEntry(rekor2, { inclusionPromise: { more: '' } })), /unknown member/);
  });
});

const elsewhere = { origin: 'other.test', signer: 'other.test' };
async function under(names: CheckpointNames, instance = sigstore) {
  const signing = signKeyless({ sigstore: instance, stampedAt: SIGNED_AT });
  signing.entries = [logEntry(signing, instance === sigstore ? 'dsse1' : 'hashedrekord2', SIGNED_AT, names)];
  return verify(signing);
}

describe('a checkpoint without the number of a tree', () => {
  test("has the name of its log's address, also where the log is known by its key", async () => {
    assert.equal((await under(elsewhere)).ok, true);
    refused(await under({ ...elsewhere, tree: '' }), /checkpoint is not by its log/);
    assert.equal((await under({ tree: '' })).ok, true);
  });

  test('of a Rekor v2 with an ECDSA key has it too', async () => {
    const instance = createSigstore({ rekor2: 'P-256' });
    assert.equal((await under({}, instance)).ok, true);
    refused(await under(elsewhere, instance), /checkpoint is not by its log/);
  });
});

const json = JSON.stringify(sigstore.trustedRoot);
const ended = (name: string): string =>
  json.replaceAll('"validFor":{', `"validFor":{"${name}":"2026-05-01T00:00:00Z",`);

describe('a trusted root', () => {
  test('may have its fields by the names of their definition', async () => {
    const root = parseTrustRoot(JSON.stringify(asDefined(JSON.parse(json))));
    assert.equal((await verify(rekor1, bundleFor(rekor1), root)).ok, true);
  });

  test('ends what it trusts in one spelling only', () => {
    assert.doesNotThrow(() => parseTrustRoot(ended('end')));
    assert.throws(() => parseTrustRoot(ended('End')), /validFor has an unknown member "End"/);
    assert.throws(() => parseTrustRoot(ended('start')), /"start" twice/);
  });
});
