// SPDX-License-Identifier: Apache-2.0

/** A cluster whose Pods are admitted at a steady rate for a while. What is admitted is the same in every run. */
export interface Scenario {
  readonly name: string;
  /** Created in the time, evenly. */
  readonly pods: number;
  readonly seconds: number;
  /** Nothing is known to any replica at its begin; else all images are proven, and no tag is fresh. */
  readonly cold: boolean;
}

export interface Assumptions {
  /** Distinct images by tag. The k-th is 1/k as frequent as the first. */
  readonly images: number;
  readonly containersPerPod: number;
  readonly replicas: number;
  /** Reviews of one Pod that decide by the digest that the first one pinned. */
  readonly pinnedReviews: number;
  /** Seconds for which a replica remembers a tag. */
  readonly tagSeconds: number;
  /** Seconds for which evidence counts. */
  readonly evidenceSeconds: number;
  /** Registry requests to prove an image, beside the one for its tag. */
  readonly requestsPerProof: number;
  readonly warmCpuMilliseconds: number;
  /** Of a review whose image has to be proven. */
  readonly coldCpuMilliseconds: number;
  readonly seed: number;
}

export interface Outcome {
  /** In the busiest ten seconds, all replicas together. */
  readonly reviewsPerSecond: number;
  readonly cores: number;
  readonly requestsPerSecond: number;
  /** In the whole time. */
  readonly reviews: number;
  readonly proofs: number;
  readonly requests: number;
}

const WINDOW_SECONDS = 10;

/** What a replica remembers, as the second at which it was learned. */
interface Replica {
  readonly tags: Map<number, number>;
  readonly evidence: Map<number, number>;
}

interface Load {
  reviews: number;
  proofs: number;
  requests: number;
}

/**
 * Admission of a scenario, review by review: each goes to any replica, and costs requests where that replica does not
 * remember the tag or the evidence. Answers take no time: what waits is not modelled, what is needed is.
 */
export function simulate(scenario: Scenario, assumptions: Assumptions): Outcome {
  const random = createRandom(assumptions.seed);
  const pickImage = createPicker(assumptions.images, random);
  const replicas = Array.from({ length: assumptions.replicas }, () => newReplica(scenario, assumptions));
  const windows: Load[] = [];
  for (let pod = 0; pod < scenario.pods; pod += 1) {
    const second = (pod * scenario.seconds) / scenario.pods;
    const load = (windows[Math.floor(second / WINDOW_SECONDS)] ??= { reviews: 0, proofs: 0, requests: 0 });
    const images = Array.from({ length: assumptions.containersPerPod }, pickImage);
    for (let review = 0; review <= assumptions.pinnedReviews; review += 1) {
      const replica = replicas[Math.floor(random() * replicas.length)] ?? newReplica(scenario, assumptions);
      load.reviews += 1;
      if (review === 0)
        load.requests += images.filter((image) => isNew(replica.tags, image, second, assumptions.tagSeconds)).length;
      const proofs = images.filter((image) =>
        isNew(replica.evidence, image, second, assumptions.evidenceSeconds),
      ).length;
      load.proofs += proofs;
      load.requests += proofs * assumptions.requestsPerProof;
    }
  }
  return summarize(scenario, windows, assumptions);
}

/** What was learned before is of ages spread over its life. */
function newReplica({ cold }: Scenario, { images, evidenceSeconds }: Assumptions): Replica {
  const age = (image: number) => (image * evidenceSeconds) / images;
  const known = cold ? [] : Array.from({ length: images }, (_, image): [number, number] => [image, -age(image)]);
  return { tags: new Map(), evidence: new Map(known) };
}

/** Whether it has to be learned now; from now on it is known for its time. */
function isNew(known: Map<number, number>, image: number, second: number, life: number): boolean {
  const since = known.get(image);
  if (since !== undefined && second - since < life) return false;
  known.set(image, second);
  return true;
}

function summarize(scenario: Scenario, windows: readonly Load[], assumptions: Assumptions): Outcome {
  const { warmCpuMilliseconds, coldCpuMilliseconds } = assumptions;
  const seconds = Math.min(WINDOW_SECONDS, scenario.seconds);
  const most = (of: (load: Load) => number) => Math.max(0, ...windows.map((load) => of(load) / seconds));
  const total = (of: (load: Load) => number) => windows.reduce((sum, load) => sum + of(load), 0);
  const cpu = ({ reviews, proofs }: Load) =>
    reviews * warmCpuMilliseconds + proofs * (coldCpuMilliseconds - warmCpuMilliseconds);
  return {
    reviewsPerSecond: most(({ reviews }) => reviews),
    cores: most(cpu) / 1000,
    requestsPerSecond: most(({ requests }) => requests),
    reviews: total(({ reviews }) => reviews),
    proofs: total(({ proofs }) => proofs),
    requests: total(({ requests }) => requests),
  };
}

/** Replicas of one core each that do the work at no more than six tenths, one of which may fail. */
export function replicasFor({ cores }: Pick<Outcome, 'cores'>): number {
  return Math.max(1, Math.ceil(cores / 0.6)) + 1;
}

/** mulberry32: from 0 to below 1, the same for one seed. */
export function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The k-th of `count` things with a frequency of 1/k. */
function createPicker(count: number, random: () => number): () => number {
  const sums: number[] = [];
  for (let index = 0; index < count; index += 1) sums.push((sums.at(-1) ?? 0) + 1 / (index + 1));
  const whole = sums.at(-1) ?? 0;
  return () => {
    const wanted = random() * whole;
    let [low, high] = [0, count - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] ?? 0) > wanted) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}
