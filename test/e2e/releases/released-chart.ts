// SPDX-License-Identifier: Apache-2.0
import path from 'node:path';
import { packageChart, type ChartImage } from '../../../release/chart/package.ts';
import { writeLayout } from '../../../release/formats/layout.ts';
import { output } from '../workbench/tools.ts';

/**
 * Pushes the chart as it is released, with its image in it.
 *
 * @param dir folder to work in
 * @returns what helm installs: `oci://…@sha256:…`; over plain HTTP it wants `--plain-http`
 */
export async function pushChart(repository: string, image: ChartImage, dir: string): Promise<string> {
  const { layout } = packageChart(image);
  const folder = path.join(dir, 'chart');
  await writeLayout(layout, folder);
  const reference = `${repository}@${layout.root.digest}`;
  await output(['crane', 'push', folder, reference], { env: { HOME: dir, DOCKER_CONFIG: dir } });
  return `oci://${reference}`;
}
