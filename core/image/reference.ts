// SPDX-License-Identifier: Apache-2.0
import { printable } from '../text.ts';
import { EngineError } from '../errors.ts';
import { isDigest } from './digest.ts';
import type { Digest } from './digest.ts';
import { HOST, PATH_COMPONENT, conforms } from './grammar.ts';
import { DOCKER_HUB } from './host.ts';
import type { ImageReference, Repository } from './types.ts';

const LEGACY_REGISTRY = 'index.docker.io';
const OFFICIAL = 'library/';
/** The path's limit (distribution/reference, RepositoryNameTotalLengthMax). */
const MAXIMUM_PATH = 255;
/** Nothing valid is longer: 255 for each of host and path, a tag, a digest and the signs between them. */
const MAXIMUM_TEXT = 1024;

const TAG = /^\w[\w.-]{0,127}$/;
const IDENTIFIER = /^[0-9a-f]{64}$/;

/**
 * Reads an image reference with the kubelet's grammar (distribution/reference, ParseNormalizedNamed):
 * `nginx` is `docker.io/library/nginx:latest`. A tag beside a digest is kept, and means nothing.
 *
 * Stricter than the kubelet in four places, each refused because two readers could understand it differently:
 * digests other than sha256, hosts that only the grammar of paths allows (`a_b.io/x`), `Docker.io` in any
 * other case than lower, and hosts longer than DNS allows.
 *
 * @throws EngineError InvalidReference, one sentence that names what is wrong.
 */
export function parseReference(text: string): ImageReference {
  requirePlausible(text);
  const [named, digestText] = cut(text, text.indexOf('@'));
  const [name, tagText] = cut(named, tagColon(named));
  const digest = digestText === undefined ? undefined : parseDigest(text, digestText);
  const tag = tagText === undefined ? undefined : parseTag(text, tagText);
  const repository = splitRepository(text, name);
  if (digest === undefined) return { ...repository, original: text, tag: tag ?? 'latest' };
  return { ...repository, original: text, digest, ...(tag === undefined ? {} : { tag }) };
}

/**
 * A repository alone, as in `signatureRepository`: no tag, no digest.
 *
 * @throws EngineError InvalidReference
 */
export function parseRepository(text: string): Repository {
  if (text.includes('@') || tagColon(text) !== -1) throw fault(text, 'a repository is written without tag and digest');
  const { registry, path } = parseReference(text);
  return { registry, path };
}

/** Fully qualified, so that no short-name search list reads it differently: `docker.io/library/nginx:1@sha256:…`. */
export function formatReference(reference: Omit<ImageReference, 'original'>): string {
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
  const digest = reference.digest === undefined ? '' : `@${reference.digest}`;
  return repositoryName(reference) + tag + digest;
}

/** `docker.io/library/nginx`. */
export function repositoryName(repository: Repository): string {
  return `${hostName(repository.registry)}/${repository.path}`;
}

/** Whether the first of several components is a host; otherwise it belongs to the path on docker.io. */
export function isHostComponent(component: string): boolean {
  return /[.:]/.test(component) || component === 'localhost' || component !== component.toLowerCase();
}

/** Host and path with docker.io's two short forms written out; nothing is checked. */
export function normalizeName(name: string): Repository {
  const slash = name.indexOf('/');
  const first = name.slice(0, Math.max(slash, 0));
  if (slash === -1 || !isHostComponent(first)) return onDefaultRegistry(name);
  const path = name.slice(slash + 1);
  if (first === DOCKER_HUB || first === LEGACY_REGISTRY) return onDefaultRegistry(path);
  return { registry: first, path };
}

function onDefaultRegistry(path: string): Repository {
  return { registry: DOCKER_HUB, path: path.includes('/') ? path : OFFICIAL + path };
}

/** Where the tag starts: the colon of the last component; one before a slash belongs to a port. */
export function tagColon(name: string): number {
  return name.indexOf(':', name.lastIndexOf('/') + 1);
}

function requirePlausible(text: string): void {
  if (text === '') throw fault(text, 'it is empty');
  if (text.length > MAXIMUM_TEXT) throw fault(text, `it is longer than ${MAXIMUM_TEXT} characters`);
  if (IDENTIFIER.test(text)) throw fault(text, '64 hexadecimal digits name an image of one machine, not a repository');
}

/** What is before and what is after the character at `index`; nothing is after where there is none. */
function cut(text: string, index: number): readonly [string, string | undefined] {
  return index === -1 ? [text, undefined] : [text.slice(0, index), text.slice(index + 1)];
}

function splitRepository(text: string, name: string): Repository {
  const { registry, path } = normalizeName(name);
  requireHost(text, registry);
  if (path !== path.toLowerCase()) throw fault(text, `the repository ${quote(path)} must be lower case`);
  if (path.length > MAXIMUM_PATH) throw fault(text, `the repository is longer than ${MAXIMUM_PATH} characters`);
  for (const component of path.split('/')) {
    if (component === '') throw fault(text, 'a part of the repository is empty');
    if (!conforms(PATH_COMPONENT, component)) throw fault(text, `${quote(component)} is not valid in a repository`);
  }
  // Names in DNS have no case; kept as written, `Registry.example.com` would slip past every pattern.
  return { registry: registry.toLowerCase(), path };
}

function requireHost(text: string, host: string): void {
  const lower = host.toLowerCase();
  if (host !== lower && (lower === DOCKER_HUB || lower === LEGACY_REGISTRY)) {
    throw fault(text, `write ${lower} in lower case: runtimes read ${quote(host)} as another registry`);
  }
  if (host.length > MAXIMUM_PATH) throw fault(text, `the host is longer than ${MAXIMUM_PATH} characters`);
  // Checked before it is put in lower case: U+212A, the Kelvin sign, would become an ordinary k.
  if (/[^ -~]/.test(host) || !conforms(HOST, lower)) throw fault(text, `${quote(host)} is not a valid host`);
}

function parseTag(text: string, tag: string): string {
  if (tag.length > 128) throw fault(text, 'the tag is longer than 128 characters');
  if (!TAG.test(tag)) throw fault(text, `${quote(tag)} is not a valid tag`);
  return tag;
}

function parseDigest(text: string, digest: string): Digest {
  if (isDigest(digest)) return digest;
  const algorithm = /^([A-Za-z0-9+._-]{1,32}):/.exec(digest)?.[1];
  if (algorithm !== undefined && algorithm !== 'sha256') {
    throw fault(text, `digests of type ${algorithm} are not supported: cosign signs sha256 digests`);
  }
  throw fault(text, `${quote(digest)} is not a digest: expected sha256: and 64 lower-case hexadecimal digits`);
}

/** A host of one bare label is told from a path only by its upper case: `REGISTRY/app`. */
function hostName(registry: string): string {
  return isHostComponent(registry) ? registry : registry.toUpperCase();
}

function fault(text: string, message: string): EngineError {
  return new EngineError('InvalidReference', `${quote(text)} is not an image reference: ${message}`);
}

/** Outside text in a message: as JSON, so that no control character gets through, nor those that JSON lets pass; short. */
export function quote(text: string): string {
  const quoted = JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);
  return printable(quoted, (character) => character.split('').map(codeUnit).join(''));
}

function codeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
