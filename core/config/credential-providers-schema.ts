// SPDX-License-Identifier: Apache-2.0
import { PROGRAM_NAME } from '../registry/credentials/program.ts';

const text = { type: 'string', minLength: 1, maxLength: 4096 };

/** JSON Schema of the kubelet's CredentialProviderConfig (kubelet.config.k8s.io/v1); what we can't do (tokenAttributes) is no known field, so that nobody waits for it. */
export const CREDENTIAL_PROVIDERS_SCHEMA: object = {
  type: 'object',
  additionalProperties: false,
  required: ['apiVersion', 'kind', 'providers'],
  properties: {
    apiVersion: { enum: ['v1', 'v1beta1', 'v1alpha1'].map((version) => `kubelet.config.k8s.io/${version}`) },
    kind: { enum: ['CredentialProviderConfig'] },
    providers: {
      type: 'array',
      minItems: 1,
      maxItems: 32,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['name', 'matchImages', 'defaultCacheDuration', 'apiVersion'],
        properties: {
          name: { ...text, pattern: PROGRAM_NAME, description: 'Name of a file in binDir.' },
          matchImages: { type: 'array', items: text, minItems: 1, maxItems: 256 },
          defaultCacheDuration: text,
          apiVersion: {
            enum: ['v1', 'v1beta1', 'v1alpha1'].map((version) => `credentialprovider.kubelet.k8s.io/${version}`),
          },
          args: { type: 'array', items: { type: 'string', maxLength: 4096 }, maxItems: 64 },
          env: {
            type: 'array',
            maxItems: 64,
            items: {
              type: 'object',
              additionalProperties: false,
              required: ['name', 'value'],
              properties: {
                name: { ...text, pattern: '^[A-Za-z_][A-Za-z0-9_]*$', description: 'Name of a variable.' },
                value: { type: 'string', maxLength: 4096 },
              },
            },
          },
        },
      },
    },
  },
};
