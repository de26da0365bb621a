// Two ways to let a synchronous component wait for asynchronous JavaScript, with one interface.

import { openSuspending } from './suspending.js';
import { openBlocking } from './blocking.js';

/**
 * Opens a component: by suspending its stack where this Node can (JSPI, Node 24), else in a worker that
 * blocks. `SMTP_CONNECTOR_SANDBOX` chooses: a worker can be stopped when it computes for too long, and a
 * suspended stack cannot, so run components that are not your own in a worker.
 */
export function openSandbox(componentFile) {
  const canSuspend = 'Suspending' in WebAssembly;
  const chosen = process.env.SMTP_CONNECTOR_SANDBOX ?? (canSuspend ? 'suspending' : 'blocking');
  if (chosen === 'blocking') return openBlocking(componentFile);
  if (chosen === 'suspending' && canSuspend) return openSuspending(componentFile);
  throw new Error(`no sandbox "${chosen}" on Node ${process.version}: choose "blocking", or run Node 24`);
}
