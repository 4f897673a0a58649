// SPDX-License-Identifier: Apache-2.0
import { EngineError } from '../errors.ts';
import { decodeEitherBase64 } from '../base64.ts';
import { isJsonObject } from '../json.ts';

const IN_TOTO = 'application/vnd.in-toto+json';

/** Each is tried with the keys of a policy. */
const MAXIMUM_SIGNATURES = 4;

/** A DSSE envelope around an in-toto statement. */
export interface SignedEnvelope {
  readonly payload: Uint8Array;
  /** One at least. */
  readonly signatures: readonly Uint8Array[];
  /** The pre-authentication encoding of type and payload: what the signature is over. */
  readonly signedBytes: Uint8Array;
}

/** With its one signature. */
export type Envelope = Omit<SignedEnvelope, 'signatures'> & { readonly signature: Uint8Array };

/** @throws EngineError MalformedSignature */
export function parseSignedEnvelope(value: unknown): SignedEnvelope {
  return parseWith(value, MAXIMUM_SIGNATURES, `has no signature, or more than ${MAXIMUM_SIGNATURES}`);
}

/** Of a bundle, which has one signature: of several the reader would choose. @throws EngineError MalformedSignature */
export function parseEnvelope(value: unknown): Envelope {
  const { payload, signatures, signedBytes } = parseWith(value, 1, 'does not have exactly one signature');
  const [signature = new Uint8Array()] = signatures;
  return { payload, signature, signedBytes };
}

function parseWith(value: unknown, most: number, otherwise: string): SignedEnvelope {
  if (!isJsonObject(value)) throw malformed('is not an object');
  const { payload: encoded, payloadType, signatures } = value;
  if (payloadType !== IN_TOTO) throw malformed(`is not of the payload type ${IN_TOTO}`);
  if (!Array.isArray(signatures) || signatures.length < 1 || signatures.length > most) throw malformed(otherwise);
  const payload = base64Field(encoded, 'payload');
  const read = signatures.map((one: unknown) => base64Field(isJsonObject(one) ? one['sig'] : undefined, 'signature'));
  return { payload, signatures: read, signedBytes: preAuthenticationEncoding(IN_TOTO, payload) };
}

/** PAE of the DSSE protocol, version 1; lengths are in bytes. */
export function preAuthenticationEncoding(payloadType: string, payload: Uint8Array): Uint8Array {
  const typeLength = Buffer.byteLength(payloadType);
  return Buffer.concat([Buffer.from(`DSSEv1 ${typeLength} ${payloadType} ${payload.length} `), payload]);
}

/** The payload of what `preAuthenticationEncoding` made: all after the fourth blank. */
export function payloadOfEncoding(encoding: Uint8Array): Uint8Array {
  let start = 0;
  for (let blanks = 0; blanks < 4; blanks += 1) start = encoding.indexOf(0x20, start) + 1;
  return encoding.subarray(start);
}

function base64Field(text: unknown, name: string): Uint8Array {
  const bytes = typeof text === 'string' ? decodeEitherBase64(text) : undefined;
  if (bytes === undefined || bytes.length === 0) throw malformed(`has a ${name} that is not valid base64`);
  return bytes;
}

function malformed(what: string): EngineError {
  return new EngineError('MalformedSignature', `the DSSE envelope ${what}`);
}
