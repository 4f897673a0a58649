// SPDX-License-Identifier: Apache-2.0
import { EngineError } from '../errors.ts';
import { decodeEitherBase64 } from '../base64.ts';
import { isJsonObject } from '../json.ts';

const IN_TOTO = 'application/vnd.in-toto+json';

/** A DSSE envelope around an in-toto statement, with its one signature. */
export interface Envelope {
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
  /** The pre-authentication encoding of type and payload: what the signature is over. */
  readonly signedBytes: Uint8Array;
}

/** @throws EngineError MalformedSignature */
export function parseEnvelope(value: unknown): Envelope {
  if (!isJsonObject(value)) throw malformed('is not an object');
  const { payload: encoded, payloadType, signatures } = value;
  if (payloadType !== IN_TOTO) throw malformed(`is not of the payload type ${IN_TOTO}`);
  // With several, which of them counts would be the reader's choice; cosign and sigstore write one.
  if (!Array.isArray(signatures) || signatures.length !== 1) throw malformed('does not have exactly one signature');
  const [only]: unknown[] = signatures;
  const payload = base64Field(encoded, 'payload');
  const signature = base64Field(isJsonObject(only) ? only['sig'] : undefined, 'signature');
  return { payload, signature, signedBytes: preAuthenticationEncoding(IN_TOTO, payload) };
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
