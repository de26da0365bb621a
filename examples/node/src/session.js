// The platform's side of the contract: what a run may know, and the things that it has open.

import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

import { fetchFile, openUpload } from './attachments.js';
import { beginMessage } from './transport.js';

/** Reads an account and the uploads of its user, whose files are found beside it. */
export function readPlatform(file) {
  const { account, uploads = {} } = JSON.parse(readFileSync(file, 'utf8'));
  return { account, uploads, folder: dirname(resolve(file)) };
}

/** One run. Its operations are what the component's imports ask for. */
export class Session {
  #platform;
  #things = new Map();
  #made = 0;

  constructor(platform, run = {}) {
    this.#platform = platform;
    this.facts = { run: asRun(run), profile: asProfile(platform.account) };
  }

  async openUpload(id) {
    const { uploads, folder } = this.#platform;
    return this.#keep(await openUpload(uploads, folder, id));
  }

  async fetch(url) {
    return this.#keep(await fetchFile(this.#platform.account, url));
  }

  read(id, max) {
    return this.#things.get(id).read(max);
  }

  async begin(envelope) {
    if (this.facts.run.dryRun) throw new Error('a dry run sends nothing');
    return this.#keep(await beginMessage(this.#platform.account, envelope));
  }

  write(id, chunk) {
    return this.#things.get(id).write(chunk);
  }

  finish(id) {
    const message = this.#things.get(id);
    this.#things.delete(id);
    return message.finish();
  }

  /** The component let go of it: a message that was not finished is never sent. */
  async drop(id) {
    const thing = this.#things.get(id);
    this.#things.delete(id);
    await thing?.abandon();
  }

  /** Lets go of everything that the run left open. */
  end() {
    return Promise.all([...this.#things.keys()].map((id) => this.drop(id)));
  }

  #keep(thing) {
    this.#made += 1;
    this.#things.set(this.#made, thing);
    return { id: this.#made, metadata: thing.metadata };
  }
}

function asRun({ id = crypto.randomUUID(), startedAt, dryRun = false }) {
  return { id, startedAt: BigInt(startedAt ?? Math.floor(Date.now() / 1000)), dryRun };
}

function asProfile(account) {
  return {
    name: account.name,
    defaultSender: account.defaultSender,
    defaultReplyTo: account.defaultReplyTo,
    domain: account.domain,
    maxMessageBytes: BigInt(account.maxMessageBytes ?? 25 << 20),
    maxRecipients: account.maxRecipients ?? 100,
    maxAttachments: account.maxAttachments ?? 50,
  };
}
