// SPDX-License-Identifier: Apache-2.0
import path from 'node:path';
import { isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, type Document, type YAMLError } from 'yaml';
import { errorText, fileErrorText } from '../text.ts';
import { DEFAULT_LIMITS, type Limits } from '../limits.ts';
import { readBoundedText } from '../read-bounded.ts';
import {
  ConfigurationError,
  jsonPath,
  segmentsOf,
  sentenceOf,
  type ConfigurationFault,
  type PathSegment,
} from './faults.ts';
import { completeKms, kmsFaults, resolveKms, type WrittenKms } from './kms-settings.ts';
import { completeNotification, notificationFaults, type WrittenNotification } from './notifications.ts';
import { hostsOf } from './registry-settings.ts';
import {
  completeTrustRoot,
  requireInlineRoots,
  resolveTrustRoot,
  trustRootFaults,
  type WrittenTrustRoot,
} from './trust-root-settings.ts';
import {
  DEFAULT_BACKGROUND_SCAN,
  DEFAULT_CACHE,
  DEFAULT_KMS,
  type BackgroundScan,
  type CacheLifetimes,
  type Configuration,
  type CredentialHelpersConfiguration,
  type ProxyConfiguration,
  type RegistryConfiguration,
} from './types.ts';
import { validatorOf } from './validators.ts';
import { completeWorkload, resourceIdOf, workloadFaults, type WrittenWorkload } from './workloads.ts';

/** A configuration is small; anything larger is not one. */
const MAXIMUM_CHARACTERS = 1024 * 1024;

/** What an empty file means. */
export const DEFAULT_CONFIGURATION: Configuration = {
  unmatchedImages: 'Deny',
  pinDigests: 'Pods',
  enforcement: 'PerPolicy',
  excludedNamespaces: ['kube-system'],
  auditedNamespaces: [],
  workloads: [],
  // Below the 10 s that the API server waits by default, so that our reason arrives and not its timeout.
  deadlineSeconds: 9,
  maxPolicyAgeSeconds: 360,
  cache: DEFAULT_CACHE,
  registries: [],
  trustRoots: [],
  limits: DEFAULT_LIMITS,
  backgroundScan: DEFAULT_BACKGROUND_SCAN,
  namespacedPolicies: true,
  notifications: [],
  kms: DEFAULT_KMS,
};

type WrittenRegistry = Pick<RegistryConfiguration, 'host'> & Partial<RegistryConfiguration>;

type WrittenExclusion = string | { readonly name: string; readonly mode: 'Audit' };

type Written = Partial<
  Omit<
    Configuration,
    | 'excludedNamespaces'
    | 'auditedNamespaces'
    | 'cache'
    | 'registries'
    | 'trustRoots'
    | 'limits'
    | 'backgroundScan'
    | 'notifications'
    | 'proxy'
    | 'workloads'
    | 'kms'
  >
> & {
  readonly excludedNamespaces?: readonly WrittenExclusion[];
  readonly workloads?: readonly WrittenWorkload[];
  readonly cache?: Partial<CacheLifetimes>;
  readonly registries?: readonly WrittenRegistry[];
  readonly trustRoots?: readonly WrittenTrustRoot[];
  readonly limits?: Partial<Limits>;
  readonly backgroundScan?: Partial<BackgroundScan>;
  readonly notifications?: readonly WrittenNotification[];
  readonly proxy?: Pick<ProxyConfiguration, 'url'> & Partial<ProxyConfiguration>;
  readonly kms?: WrittenKms;
};

/**
 * Reads the configuration's YAML; an empty text gives the defaults.
 * Fails with `ConfigurationError`, which lists every fault with JSON path and line.
 */
export function parseConfiguration(text: string): Configuration {
  try {
    return readConfiguration(text);
  } catch (error) {
    if (error instanceof ConfigurationError) throw error;
    // Nesting that exhausts the parser's stack.
    throw new ConfigurationError([{ path: '$', message: `can't be read: ${fileErrorText(error)}` }]);
  }
}

