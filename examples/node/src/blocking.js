// Runs the component in a worker, which sleeps while this thread does what an import asks for.

import { MessageChannel, Worker } from 'node:worker_threads';

import { transpiled } from './transpile.js';

/** The time limit of a run. */
const DEADLINE_MS = 60_000;

export async function openBlocking(componentFile) {
  const script = await transpiled(componentFile, 'sync');
  let worker = start(script);
  return {
    async run(request, session) {
      const stop = () => {
        worker.terminate();
        worker = start(script);
      };
      return await runIn(worker, request, session, stop);
    },
    close: () => worker.terminate(),
  };
}

function start(script) {
  const worker = new Worker(new URL('./blocking_worker.js', import.meta.url), {
    workerData: { script },
    // The component gets nothing of this process.
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: 256 },
  });
  // A run has its own error listener. Between runs, errors are ignored.
  worker.on('error', () => {});
  return worker;
}

function runIn(worker, request, session, stop) {
  const { port1: here, port2: there } = new MessageChannel();
  // 0 while the worker waits, 1 once the answer is posted.
  const signal = new Int32Array(new SharedArrayBuffer(4));
  return new Promise((resolve, reject) => {
    const end = (settle, value) => {
      clearTimeout(timer);
      worker.off('error', failed);
      here.close();
      settle(value);
    };
    const failed = (error) => {
      stop();
      end(reject, error);
    };
    const late = () => failed(new Error(`the component took more than ${DEADLINE_MS} ms`));
    const timer = setTimeout(late, DEADLINE_MS);
    worker.on('error', failed);
    here.on('message', async (message) => {
      if (message.answer) return end(resolve, message.answer);
      if (message.trap) return failed(new Error(`the component broke down: ${message.trap}`));
      here.postMessage(await answerTo(session, message));
      Atomics.store(signal, 0, 1);
      Atomics.notify(signal, 0);
    });
    worker.postMessage({ request, facts: session.facts, port: there, signal }, [there]);
  });
}

/** The result or the error of an import. */
async function answerTo(session, { operation, values }) {
  try {
    return { value: await session[operation](...values) };
  } catch (error) {
    // An error with a payload goes to the component. Any other error ends it.
    return 'payload' in error ? { payload: error.payload } : { trap: String(error) };
  }
}
