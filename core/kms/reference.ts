// SPDX-License-Identifier: Apache-2.0
import { PLUGIN_NAME } from '../config/kms-settings.ts';
import { quote } from '../image/reference.ts';
import { otherWayToName } from './spelling.ts';

/** A key that a key management service (KMS) holds, as `cosign sign --key` spells it. */
export interface KmsReference {
  /** All of it. */
  readonly text: string;
  /** What is before `://`: a service, or the name of a plugin. */
  readonly scheme: string;
  /** What is after it; of a plugin, its own affair. */
  readonly resource: string;
  /** The named groups of the service's form; none of a plugin. */
  readonly parts: Readonly<Record<string, string | undefined>>;
}

interface Form {
  readonly pattern: RegExp;
  /** For messages. */
  readonly form: string;
}

const HOST = '[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?';
const UUID = '(?:mrk-)?[A-Fa-f0-9]{8}-?[A-Fa-f0-9]{4}-?[A-Fa-f0-9]{4}-?[A-Fa-f0-9]{4}-?[A-Fa-f0-9]{12}';
const ARN = 'arn:aws[a-z-]*:kms:(?<region>[a-z0-9-]+):[0-9]{12}:';
const ALIAS = 'alias/[A-Za-z0-9/_-]+';
/** No dots alone: a path must stay the one that is written. */
const SEGMENT = '[A-Za-z0-9][A-Za-z0-9._:-]*';

const VAULT: Form = { pattern: /^(?<name>\w(?:[\w.-]*\w)?)$/, form: 'hashivault://KEY' };

/** What cosign takes, and nothing that could lead to another path or host than the one that a reader sees. */
const FORMS: Readonly<Record<string, Form>> = {
  awskms: {
    pattern: new RegExp(`^(?<endpoint>(?:${HOST})?)/(?<key>(?:${ARN}(?:key/${UUID}|${ALIAS}))|${UUID}|${ALIAS})$`),
    form: 'awskms://[ENDPOINT]/ID, …/alias/NAME or …/ARN',
  },
  gcpkms: {
    pattern: new RegExp(
      `^(?<key>projects/${SEGMENT}/locations/${SEGMENT}/keyRings/${SEGMENT}/cryptoKeys/${SEGMENT})` +
        '(?:/(?:cryptoKeyVersions|versions)/(?<version>[0-9]{1,10}))?$',
    ),
    form: 'gcpkms://projects/PROJECT/locations/LOCATION/keyRings/RING/cryptoKeys/KEY[/versions/VERSION]',
  },
  azurekms: {
    pattern: new RegExp(`^(?<vault>${HOST})/(?<name>[A-Za-z0-9-]{1,127})(?:/(?<version>[a-z0-9]*))?$`),
    form: 'azurekms://VAULT.vault.azure.net/KEY[/VERSION]',
  },
  hashivault: VAULT,
  openbao: VAULT,
};

const MAXIMUM_CHARACTERS = 1024;

/** @throws Error with a sentence, where it is none. */
export function parseKmsReference(text: string): KmsReference {
  if (text.length > MAXIMUM_CHARACTERS) throw new Error(`is longer than ${MAXIMUM_CHARACTERS} characters`);
  const otherWay = otherWayToName(text);
  if (otherWay !== undefined) throw new Error(`${quote(text)} ${otherWay}`);
  const [, scheme = '', resource = ''] = /^([^:/]*):\/\/([\x21-\x7e]+)$/.exec(text) ?? [];
  if (!new RegExp(PLUGIN_NAME).test(scheme)) {
    throw new Error(
      `${quote(text)} is no key of a KMS: expected awskms://…, gcpkms://…, azurekms://… or hashivault://…`,
    );
  }
  const known = Object.hasOwn(FORMS, scheme) ? FORMS[scheme] : undefined;
  if (known === undefined) return { text, scheme, resource, parts: {} };
  const found = known.pattern.exec(resource);
  if (found === null) throw new Error(`${quote(text)} is not of the form ${known.form}`);
  return { text, scheme, resource, parts: { ...found.groups } };
}
