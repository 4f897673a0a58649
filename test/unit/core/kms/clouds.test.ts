// SPDX-License-Identifier: Apache-2.0
// Each service by its wire documents.
import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { describe, test } from 'node:test';
import { DEFAULT_KMS } from '../../../../core/config/types.ts';
import { readAwsKey } from '../../../../core/kms/aws.ts';
import { readAzureKey } from '../../../../core/kms/azure.ts';
import { readGoogleKey } from '../../../../core/kms/gcp.ts';
import { parseKmsReference } from '../../../../core/kms/reference.ts';
import type { KmsMeans, KmsService, Question } from '../../../../core/kms/types.ts';
import { parseJsonObject } from '../../../../core/json.ts';
import { kmsMeans, kmsServerOfTest, makeKey, type Asked, type Told } from '../../../fakes/kms-service.ts';

const ARN = 'arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab';
const KEY = makeKey();
const DER = KEY.publicKey.export({ type: 'spki', format: 'der' }).toString('base64');

const start = kmsServerOfTest();
const readText = async (file: string) => `text of ${file}\n`;
const readWith = (service: KmsService) => (text: string, given: Partial<KmsMeans>) =>
  service(parseKmsReference(text), kmsMeans({ readText, ...given }));

describe('AWS KMS', () => {
  const read = readWith(readAwsKey);
  const STATIC = {
    AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  };
  const told = { content: { KeyId: ARN, KeyUsage: 'SIGN_VERIFY', KeySpec: 'ECC_NIST_P256', PublicKey: DER } };

  test('is asked for the public key alone', async () => {
    const { url, asked } = await start(() => told);
    assert.deepEqual(await read(`awskms:///${ARN}`, { environment: { ...STATIC, AWS_ENDPOINT_URL: url } }), [KEY.pem]);
    const [question] = asked;
    assert.equal(question?.headers['x-amz-target'], 'TrentService.GetPublicKey');
    assert.deepEqual(JSON.parse(question.body), { KeyId: ARN });
    assert.match(
      String(question.headers['authorization']),
      /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/20260102\/eu-west-1\/kms\/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=[0-9a-f]{64}$/,
    );
  });

  test("is asked with the role of a Pod's web identity", async () => {
    const credentials =
      '<AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>';
    const { url, asked } = await start(({ body }) =>
      body.startsWith('Action') ? { content: `<a>${credentials}</a>` } : told,
    );
    const environment = {
      AWS_ENDPOINT_URL: url,
      AWS_ROLE_ARN: 'arn:aws:iam::1:role/cosignet',
      AWS_WEB_IDENTITY_TOKEN_FILE: '/jwt',
    };
    assert.deepEqual(await read(`awskms:///${ARN}`, { environment }), [KEY.pem]);
    const form = Object.fromEntries(new URLSearchParams(asked[0]?.body));
    assert.equal(form['Action'], 'AssumeRoleWithWebIdentity');
    assert.equal(form['RoleArn'], 'arn:aws:iam::1:role/cosignet');
    assert.equal(form['WebIdentityToken'], 'text of /jwt');
    assert.equal(asked[1]?.headers['x-amz-security-token'], 't');
    assert.match(String(asked[1].headers['authorization']), /Credential=ASIA\/.*x-amz-security-token/);
  });

  test('is asked with the identity that the agent of EKS gives a Pod', async () => {
    const { url, asked } = await start(({ method }) =>
      method === 'GET' ? { content: { AccessKeyId: 'ASIA', SecretAccessKey: 's', Token: 't' } } : told,
    );
    const environment = {
      AWS_ENDPOINT_URL: url,
      AWS_REGION: 'eu-west-1',
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `${url}/v1/credentials`,
      AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: '/eks',
    };
    assert.deepEqual(await read('awskms:///alias/release', { environment }), [KEY.pem]);
    assert.equal(asked[0]?.headers['authorization'], 'text of /eks');
    const elsewhere = { ...environment, AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://evil.example/' };
    await assert.rejects(read('awskms:///alias/release', { environment: elsewhere }), /is no agent/);
  });

  test('is asked at an endpoint of a policy only where the configuration lists it', async () => {
    const urls: string[] = [];
    const ask = async ({ url }: Question) => {
      urls.push(url);
      return { status: 200, text: '', content: told.content };
    };
    const given = { environment: { ...STATIC, AWS_REGION: 'eu-west-1' }, ask };
    await assert.rejects(read('awskms://kms.example:4566/alias/x', given), /none of the endpoints/);
    assert.deepEqual(urls, []);
    await read('awskms://kms.example:4566/alias/x', {
      ...given,
      settings: { ...DEFAULT_KMS, endpoints: ['KMS.example:4566'] },
    });
    await read('awskms:///alias/x', given);
    await read('awskms:///arn:aws-cn:kms:cn-north-1:111122223333:alias/x', given);
    assert.deepEqual(urls, [
      'https://kms.example:4566/',
      'https://kms.eu-west-1.amazonaws.com/',
      'https://kms.cn-north-1.amazonaws.com.cn/',
    ]);
  });

  test('refusals are told; keys that are not for signing are none', async () => {
    const answers: Told[] = [
      {
        status: 400,
        content: { __type: 'AccessDeniedException', message: 'not authorized to perform kms:GetPublicKey' },
      },
      { content: { ...told.content, KeyUsage: 'ENCRYPT_DECRYPT' } },
    ];
    const { url } = await start(() => answers.shift());
    const environment = { ...STATIC, AWS_ENDPOINT_URL: url };
    await assert.rejects(
      read(`awskms:///${ARN}`, { environment }),
      /status 400: not authorized to perform kms:GetPublicKey/,
    );
    await assert.rejects(read(`awskms:///${ARN}`, { environment }), /not for signing/);
    await assert.rejects(read(`awskms:///${ARN}`, { environment: {} }), /no credentials for AWS/);
    await assert.rejects(read('awskms:///alias/x', { environment: STATIC }), /region/);
  });
});

const NAME = 'projects/p/locations/global/keyRings/r/cryptoKeys/k';
const item = (number: number, state: string) => ({ name: `${NAME}/cryptoKeyVersions/${number}`, state });

describe('Google Cloud KMS', () => {
  const read = readWith(readGoogleKey);
  const keys = [makeKey(), makeKey()];
  const answers = ({ path }: Asked): Told => {
    const version = /cryptoKeyVersions\/(\d+)\/publicKey$/.exec(path)?.[1];
    if (version !== undefined)
      return { content: { pem: keys[Number(version) - 9]?.pem, algorithm: 'EC_SIGN_P256_SHA256' } };
    // As text, 9 is after 10.
    return { content: { cryptoKeyVersions: [item(9, 'ENABLED'), item(10, 'ENABLED'), item(11, 'DISABLED')] } };
  };

  test('gives all versions that are enabled, the newest first, and one alone where it is written', async () => {
    const { url, asked } = await start(answers);
    const environment = { CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS: `${url}/`, CLOUDSDK_AUTH_ACCESS_TOKEN: 'token' };
    assert.deepEqual(await read(`gcpkms://${NAME}`, { environment }), [keys[1]?.pem, keys[0]?.pem]);
    assert.ok(asked.every(({ headers }) => headers['authorization'] === 'Bearer token'));
    assert.match(asked[0]?.path ?? '', /\/cryptoKeyVersions\?filter=state%3DENABLED&/);
    assert.deepEqual(await read(`gcpkms://${NAME}/versions/9`, { environment }), [keys[0]?.pem]);
    assert.equal(asked.at(-1)?.path, `/v1/${NAME}/cryptoKeyVersions/9/publicKey`);
  });

  test("is asked with the Pod's identity, by the metadata server", async () => {
    const { url, asked } = await start((question) =>
      question.path.startsWith('/computeMetadata') ? { content: { access_token: 'of the pod' } } : answers(question),
    );
    const environment = { CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS: url, GCE_METADATA_HOST: new URL(url).host };
    assert.equal((await read(`gcpkms://${NAME}`, { environment })).length, 2);
    assert.equal(asked[0]?.headers['metadata-flavor'], 'Google');
    assert.equal(asked[1]?.headers['authorization'], 'Bearer of the pod');
  });

  test('is asked with the file of a service account', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const { url, asked } = await start((question) =>
      question.path === '/token' ? { content: { access_token: 'of the file' } } : answers(question),
    );
    const file = {
      type: 'service_account',
      client_email: 'cosignet@p.example',
      private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
      token_uri: `${url}/token`,
    };
    const environment = { CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS: url, GOOGLE_APPLICATION_CREDENTIALS: '/file' };
    assert.equal(
      (await read(`gcpkms://${NAME}`, { environment, readText: async () => JSON.stringify(file) })).length,
      2,
    );
    const assertion = new URLSearchParams(asked[0]?.body).get('assertion') ?? '';
    const [head, claims = '', signature = ''] = assertion.split('.');
    assert.ok(verify('sha256', Buffer.from(`${head}.${claims}`), publicKey, Buffer.from(signature, 'base64url')));
    assert.equal(parseJsonObject(Buffer.from(claims, 'base64url'))?.['iss'], 'cosignet@p.example');
    assert.equal(asked[1]?.headers['authorization'], 'Bearer of the file');
  });

  test('a file that can not be read is told of without a word of it', async () => {
    for (const text of [
      '-----BEGIN PRIVATE KEY-----',
      '{"private_key":"MIIEsecret"',
      '["MIIEsecret"]',
      '"MIIEsecret"',
    ]) {
      const given = { environment: { GOOGLE_APPLICATION_CREDENTIALS: '/file' }, readText: async () => text };
      await assert.rejects(read(`gcpkms://${NAME}`, given), (error: Error) => {
        assert.equal(error.message, 'the file of GOOGLE_APPLICATION_CREDENTIALS is no JSON object');
        return true;
      });
    }
  });

  test('refusals are told', async () => {
    const { url } = await start(() => ({
      status: 403,
      content: { error: { code: 403, message: 'Permission denied' } },
    }));
    const environment = { CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS: url, CLOUDSDK_AUTH_ACCESS_TOKEN: 'secret-token' };
    await assert.rejects(read(`gcpkms://${NAME}`, { environment }), (error: Error) => {
      assert.match(error.message, /status 403: Permission denied$/);
      return !error.message.includes('secret-token');
    });
  });
});

