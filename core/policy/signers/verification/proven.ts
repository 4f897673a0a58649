// SPDX-License-Identifier: Apache-2.0

/** A proof, or the one line that says why there is none. */
export type Proven<T> =
  | { readonly ok: true; readonly value: T }
  | {
      readonly ok: false;
      readonly reason: string;
      /** A trust root that might have proven it and could not be used, with the reason. */
      readonly unusable?: string;
    };

/** Told how many attempts to verify something is worth. */
export type Spend = (units: number) => void;
