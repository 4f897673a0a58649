// SPDX-License-Identifier: Apache-2.0
// Who the process is at AWS and at Azure: what is asked of whom, and what is no answer.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { findAwsCredentials } from '../../../../core/kms/aws-credentials.ts';
import { findAzureToken } from '../../../../core/kms/azure-token.ts';
import type { Answer, KmsMeans, Question } from '../../../../core/kms/types.ts';
import { parseJsonObject } from '../../../../core/json.ts';
import { kmsMeans } from '../../../fakes/kms-service.ts';

const answer = (status: number, text: string): Answer => ({
  status,
  text,
  content: parseJsonObject(Buffer.from(text)) ?? {},
});

/** Everybody asked answers so. */
function means(environment: KmsMeans['environment'], told: Answer, given: Partial<KmsMeans> = {}) {
  const asked: Question[] = [];
  const ask = async (question: Question) => {
    asked.push(question);
    return told;
  };
  return { asked, means: kmsMeans({ environment, ask, readText: async () => 'of the Pod\n', ...given }) };
}

/** An agent at this address. */
const at = (uri: string) => ({
  AWS_CONTAINER_CREDENTIALS_FULL_URI: uri,
  AWS_CONTAINER_AUTHORIZATION_TOKEN: 'given',
});

/** What a person's tool prints, where it is called as its documentation says. */
const tool = (output: string, exitCode = 0): Partial<KmsMeans> => ({
  mayAskTools: true,
  run: async ({ file, args }) => ({
    exitCode,
    output: Buffer.from(CALLS.has([file, ...args].join(' ')) ? output : ''),
  }),
});
const CALLS = new Set([
  'aws configure export-credentials --format process',
  'az account get-access-token --scope https://vault.azure.net/.default --output json',
]);

describe('credentials for AWS', () => {
  const place = { region: 'eu-west-1', suffix: 'amazonaws.com', ca: 'pem' };
  const role = { AWS_ROLE_ARN: 'arn:aws:iam::1:role/r', AWS_WEB_IDENTITY_TOKEN_FILE: '/jwt' };
  const whole = '<AccessKeyId>A</AccessKeyId><SecretAccessKey>S</SecretAccessKey><SessionToken>T</SessionToken>';
  const found = { accessKeyId: 'A', secretAccessKey: 'S', sessionToken: 'T' };

  test('are those of variables only where both are there', async () => {
    const both = { AWS_ACCESS_KEY_ID: 'A', AWS_SECRET_ACCESS_KEY: 'S', AWS_SESSION_TOKEN: 'T' };
    assert.deepEqual(await findAwsCredentials(place, means(both, answer(500, '')).means), found);
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'])
      await assert.rejects(
        findAwsCredentials(place, means({ ...both, [name]: '' }, answer(500, '')).means),
        /there are no credentials for AWS/,
      );
  });

  test('are asked of the STS of the region with the role and the token of the Pod', async () => {
    const { asked, means: given } = means(role, answer(200, whole));
    assert.deepEqual(await findAwsCredentials(place, given), found);
    assert.deepEqual([asked[0]?.url, asked[0]?.ca], ['https://sts.eu-west-1.amazonaws.com/', 'pem']);
    assert.deepEqual(Object.fromEntries(new URLSearchParams(asked[0]?.body)), {
      Action: 'AssumeRoleWithWebIdentity',
      Version: '2011-06-15',
      RoleArn: role.AWS_ROLE_ARN,
      RoleSessionName: 'cosignet',
      WebIdentityToken: 'of the Pod',
    });
    const named = { ...role, AWS_ENDPOINT_URL_STS: 'https://sts.example/x', AWS_ROLE_SESSION_NAME: 'mine' };
    const other = means(named, answer(200, whole));
    await findAwsCredentials(place, other.means);
    assert.equal(other.asked[0]?.url, 'https://sts.example/');
    assert.equal(new URLSearchParams(other.asked[0]?.body).get('RoleSessionName'), 'mine');
  });

  test('are not asked for by plain HTTP over a network', async () => {
    const { asked, means: given } = means({ ...role, AWS_ENDPOINT_URL_STS: 'http://sts.example' }, answer(200, whole));
    await assert.rejects(findAwsCredentials(place, given), /plain HTTP.*use https/);
    assert.deepEqual(asked, []);
  });

  for (const [what, told] of [
    ['a refusal that looks like them', answer(403, whole)],
    ['no key', answer(200, '<SecretAccessKey>S</SecretAccessKey>')],
    ['no secret', answer(200, '<AccessKeyId>A</AccessKeyId>')],
  ] as const) {
    test(`are none where STS answers ${what}`, async () => {
      await assert.rejects(findAwsCredentials(place, means(role, told).means), /AWS STS, asked for the role/);
    });
  }

  test('say why STS refused, in its words', async () => {
    const told = answer(403, '<Error><Message>Not authorized</Message></Error>');
    await assert.rejects(findAwsCredentials(place, means(role, told).means), /status 403: Not authorized$/);
  });

  test('are asked of the agents of EKS, on the node or by TLS, and of nobody else', async () => {
    const json = JSON.stringify({ AccessKeyId: 'A', SecretAccessKey: 'S', Token: 'T' });
    for (const uri of [
      'http://169.254.170.23/v1',
      'http://[fd00:ec2::23]/v1',
      'http://169.254.170.2/',
      'https://a.b/',
    ]) {
      const { asked, means: given } = means(at(uri), answer(200, json));
      assert.deepEqual(await findAwsCredentials(place, given), found);
      assert.deepEqual([asked[0]?.url, asked[0]?.headers], [uri, { authorization: 'given' }]);
    }
    for (const uri of ['http://169.254.169.254/v1', 'http://evil.example/', 'no address'])
      await assert.rejects(findAwsCredentials(place, means(at(uri), answer(200, json)).means), /is no agent/);
    for (const [told, why] of [
      [answer(403, json), /the agent of EKS Pod Identity.*status 403/],
      [answer(200, '{"AccessKeyId":"A"}'), /are incomplete/],
      [answer(200, '{"AccessKeyId":"A","SecretAccessKey":""}'), /are incomplete/],
    ] as const)
      await assert.rejects(findAwsCredentials(place, means(at('https://a.b/'), told).means), why);
  });

  test("are a person's own where their tool may be asked", async () => {
    const json = JSON.stringify({ AccessKeyId: 'A', SecretAccessKey: 'S', SessionToken: 'T' });
    assert.deepEqual(await findAwsCredentials(place, means({}, answer(500, ''), tool(json)).means), found);
    for (const given of [{ ...tool(json), mayAskTools: false }, tool(json, 1), tool('no JSON')])
      await assert.rejects(findAwsCredentials(place, means({}, answer(500, ''), given).means), /no credentials/);
  });
});

