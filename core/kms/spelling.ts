// SPDX-License-Identifier: Apache-2.0

const SECRET = /^k8s:\/\/[^/]+\/([a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)$/;
/** What else `cosign verify --key` takes for a key: none of it is a service that could be asked here. */
const ELSEWHERE: ReadonlySet<string> = new Set(['env', 'file', 'github', 'gitlab', 'http', 'https', 'pkcs11']);

/** How a key is named here that cosign finds by such a text, and no KMS holds, as a clause. Undefined: a KMS may hold it. */
export function otherWayToName(text: string): string | undefined {
  const scheme = /^([a-z0-9]+):/.exec(text)?.[1] ?? '';
  if (scheme === 'k8s') {
    const name = SECRET.exec(text)?.[1] ?? 'NAME';
    return `names a Secret: in place of kms write secretRef: {name: ${name}, key: cosign.pub}`;
  }
  return ELSEWHERE.has(scheme)
    ? 'names no key of a KMS: write the public key as pem, or put it into a Secret and name that with secretRef'
    : undefined;
}

const SERVICES = ['awskms', 'gcpkms', 'azurekms', 'hashivault', 'openbao'] as const;
/** What people call them: other projects, and the tools of the services. */
const ALSO_CALLED: ReadonlyMap<string, string> = new Map([
  ['arn', 'awskms'],
  ['aws', 'awskms'],
  ['azure', 'azurekms'],
  ['azurekeyvault', 'azurekms'],
  ['bao', 'openbao'],
  ['gcp', 'gcpkms'],
  ['google', 'gcpkms'],
  ['hashicorp', 'hashivault'],
  ['vault', 'hashivault'],
]);

/**
 * The service that is probably meant by a scheme that is none. A plugin may be called so, but hardly is.
 * Undefined: it is a service, or like none.
 */
export function serviceMeantBy(scheme: string): string | undefined {
  const plain = scheme.replaceAll('-', '');
  if (SERVICES.some((service) => service === scheme)) return undefined;
  return ALSO_CALLED.get(plain) ?? SERVICES.find((service) => isOneMistake(plain, service));
}

/** One character that is missing, too much, another one, or in the place of its neighbour; or none. */
function isOneMistake(written: string, meant: string): boolean {
  let start = 0;
  while (start < meant.length && written[start] === meant[start]) start += 1;
  const [rest, due] = [written.slice(start), meant.slice(start)];
  const isSwapped = rest.slice(0, 2) === `${due[1] ?? ''}${due[0] ?? ''}` && rest.slice(2) === due.slice(2);
  return rest.slice(1) === due || rest === due.slice(1) || rest.slice(1) === due.slice(1) || isSwapped;
}
