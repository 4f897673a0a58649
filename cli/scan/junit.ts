// SPDX-License-Identifier: Apache-2.0
import type { Verdict } from '../../core/verdict/types.ts';
import { junitSuite, type JunitCase, type JunitFailure } from '../output/junit-suite.ts';
import { placesText, podsText, type ScannedImage, type ScanReport } from './report.ts';

const SHOWN = 50;

/** A test case for each image. */
export function junitXml({ images, summary }: ScanReport): string {
  return junitSuite(summary.source, images.map(caseOf), summary.scannedAt);
}

function caseOf({ verdict, pods, places = [] }: ScannedImage): JunitCase {
  const failure = failureOf(verdict);
  const [first] = places;
  const output = [
    ...(pods.length === 0 ? [] : [`Pods: ${podsText(pods, SHOWN)}`]),
    ...(places.length === 0 ? [] : [`Manifests: ${placesText(places, SHOWN)}`]),
  ];
  return {
    classname: verdict.policies.join(' ') || 'no policy',
    name: verdict.image,
    ...(first && { at: first }),
    ...(failure && { failure }),
    output,
  };
}

function failureOf({ outcome, code, mode, message, remedy }: Verdict): JunitFailure | undefined {
  if (outcome === 'allowed') return undefined;
  const text = [message, remedy, `mode ${mode}`].filter((part) => part !== '');
  return { kind: outcome === 'denied' ? 'failure' : 'error', type: code, message, text };
}
