// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Writes core/sigstore/trust/public-good.json: the trusted_root.json of the public Sigstore instance, as Sigstore's own
 * JavaScript client carries it (npm package @sigstore/tuf, `seeds.json`). To renew it, raise VERSION, run
 * `npx node test/tools/public-good.ts`, and read the difference: each added key is one more that is believed.
 */
const VERSION = '4.0.2';
const REPOSITORY = 'https://tuf-repo-cdn.sigstore.dev';
const OUTPUT = new URL('../../core/sigstore/trust/public-good.json', import.meta.url);

const folder = mkdtempSync(join(tmpdir(), 'public-good-'));
try {
  // `npm pack` checks the package against the integrity that the registry states.
  const packed = execFileSync('npm', ['pack', '--silent', `@sigstore/tuf@${VERSION}`], {
    cwd: folder,
    encoding: 'utf8',
  });
  execFileSync('tar', ['-xzf', packed.trim(), 'package/seeds.json'], { cwd: folder });
  writeFileSync(OUTPUT, trustedRoot(JSON.parse(readFileSync(join(folder, 'package/seeds.json'), 'utf8'))));
} finally {
  rmSync(folder, { recursive: true });
}

function trustedRoot(seeds: Record<string, { targets: Record<string, string> } | undefined>): string {
  const encoded = seeds[REPOSITORY]?.targets['trusted_root.json'];
  if (encoded === undefined) throw new Error(`the seeds have no trusted_root.json of ${REPOSITORY}`);
  return Buffer.from(encoded, 'base64').toString('utf8');
}
