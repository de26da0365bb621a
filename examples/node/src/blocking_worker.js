// The worker of blocking.js: it runs the component, and sleeps in its imports.

import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';

import { call } from './contract.js';
import { Refused } from './failure.js';
import { imports } from './imports.js';
import { load } from './transpile.js';

const instantiate = await load(workerData.script);

parentPort.on('message', async ({ request, facts, port, signal }) => {
  const ask = (operation, ...values) => {
    Atomics.store(signal, 0, 0);
    port.postMessage({ operation, values });
    Atomics.wait(signal, 0, 0);
    const { value, payload, trap } = receiveMessageOnPort(port).message;
    if (trap) throw new Error(trap);
    if (payload) throw new Refused(payload);
    return value;
  };
  try {
    const connector = await instantiate(imports(facts, ask));
    port.postMessage({ answer: await call(connector, request) });
  } catch (error) {
    port.postMessage({ trap: String(error) });
  }
});
