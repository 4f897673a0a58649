// SPDX-License-Identifier: Apache-2.0
import type { Row } from './row.ts';
import { registryRows } from './rows/registries.ts';
import { signatureRows } from './rows/signatures.ts';

export const ROWS: readonly Row[] = [...signatureRows, ...registryRows];
