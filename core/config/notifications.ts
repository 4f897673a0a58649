// SPDX-License-Identifier: Apache-2.0
import type { PathSegment } from './faults.ts';
import type { NotificationConfiguration } from './types.ts';

export type WrittenNotification = Pick<NotificationConfiguration, 'name'> & Partial<NotificationConfiguration>;

export function completeNotification(written: WrittenNotification): NotificationConfiguration {
  return { template: 'json', outcomes: ['denied', 'error'], codes: [], ratePerMinute: 6, insecure: false, ...written };
}

interface Fault {
  readonly segments: readonly PathSegment[];
  readonly message: string;
}

/** What a schema can't say. No message quotes a URL: whoever has one can write to its channel. */
export function notificationFaults(notifications: readonly NotificationConfiguration[]): readonly Fault[] {
  return notifications.flatMap(({ url, urlSecret, insecure }, index) => {
    const segments = ['notifications', index];
    if ((url === undefined) === (urlSecret === undefined)) {
      return [{ segments, message: 'needs exactly one of url and urlSecret' }];
    }
    const message = url === undefined ? undefined : urlFault(url, insecure);
    return message === undefined ? [] : [{ segments: [...segments, 'url'], message }];
  });
}

/** Why an address can't be notified; undefined: it can. */
export function urlFault(text: string, insecure: boolean): string | undefined {
  const url = URL.parse(text);
  if (url === null) return 'is not a URL';
  if (url.username !== '' || url.password !== '') return 'must not have a user or a password';
  if (url.protocol === 'https:' || (insecure && url.protocol === 'http:')) return undefined;
  return insecure ? 'must begin with https:// or http://' : 'must begin with https://, or insecure must be true';
}
