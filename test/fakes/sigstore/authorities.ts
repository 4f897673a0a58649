// SPDX-License-Identifier: Apache-2.0
import * as make from './certificates.ts';
import type { CertificateRequest, KeyKind, KeyPair } from './certificates.ts';
import { boolean, der, integer, sequence } from './der.ts';
import type { Der } from './der.ts';
import { EPOCH } from './sigstore.ts';
import { timestampInfo, timestampResponse } from './timestamps.ts';
import type { InfoOptions, ResponseOptions } from './timestamps.ts';

const END = new Date('2036-01-01T00:00:00Z');
export const CODE_SIGNING = '1.3.6.1.5.5.7.3.3';
export const TIME_STAMPING = '1.3.6.1.5.5.7.3.8';

/** One of the certificates of an authority, where it is to be another than a usual one. */
export interface AuthorityOptions {
  /** Beside what makes it an authority. */
  readonly more?: readonly Der[];
  /** In place of what makes it an authority. */
  readonly basics?: readonly Der[];
  readonly until?: Date;
}

export interface FakeAuthority {
  readonly root: Buffer;
  readonly intermediate: Buffer;
  readonly keys: KeyPair;
  readonly issue: (leaf: LeafOptions) => Buffer;
}

export type LeafOptions = Pick<CertificateRequest, 'publicKey' | 'extensions'> & Partial<CertificateRequest>;

const BASICS: readonly Der[] = [make.certificateAuthority(), make.keyCertSign()];
/** An authority under which so many others may stand. */
export const pathLength = (length: number): Der =>
  make.extension('2.5.29.19', sequence(boolean(true), integer(length)), true);

/** A certificate authority of two stages whose certificates tests can choose. */
export function createAuthority(root: AuthorityOptions = {}, intermediate: AuthorityOptions = {}): FakeAuthority {
  const top = make.generateKeys('P-256');
  const keys = make.generateKeys('P-256');
  const authority = (name: string, key: KeyPair, { basics = BASICS, more = [], until = END }: AuthorityOptions) =>
    make.makeCertificate({
      subject: name,
      issuer: 'test root',
      publicKey: key.publicKey,
      signedBy: top.privateKey,
      notBefore: EPOCH,
      notAfter: until,
      extensions: [...basics, ...more],
    });
  const issue = (leaf: LeafOptions): Buffer =>
    make.makeCertificate({
      subject: '',
      issuer: 'test intermediate',
      signedBy: keys.privateKey,
      notBefore: EPOCH,
      notAfter: END,
      ...leaf,
    });
  return {
    root: authority('test root', top, root),
    intermediate: authority('test intermediate', keys, intermediate),
    keys,
    issue,
  };
}

export interface StampOptions {
  readonly kind?: KeyKind;
  readonly extensions?: readonly Der[];
  readonly info?: InfoOptions;
  readonly response?: Partial<ResponseOptions>;
  readonly until?: Date;
}

/** A timestamp by an authority of its own, of which tests change one thing. */
export function stampBy(authority: FakeAuthority, stamped: Uint8Array, time: Date, options: StampOptions = {}) {
  const { kind = 'P-256', extensions = [make.extendedKeyUsage(TIME_STAMPING, true)], until = END } = options;
  const { publicKey, privateKey } = make.generateKeys(kind);
  const serial = Buffer.from('4102030405060708', 'hex');
  const signing = authority.issue({ publicKey, extensions, serial, notAfter: until });
  const signer = sequence(make.nameOf('test intermediate'), der(0x02, serial));
  const info = timestampInfo(stamped, time, options.info);
  return {
    signing,
    response: timestampResponse(info, { signer, signing, key: privateKey, time, ...options.response }),
  };
}
