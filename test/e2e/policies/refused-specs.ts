// SPDX-License-Identifier: Apache-2.0

export const key = { pem: 'any text: what CEL can see of a key' };
const identity = { issuer: 'https://issuer.example', subject: 'someone@example.com' };

export const certificate = { caPem: 'any text: what CEL can see of an authority', subject: 'someone@example.com' };
export const attestedOnly = {
  images: ['**'],
  keys: [key],
  threshold: 0,
  attestations: [{ name: 'a', predicateType: 't' }],
};

export const SECRET = 'c2VjcmV0IG9mIHNvbWVib2R5';

/** Each spec breaks one rule of the definition; the message is what kubectl shows. */
export const refused: readonly (readonly [what: string, spec: object, message: RegExp])[] = [
  ['no images', { keys: [key] }, /spec\.images: Required value/],
  ['an empty list of images', { images: [], keys: [key] }, /spec\.images.*should have at least 1 items/],
  ['no signers', { images: ['**'] }, /action Verify needs keys or identities/],
  ['a key that is nothing', { images: ['**'], keys: [{ name: 'a' }] }, /exactly one of pem, secretRef or kms/],
  [
    'a key that is two things',
    { images: ['**'], keys: [{ ...key, secretRef: { name: 'a', key: 'b' } }] },
    /exactly one of pem, secretRef or kms/,
  ],
  [
    'a key that is somewhere else, too',
    { images: ['**'], keys: [{ ...key, kms: 'hashivault://release' }] },
    /exactly one of pem, secretRef or kms/,
  ],
  ...['cosign.pub', 'https://keys.example/cosign.pub', 'pkcs11:token=x'].map((kms): (typeof refused)[number] => [
    `a KMS that is none, ${kms}`,
    { images: ['**'], keys: [{ kms }] },
    /spec\.keys\[0\]\.kms: Invalid value: .*kms is awskms:\/\/….* is written as pem/,
  ]),
  [
    'a Secret as if it were a KMS',
    { images: ['**'], keys: [{ kms: 'k8s://prod/release' }] },
    /spec\.keys\[0\]\.kms: Invalid value: .*k8s:\/\/ names a Secret: in place of kms write secretRef/,
  ],
  [
    'a private key',
    { images: ['**'], keys: [{ pem: `-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n${SECRET}` }] },
    /spec\.keys\[0\]: Invalid value: (?:"object": )?pem holds a private key: write the public key here, cosign\.pub,/,
  ],
  [
    'a threshold that nobody reaches',
    { images: ['**'], keys: [key], threshold: 2 },
    /spec\.threshold: .*must not exceed the number/,
  ],
  ['a threshold of nothing', { images: ['**'], keys: [key], threshold: 0 }, /threshold 0 needs attestations/],
  [
    'a threshold of nothing with annotations',
    { ...attestedOnly, annotations: { team: 'a' } },
    /annotations and required are about signatures, and threshold 0 asks for none/,
  ],
  [
    'a threshold of nothing with required names',
    { ...attestedOnly, keys: [{ ...key, name: 'a' }], required: ['a'] },
    /annotations and required are about signatures, and threshold 0 asks for none/,
  ],
  [
    'platforms of another kind',
    { images: ['**'], keys: [key], platforms: 'Some' },
    /spec\.platforms: Unsupported value/,
  ],
  [
    'a Secret for no repository of signatures',
    { images: ['**'], keys: [key], signatureSecret: 'pull' },
    /signatureSecret needs signatureRepository/,
  ],
  ['attestations by nobody', { ...attestedOnly, keys: [] }, /action Verify needs keys or identities/],
  ['a required name without a key', { images: ['**'], keys: [key], required: ['other'] }, /required names exist/],
  [
    'two keys of one name',
    {
      images: ['**'],
      keys: [
        { ...key, name: 'a' },
        { ...key, name: 'a' },
      ],
    },
    /key names must be unique/,
  ],
  [
    'a window that ends before it begins',
    { images: ['**'], keys: [{ ...key, notBefore: '2030-01-01T00:00:00Z', notAfter: '2029-01-01T00:00:00Z' }] },
    /notBefore must be before notAfter/,
  ],
  [
    'an identity with two issuers',
    { images: ['**'], identities: [{ ...identity, issuerPattern: '.*' }] },
    /exactly one of issuer or issuerPattern/,
  ],
  [
    'a signed identity without its repository',
    { images: ['**'], keys: [{ pem: 'x' }], signedIdentity: { matchPolicy: 'ExactRepository' } },
    /exactRepository goes with matchPolicy ExactRepository/,
  ],
  [
    'a signed identity with prefixes that are not asked for',
    {
      images: ['**'],
      keys: [{ pem: 'x' }],
      signedIdentity: {
        matchPolicy: 'MatchRepository',
        remapIdentity: { prefix: 'a.example', signedPrefix: 'b.example' },
      },
    },
    /remapIdentity goes with matchPolicy RemapIdentity/,
  ],
  [
    'a signed identity where no signature is asked for',
    { ...attestedOnly, signedIdentity: { matchPolicy: 'MatchRepository' } },
    /signedIdentity is about signatures, and threshold 0 asks for none/,
  ],
  [
    'an identity without a subject',
    { images: ['**'], identities: [{ issuer: identity.issuer }] },
    /exactly one of subject or subjectPattern/,
  ],
  [
    'a claim that nobody knows',
    { images: ['**'], identities: [{ ...identity, claims: [{ name: 'sourceRepo', value: 'x' }] }] },
    /Unsupported value: "sourceRepo": supported values: .*"sourceRepositoryURI"/,
  ],
  [
    'a claim with neither value nor pattern',
    { images: ['**'], identities: [{ ...identity, claims: [{ name: 'buildTrigger' }] }] },
    /exactly one of value or valuePattern/,
  ],
  [
    'a claim that is there twice',
    {
      images: ['**'],
      identities: [
        {
          ...identity,
          claims: [
            { name: 'buildTrigger', value: 'push' },
            { name: 'buildTrigger', value: 'release' },
          ],
        },
      ],
    },
    /claims\[1\]: Duplicate value/,
  ],
  [
    'a certificate of two authorities',
    { images: ['**'], certificates: [{ ...certificate, secretRef: { name: 'a', key: 'b' } }] },
    /exactly one of caPem or secretRef/,
  ],
  [
    'a certificate of nobody',
    { images: ['**'], certificates: [{ caPem: certificate.caPem }] },
    /exactly one of subject or subjectPattern/,
  ],
  [
    'a private key among authorities',
    { images: ['**'], certificates: [{ ...certificate, caPem: '-----BEGIN PRIVATE KEY-----' }] },
    /spec\.certificates\[0\]: .*caPem holds a private key: write certificates only/,
  ],
  [
    'two certificates of one name',
    {
      images: ['**'],
      certificates: [
        { ...certificate, name: 'a' },
        { ...certificate, name: 'a' },
      ],
    },
    /certificate names must be unique/,
  ],
  [
    'a threshold that certificates do not reach',
    { images: ['**'], certificates: [certificate], threshold: 2 },
    /spec\.threshold: .*must not exceed the number/,
  ],
  [
    'a demand that ends by itself',
    { images: ['**'], keys: [key], expiresAt: '2030-01-01T00:00:00Z' },
    /expiresAt is for action Allow only: what is asked must not end by itself/,
  ],
  [
    'a denial that ends by itself',
    { images: ['**'], action: 'Deny', expiresAt: '2030-01-01T00:00:00Z' },
    /expiresAt is for action Allow only/,
  ],
  [
    'an exception that ends at no time',
    { images: ['**'], action: 'Allow', expiresAt: 'soon' },
    /spec\.expiresAt.*must be of type date-time/,
  ],
  ['a demand with a reason', { images: ['**'], keys: [key], reason: 'none' }, /reason is for action Allow only/],
  [
    'a time of attestations that are not ordered',
    { ...attestedOnly, attestations: [{ name: 'a', predicateType: 't', newestBy: 'timestamp(predicate.at)' }] },
    /newestBy needs select Newest/,
  ],
  [
    'an unknown selection',
    { ...attestedOnly, attestations: [{ name: 'a', predicateType: 't', select: 'Oldest' }] },
    /Unsupported value: "Oldest"/,
  ],
  ['an unknown mode', { images: ['**'], keys: [key], mode: 'Off' }, /Unsupported value: "Off"/],
  ['an unknown field', { images: ['**'], keys: [key], keyz: [] }, /unknown field "spec\.keyz"/],
];
