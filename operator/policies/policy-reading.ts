// SPDX-License-Identifier: Apache-2.0
import type { KubeObject } from '../kubernetes/api-client.ts';
import { METADATA, type ObjectReading } from '../kubernetes/object-reader.ts';

/** Bytes of a policy's spec as JSON: sixteen keys with their schemas and conditions have a tenth of it. */
const SPEC_BYTES = 256 * 1024;
/** We write it, but so may others, who must not fill our memory. */
const STATUS_BYTES = 64 * 1024;

interface PolicyObject extends KubeObject {
  readonly spec?: { readonly images?: unknown };
  /** Why the spec was not read: the policy claims its images and denies them. */
  readonly unread?: string;
}

/**
 * A policy of either kind. Of one that is too large its claim is read, and if that is too large as well, or can't be
 * reached, it claims every image of its namespace, or of the cluster: to read less of it must not admit more.
 */
export const POLICY_READING: ObjectReading<PolicyObject> = {
  selection: {
    fields: {
      metadata: METADATA,
      spec: {
        bytes: SPEC_BYTES,
        otherwise: { fields: { images: { bytes: SPEC_BYTES }, mode: { bytes: 64 } } },
      },
      status: { bytes: STATUS_BYTES },
    },
  },
  keep: (policy, cut) =>
    cut.includes('spec') ? { ...policy, ...unread({ images: EVERYTHING, ...policy.spec }) } : policy,
  unreadable: ({ metadata }) => ({ metadata, ...unread({ images: EVERYTHING }) }),
};

export const SECRET_READING: ObjectReading<KubeObject> = {
  selection: { fields: { metadata: METADATA, type: { bytes: 1024 }, data: { bytes: 2 * 1024 * 1024 } } },
};

const EVERYTHING: unknown = ['**'];

function unread(spec: { readonly images: unknown }) {
  return { spec, unread: `is longer than ${SPEC_BYTES} bytes and was not read: it denies what it claims` };
}
