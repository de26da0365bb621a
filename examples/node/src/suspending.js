// Runs the component in this thread: its stack is suspended while an import waits (JavaScript Promise Integration, Node
// 24).

import { call } from './contract.js';
import { imports } from './imports.js';
import { load, transpiled } from './transpile.js';

export async function openSuspending(componentFile) {
  const instantiate = await load(await transpiled(componentFile, 'jspi'));
  return {
    async run(request, session) {
      const ask = (operation, ...values) => session[operation](...values);
      const connector = await instantiate(imports(session.facts, ask));
      return call(connector, request);
    },
    async close() {},
  };
}
