// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { parse } from 'yaml';
import { createSigstore } from '../../../fakes/sigstore/sigstore.ts';
import { DEFAULT_CONFIGURATION, loadConfiguration, parseConfiguration } from '../../../../core/config/configuration.ts';
import { ConfigurationError, type ConfigurationFault } from '../../../../core/config/faults.ts';
import { DEFAULT_LIMITS } from '../../../../core/limits.ts';

function faultsOf(text: string): readonly ConfigurationFault[] {
  try {
    parseConfiguration(text);
  } catch (error) {
    assert.ok(error instanceof ConfigurationError, String(error));
    return error.faults;
  }
  return assert.fail('accepted');
}

describe('parseConfiguration', () => {
  test('an empty file gives the defaults, which deny what no policy covers', () => {
    for (const text of ['', '# only a comment\n', '{}'])
      assert.deepEqual(parseConfiguration(text), DEFAULT_CONFIGURATION);
    assert.equal(DEFAULT_CONFIGURATION.unmatchedImages, 'Deny');
    assert.equal(DEFAULT_CONFIGURATION.enforcement, 'PerPolicy');
    assert.ok(DEFAULT_CONFIGURATION.deadlineSeconds < 10);
    assert.deepEqual(DEFAULT_CONFIGURATION.backgroundScan, { enabled: true, requestsPerMinute: 120, reports: 'None' });
  });

  test('every field that is written replaces its default and leaves its neighbours', () => {
    const configuration = parseConfiguration(`
unmatchedImages: Warn
pinDigests: All
enforcement: Audit
excludedNamespaces: [kube-system, {name: flux-system, mode: Audit}, storage, {name: storage, mode: Audit}]
deadlineSeconds: 4
cache: {tags: 0}
limits: {signatures: 7}
registries:
- {host: registry.example.com:5000, mirrors: [mirror.example.com], insecure: true}
trustRoots:
- {name: ours, file: /etc/roots/ours.json}
- {name: theirs, tuf: {url: "https://tuf.example.com/repository", rootFile: /etc/roots/root.json}}
- name: near
  tuf: {url: "http://127.0.0.1:8080", rootFile: r.json, targetName: t.json, refreshSeconds: 60, insecure: true}
`);
    assert.equal(configuration.unmatchedImages, 'Warn');
    assert.equal(configuration.pinDigests, 'All');
    assert.equal(configuration.enforcement, 'Audit');
    assert.deepEqual(configuration.excludedNamespaces, ['kube-system', 'storage']);
    assert.deepEqual(configuration.auditedNamespaces, ['flux-system']);
    assert.equal(configuration.deadlineSeconds, 4);
    assert.deepEqual(configuration.cache, { verified: 3600, rejected: 15, tags: 0, staleIfError: 86400 });
    assert.deepEqual(configuration.limits, { ...DEFAULT_LIMITS, signatures: 7 });
    assert.deepEqual(configuration.registries, [
      { host: 'registry.example.com:5000', mirrors: ['mirror.example.com'], insecure: true },
    ]);
    const tuf = { rootFile: 'r.json', targetName: 't.json', refreshSeconds: 60, insecure: true };
    assert.deepEqual(configuration.trustRoots, [
      { name: 'ours', file: '/etc/roots/ours.json' },
      {
        name: 'theirs',
        tuf: {
          url: 'https://tuf.example.com/repository',
          rootFile: '/etc/roots/root.json',
          targetName: 'trusted_root.json',
          refreshSeconds: 21_600,
          insecure: false,
        },
      },
      { name: 'near', tuf: { url: 'http://127.0.0.1:8080', ...tuf } },
    ]);
  });

  test('a value of another type is refused in words', () => {
    for (const [text, place, message] of [
      ['cache: 1', '$.cache', 'must be a mapping'],
      ['registries: a', '$.registries', 'must be a list'],
      ['backgroundScan: {enabled: 1}', '$.backgroundScan.enabled', 'must be true or false'],
      ['backgroundScan: {requestsPerMinute: 1.5}', '$.backgroundScan.requestsPerMinute', 'must be a whole number'],
      ['registries: [{host: 1}]', '$.registries[0].host', 'must be a string'],
    ] as const) {
      assert.deepEqual(
        faultsOf(text).map((fault) => [fault.path, fault.message]),
        [[place, message]],
      );
    }
  });

  test('what is named twice is refused where it is named again', () => {
    for (const [text, place, message] of [
      ['registries: [{host: a.io}, {host: b.io}, {host: a.io}]', '$.registries[2].host', 'names a.io a second time'],
      ['trustRoots: [{name: a, file: f}, {name: a, file: g}]', '$.trustRoots[1].name', 'names a a second time'],
    ] as const) {
      assert.deepEqual(
        faultsOf(text).map((fault) => [fault.path, fault.message]),
        [[place, message]],
      );
    }
  });

  test('more than a mebibyte is refused as a whole', () => {
    const [fault] = faultsOf(`# ${'x'.repeat(1024 * 1024)}`);
    assert.deepEqual([fault?.path, fault?.message], ['$', 'is larger than 1048576 characters']);
  });

  test('an unknown field is refused with its path and line, and what is known there', () => {
    const [fault] = faultsOf('pinDigests: Pods\ncache:\n  verfied: 10\n');
    assert.deepEqual([fault?.path, fault?.line], ['$.cache.verfied', 3]);
    assert.match(fault?.message ?? '', /not a known field.*verified/);
  });

  test('all faults are reported at once, each in its place', () => {
    const faults = faultsOf('unmatchedImages: deny\ndeadlineSeconds: 60\nregistries:\n- insecure: "yes"\n');
    assert.deepEqual(
      new Set(faults.map(({ path: place, line }) => `${place} ${line}`)),
      new Set(['$.unmatchedImages 1', '$.deadlineSeconds 2', '$.registries[0] 4', '$.registries[0].insecure 4']),
    );
  });

  test('a second document is named as what it is', () => {
    assert.deepEqual(faultsOf('pinDigests: Pods\n---\npinDigests: None\n'), [
      { path: '$', line: 2, message: 'is not valid YAML: there is more than one document' },
    ]);
  });

  test('paths of custom resources are read', () => {
    const { workloads } = parseConfiguration(`workloads:
- {group: argoproj.io, version: v1alpha1, resource: rollouts, podSpec: spec.template.spec}
- {group: tekton.dev, version: v1, resource: tasks, images: ['spec.steps[*].image', spec.stepTemplate.image]}
`);
    assert.deepEqual(workloads, [
      {
        group: 'argoproj.io',
        version: 'v1alpha1',
        resource: 'rollouts',
        podSpec: ['spec', 'template', 'spec'],
        images: [],
      },
      {
        group: 'tekton.dev',
        version: 'v1',
        resource: 'tasks',
        images: [
          ['spec', 'steps', '*', 'image'],
          ['spec', 'stepTemplate', 'image'],
        ],
      },
    ]);
  });

  for (const [why, workload, place, words] of [
    [
      'a bad path to a PodSpec',
      '{podSpec: spec..template}',
      '.podSpec',
      '"spec..template" is not valid: Path to a Pod',
    ],
    [
      'a bad path to an image',
      '{images: [spec.image, "spec.steps[0].image"]}',
      '.images[1]',
      '"spec.steps[0].image" is',
    ],
    ['no path', '{}', '', 'exactly one of podSpec and images'],
    ['two kinds of paths', '{podSpec: spec, images: [spec.image]}', '', 'exactly one of podSpec and images'],
    ['an empty list of paths', '{images: []}', '.images', ''],
    ['a group without a dot', '{group: apps, podSpec: spec}', '.group', 'API group, with a dot'],
    ['any version', '{version: "*", podSpec: spec}', '.version', ''],
    ['any resource', '{resource: "*", podSpec: spec}', '.resource', ''],
    ['a sub-resource', '{resource: runs/status, podSpec: spec}', '.resource', ''],
    ['a kind for a resource', '{resource: Run, podSpec: spec}', '.resource', ''],
    ['a misspelt field', '{podspec: spec}', '.podspec', 'known here: group, version, resource, podSpec, images'],
  ] as const) {
    test(`refuses a custom resource with ${why}, and names the field`, () => {
      const given = { group: 'example.com', version: 'v1', resource: 'runs' };
      const own: object = parse(workload);
      const [fault] = faultsOf(JSON.stringify({ workloads: [{ ...given, ...own }] }));
      assert.equal(fault?.path, `$.workloads[0]${place}`);
      assert.ok(fault.message.includes(words), fault.message);
    });
  }

  for (const [why, trustRoot, place] of [
    ['a trust root of nothing', '{}', ''],
    ['a trust root of two sources', '{file: f, tuf: {url: "https://a.test", rootFile: r}}', ''],
    ['a trust root of two sources, one of them here', '{file: f, inline: {}}', ''],
    ['a trust root of a number', '{inline: 3}', '.inline'],
    ['a trust root of nothing, here', '{inline: ""}', '.inline'],
    ['another word for a certificate log', '{file: f, certificateLog: ignore}', '.certificateLog'],
    ['a TUF repository without its first root', '{tuf: {url: "https://a.test"}}', '.tuf'],
    ['a TUF repository without an address', '{tuf: {rootFile: r}}', '.tuf'],
    ['a TUF repository by plain HTTP', '{tuf: {url: "http://a.test", rootFile: r}}', '.tuf.url'],
    ['a TUF repository in a file', '{tuf: {url: "file:///a", rootFile: r, insecure: true}}', '.tuf.url'],
    ['a TUF repository with a password', '{tuf: {url: "https://a:b@a.test", rootFile: r}}', '.tuf.url'],
    ['a TUF repository with a query', '{tuf: {url: "https://a.test/?a", rootFile: r}}', '.tuf.url'],
    ['a target in a folder', '{tuf: {url: "https://a.test", rootFile: r, targetName: ../a}}', '.tuf.targetName'],
    ['a refresh without end', '{tuf: {url: "https://a.test", rootFile: r, refreshSeconds: 0}}', '.tuf.refreshSeconds'],
  ] as const) {
    test(`refuses ${why}, and names the field`, () => {
      const [fault] = faultsOf(`trustRoots:\n- ${trustRoot.replace('{', '{name: a, ').replace(', }', '}')}\n`);
      assert.deepEqual([fault?.path, fault?.line], [`$.trustRoots[0]${place}`, 2]);
    });
  }

  for (const [why, text] of [
    ['a URL where a host belongs', 'registries: [{host: "https://registry.example.com"}]'],
    ['a path behind the host', 'registries: [{host: registry.example.com/team}]'],
    ['a number as text', 'deadlineSeconds: "9"'],
    ['a fraction', 'deadlineSeconds: 1.5'],
    ['a negative lifetime', 'cache: {tags: -1}'],
    ['a limit of nothing', 'limits: {manifestBytes: 0}'],
    ['a limit without end', 'limits: {bundleBytes: 99999999999}'],
    ['null for a list', 'registries:'],
    ['a list for the file', '- a'],
    ['plain text for the file', 'hello'],
    ['two documents', 'pinDigests: Pods\n---\npinDigests: None\n'],
    ['the same field twice', 'pinDigests: Pods\npinDigests: None\n'],
    ['a registry twice', 'registries: [{host: a.example.com}, {host: A.example.com}]'],
    ['a registry twice, with its port', 'registries: [{host: a.example.com}, {host: "a.example.com:443"}]'],
    ['a registry of plain HTTP twice', 'registries: [{host: a.local, insecure: true}, {host: "a.local:80"}]'],
    ['a trust root twice', 'trustRoots: [{name: a, file: b}, {name: a, file: c}]'],
    ['a trust root without its file', 'trustRoots: [{name: a}]'],
    ['the public instance without its log', 'trustRoots: [{name: public-good, file: a, certificateLog: Ignore}]'],
    ['a namespace that no cluster has', 'excludedNamespaces: ["*"]'],
    ['an audited namespace that no cluster has', 'excludedNamespaces: [{name: "*", mode: Audit}]'],
    ['an audited namespace without a name', 'excludedNamespaces: [{mode: Audit}]'],
    ['an excluded namespace with another mode', 'excludedNamespaces: [{name: a, mode: Warn}]'],
    ['an excluded namespace with a misspelt field', 'excludedNamespaces: [{name: a, mode: Audit, mod: b}]'],
    ['an excluded namespace that is neither', 'excludedNamespaces: [[a]]'],
    [
      'a custom resource twice',
      'workloads: [{group: a.b, version: v1, resource: c, podSpec: d}, {group: a.b, version: v2, resource: c, podSpec: d}]',
    ],
    ['YAML that does not end', 'cache: {tags: 1'],
    ['a custom tag', 'deadlineSeconds: !!js/function "x"'],
    ['a prototype', '__proto__: {unmatchedImages: Allow}'],
  ] as const) {
    test(`refuses ${why}`, () => {
      const faults = faultsOf(text);
      assert.ok(faults.length > 0);
      for (const fault of faults) assert.match(fault.path, /^\$/);
    });
  }

  test('refuses a file that multiplies itself through aliases', () => {
    const levels = Array.from({ length: 12 }, (_, level) =>
      level === 0 ? '&a0 [x,x,x,x,x,x,x,x,x,x]' : `&a${level} [${`*a${level - 1},`.repeat(10)}]`,
    );
    faultsOf(`excludedNamespaces:\n${levels.map((level) => `- ${level}\n`).join('')}`);
  });

  test('any text gives a configuration or a ConfigurationError, nothing else', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        try {
          parseConfiguration(text);
        } catch (error) {
          assert.ok(error instanceof ConfigurationError, String(error));
        }
      }),
    );
  });
});

