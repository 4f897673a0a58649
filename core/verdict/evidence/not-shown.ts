// SPDX-License-Identifier: Apache-2.0
import { EngineError } from '../../errors.ts';
import type { ResolvedImage } from '../../signatures/types.ts';
import { repositoryName } from '../../image/reference.ts';
import type { Repository } from '../../image/types.ts';
import type { RegistryClient, RequestScope } from '../../registry/types.ts';

/**
 * A place beside an image that the registry refuses to show to those who may read the image. Some registries answer so
 * for a tag that is not there (Artifactory, GitLab, old Harbor), others for one that is: it can't be told, so other
 * places are read, what is found and verified there decides, and without any this is an error.
 */
export class NotShown extends EngineError {
  constructor(place: string, { repository }: ResolvedImage) {
    const message = `${repository.registry} refuses to show ${place} of ${repository.path}, although it shows the image with the same credentials: either it is not there, or these credentials may not see it`;
    const remedy = `If ${repositoryName(repository)} is signed, use credentials that may read all its tags and referrers; if not, sign it.`;
    super('RegistryUnauthorized', message, { remedy });
  }
}

interface Asking {
  readonly image: ResolvedImage;
  /** Where signatures are. */
  readonly repository: Repository;
  readonly registry: RegistryClient;
  readonly scope: RequestScope;
}

/** What was read; a refusal becomes `NotShown` where the image itself can be read. */
export async function orNotShown<T>(reading: Promise<T>, place: string, asking: Asking): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    const isRefusal = error instanceof EngineError && error.code === 'RegistryUnauthorized';
    if (isRefusal && (await showsImage(asking))) throw new NotShown(place, asking.image);
    throw error;
  }
}

/** Whether the registry shows the image; one request for each decision that is refused a place. */
function showsImage(asking: Asking): Promise<boolean> {
  const answers = known.get(asking.scope) ?? new Map<string, Promise<boolean>>();
  known.set(asking.scope, answers);
  const name = `${repositoryName(asking.image.repository)}@${asking.image.digest}`;
  const answer = answers.get(name) ?? askForImage(asking);
  answers.set(name, answer);
  return answer;
}

const known = new WeakMap<RequestScope, Map<string, Promise<boolean>>>();

/** Signatures in another repository say nothing of the image's. */
async function askForImage({ image, repository, registry, scope }: Asking): Promise<boolean> {
  if (repositoryName(image.repository) !== repositoryName(repository)) return false;
  try {
    return (await registry.resolveTag(repository, image.digest, scope)) !== undefined;
  } catch (error) {
    if (error instanceof EngineError) return false;
    throw error;
  }
}
