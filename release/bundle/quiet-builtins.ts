// SPDX-License-Identifier: Apache-2.0
import { constants } from 'node:http2';
import type { Plugin } from 'esbuild';

/**
 * When an ES module imports a module of Node, Node reads every property of that module, whichever are asked for. Those of
 * `process` open the standard streams; those of `http` load the whole of Node's fetch and WebSocket, a twelfth of the
 * start. Required as CommonJS, a module has only those read that are used.
 */
export const quietBuiltins: Plugin = {
  name: 'quiet-builtins',
  setup(hooks) {
    hooks.onResolve({ filter: /^(?:node:)?(?:http|process)$/ }, ({ path, namespace }) => {
      const name = path.replace('node:', '');
      return namespace === 'quiet' ? { path: `node:${name}`, external: true } : { path: name, namespace: 'quiet' };
    });
    hooks.onLoad({ filter: /./, namespace: 'quiet' }, ({ path }) => ({
      contents: `module.exports = require('node:${path}');`,
    }));
    // undici names HTTP/2's numbers when it is loaded, and needs the rest with the first such connection. Few have one.
    hooks.onResolve({ filter: /^node:http2$/ }, ({ path, namespace }) =>
      namespace === 'late' ? { path, external: true } : { path, namespace: 'late' },
    );
    hooks.onLoad({ filter: /./, namespace: 'late' }, () => ({
      contents: `module.exports = {
        constants: ${JSON.stringify(constants)},
        get connect() { return require('node:http2').connect; },
      };`,
    }));
  },
};
