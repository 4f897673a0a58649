// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { question } from '../questions.ts';
import { NAMESPACE, review, steadily, type Party } from './party.ts';

/** As many as a Pod may list and be heard about. */
const NAMES = 32;

/** Pods that name pull secrets which nobody asked for before, for an image whose registry asks who is there. */
export const podsThatNameSecrets: Party = (around) =>
  steadily(around, { each: 500, most: 32 }, (index) => {
    const serial = randomBytes(6).toString('hex');
    const image = `${around.registry}/private/${serial}:1`;
    const { body } = question('', '', { namespace: NAMESPACE, containers: [image] });
    const names = Array.from({ length: NAMES }, (_, part) => ({ name: `${serial}-${part}` }));
    const text = body('secrets').replace('"spec":{', () => `"spec":{"imagePullSecrets":${JSON.stringify(names)},`);
    return review(around, index, text);
  });
