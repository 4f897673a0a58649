// SPDX-License-Identifier: Apache-2.0
import { ApiError, type ApiRequest, type KubeApi, type KubeObject } from './api-client.ts';
import { METADATA, readListPage, type ListPage, type ObjectReading } from './object-reader.ts';

export interface ListReaderOptions<T extends KubeObject> {
  readonly api: Pick<KubeApi, 'stream'>;
  readonly path: string;
  readonly fieldSelector?: string;
  /** Of each object its metadata alone. */
  readonly isMetadataOnly?: boolean;
  readonly reading: ObjectReading<T>;
  readonly onUnreadable: (object: KubeObject) => void;
}

/**
 * Bytes of one page, and so of one object: above what etcd takes in one piece (1.5 MiB), and few beside the heap. Only
 * Pods can be longer, since they are stored in another form than JSON.
 */
const PAGE_BYTES = 4 * 1024 * 1024;
const PAGE_ITEMS = 500;
/** Names without what is below them. */
const METADATA_LIST = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';
/** The same as a reading. */
export const METADATA_ONLY: ObjectReading<KubeObject> = { selection: { fields: { metadata: METADATA } } };

/**
 * Lists a collection in pages that are small in bytes. How many objects that are is learnt: too long a page is not
 * read to its end but asked for again with half as many, down to one.
 */
export class ListReader<T extends KubeObject> {
  readonly #options: ListReaderOptions<T>;
  #limit = PAGE_ITEMS;

  constructor(options: ListReaderOptions<T>) {
    this.#options = options;
  }

  /** Calls back for each object; the version of the list. */
  async list(signal: AbortSignal, each: (object: T) => void): Promise<string> {
    let token: string | undefined;
    let version: string;
    do {
      const page = await this.#page(token, signal);
      for (const item of page.items) each(item);
      version = page.resourceVersion;
      token = page.token;
    } while (token !== undefined);
    return version;
  }

  /** Without resourceVersion: the newest state, never a lagging cache that would take a policy back in time. */
  async #page(token: string | undefined, signal: AbortSignal): Promise<ListPage<T>> {
    for (;;) {
      const json = await this.#read({ ...this.#request(token), signal });
      if (json !== undefined) {
        this.#limit = Math.min(PAGE_ITEMS, this.#limit * 2);
        return parsed(() => readListPage(json, this.#options.reading));
      }
      if (this.#limit === 1) return this.#unreadable(token, signal);
      this.#limit = Math.ceil(this.#limit / 2);
    }
  }

  /** What is known of an object that has too many bytes: its name. */
  async #unreadable(token: string | undefined, signal: AbortSignal): Promise<ListPage<T>> {
    const json = await this.#read({ ...this.#request(token), signal, accept: METADATA_LIST });
    if (json === undefined) throw new ApiError(0, `the metadata of an object have more than ${PAGE_BYTES} bytes`);
    const page = await parsed(() => readListPage(json, METADATA_ONLY));
    for (const item of page.items) this.#options.onUnreadable(item);
    const { unreadable } = this.#options.reading;
    return { ...page, items: unreadable === undefined ? [] : page.items.map(unreadable) };
  }

  #request(token: string | undefined): ApiRequest {
    const { path, fieldSelector, isMetadataOnly } = this.#options;
    return {
      path,
      ...(isMetadataOnly === true && { accept: METADATA_LIST }),
      query: {
        limit: String(this.#limit),
        ...(fieldSelector !== undefined && { fieldSelector }),
        ...(token !== undefined && { continue: token }),
      },
    };
  }

  /** Undefined: there are more bytes than a page may have; its connection is cut. */
  async #read(request: ApiRequest): Promise<Uint8Array | undefined> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of this.#options.api.stream(request)) {
      size += chunk.length;
      if (size > PAGE_BYTES) return undefined;
      chunks.push(chunk);
    }
    return Buffer.concat(chunks, size);
  }
}

async function parsed<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (thrown) {
    if (thrown instanceof ApiError) throw thrown;
    throw new ApiError(0, 'a list is not JSON', undefined);
  }
}