function readConfiguration(text: string): Configuration {
  if (text.length > MAXIMUM_CHARACTERS) {
    throw new ConfigurationError([{ path: '$', message: `is larger than ${MAXIMUM_CHARACTERS} characters` }]);
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, stringKeys: true, prettyErrors: false });
  const [broken] = document.errors;
  if (broken !== undefined) {
    throw new ConfigurationError([
      { path: '$', line: lines.linePos(broken.pos[0]).line, message: `is not valid YAML: ${brokenText(broken)}` },
    ]);
  }
  const at = (segments: readonly PathSegment[], message: string): ConfigurationFault => ({
    path: jsonPath(segments),
    ...lineOf(document, lines, segments),
    message,
  });
  const written = plainValue(document, at);
  const validate = validatorOf<Written>('configuration');
  if (!validate(written)) {
    throw new ConfigurationError((validate.errors ?? []).map((error) => at(segmentsOf(error), sentenceOf(error))));
  }
  const configuration = withDefaults(written);
  const faults = [
    ...duplicatesOf(configuration.registries, 'registries', 'host', hostsOf),
    ...duplicatesOf(configuration.trustRoots, 'trustRoots', 'name'),
    ...duplicatesOf(configuration.notifications, 'notifications', 'name'),
    ...duplicatesOf(configuration.workloads, 'workloads', 'resource', (item) => [resourceIdOf(item)]),
    ...trustRootFaults(configuration.trustRoots),
    ...notificationFaults(configuration.notifications),
    ...workloadFaults(written.workloads ?? []),
    ...kmsFaults(configuration.kms),
  ];
  if (faults.length > 0) {
    throw new ConfigurationError(faults.map(({ segments, message }) => at(segments, message)));
  }
  return configuration;
}

/**
 * Reads a configuration file. Relative file names in it are relative to its own folder.
 * Fails with `ConfigurationError`, also where the file can't be read.
 */
export async function loadConfiguration(file: string): Promise<Configuration> {
  const text = await readBoundedText(file).catch((error: unknown) => {
    throw new ConfigurationError([{ path: '$', message: `can't be read: ${fileErrorText(error)}` }], file);
  });
  try {
    const configuration = parseConfiguration(text);
    await requireInlineRoots(configuration.trustRoots);
    return resolveFiles(configuration, path.dirname(file));
  } catch (error) {
    throw error instanceof ConfigurationError ? new ConfigurationError(error.faults, file) : error;
  }
}

/** The library's word for several documents is advice to programmers. */
function brokenText(broken: YAMLError): string {
  return broken.code === 'MULTIPLE_DOCS' ? 'there is more than one document' : errorText(broken);
}

/** Aliases are counted by the YAML library: a file that multiplies itself is an error, not a full memory. */
function plainValue(
  document: Document,
  at: (segments: readonly PathSegment[], message: string) => ConfigurationFault,
): unknown {
  try {
    return (document.toJS({ maxAliasCount: 100 }) as unknown) ?? {};
  } catch (error) {
    throw new ConfigurationError([at([], `can't be used: ${errorText(error)}`)]);
  }
}

/** The line of the deepest part of the path that is written in the file. */
function lineOf(document: Document, lines: LineCounter, segments: readonly PathSegment[]): { line?: number } {
  let step: Step | undefined = { place: undefined, value: document.contents };
  let place: unknown;
  for (const segment of segments) {
    step = stepInto(step.value, segment);
    if (step === undefined) break;
    place = step.place;
  }
  return isNode(place) && place.range ? { line: lines.linePos(place.range[0]).line } : {};
}

interface Step {
  /** Where a reader would look: a mapping's key, a list's item. */
  readonly place: unknown;
  readonly value: unknown;
}

function stepInto(node: unknown, segment: PathSegment): Step | undefined {
  if (isMap(node)) {
    const pair = node.items.find((item) => isScalar(item.key) && item.key.value === segment);
    return pair && { place: pair.key, value: pair.value };
  }
  const item = isSeq(node) ? node.items[Number(segment)] : undefined;
  return item === undefined ? undefined : { place: item, value: item };
}

