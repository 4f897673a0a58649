// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { parseDockerConfig } from '../../../core/registry/credentials/docker-config.ts';
import { createMatcher } from '../../../core/registry/credentials/match.ts';
import { pullSecretEntries } from '../../../core/registry/credentials/pull-secret.ts';
import { mutateJson } from '../engine/structured.ts';
import type { Target } from '../engine/target.ts';
import { readOrRefused } from './refusals.ts';

const REPOSITORIES = [
  { registry: 'registry.example.com', path: 'team/app' },
  { registry: 'registry.example.com:5000', path: 'team/app' },
  { registry: 'docker.io', path: 'library/nginx' },
  { registry: '[::1]:5000', path: 'a' },
];
/** Who is shown no credential that is not written for a glob or for them. */
const STRANGER = { registry: 'stranger.test', path: 'team/app' };

/**
 * Refused with RegistryUnauthorized, in words that quote no secret; a pull secret gives what the file gives; no host
 * is shown a credential whose entry has neither its name nor a glob.
 */
export const dockerConfig: Target = {
  name: 'docker-config',
  maximumBytes: 16 * 1024,
  maximumMilliseconds: 250,
  mutators: [mutateJson],
  dictionary: [
    'auths',
    'auth',
    'username',
    'password',
    'identitytoken',
    'registrytoken',
    'credHelpers',
    'credsStore',
    'https://index.docker.io/v1/',
    '*.example.com',
    '?',
    '/v2/',
    'dXNlcjpwYXNz',
  ],
  check: async (input) => {
    const text = input.toString('utf8');
    const read = readOrRefused(['RegistryUnauthorized'], () => parseDockerConfig(text));
    if (read === undefined) return;
    const match = createMatcher(read.entries);
    for (const repository of REPOSITORIES) for (const found of match(repository)) requireTexts(found);
    const foreign = read.entries.filter(({ key }) => !/[*?]|stranger/i.test(key));
    assert.deepEqual(createMatcher(foreign)(STRANGER), []);
    const data = { '.dockerconfigjson': Buffer.from(text).toString('base64') };
    const inSecret = createMatcher(pullSecretEntries({ type: 'kubernetes.io/dockerconfigjson', data }));
    for (const repository of REPOSITORIES) assert.deepEqual(inSecret(repository), match(repository));
  },
};

function requireTexts(credential: object): void {
  for (const value of Object.values(credential)) assert.equal(typeof value, 'string');
}