describe('Azure Key Vault', () => {
  const read = readWith(readAzureKey);
  const VAULT = 'https://acme.vault.azure.net/keys/release';
  const environment = { AZURE_CLIENT_ID: 'client', AZURE_TENANT_ID: 'tenant', AZURE_FEDERATED_TOKEN_FILE: '/jwt' };
  const { publicKey: rsa } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pages: Readonly<Record<string, unknown>> = {
    [`${VAULT}/versions?api-version=7.4`]: {
      value: [
        { kid: `${VAULT}/aa`, attributes: { enabled: true, created: 1 } },
        { kid: `${VAULT}/bb`, attributes: { enabled: false, created: 2 } },
      ],
      nextLink: `${VAULT}/versions?api-version=7.4&$skiptoken=x`,
    },
    [`${VAULT}/versions?api-version=7.4&$skiptoken=x`]: {
      value: [{ kid: `${VAULT}/cc`, attributes: { enabled: true, created: 3 } }],
      nextLink: null,
    },
    [`${VAULT}/aa?api-version=7.4`]: { key: { ...KEY.publicKey.export({ format: 'jwk' }), kty: 'EC-HSM' } },
    [`${VAULT}/cc?api-version=7.4`]: { key: { ...rsa.export({ format: 'jwk' }), key_ops: ['sign', 'verify'] } },
  };

  function asking(content: Readonly<Record<string, unknown>> = pages) {
    const asked: Question[] = [];
    const ask: KmsMeans['ask'] = async (question) => {
      asked.push(question);
      const isToken = question.url === 'https://login.microsoftonline.com/tenant/oauth2/v2.0/token';
      const found = isToken ? { access_token: 'token' } : content[question.url];
      const text = JSON.stringify(found ?? { error: { code: 'KeyNotFound', message: 'no such key' } });
      return { status: found === undefined ? 404 : 200, text, content: parseJsonObject(Buffer.from(text)) ?? {} };
    };
    return { ask, asked };
  }

  test('gives all versions that are enabled, the newest first, to the workload identity of the Pod', async () => {
    const { ask, asked } = asking();
    const pems = await read('azurekms://acme.vault.azure.net/release', { environment, ask });
    assert.deepEqual(
      pems.map((pem) => createPublicKey(pem).asymmetricKeyType),
      ['rsa', 'ec'],
    );
    assert.equal(pems[1], KEY.pem);
    const form = Object.fromEntries(new URLSearchParams(asked[0]?.body));
    assert.equal(form['client_assertion'], 'text of /jwt');
    assert.equal(form['scope'], 'https://vault.azure.net/.default');
    assert.ok(asked.slice(1).every(({ headers }) => headers?.['authorization'] === 'Bearer token'));
  });

  test('gives the version that is written', async () => {
    const { ask, asked } = asking();
    assert.deepEqual(await read('azurekms://acme.vault.azure.net/release/aa', { environment, ask }), [KEY.pem]);
    assert.equal(asked.length, 2);
  });

  test('is no other host, unless the configuration lists it, and no host that an answer names', async () => {
    const { ask, asked } = asking();
    for (const host of ['evil.example', 'acme.vault.azure.net.evil.example', 'evilvault.azure.net']) {
      await assert.rejects(read(`azurekms://${host}/release`, { environment, ask }), /none of the endpoints/);
    }
    assert.deepEqual(asked, []);
    const page = { value: [], nextLink: 'https://evil.example/keys' };
    const led = asking({ [`${VAULT}/versions?api-version=7.4`]: page });
    await assert.rejects(
      read('azurekms://acme.vault.azure.net/release', { environment, ask: led.ask }),
      /another host/,
    );
  });

  test('refusals are told', async () => {
    const { ask } = asking();
    await assert.rejects(
      read('azurekms://acme.vault.azure.net/other', { environment, ask }),
      /status 404: no such key$/,
    );
    await assert.rejects(
      read('azurekms://acme.vault.azure.net/release', { environment: {}, ask }),
      /no credentials for Azure/,
    );
  });
});
