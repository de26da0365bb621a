// The component's imports in the form that jco requires. `ask` runs an operation of the session, and returns its value
// or a promise of it.

import { emptyWasi } from './empty_wasi.js';

export function imports({ run, profile }, ask) {
  class Content {
    constructor({ id, metadata }) {
      this.id = id;
      this.told = metadata;
    }
    metadata() {
      return this.told;
    }
    read(max) {
      return ask('read', this.id, max);
    }
    [Symbol.dispose]() {
      ask('drop', this.id);
    }
  }

  class Outgoing {
    constructor({ id }) {
      this.id = id;
    }
    write(chunk) {
      // A copy, because the chunk is a view of the component's memory, which moves when it grows.
      return ask('write', this.id, Uint8Array.from(chunk));
    }
    static finish(outgoing) {
      return ask('finish', outgoing.id);
    }
    [Symbol.dispose]() {
      ask('drop', this.id);
    }
  }

  return {
    'connectors:smtp/invocation': { current: () => run },
    'connectors:smtp/account': { current: () => profile },
    'connectors:smtp/attachments': {
      Content,
      openUpload: (id) => as(Content, ask('openUpload', id)),
      fetch: (url) => as(Content, ask('fetch', url)),
    },
    'connectors:smtp/transport': {
      Outgoing,
      begin: (envelope) => as(Outgoing, ask('begin', envelope)),
    },
    ...emptyWasi(),
  };
}

function as(Resource, told) {
  return told instanceof Promise ? told.then((value) => new Resource(value)) : new Resource(told);
}
