// SPDX-License-Identifier: Apache-2.0
// Where the SDKs of AWS find who they are, as far as Pods and people have it:
// docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html.
import { fieldOf } from '../json.ts';
import type { Environment } from '../registry/credentials/program.ts';
import type { AwsCredentials } from './aws-signature.ts';
import { askProgram, refusalOf, requireSecureUrl } from './common.ts';
import type { KmsMeans } from './types.ts';

interface Place {
  readonly region: string;
  /** `amazonaws.com`, or that of another partition. */
  readonly suffix: string;
  readonly ca: string | undefined;
}

/** Of the key's own ARN, else of the process. */
export function awsRegion(written: string | undefined, environment: Environment): Pick<Place, 'region' | 'suffix'> {
  const region = written ?? environment['AWS_REGION'] ?? environment['AWS_DEFAULT_REGION'];
  if (region === undefined || !/^[a-z0-9-]{1,64}$/.test(region)) {
    throw new Error('the region of the key is not known: write its ARN, or set AWS_REGION');
  }
  return { region, suffix: region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com' };
}

/** Rejects where there are none. */
export async function findAwsCredentials(place: Place, means: KmsMeans): Promise<AwsCredentials> {
  const { environment } = means;
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = environment;
  if (accessKeyId && secretAccessKey) {
    return { accessKeyId, secretAccessKey, sessionToken: environment['AWS_SESSION_TOKEN'] || undefined };
  }
  const { AWS_WEB_IDENTITY_TOKEN_FILE: tokenFile, AWS_ROLE_ARN: role } = environment;
  if (tokenFile && role) return byWebIdentity({ tokenFile, role }, place, means);
  const { AWS_CONTAINER_CREDENTIALS_FULL_URI: agent } = environment;
  if (agent) return byPodIdentity(agent, means);
  const answer = await askProgram('aws', ['configure', 'export-credentials', '--format', 'process'], means);
  if (answer === undefined) {
    throw new Error('there are no credentials for AWS: give the service account a role (IRSA or EKS Pod Identity)');
  }
  return credentialsIn(answer, 'SessionToken');
}

/** IAM roles for service accounts: docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html. */
async function byWebIdentity(
  { tokenFile, role }: { readonly tokenFile: string; readonly role: string },
  { region, suffix, ca }: Place,
  { environment, ask, readText }: KmsMeans,
): Promise<AwsCredentials> {
  const url =
    environment['AWS_ENDPOINT_URL_STS'] ?? environment['AWS_ENDPOINT_URL'] ?? `https://sts.${region}.${suffix}`;
  requireSecureUrl(url, false, 'https');
  const body = new URLSearchParams({
    Action: 'AssumeRoleWithWebIdentity',
    Version: '2011-06-15',
    RoleArn: role,
    RoleSessionName: environment['AWS_ROLE_SESSION_NAME'] ?? 'cosignet',
    WebIdentityToken: (await readText(tokenFile)).trim(),
  }).toString();
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const answer = await ask({ url: `${new URL(url).origin}/`, headers, body, ca });
  const element = (name: string) => new RegExp(`<${name}>([^<]+)</${name}>`).exec(answer.text)?.[1];
  const accessKeyId = element('AccessKeyId');
  const secretAccessKey = element('SecretAccessKey');
  if (answer.status === 200 && accessKeyId !== undefined && secretAccessKey !== undefined) {
    return { accessKeyId, secretAccessKey, sessionToken: element('SessionToken') };
  }
  const message = element('Message');
  throw refusalOf(`AWS STS, asked for the role ${role}`, {
    ...answer,
    content: message === undefined ? {} : { message },
  });
}

/** EKS Pod Identity: an agent on the node gives them. Its address is the node's own, and so not by TLS. */
async function byPodIdentity(url: string, { environment, ask, readText }: KmsMeans): Promise<AwsCredentials> {
  const agents = new Set(['169.254.170.23', '[fd00:ec2::23]', '169.254.170.2', 'localhost', '127.0.0.1', '[::1]']);
  const { hostname = '', protocol = '' } = URL.parse(url) ?? {};
  if (protocol !== 'https:' && !agents.has(hostname)) throw new Error(`${url} is no agent of EKS Pod Identity`);
  const file = environment['AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE'];
  const authorization = file ? (await readText(file)).trim() : (environment['AWS_CONTAINER_AUTHORIZATION_TOKEN'] ?? '');
  const answer = await ask({ url, headers: authorization === '' ? {} : { authorization } });
  if (answer.status !== 200) throw refusalOf('the agent of EKS Pod Identity, asked for credentials', answer);
  return credentialsIn(answer.content, 'Token');
}

function credentialsIn(answer: unknown, tokenField: string): AwsCredentials {
  const [accessKeyId, secretAccessKey, sessionToken] = ['AccessKeyId', 'SecretAccessKey', tokenField].map((name) => {
    const value = fieldOf(answer, name);
    return typeof value === 'string' && value !== '' ? value : undefined;
  });
  if (accessKeyId === undefined || secretAccessKey === undefined)
    throw new Error('the credentials for AWS are incomplete');
  return { accessKeyId, secretAccessKey, sessionToken };
}
