// SPDX-License-Identifier: Apache-2.0
import { createPayloadTemplates } from '../cosign/payload-prediction.ts';
import { readStored as readHere } from '../cosign/reading/read-stored.ts';
import type { ReadStored } from '../cosign/stored-text.ts';
import type { Configuration } from '../config/types.ts';
import { createFairSlots } from '../turns/fair-slots.ts';
import type { Clock, EngineMetrics } from '../observe.ts';
import { createReadBudgets } from '../registry/read-budget.ts';
import type { RegistryClient } from '../registry/types.ts';
import { createEvidenceCache } from './evidence/evidence-cache.ts';
import { createPlatformReader } from './manifests/index-platforms.ts';
import { createPlatformTeller } from './manifests/platforms.ts';
import { createDecide, type DecideDependencies } from './decide.ts';
import type { PolicySource } from './decide-image.ts';
import { createDecideRunning } from './decide-running.ts';
import { createFormatMemory } from './evidence/format-memory.ts';
import { evidenceSources, type SourceDependencies } from './evidence/evidence-sources.ts';
import { createSignatureVerifier } from '../policy/signers/verification/signature-verifier.ts';
import type { TrustRoots } from '../sigstore/trust/trust-root.ts';
import { createTagResolver } from './tags.ts';
import type { Decide } from './types.ts';

export interface EngineOptions {
  readonly policies: PolicySource;
  readonly registry: RegistryClient;
  readonly trustRoots: TrustRoots;
  /** Asked at each use, so that a reloaded configuration counts at once. */
  readonly configuration: () => Configuration;
  readonly clock: Clock;
  readonly metrics: EngineMetrics;
  readonly counted?: DecideDependencies['counted'];
  /** How what is stored beside images is read; left out: in this thread. */
  readonly readStored?: ReadStored;
}

/** Images beside which much is stored that are decided about at a time: each may take some 40 MiB. */
const LARGE_READS = 4;

/** The whole engine behind one function: what the webhook, `verify` and the background scan call. */
export function createEngine(options: EngineOptions): Decide {
  const { policies, registry, trustRoots, configuration, clock, metrics, readStored = readHere } = options;
  const lifetimes = () => configuration().cache;
  const formats = createFormatMemory();
  const templates = createPayloadTemplates();
  const limits = () => configuration().limits;
  let reading: SourceDependencies = { registry, templates, formats, limits: limits(), readStored };
  const cache = createEvidenceCache({
    openSources(image, signatures) {
      if (reading.limits !== limits()) reading = { ...reading, limits: limits() };
      return evidenceSources(image, signatures, reading);
    },
    lifetimes,
    clock,
    metrics,
  });
  const decide = createDecide({
    policies,
    cache,
    verifier: createSignatureVerifier(trustRoots),
    tags: createTagResolver({ registry, lifetimes, clock, metrics }),
    formats,
    limits,
    tellPlatforms: createPlatformTeller({ registry, formats, limits }),
    readPlatforms: createPlatformReader({ registry, limits }),
    configuration,
    clock,
    metrics,
    readBudget: createReadBudgets(),
    largeReads: createFairSlots({ slots: LARGE_READS, now: () => performance.now() }),
    ...(options.counted && { counted: options.counted }),
  });
  return createDecideRunning({ decide, registry, limits });
}
