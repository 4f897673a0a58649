// SPDX-License-Identifier: Apache-2.0
import type { Installation } from '../e2e/workbench/installation.ts';
import type { Endpoint } from './caller.ts';
import { Timeline } from './timeline.ts';

/** One kind of review, and what is right to answer. */
export interface Question {
  readonly name: string;
  /** How often it is asked, beside the others. */
  readonly weight: number;
  readonly endpoint: Endpoint;
  readonly body: (uid: string) => string;
  readonly right: Timeline;
}

export type Containers = readonly string[];

interface Asked {
  readonly weight?: number;
  readonly endpoint?: Endpoint;
  readonly namespace?: string;
  readonly kind?: 'Pod' | 'Deployment';
  readonly containers: Containers;
  readonly initContainers?: Containers;
  /** An update of an object that had these. */
  readonly before?: Containers;
}

/** `pinned`: what the images are replaced by. */
export function admitted(codes: readonly string[], pinned: readonly string[] = []): string {
  return `admitted ${codes.join('+')} ${pinned.join(' ')}`.trim();
}

export function warned(codes: readonly string[]): string {
  return `${admitted(codes)} with a warning`;
}

export function refused(codes: readonly string[]): string {
  return `refused 403 ${codes.join('+')}`;
}

interface Response {
  readonly uid: string;
  readonly allowed: boolean;
  readonly status?: { readonly code: number };
  readonly warnings?: readonly string[];
  readonly auditAnnotations?: Readonly<Record<string, string>>;
  readonly patch?: string;
}

/** An answer in the words of `admitted` and `refused`; throws on what is none. */
export function summaryOf(text: string, uid: string): string {
  const { response }: { response: Response } = JSON.parse(text);
  if (response.uid !== uid) throw new Error(`the answer to ${response.uid} came for ${uid}`);
  const verdicts = Object.values(response.auditAnnotations ?? {});
  const codes = verdicts.map((verdict) => String(JSON.parse(verdict).code));
  if (!response.allowed) return `refused ${response.status?.code} ${codes.join('+')}`;
  const patch: readonly { value: string }[] = response.patch === undefined ? [] : JSON.parse(atob(response.patch));
  const pinned = patch.map(({ value }) => value);
  return `${admitted(codes, pinned)}${response.warnings === undefined ? '' : ' with a warning'}`;
}

/** What stays right throughout. */
export function steadyQuestions({ images, bench }: Installation): readonly Question[] {
  const { signed, bundled, forged, tool, unsigned } = images;
  const missing = `${bench.registry.host}/shop/missing:1.0`;
  const untagged = signed.tag.replace(/:1\.0$/, '');
  return [
    question('signed', admitted(['Verified'], [signed.pinned]), { weight: 6, containers: [signed.tag] }),
    question('signed, as bundle', admitted(['Verified'], [bundled.pinned]), { weight: 4, containers: [bundled.tag] }),
    question('signed, by digest', admitted(['Verified']), { weight: 2, containers: [`${untagged}@${signed.digest}`] }),
    question('signed with the key of another policy', admitted(['Verified'], [tool.pinned]), {
      weight: 2,
      containers: [tool.tag],
    }),
    question('several containers, all signed', admitted(['Verified', 'Verified'], [signed.pinned, bundled.pinned]), {
      weight: 3,
      containers: [signed.tag],
      initContainers: [bundled.tag],
    }),
    question('several containers, one not signed', refused(['Verified', 'NoSignature']), {
      weight: 3,
      containers: [signed.tag, unsigned.tag],
    }),
    question('unsigned', refused(['NoSignature']), { weight: 4, containers: [unsigned.tag] }),
    question('signed with another key', refused(['UntrustedSignature']), { weight: 4, containers: [forged.tag] }),
    question('not in the registry', refused(['ImageNotFound']), { containers: [missing] }),
    question('denied by policy', refused(['DeniedByPolicy']), {
      weight: 2,
      containers: [`${bench.registry.host}/ban/a`],
    }),
    question('allowed by policy', admitted(['AllowedByPolicy']), {
      weight: 2,
      containers: [`${bench.registry.host}/free/a`],
    }),
    question('unsigned where a policy only warns', warned(['NoSignature']), {
      containers: [`${bench.registry.host}/warn/a:1.0`],
    }),
    question('unsigned in an exempt namespace', admitted([]), { namespace: 'kube-system', containers: [unsigned.tag] }),
    question('unsigned, as it was before', admitted([]), { containers: [unsigned.tag], before: [unsigned.tag] }),
    question('unsigned, new in an update', refused(['NoSignature']), {
      containers: [unsigned.tag],
      before: [signed.tag],
    }),
    question('a Deployment with an unsigned image', refused(['NoSignature']), {
      kind: 'Deployment',
      containers: [unsigned.tag],
    }),
    question('validated: pinned', admitted(['Verified']), {
      weight: 4,
      endpoint: 'validate',
      containers: [signed.pinned],
    }),
    question('validated: no longer pinned', refused(['InvalidReference']), {
      endpoint: 'validate',
      containers: [signed.tag],
    }),
  ];
}

// oxlint-disable-next-line max-params -- a row of a table
export function question(name: string, right: string | Timeline, asked: Asked): Question {
  const { weight = 1, endpoint = 'mutate' } = asked;
  const [head = '', tail = ''] = JSON.stringify(reviewOf(asked)).split('UID');
  return {
    name,
    weight,
    endpoint,
    body: (uid) => head + uid + tail,
    right: typeof right === 'string' ? new Timeline(right) : right,
  };
}

/** About what the API server sends for a small workload. */
function reviewOf({ kind = 'Pod', namespace = 'shop', containers, initContainers = [], before }: Asked): object {
  const [group, resource] = kind === 'Pod' ? ['', 'pods'] : ['apps', 'deployments'];
  const objectOf = (main: Containers) => {
    const spec = { containers: listOf(main), initContainers: listOf(initContainers), serviceAccountName: 'default' };
    const metadata = { name: 'asked', namespace, labels: { app: 'asked' } };
    return kind === 'Pod' ? { metadata, spec } : { metadata, spec: { replicas: 1, template: { spec } } };
  };
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: 'UID',
      kind: { group, version: 'v1', kind },
      resource: { group, version: 'v1', resource },
      name: 'asked',
      namespace,
      operation: before === undefined ? 'CREATE' : 'UPDATE',
      userInfo: { username: 'system:serviceaccount:kube-system:replicaset-controller', groups: [] },
      object: objectOf(containers),
      oldObject: before === undefined ? null : objectOf(before),
      dryRun: false,
    },
  };
}

function listOf(images: Containers): object[] {
  return images.map((image, index) => ({ name: `c${index}`, image, env: ENVIRONMENT }));
}

const ENVIRONMENT = Array.from({ length: 8 }, (_, index) => ({
  name: `SETTING_${index}`,
  value: `value of setting ${index}`,
}));
