// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { EngineError } from '../../../../core/errors.ts';
import { formatReference, parseReference, parseRepository, repositoryName } from '../../../../core/image/reference.ts';
import { anyReference } from './arbitraries.ts';
import { processorTime } from '../../../fakes/processor-time.ts';

const HEX = '0123456789abcdef'.repeat(4);

interface Expectation {
  readonly input: string;
  readonly error?: string;
  readonly domain?: string;
  readonly path?: string;
  readonly tag?: string;
  readonly digest?: string;
}

/** Made by distribution/reference itself; see test/vectors/references/generate.sh. */
const expectations: readonly Expectation[] = JSON.parse(
  readFileSync(new URL('../../../vectors/references/distribution.json', import.meta.url), 'utf8'),
);

/** Where we refuse on purpose what the kubelet's grammar lets through; see parseReference. */
function stricter({ domain = '', digest }: Expectation): boolean {
  const foreignDigest = digest !== undefined && !digest.startsWith('sha256:');
  const otherCase = domain !== domain.toLowerCase() && /^(index\.)?docker\.io$/i.test(domain);
  return domain === '' || foreignDigest || otherCase;
}

function parses(text: string): boolean {
  try {
    parseReference(text);
    return true;
  } catch (error) {
    assert.ok(error instanceof EngineError, String(error));
    assert.equal(error.code, 'InvalidReference');
    return false;
  }
}

function faultOf(text: string): string {
  try {
    parseReference(text);
  } catch (error) {
    assert.ok(error instanceof EngineError);
    return error.message;
  }
  return assert.fail(`${text} was accepted`);
}

describe('parseReference, held against distribution/reference', () => {
  const accepted = expectations.filter((expectation) => expectation.error === undefined);

  test('reads what the kubelet reads, part by part', () => {
    const compared = accepted.filter((expectation) => !stricter(expectation));
    assert.ok(compared.length > 100);
    for (const { input, domain = '', path, tag, digest } of compared) {
      const parsed = parseReference(input);
      assert.deepEqual(
        {
          registry: parsed.registry,
          path: parsed.path,
          tag: parsed.tag,
          digest: parsed.digest,
          original: parsed.original,
        },
        { registry: domain.toLowerCase(), path, tag, digest, original: input },
        input,
      );
    }
  });

  test('refuses everything that the kubelet refuses', () => {
    const refused = expectations.filter((expectation) => expectation.error !== undefined);
    assert.ok(refused.length > 300);
    const slipped = refused.filter(({ input }) => parses(input));
    assert.deepEqual(slipped, []);
  });

  test('also refuses the few texts that two readers could understand differently', () => {
    const ambiguous = accepted.filter(stricter);
    assert.ok(ambiguous.length > 10);
    const slipped = ambiguous.filter(({ input }) => parses(input));
    assert.deepEqual(slipped, []);
  });
});

describe('parseReference', () => {
  test('keeps a tag beside a digest', () => {
    const { tag, digest } = parseReference(`nginx:1.27@sha256:${HEX}`);
    assert.deepEqual({ tag, digest }, { tag: '1.27', digest: `sha256:${HEX}` });
  });

  test('adds no tag to a digest', () => {
    assert.equal(parseReference(`nginx@sha256:${HEX}`).tag, undefined);
  });

  test('puts hosts in lower case, so that no spelling slips past a pattern', () => {
    assert.equal(parseReference('REGISTRY.example.COM/app').registry, 'registry.example.com');
  });

  const faults: readonly (readonly [string, RegExp])[] = [
    ['', /it is empty/],
    [HEX, /64 hexadecimal digits/],
    ['Nginx', /must be lower case/],
    ['nginx:', /"" is not a valid tag/],
    [`nginx:${'t'.repeat(129)}`, /tag is longer than 128/],
    ['nginx@sha256:abc', /expected sha256: and 64/],
    [`nginx@sha512:${HEX}${HEX}`, /type sha512 are not supported/],
    ['docker.io/a//b', /part of the repository is empty/],
    ['docker.io/a/../b', /"\.\." is not valid in a repository/],
    ['a_b.io/x', /"a_b\.io" is not a valid host/],
    ['Docker.io/nginx', /write docker\.io in lower case/],
    ['\u212aeg.io/x', /not a valid host/],
    ['ex\u0430mple.com/x', /not a valid host/],
    [`x.io/${'a'.repeat(256)}`, /longer than 255/],
    ['a'.repeat(1025), /longer than 1024/],
  ];
  for (const [text, message] of faults) {
    test(`says what is wrong with ${JSON.stringify(text.slice(0, 40))}`, () => assert.match(faultOf(text), message));
  }

  test('quotes outside text without control characters, and short', () => {
    const message = faultOf(`\u001b[31m\nx${'y'.repeat(900)}`);
    assert.doesNotMatch(message, /\p{Cc}/u);
    assert.ok(message.length < 700);
  });

  test('answers hostile texts of full length at once', () => {
    for (const piece of ['a-', '-', 'a.', '_', 'a/', ':', '@', '[:', 'a__']) {
      const started = processorTime();
      parses(piece.repeat(512));
      assert.ok(processorTime() - started < 50, piece);
    }
  });
});

describe('the ways to write a reference', () => {
  test('formatReference is fully qualified', () => {
    assert.equal(formatReference(parseReference('nginx')), 'docker.io/library/nginx:latest');
    assert.equal(
      formatReference(parseReference(`index.docker.io/acme/app:1@sha256:${HEX}`)),
      `docker.io/acme/app:1@sha256:${HEX}`,
    );
  });

  test('formatReference reads back as the same reference, also for a host that only its case tells from a path', () => {
    assert.equal(formatReference(parseReference('REGISTRY/app:1')), 'REGISTRY/app:1');
    fc.assert(
      fc.property(anyReference, (text) => {
        const { original: _, ...parsed } = parseReference(text);
        const { original, ...again } = parseReference(formatReference(parsed));
        assert.deepEqual(again, parsed);
        assert.equal(formatReference(again), original);
      }),
    );
  });

  test('repositoryName has the host that a person writes', () => {
    const official = parseReference('nginx');
    assert.equal(repositoryName(official), 'docker.io/library/nginx');
    const other = parseReference('localhost:5000/app');
    assert.equal(repositoryName(other), 'localhost:5000/app');
  });

  test('parseRepository takes no tag and no digest', () => {
    assert.deepEqual(parseRepository('localhost:5000/signatures'), { registry: 'localhost:5000', path: 'signatures' });
    assert.throws(() => parseRepository('acme/app:1'), /without tag and digest/);
    assert.throws(() => parseRepository(`acme/app@sha256:${HEX}`), /without tag and digest/);
  });

  test('whatever the text, the answer is a reference or InvalidReference', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 80 }), (text) => void parses(text)));
    fc.assert(fc.property(fc.stringMatching(/^[aA0._:/@[\]-]{0,40}$/), (text) => void parses(text)));
  });
});
