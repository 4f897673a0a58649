// SPDX-License-Identifier: Apache-2.0
import { question } from '../questions.ts';
import { NAMESPACE, review, steadily, type Party } from './party.ts';

/** Objects in the memory of whoever parses them: text of 2.9 MiB. */
const OBJECTS = 1_000_000;
/** At once, each time. */
const VOLLEY = 8;

/** A dry run of a Pod that is small as text and large in memory, eight at a time. */
export const reviewsOfMillions: Party = (around) => {
  const { body } = question('large', '', { namespace: NAMESPACE, containers: ['registry.example.com/x:1'] });
  const filler = `"object":{"status":{"conditions":[${Array.from({ length: OBJECTS }, () => '{}').join()}]},`;
  const text = body('large').replace('"object":{', () => filler);
  return steadily(around, { each: 2000, most: 1 }, async (index) => {
    await Promise.all(Array.from({ length: VOLLEY }, (_, part) => review(around, index + part, text)));
  });
};