describe('loadConfiguration', () => {
  test('relative file names are relative to the configuration, and messages name file and line', async (t) => {
    const folder = await mkdtemp(path.join(tmpdir(), 'cosignet-'));
    t.after(() => rm(folder, { recursive: true }));
    const file = path.join(folder, 'config.yaml');
    await writeFile(
      file,
      'registries: [{host: a.example.com, caFile: ca.pem}]\ntrustRoots: [{name: r, file: /r.json}, {name: t, tuf: {url: "https://a.test", rootFile: root.json}}]\n',
    );
    const configuration = await loadConfiguration(file);
    assert.equal(configuration.registries[0]?.caFile, path.join(folder, 'ca.pem'));
    assert.equal(configuration.trustRoots[0]?.file, '/r.json');
    assert.equal(configuration.trustRoots[1]?.tuf?.rootFile, path.join(folder, 'root.json'));

    await writeFile(file, '\nunmatched: Deny\n');
    await assert.rejects(loadConfiguration(file), (error: Error) => {
      assert.ok(error.message.startsWith(`${file}:2: $.unmatched: `), error.message);
      return true;
    });
  });

  test('a trust root may stand here, as text or as it is, and is looked at', async (t) => {
    const folder = await mkdtemp(path.join(tmpdir(), 'cosignet-'));
    t.after(() => rm(folder, { recursive: true }));
    const file = path.join(folder, 'config.yaml');
    const root = createSigstore().trustedRoot;
    for (const inline of [root, JSON.stringify(root)]) {
      await writeFile(file, JSON.stringify({ trustRoots: [{ name: 'here', inline, certificateLog: 'Ignore' }] }));
      const [item] = (await loadConfiguration(file)).trustRoots;
      assert.deepEqual([JSON.parse(item?.inline ?? ''), item?.certificateLog], [root, 'Ignore']);
    }
    for (const [inline, reason] of [
      ['{}', /mediaType is not a text|mediaType/],
      ['no JSON', /the trusted root is not JSON/],
      [{ ...root, certificateAuthorities: [{}] }, /certificateAuthorities\[0\]/],
    ] as const) {
      await writeFile(
        file,
        JSON.stringify({
          trustRoots: [
            { name: 'a', file: 'a' },
            { name: 'here', inline },
          ],
        }),
      );
      await assert.rejects(loadConfiguration(file), (error: Error) => {
        assert.ok(error.message.startsWith(`${file}: $.trustRoots[1].inline: `), error.message);
        assert.match(error.message, reason);
        return true;
      });
    }
  });

  test('folders of programs are relative to the configuration, hosts of helpers as in references', async (t) => {
    const folder = await mkdtemp(path.join(tmpdir(), 'cosignet-'));
    t.after(() => rm(folder, { recursive: true }));
    const file = path.join(folder, 'config.yaml');
    await writeFile(
      file,
      `credentialProviders: {configFile: providers.yaml, binDir: bin}
credentialHelpers: {binDir: /bin, hosts: {Index.docker.io: hub, 'Registry.example.com:5000': cloud}}
proxy: {url: 'http://proxy.example.com:3128'}
`,
    );
    const { credentialProviders, credentialHelpers, proxy } = await loadConfiguration(file);
    const configFile = path.join(folder, 'providers.yaml');
    assert.deepEqual(credentialProviders, { configFile, binDir: path.join(folder, 'bin') });
    const hosts = { 'docker.io': 'hub', 'registry.example.com:5000': 'cloud' };
    assert.deepEqual(credentialHelpers, { binDir: '/bin', hosts });
    assert.deepEqual(proxy, { url: 'http://proxy.example.com:3128', noProxy: [] });
  });

  for (const [text, place] of [
    ['credentialHelpers: {binDir: /bin, hosts: {a.example: ../sh}}', 'hosts'],
    ['credentialHelpers: {binDir: /bin, hosts: {a/b: cloud}}', 'hosts'],
    ['credentialProviders: {binDir: /bin}', 'credentialProviders'],
    ['proxy: {url: "http://user:password@proxy.example.com"}', 'proxy.url'],
    ['proxy: {url: "socks5://proxy.example.com"}', 'proxy.url'],
    ['proxy: {url: "http://proxy.example.com", noProxy: ["*"]}', 'proxy.noProxy[0]'],
  ] as const) {
    test(`${text} is refused at ${place}`, () => {
      assert.throws(
        () => parseConfiguration(text),
        (error: Error) =>
          error instanceof ConfigurationError && error.message.includes(place) && !/password/.test(error.message),
      );
    });
  }

  test('a file that is not there is a ConfigurationError that names it', async () => {
    await assert.rejects(loadConfiguration('/nonexistent/config.yaml'), (error: Error) => {
      assert.ok(error instanceof ConfigurationError);
      assert.match(error.message, /^\/nonexistent\/config\.yaml: can't be read/);
      return true;
    });
  });
});

test('nesting that exhausts the stack is a fault of the file, and no crash', () => {
  for (const text of ['['.repeat(200_000), '{a: '.repeat(50_000), '- '.repeat(200_000)]) {
    assert.throws(() => parseConfiguration(text), ConfigurationError);
  }
});
