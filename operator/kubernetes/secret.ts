// SPDX-License-Identifier: Apache-2.0
import type { KubeObject } from './api-client.ts';

export interface Secret extends KubeObject {
  readonly type?: string;
  /** Values are base64. */
  readonly data?: Readonly<Record<string, string>>;
}
