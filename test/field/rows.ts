// SPDX-License-Identifier: Apache-2.0
import type { Row } from './row.ts';
import { attestationRows } from './rows/attestations.ts';
import { byHandRows } from './rows/by-hand.ts';
import { toolRows } from './rows/by-tools.ts';
import { bundleRows } from './rows/bundles.ts';
import { carriedRows } from './rows/carried.ts';
import { cosignFlagRows } from './rows/cosign-flags.ts';
import { envelopeRows } from './rows/envelopes.ts';
import { httpRows } from './rows/http.ts';
import { imageRows } from './rows/images.ts';
import { keyRows } from './rows/keys.ts';
import { listRows } from './rows/lists.ts';
import { ownPkiRows } from './rows/own-pki.ts';
import { registryRows } from './rows/registries.ts';
import { signatureRows } from './rows/signatures.ts';
import { tokenRows } from './rows/tokens.ts';

export const ROWS: readonly Row[] = [
  ...signatureRows,
  ...cosignFlagRows,
  ...byHandRows,
  ...toolRows,
  ...bundleRows,
  ...carriedRows,
  ...imageRows,
  ...attestationRows,
  ...envelopeRows,
  ...keyRows,
  ...ownPkiRows,
  ...registryRows,
  ...httpRows,
  ...tokenRows,
  ...listRows,
];
