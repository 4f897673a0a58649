// SPDX-License-Identifier: Apache-2.0
// Preloaded with --import: appends the URL of every module file that is loaded to the file that MODULE_LOG names.
import { appendFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

const log = process.env['MODULE_LOG'] ?? '';
registerHooks({
  load: (url, context, nextLoad) => {
    if (url.startsWith('file:')) appendFileSync(log, `${url}\n`);
    return nextLoad(url, context);
  },
});
