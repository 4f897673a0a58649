// SPDX-License-Identifier: Apache-2.0
import type { Row } from './row.ts';
import { byHandRows } from './rows/by-hand.ts';
import { registryRows } from './rows/registries.ts';
import { signatureRows } from './rows/signatures.ts';

export const ROWS: readonly Row[] = [...signatureRows, ...byHandRows, ...registryRows];
