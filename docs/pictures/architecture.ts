// SPDX-License-Identifier: Apache-2.0
// The pictures of docs/explanation/architecture.md.
import type { VerdictCode } from '../../core/verdict-codes.ts';
import { layersOfCore } from './layers.ts';
import { arrow, box, frame, svg } from './shapes.ts';
import type { Arrow, Box } from './shapes.ts';

/** What runs in a cluster, and who asks whom. */
export function partsInACluster(): string {
  const boxes: readonly Box[] = [
    { x: 20, y: 30, title: 'kubectl, controllers', lines: ['create and change'], width: 190 },
    { x: 370, y: 30, title: 'API server', lines: ['policies, Secrets, Pods'] },
    { x: 270, y: 200, title: 'webhook', lines: ['a door for each path', 'of admission'], kind: 'own' },
    { x: 480, y: 200, title: 'operator', lines: ['watches, leads,', 'writes status'], kind: 'own' },
    { x: 375, y: 320, title: 'core', lines: ['decides: policies in', 'memory, caches'], kind: 'own' },
    { x: 270, y: 480, title: 'Registries', lines: ['digests, signatures'] },
    { x: 480, y: 480, title: 'TUF, KMS', lines: ['roots and keys,', 'in the background'] },
    { x: 740, y: 200, title: 'Prometheus', lines: ['metrics, alerts'] },
    { x: 740, y: 320, title: 'Chat, traces', lines: ['if configured'] },
  ];
  const arrows: readonly Arrow[] = [
    { from: [210, 67], to: [370, 67], text: 'Pod, Deployment …', at: [232, 58] },
    { from: [400, 104], to: [345, 200], text: 'reviews', at: [315, 145] },
    { from: [565, 200], to: [500, 104], text: 'watch, status', at: [545, 145] },
    { from: [375, 274], to: [430, 320], text: 'may it run?', at: [318, 306] },
    { from: [545, 274], to: [490, 320], text: 'policies', at: [530, 306] },
    { from: [430, 394], to: [365, 480], text: 'when unknown', at: [280, 450] },
    { from: [490, 394], to: [555, 480], text: 'refreshed', at: [540, 440] },
    { from: [740, 237], to: [690, 237], text: '' },
    { from: [690, 357], to: [740, 357], text: '' },
  ];
  const replica = {
    x: 250,
    y: 165,
    width: 440,
    height: 250,
    title: 'a replica: one process',
    isBelow: true,
  };
  return svg({ width: 930, height: 580, title: 'What runs in a cluster, and who asks whom' }, [
    frame(replica),
    ...arrows.map(arrow),
    ...boxes.map(box),
  ]);
}

interface Stage {
  readonly title: string;
  readonly lines: readonly string[];
  /** Codes with which it may end here; an ellipsis follows where there are more. */
  readonly ends: readonly VerdictCode[];
  readonly more?: boolean;
}

const STAGES: readonly Stage[] = [
  { title: '1. Parse', lines: ['as the kubelet would'], ends: ['InvalidReference'] },
  {
    title: '2. Match',
    lines: ['the most specific pattern'],
    ends: ['NoPolicy', 'DeniedByPolicy', 'PolicyNotReady'],
    more: true,
  },
  {
    title: '3. Resolve',
    lines: ['the tag to a digest, once'],
    ends: ['ImageNotFound', 'RegistryUnauthorized'],
    more: true,
  },
  {
    title: '4. Read',
    lines: ['signatures, each read capped'],
    ends: ['NoSignature', 'RegistryUnavailable'],
    more: true,
  },
  {
    title: '5. Check',
    lines: ['signers, logs, attestations'],
    ends: ['UntrustedSignature', 'AttestationFailed'],
    more: true,
  },
];

/** One decision: its stages, and where it may end. */
export function decision(): string {
  const step = 110;
  const parts = STAGES.flatMap(({ title, lines, ends, more = false }, index) => {
    const y = 30 + index * step;
    const names = more ? [...ends, '…'] : ends;
    const codes = names.length > 3 ? [names.slice(0, 2), names.slice(2)] : [names];
    const said = codes.map((line) => line.join(', '));
    return [
      arrow({ from: [135, y + 74], to: [135, y + step], text: '' }),
      arrow({ from: [250, y + 37], to: [330, y + 37], text: '' }),
      box({ x: 20, y, title, lines, kind: 'own', width: 230 }),
      box({ x: 330, y, title: 'refused', lines: said, kind: 'bad', width: 330 }),
    ];
  });
  const y = 30 + STAGES.length * step;
  const verified: readonly VerdictCode[] = ['Verified'];
  const allowed: readonly VerdictCode[] = ['AllowedByPolicy'];
  const good = box({
    x: 20,
    y,
    title: verified.join(),
    lines: ['admitted, pinned to the digest'],
    kind: 'good',
    width: 230,
  });
  const other = box({
    x: 330,
    y,
    title: allowed.join(),
    lines: ['after 2, by a policy with action: Allow'],
    kind: 'good',
    width: 330,
  });
  return svg({ width: 680, height: y + 100, title: 'The stages of a decision, and where each may end' }, [
    ...parts,
    good,
    other,
  ]);
}

/** Which folder imports which. */
export function folders(): string {
  const layers = layersOfCore();
  const tops: readonly Box[] = [
    { x: 20, y: 30, title: 'cli', lines: ['a file for each command'], kind: 'own', width: 200 },
    {
      x: 250,
      y: 30,
      title: 'operator',
      lines: ['Kubernetes, certificates,', 'telemetry; main.ts wires'],
      kind: 'own',
      width: 200,
    },
    { x: 480, y: 30, title: 'webhook', lines: ['HTTP, doors, words'], kind: 'own', width: 200 },
  ];
  const arrows: readonly Arrow[] = [
    { from: [120, 104], to: [120, 160], text: '' },
    { from: [350, 104], to: [350, 160], text: 'import', at: [358, 138] },
    { from: [580, 104], to: [580, 160], text: '' },
    { from: [450, 67], to: [480, 67], text: '' },
    { from: [220, 67], to: [250, 67], text: '' },
  ];
  const rows = layers.flatMap((names, row) => inARow(names, 190 + row * 62));
  const height = 190 + layers.length * 62;
  return svg({ width: 700, height: height + 30, title: 'Which folder imports which' }, [
    frame({ x: 20, y: 160, width: 660, height: height - 150, title: 'core: each row imports only those below it' }),
    ...arrows.map(arrow),
    ...tops.map(box),
    ...rows,
  ]);
}

/** Boxes side by side, as wide as their names ask for. */
function inARow(names: readonly string[], y: number): readonly string[] {
  const gap = 12;
  const weights = names.map((name) => Math.max(name.length, 8));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const room = 620 - gap * (names.length - 1);
  let x = 40;
  return names.map((title, index) => {
    const width = Math.round((room * (weights[index] ?? 0)) / total);
    const drawn = box({ x, y, title, width, height: 50 });
    x += width + gap;
    return drawn;
  });
}
