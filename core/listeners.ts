// SPDX-License-Identifier: Apache-2.0

export type Listen<News> = (listener: (news: News) => void) => void;

/** Those who want to hear of something: what is made first need not know what is made of it later. */
export interface Listeners<News> {
  /** From now on. */
  readonly listen: Listen<News>;
  /** Calls all, in the order in which they came. */
  readonly tell: (news: News) => void;
}

export function createListeners<News = void>(): Listeners<News> {
  const listeners: ((news: News) => void)[] = [];
  return {
    listen: (listener) => {
      listeners.push(listener);
    },
    tell: (news) => {
      for (const listener of listeners) listener(news);
    },
  };
}