/** Items of one identity, of which `identitiesOf` may tell several. */
function duplicatesOf<T extends object>(
  items: readonly T[],
  list: string,
  field: keyof T & string,
  identitiesOf: (item: T) => readonly unknown[] = (item) => [item[field]],
) {
  const seen = new Set<unknown>();
  return items.flatMap((item, index) => {
    const identities = identitiesOf(item);
    const isKnown = identities.some((identity) => seen.has(identity));
    for (const identity of identities) seen.add(identity);
    return isKnown ? [{ segments: [list, index, field], message: `names ${String(item[field])} a second time` }] : [];
  });
}

function withDefaults({ proxy, ...written }: Written): Configuration {
  return {
    ...DEFAULT_CONFIGURATION,
    ...written,
    ...namespacesOf(written.excludedNamespaces ?? DEFAULT_CONFIGURATION.excludedNamespaces),
    workloads: (written.workloads ?? []).map(completeWorkload),
    cache: { ...DEFAULT_CACHE, ...written.cache },
    registries: (written.registries ?? []).map(completeRegistry),
    trustRoots: (written.trustRoots ?? []).map(completeTrustRoot),
    limits: { ...DEFAULT_LIMITS, ...written.limits },
    backgroundScan: { ...DEFAULT_BACKGROUND_SCAN, ...written.backgroundScan },
    notifications: (written.notifications ?? []).map(completeNotification),
    ...(written.credentialHelpers && { credentialHelpers: completeHelpers(written.credentialHelpers) }),
    ...(proxy && { proxy: { noProxy: [], ...proxy } }),
    kms: completeKms(written.kms),
  };
}

/** A namespace that is named in both ways is not looked at. */
function namespacesOf(
  written: readonly WrittenExclusion[],
): Pick<Configuration, 'excludedNamespaces' | 'auditedNamespaces'> {
  const excludedNamespaces = written.filter((one) => typeof one === 'string');
  const names = written.flatMap((one) => (typeof one === 'string' ? [] : [one.name]));
  return { excludedNamespaces, auditedNamespaces: names.filter((name) => !excludedNamespaces.includes(name)) };
}

function completeHelpers({ binDir, hosts }: CredentialHelpersConfiguration): CredentialHelpersConfiguration {
  return {
    binDir,
    hosts: Object.fromEntries(Object.entries(hosts).map(([host, name]) => [normalisedHost(host), name])),
  };
}

function completeRegistry(written: WrittenRegistry): RegistryConfiguration {
  return {
    insecure: false,
    ...written,
    host: normalisedHost(written.host),
    mirrors: (written.mirrors ?? []).map(normalisedHost),
  };
}

/** As hosts stand in parsed references, so that one registry has one spelling. */
function normalisedHost(host: string): string {
  const lower = host.toLowerCase();
  return lower === 'index.docker.io' ? 'docker.io' : lower;
}

function resolveFiles(configuration: Configuration, folder: string): Configuration {
  const registry = (item: RegistryConfiguration): RegistryConfiguration =>
    item.caFile === undefined ? item : { ...item, caFile: path.resolve(folder, item.caFile) };
  const { credentialProviders: providers, credentialHelpers: helpers, clientCertificates: clients } = configuration;
  return {
    ...configuration,
    registries: configuration.registries.map(registry),
    trustRoots: configuration.trustRoots.map((item) => resolveTrustRoot(item, folder)),
    kms: resolveKms(configuration.kms, folder),
    ...(providers && {
      credentialProviders: {
        configFile: path.resolve(folder, providers.configFile),
        binDir: path.resolve(folder, providers.binDir),
      },
    }),
    ...(clients && { clientCertificates: { ...clients, caFile: path.resolve(folder, clients.caFile) } }),
    ...(helpers && { credentialHelpers: { ...helpers, binDir: path.resolve(folder, helpers.binDir) } }),
  };
}
