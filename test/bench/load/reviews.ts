// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { request } from 'node:https';
import type { Agent } from 'node:https';

export interface Answer {
  readonly status: number;
  readonly text: string;
}

export function post(url: string, body: string, agent: Agent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const sent = request(url, { method: 'POST', agent, headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** Posts a review of one image that must be allowed. */
export async function postAllowed(url: string, image: string, agent: Agent): Promise<void> {
  const { text } = await post(url, reviewOf([image]), agent);
  if (!text.includes('"allowed":true')) throw new Error(text);
}

/** The CREATE of a Pod with a container for each image, about the size of what the API server sends for a small Pod. */
export function reviewOf(images: readonly string[]): string {
  const metadata = {
    name: 'app-5d59d67564-4xk2p',
    namespace: 'default',
    labels: { app: 'app', 'pod-template-hash': '5d59d67564' },
    managedFields: [
      {
        manager: 'kube-controller-manager',
        operation: 'Update',
        apiVersion: 'v1',
        fieldsV1: { 'f:metadata': {}, 'f:spec': {} },
      },
    ],
  };
  return JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: randomUUID(),
      kind: { group: '', version: 'v1', kind: 'Pod' },
      resource: { group: '', version: 'v1', resource: 'pods' },
      name: metadata.name,
      namespace: 'default',
      operation: 'CREATE',
      userInfo: {
        username: 'system:serviceaccount:kube-system:replicaset-controller',
        groups: ['system:authenticated'],
      },
      object: {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata,
        spec: { containers: images.map(containerOf), serviceAccountName: 'default' },
      },
      oldObject: null,
      dryRun: false,
    },
  });
}

function containerOf(image: string, index: number): object {
  return {
    name: index === 0 ? 'app' : `app-${index}`,
    image,
    env: Array.from({ length: 12 }, (_, at) => ({ name: `SETTING_${at}`, value: `value of setting ${at}` })),
    resources: { requests: { cpu: '100m', memory: '128Mi' } },
    volumeMounts: [
      { name: 'kube-api-access', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount', readOnly: true },
    ],
  };
}
