// SPDX-License-Identifier: Apache-2.0
import { hostIdentity } from '../../image/host.ts';
import { isHostComponent, parseRepository, quote, repositoryName } from '../../image/reference.ts';
import type { Repository } from '../../image/types.ts';
import type { ImagePolicySpec } from '../documents/image-policy.gen.ts';
import type { Report } from '../problems/report.ts';
import type { CompiledPolicy } from '../types.ts';

const PATH = 'spec.signedIdentity';

/**
 * For which repository a signature must have been made, as OpenShift's `signedIdentity`. Not among its ways is
 * `MatchRepoDigestOrExact`, which compares tags: cosign signs none.
 */
export function compileSignedIdentity(
  { signedIdentity }: ImagePolicySpec,
  report: Report,
): Pick<CompiledPolicy, 'signedIdentity'> {
  if (signedIdentity === undefined) return {};
  const { matchPolicy, exactRepository, remapIdentity } = signedIdentity;
  if ((matchPolicy === 'ExactRepository') !== (exactRepository !== undefined)) {
    report.add('InvalidSpec', PATH, 'exactRepository goes with matchPolicy ExactRepository');
  }
  if ((matchPolicy === 'RemapIdentity') !== (remapIdentity !== undefined)) {
    report.add('InvalidSpec', PATH, 'remapIdentity goes with matchPolicy RemapIdentity');
  }
  if (exactRepository !== undefined) {
    const path = `${PATH}.exactRepository.repository`;
    const exact = report.attempt('InvalidSpec', path, () => parseRepository(exactRepository.repository));
    return exact === undefined ? {} : { signedIdentity: () => exact };
  }
  if (remapIdentity === undefined) return { signedIdentity: (image) => image };
  const prefixOf = (field: 'prefix' | 'signedPrefix') =>
    report.attempt('InvalidSpec', `${PATH}.remapIdentity.${field}`, () => parsePrefix(remapIdentity[field]));
  const from = prefixOf('prefix');
  const to = prefixOf('signedPrefix');
  return from === undefined || to === undefined ? {} : { signedIdentity: (image) => remapped(image, from, to) };
}

/** Whether both name the same repository, however their hosts are written. */
export function isSameRepository(one: Repository, other: Repository): boolean {
  return one.path === other.path && hostIdentity(one.registry) === hostIdentity(other.registry);
}

/** A host, or a host and the first segments of a path; the path is empty of a host alone. */
function parsePrefix(text: string): Repository {
  const [host = ''] = text.split('/', 1);
  if (!isHostComponent(host)) {
    throw new TypeError(`${quote(text)} does not begin with a host, such as registry.example.com/team`);
  }
  // With a segment more, so that docker.io/team is read as it is written, and not as docker.io/library/team.
  const { registry, path } = parseRepository(`${text}/any`);
  return { registry, path: host === text ? '' : path.slice(0, -'/any'.length) };
}

/** What is not under the prefix stays as it is. */
function remapped(image: Repository, from: Repository, to: Repository): Repository {
  if (hostIdentity(image.registry) !== hostIdentity(from.registry)) return image;
  const segments = image.path.split('/');
  const prefix = from.path.split('/').filter((segment) => segment !== '');
  if (prefix.some((segment, index) => segments[index] !== segment)) return image;
  const rest = segments.slice(prefix.length);
  return { registry: to.registry, path: [to.path, ...rest].filter((segment) => segment !== '').join('/') };
}

/** Why a signature made for `signed` (undefined: it does not say) is none for `wanted`; undefined: it is one. */
export function identityFault(signed: Repository | undefined, wanted: Repository): string | undefined {
  if (signed === undefined) return `it names no repository, wanted ${repositoryName(wanted)}`;
  if (isSameRepository(signed, wanted)) return undefined;
  return `it was made for ${repositoryName(signed)}, wanted ${repositoryName(wanted)}`;
}
