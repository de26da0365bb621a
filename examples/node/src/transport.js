// Sends one message to the account's server, with nodemailer's SMTP connection.

import { Readable } from 'node:stream';
import SMTPConnection from 'nodemailer/lib/smtp-connection';

import { asFailure, asRefusal, asReply, failure, queueId } from './failure.js';

/** Begins a message, up to the server's reply to DATA. */
export async function beginMessage(account, envelope) {
  const connection = await connect(account);
  const needsUtf8 = envelope.utf8Headers || /[^\x00-\x7f]/.test([envelope.sender, ...envelope.recipients]);
  // nodemailer would silently leave the parameter out.
  if (needsUtf8 && !connection._supportedExtensions.includes('SMTPUTF8')) {
    connection.quit();
    throw failure('recipients', 'mail-from', 'never', 'the server does not take addresses beyond ASCII');
  }
  const message = new Outgoing(connection, envelope);
  try {
    await message.begun();
  } catch (error) {
    message.abandon();
    throw error;
  }
  return message;
}

function connect(account) {
  const connection = new SMTPConnection({
    host: account.host,
    port: account.port,
    secure: account.security === 'tls',
    requireTLS: account.security === 'starttls',
    ignoreTLS: account.security === 'none',
    name: account.ehloName ?? 'localhost',
    connectionTimeout: 10_000,
    greetingTimeout: 30_000,
    socketTimeout: 120_000,
  });
  return new Promise((resolve, reject) => {
    connection.once('error', (error) => reject(asFailure(error, 'connect')));
    connection.connect(() => {
      if (!account.username) return resolve(connection);
      const credentials = { user: account.username, pass: process.env[account.passwordVariable] };
      connection.login({ credentials }, (error) =>
        error ? reject(asFailure(error, 'auth')) : resolve(connection),
      );
    });
  });
}

/** The message's bytes, one chunk at a time, as fast as the socket accepts them. */
class Chunks extends Readable {
  #wanted;
  #want;

  constructor() {
    super();
    this.#await();
  }

  _read() {
    this.#want();
  }

  /** Resolves when the server is ready for data, and later when the last chunk was accepted. */
  wanted() {
    return this.#wanted;
  }

  give(chunk) {
    this.#await();
    this.push(chunk);
  }

  #await() {
    this.#wanted = new Promise((resolve) => (this.#want = resolve));
  }
}

class Outgoing {
  #connection;
  #allowPartial;
  /** nodemailer's envelope, in which it records the recipients that the server refused. */
  #envelope;
  #chunks = new Chunks();
  #sent;
  #phase = 'data';

  constructor(connection, { sender, recipients, allowPartial, size, notification }) {
    this.#connection = connection;
    this.#allowPartial = allowPartial;
    const dsn = notification && asDsn(notification);
    this.#envelope = { from: sender, to: recipients, size: Number(size ?? 0n), dsn };
    this.#sent = this.#send();
    // An error rejects the promise of the waiting caller. Until there is one, it must not count as unhandled.
    this.#sent.catch(() => {});
  }

  #send() {
    return new Promise((resolve, reject) => {
      const fail = (error) => reject(asFailure(error, this.#phase));
      this.#connection.on('error', fail);
      this.#connection.once('end', () => fail(new Error('the server closed the connection')));
      this.#connection.send(this.#envelope, this.#chunks, (error, info) =>
        error ? fail(error) : resolve(info),
      );
    });
  }

  async begun() {
    await Promise.race([this.#chunks.wanted(), this.#sent]);
    this.#phase = 'body';
    const refused = this.refused();
    if (refused.length === 0 || this.#allowPartial) return;
    const last = refused.at(-1);
    throw failure('recipients', 'rcpt-to', last.retry, 'the server does not accept all of the recipients', {
      reply: last.reply,
      refusals: refused,
    });
  }

  async write(chunk) {
    this.#chunks.give(chunk);
    await Promise.race([this.#chunks.wanted(), this.#sent]);
  }

  async finish() {
    this.#phase = 'final-reply';
    this.#chunks.give(null);
    const info = await this.#sent.finally(() => this.#connection.quit());
    const reply = asReply(info.response);
    return { reply, accepted: info.accepted, refused: this.refused(), queueId: queueId(reply) };
  }

  /** Closes the connection before the message's end, so the server discards what it has. */
  abandon() {
    this.#connection.close();
  }

  refused() {
    return (this.#envelope.rejectedErrors ?? []).map(asRefusal);
  }
}

function asDsn({ notify, report, envelopeId }) {
  const wanted = Object.keys(notify).filter((event) => notify[event]);
  const dsn = { notify: wanted.length ? wanted : 'never' };
  if (report) dsn.ret = { full: 'FULL', headers: 'HDRS' }[report];
  if (envelopeId) dsn.envid = envelopeId;
  return dsn;
}
