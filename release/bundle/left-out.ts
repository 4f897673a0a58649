// SPDX-License-Identifier: Apache-2.0
import path from 'node:path';
import type { Plugin } from 'esbuild';

/**
 * Parts of libraries that the program has no use for. They are named by what loads them, so that what the libraries
 * need of them themselves stays. Whatever asks for such a part all the same fails.
 */
interface LeftOut {
  /** Folder of the package whose files name the parts. */
  readonly by: RegExp;
  /** As it stands in the import. */
  readonly part: RegExp;
  /** Text of the module in the part's place. */
  readonly contents: string;
}

const UNUSED = `const unused = (name) => class { constructor() { throw new Error(name + ' is not bundled'); } };`;
const PROXY = `const noProxy = class { constructor() { throw new Error('proxy-url in the kubeconfig is not supported'); } };`;

const LEFT_OUT: readonly LeftOut[] = [
  {
    // Of the client library only its KubeConfig is used: the base class of the operator asks for more by name, in
    // methods that ImagePolicyOperator overrides, and makes one client that it never calls.
    by: /./,
    part: /^@kubernetes\/client-node$/,
    contents: `${UNUSED}
      export { KubeConfig } from './config.js';
      export const CoreV1Api = class {};
      export const ApiextensionsV1Api = unused('ApiextensionsV1Api');
      export const Watch = unused('Watch');`,
  },
  {
    by: /@kubernetes\/client-node\/dist$/,
    part: /^\.\/gen\/index\.js$/,
    contents: `export const createConfiguration = (parts) => parts;
      export class ServerConfiguration {}`,
  },
  {
    // kube-config.ts says the same of a cluster behind a proxy.
    by: /@kubernetes\/client-node\/dist$/,
    part: /^(?:socks|socks-proxy-agent|hpagent)$/,
    contents: `${PROXY}
      export { noProxy as SocksProxyAgent, noProxy as HttpProxyAgent, noProxy as HttpsProxyAgent };
      export const SocksClient = { createConnection: () => new noProxy() };`,
  },
  {
    by: /@dot-i\/k8s-operator\/dist$/,
    part: /^gaxios$/,
    contents: `export const instance = { request: async () => { throw new Error('gaxios is not bundled'); } };`,
  },
  {
    // Of undici its clients: Node has a fetch of its own.
    by: /undici$/,
    part: /^\.\/lib\/(?:web|mock|interceptor|cache)\//,
    contents: `${UNUSED}
      module.exports = new Proxy({ CacheStorage: class {} }, {
        get: (parts, name) => parts[name] ?? (typeof name === 'string' ? unused(name) : undefined),
      });`,
  },
];

const CLIENT = path.join(import.meta.dirname, '../../node_modules/@kubernetes/client-node/dist');

export const leftOut: Plugin = {
  name: 'left-out',
  setup(hooks) {
    hooks.onResolve({ filter: /./ }, ({ path: part, resolveDir }) => {
      const found = LEFT_OUT.findIndex((one) => one.part.test(part) && one.by.test(resolveDir.replaceAll('\\', '/')));
      return found === -1 ? undefined : { path: part, namespace: 'left-out', pluginData: found };
    });
    hooks.onLoad({ filter: /./, namespace: 'left-out' }, ({ pluginData }: { readonly pluginData: number }) => ({
      contents: LEFT_OUT[pluginData]?.contents ?? '',
      resolveDir: CLIENT,
    }));
  },
};
