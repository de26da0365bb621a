// The platform's side of the contract: what a run may know, and its open resources.

import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

import { fetchFile, openUpload } from './attachments.js';
import { beginMessage } from './transport.js';

/** Reads the platform file: an account, and its user's uploads, with paths relative to the file. */
export function readPlatform(file) {
  const { account, uploads = {} } = JSON.parse(readFileSync(file, 'utf8'));
  return { account, uploads, folder: dirname(resolve(file)) };
}

/** One run, with an operation for each of the component's imports. */
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

  /** The component dropped a resource. An unfinished message is never sent. */
  async drop(id) {
    const thing = this.#things.get(id);
    this.#things.delete(id);
    await thing?.abandon();
  }

  /** Closes everything that the run left open. */
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
