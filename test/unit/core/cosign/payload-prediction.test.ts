// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import {
  cosignName,
  cosignPayload,
  createPayloadTemplates,
  predictPayloads,
} from '../../../../core/cosign/payload-prediction.ts';
import { digestOf } from '../../../../core/image/digest.ts';

const repository = { registry: 'registry.example.com', path: 'team/app' };
const digest = digestOf(Buffer.from('an image'));
const next = digestOf(Buffer.from('the next image'));

const annotatedPayload = (of: string) =>
  Buffer.from(`{"critical":{"image":{"docker-manifest-digest":"${of}"}},"optional":{"environment":"production"}}`);

describe('cosignPayload', () => {
  test('writes the bytes that cosign signs', () => {
    assert.equal(
      Buffer.from(cosignPayload('index.docker.io/library/nginx', digest)).toString(),
      `{"critical":{"identity":{"docker-reference":"index.docker.io/library/nginx"},"image":{"docker-manifest-digest":"${digest}"},"type":"cosign container image signature"},"optional":null}`,
    );
  });

  test("escapes as Go's json.Marshal does", () => {
    assert.ok(
      Buffer.from(cosignPayload('<a>&"\u2028', digest))
        .toString()
        .includes(String.raw`"\u003ca\u003e\u0026\"\u2028"`),
    );
  });
});

describe('cosignName', () => {
  test("is go-containerregistry's: Docker Hub is index.docker.io", () => {
    assert.equal(cosignName({ registry: 'docker.io', path: 'library/nginx' }), 'index.docker.io/library/nginx');
    assert.equal(cosignName({ registry: 'localhost:5000', path: 'a/b' }), 'localhost:5000/a/b');
  });
});

describe('predictPayloads', () => {
  test('gives each payload under its own digest', () => {
    const predicted = predictPayloads({ digest, repositories: [repository], templates: createPayloadTemplates() });
    assert.deepEqual([...predicted.values()], [cosignPayload('registry.example.com/team/app', digest)]);
    for (const [name, payload] of predicted) assert.equal(digestOf(payload), name);
  });

  test('predicts the next image from a payload that was seen, with its annotations', () => {
    const templates = createPayloadTemplates();
    templates.learn(repository, digest, annotatedPayload(digest));
    const predicted = predictPayloads({ digest: next, repositories: [repository], templates });
    assert.ok(predicted.has(digestOf(annotatedPayload(next))));
  });
});

describe('createPayloadTemplates', () => {
  test('keeps what it learns to the repository it was learned from', () => {
    const templates = createPayloadTemplates();
    templates.learn(repository, digest, Buffer.from(`a ${digest}`));
    assert.deepEqual(templates.predict({ ...repository, path: 'team/other' }, next), []);
    assert.deepEqual(templates.predict({ ...repository, registry: 'mirror.example.com' }, next), []);
  });

  test('keeps the two templates last learned', () => {
    const templates = createPayloadTemplates();
    for (const text of ['a', 'b', 'a', 'c']) templates.learn(repository, digest, Buffer.from(text + digest));
    assert.deepEqual(templates.predict(repository, next).map(String), [`c${next}`, `a${next}`]);
  });

  test('learns nothing from a payload without the digest, with two of them, or of absurd size', () => {
    const templates = createPayloadTemplates();
    for (const text of ['nothing', digest + digest, digest + ' '.repeat(4096)]) {
      templates.learn(repository, digest, Buffer.from(text));
    }
    assert.deepEqual(templates.predict(repository, next), []);
  });

  test('gives back a payload as it was, for its own digest', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (before, after) => {
        const templates = createPayloadTemplates();
        const payload = Buffer.from(before + digest + after);
        templates.learn(repository, digest, payload);
        assert.deepEqual(templates.predict(repository, digest), [payload]);
      }),
    );
  });
});
