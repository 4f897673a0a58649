// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { otherWayToName, serviceMeantBy } from '../../../../core/kms/spelling.ts';

const BY_TEXT =
  'names no key of a KMS: write the public key as pem, or put it into a Secret and name that with secretRef';

describe('what cosign takes for a key and no KMS holds', () => {
  for (const [text, way] of [
    ['k8s://prod/release', 'names a Secret: in place of kms write secretRef: {name: release, key: cosign.pub}'],
    ['k8s://Prod/a b', 'names a Secret: in place of kms write secretRef: {name: NAME, key: cosign.pub}'],
    ['pkcs11:token=x;slot-id=0', BY_TEXT],
    ['env://COSIGN_PUBLIC_KEY', BY_TEXT],
    ['gitlab://group/project', BY_TEXT],
    ['github://acme/app', BY_TEXT],
    ['https://keys.example/cosign.pub', BY_TEXT],
    ['hashivault://release', undefined],
    ['my-hsm://slot/7', undefined],
  ] as const) {
    test(`${text}: ${way === undefined ? 'is none of it' : 'says how it is named here'}`, () => {
      assert.equal(otherWayToName(text), way);
    });
  }
});

describe('a scheme that is hardly meant', () => {
  for (const [scheme, meant] of [
    ['awskm', 'awskms'],
    ['awskmss', 'awskms'],
    ['awsksm', 'awskms'],
    ['aws-kms', 'awskms'],
    ['gcpkmz', 'gcpkms'],
    ['azurkms', 'azurekms'],
    ['hashvault', 'hashivault'],
    ['vault', 'hashivault'],
    ['arn', 'awskms'],
    ['awskms', undefined],
    ['openbao', undefined],
    ['my-hsm', undefined],
    ['yubikey', undefined],
    ['', undefined],
  ] as const) {
    test(`${scheme}: ${meant ?? 'is meant'}`, () => {
      assert.equal(serviceMeantBy(scheme), meant);
    });
  }
});
