// SPDX-License-Identifier: Apache-2.0
import { fieldOf } from '../../json.ts';
import { quote } from '../../image/reference.ts';
import { serviceMeantBy } from '../../kms/spelling.ts';
import { names, VARIABLES } from '../expressions/variables.ts';
import type { Problem } from '../problems/report.ts';

/** What a policy says that is valid, and means something else than it looks like. Never throws; of any document. */
export function hardlyMeant(policy: unknown): readonly Problem[] {
  const spec = fieldOf(policy, 'spec');
  return [patterns, unusedSigners, keys, identities, attestations, certificates].flatMap((hints) => hints(spec));
}

const SIGNERS = ['keys', 'identities', 'certificates'] as const;

function patterns(spec: unknown): readonly Problem[] {
  return listOf(fieldOf(spec, 'images')).flatMap((text, index) =>
    problem('InvalidPattern', `spec.images[${index}]`, typeof text === 'string' ? patternHint(text) : undefined),
  );
}

function patternHint(text: string): string | undefined {
  if (text === '*') return '"*" covers docker.io/library/* only; for every image write "**"';
  if (text === '*/*') return '"*/*" covers docker.io/*/* only; for every image write "**"';
  // `node.js` may be an image of Docker Hub; no image is called like these.
  return /^(?:[a-z0-9-]+\.)+(?:app|cloud|com|corp|dev|internal|io|lan|local|net|org)$/.test(text)
    ? `${quote(text)} is the image docker.io/library/${text}; did you mean ${quote(`${text}/**`)}?`
    : undefined;
}

/** Whoever adds a key to an exception may believe that it asks for signatures. */
function unusedSigners(spec: unknown): readonly Problem[] {
  const action = fieldOf(spec, 'action');
  if (action !== 'Allow' && action !== 'Deny') return [];
  const written = [...SIGNERS, 'attestations'].filter((field) => listOf(fieldOf(spec, field)).length > 0);
  return written.flatMap((field) =>
    problem('InvalidSpec', `spec.${field}`, `action ${action} looks at no signature: write action Verify to use them`),
  );
}

function keys(spec: unknown): readonly Problem[] {
  return listOf(fieldOf(spec, 'keys')).flatMap((entry, index) => {
    const text = fieldOf(entry, 'kms');
    const scheme = typeof text === 'string' ? (/^([a-z0-9-]+):\/\//.exec(text)?.[1] ?? '') : '';
    const meant = serviceMeantBy(scheme);
    const hint = meant && `${scheme}:// is a plugin, if the configuration lists one; did you mean ${meant}://?`;
    return problem('InvalidKey', `spec.keys[${index}].kms`, hint);
  });
}

function identities(spec: unknown): readonly Problem[] {
  return listOf(fieldOf(spec, 'identities')).flatMap((entry, index) => ofIdentity(entry, `spec.identities[${index}]`));
}

function ofIdentity(entry: unknown, path: string): readonly Problem[] {
  const claims = listOf(fieldOf(entry, 'claims'));
  return [
    ...spaced(entry, path, 'issuer'),
    ...spaced(entry, path, 'subject'),
    ...problem('InvalidSpec', `${path}.subjectPattern`, everybody(entry)),
    ...claims.flatMap((claim, index) => spaced(claim, `${path}.claims[${index}]`, 'value')),
  ];
}

const ANYTHING = /^\^?\.[*+]\$?$/;

function everybody(identity: unknown): string | undefined {
  const pattern = fieldOf(identity, 'subjectPattern');
  const claims = listOf(fieldOf(identity, 'claims'));
  return typeof pattern === 'string' && ANYTHING.test(pattern) && claims.length === 0
    ? 'trusts whoever the issuer knows, and with an issuer for the public that is everybody'
    : undefined;
}

function certificates(spec: unknown): readonly Problem[] {
  return listOf(fieldOf(spec, 'certificates')).flatMap((entry, index) =>
    spaced(entry, `spec.certificates[${index}]`, 'subject'),
  );
}

/** What `cosign attest --type` calls them: in a policy, and in what is signed, they have a whole name. */
const SHORT_TYPES: ReadonlyMap<string, string> = new Map([
  ['custom', 'https://cosign.sigstore.dev/attestation/v1'],
  ['cyclonedx', 'https://cyclonedx.org/bom'],
  ['link', 'https://in-toto.io/Link/v1'],
  ['openvex', 'https://openvex.dev/ns'],
  ['slsaprovenance', 'https://slsa.dev/provenance/v0.2'],
  ['slsaprovenance02', 'https://slsa.dev/provenance/v0.2'],
  ['slsaprovenance1', 'https://slsa.dev/provenance/v1'],
  ['spdx', 'https://spdx.dev/Document'],
  ['spdxjson', 'https://spdx.dev/Document'],
  ['vuln', 'https://cosign.sigstore.dev/attestation/vuln/v1'],
]);

function attestations(spec: unknown): readonly Problem[] {
  return listOf(fieldOf(spec, 'attestations')).flatMap((entry, index) =>
    ofAttestation(entry, `spec.attestations[${index}]`),
  );
}

function ofAttestation(entry: unknown, path: string): readonly Problem[] {
  const type = fieldOf(entry, 'predicateType');
  const whole = typeof type === 'string' ? SHORT_TYPES.get(type) : undefined;
  const hint = whole && `${quote(String(type))} is cosign's short name; attestations say ${whole}`;
  return [
    ...problem('InvalidAttestation', `${path}.predicateType`, hint),
    ...spaced(entry, path, 'predicateType'),
    ...listOf(fieldOf(entry, 'conditions')).flatMap((condition, index) =>
      constant(fieldOf(condition, 'expression'), `${path}.conditions[${index}].expression`),
    ),
    ...constant(fieldOf(entry, 'newestBy'), `${path}.newestBy`),
  ];
}

/** What depends on nothing, where something is to be told from other things. */
function constant(expression: unknown, path: string): readonly Problem[] {
  const isConstant = typeof expression === 'string' && !VARIABLES.some((variable) => names(expression, variable));
  const hint = `names none of ${VARIABLES.join(', ')}, so that it says the same of every attestation`;
  return problem('InvalidAttestation', path, isConstant ? hint : undefined);
}

/** A text that is compared exactly, with what YAML's `|` or a paste left around it. */
function spaced(entry: unknown, path: string, field: string): readonly Problem[] {
  const text = fieldOf(entry, field);
  const isSpaced = typeof text === 'string' && text !== text.trim();
  const hint = `${quote(String(text))} begins or ends with white space, which belongs to it when it is compared`;
  return problem('InvalidSpec', `${path}.${field}`, isSpaced ? hint : undefined);
}

function problem(reason: Problem['reason'], path: string, message: string | undefined): readonly Problem[] {
  return message === undefined || message === '' ? [] : [{ reason, path, message }];
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
