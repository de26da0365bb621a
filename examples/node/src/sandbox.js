// Two ways for a synchronous component to wait for asynchronous JavaScript, with one interface.

import { openSuspending } from './suspending.js';
import { openBlocking } from './blocking.js';

/**
 * Opens a component. If this Node can suspend stacks (JSPI, Node 24), it does; otherwise a worker blocks.
 * `SMTP_CONNECTOR_SANDBOX` overrides the choice. A worker that computes for too long can be stopped, a suspended
 * stack cannot, so run components by others in a worker.
 */
export function openSandbox(componentFile) {
  const canSuspend = 'Suspending' in WebAssembly;
  const chosen = process.env.SMTP_CONNECTOR_SANDBOX ?? (canSuspend ? 'suspending' : 'blocking');
  if (chosen === 'blocking') return openBlocking(componentFile);
  if (chosen === 'suspending' && canSuspend) return openSuspending(componentFile);
  throw new Error(`no sandbox "${chosen}" on Node ${process.version}: choose "blocking", or run Node 24`);
}
