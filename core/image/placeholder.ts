// SPDX-License-Identifier: Apache-2.0

/** Empty, or with a character that no reference has (distribution/reference): the kubelet can't even read it. */
const NEVER_AN_IMAGE = /^$|[^A-Za-z0-9._\-/:@[\]+]/;

/** Whether no Pod can start with a text in the place of an image, so that something has to fill it in: `$(params.image)`. */
export function isPlaceholder(text: string): boolean {
  return NEVER_AN_IMAGE.test(text);
}
