// SPDX-License-Identifier: Apache-2.0
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { parse, parseDocument } from 'yaml';
import { layoutOf, type Layout } from '../formats/layout.ts';
import { addArtifact, json, type Blobs } from '../formats/oci.ts';
import { writeTar, type TarEntry } from '../formats/tar.ts';

const folder = path.join(import.meta.dirname, '../../helm');

/** Where the image lies that the chart starts unless values name another. */
export interface ChartImage {
  /** With the registry's host, without tag. */
  readonly repository: string;
  /** `sha256:…` */
  readonly digest: string;
}

export interface PackagedChart {
  readonly version: string;
  /** As `helm package` would write it. */
  readonly archive: Buffer;
  /** As `helm push` would push it. */
  readonly layout: Layout;
}

/**
 * The chart as it is released: it names its image by digest. The same sources and image give the same bytes, which helm
 * itself doesn't promise.
 */
export function packageChart(image: ChartImage): PackagedChart {
  const chart = chartFile(image);
  const files = new Map(sourceFiles());
  files.set('Chart.yaml', Buffer.from(chart));
  files.set('values.yaml', Buffer.from(valuesFile(image)));
  const entries = [...files].map(([name, content]): TarEntry => ({
    path: `cosignet/${name}`,
    type: 'file',
    mode: 0o644,
    content,
  }));
  // Stored, not compressed: what zlib makes of it differs from processor to processor, and it is small.
  const archive = gzipSync(writeTar(entries), { level: 0 });
  const metadata: ChartMetadata = parse(chart);
  return { version: metadata.version, archive, layout: chartLayout(metadata, archive) };
}

interface ChartMetadata {
  readonly name: string;
  readonly version: string;
  readonly description: string;
}

function chartLayout(metadata: ChartMetadata, archive: Buffer): Layout {
  const blobs: Blobs = new Map();
  const root = addArtifact(blobs, {
    config: { mediaType: 'application/vnd.cncf.helm.config.v1+json', content: json(metadata) },
    content: { mediaType: 'application/vnd.cncf.helm.chart.content.v1.tar+gzip', content: archive },
    annotations: {
      'org.opencontainers.image.title': metadata.name,
      'org.opencontainers.image.version': metadata.version,
      'org.opencontainers.image.description': metadata.description,
    },
  });
  return layoutOf(blobs, root, metadata.version);
}

function sourceFiles(): readonly (readonly [string, Buffer])[] {
  return globSync('**/*', { cwd: folder, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .map((file) => [path.relative(folder, file), readFileSync(file)]);
}

/** Artifact Hub shows the images that a chart starts, and their scans, from an annotation. */
function chartFile({ repository, digest }: ChartImage): string {
  const document = parseDocument(readFileSync(path.join(folder, 'Chart.yaml'), 'utf8'));
  const images = `- name: cosignet\n  image: ${repository}@${digest}\n`;
  document.setIn(['annotations', 'artifacthub.io/images'], images);
  return document.toString();
}

function valuesFile({ repository, digest }: ChartImage): string {
  const document = parseDocument(readFileSync(path.join(folder, 'values.yaml'), 'utf8'));
  document.setIn(['image', 'repository'], repository);
  document.setIn(['image', 'digest'], digest);
  return document.toString({ lineWidth: 0 });
}