describe('a token for Azure', () => {
  const AUDIENCE = 'https://vault.azure.net';
  const identity = { AZURE_CLIENT_ID: 'client', AZURE_TENANT_ID: 'a/b', AZURE_FEDERATED_TOKEN_FILE: '/jwt' };
  const token = answer(200, '{"access_token":"token"}');

  test('is asked of the authority with the proof that there is', async () => {
    const { asked, means: given } = means(identity, token);
    assert.equal(await findAzureToken(AUDIENCE, given), 'token');
    assert.equal(asked[0]?.url, 'https://login.microsoftonline.com/a%2Fb/oauth2/v2.0/token');
    assert.deepEqual(Object.fromEntries(new URLSearchParams(asked[0].body)), {
      grant_type: 'client_credentials',
      client_id: 'client',
      scope: `${AUDIENCE}/.default`,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: 'of the Pod',
    });
    const secret = { AZURE_CLIENT_ID: 'client', AZURE_TENANT_ID: 't', AZURE_CLIENT_SECRET: 's' };
    const other = means({ ...secret, AZURE_AUTHORITY_HOST: 'https://login.example/' }, token);
    assert.equal(await findAzureToken(AUDIENCE, other.means), 'token');
    assert.equal(other.asked[0]?.url, 'https://login.example/t/oauth2/v2.0/token');
    assert.equal(new URLSearchParams(other.asked[0].body).get('client_secret'), 's');
  });

  test('is not asked for by plain HTTP over a network', async () => {
    const { asked, means: given } = means({ ...identity, AZURE_AUTHORITY_HOST: 'http://login.example' }, token);
    await assert.rejects(findAzureToken(AUDIENCE, given), /plain HTTP.*use https/);
    assert.deepEqual(asked, []);
  });

  test('is none where the authority refuses, or answers something else', async () => {
    for (const told of [answer(403, token.text), answer(200, '{"access_token":""}'), answer(200, '{"access_token":1}')])
      await assert.rejects(findAzureToken(AUDIENCE, means(identity, told).means), /Microsoft Entra, asked for a token/);
  });

  test("is a person's own where no application is given, and their tool may be asked", async () => {
    const own = tool('{"accessToken":"mine"}');
    for (const environment of [{}, { AZURE_CLIENT_ID: 'client' }, { AZURE_TENANT_ID: 't' }])
      assert.equal(await findAzureToken(AUDIENCE, means(environment, token, own).means), 'mine');
    for (const given of [{ ...own, mayAskTools: false }, tool('{"accessToken":""}'), tool('{"accessToken":1}')])
      await assert.rejects(findAzureToken(AUDIENCE, means({}, token, given).means), /no credentials for Azure/);
  });
});
