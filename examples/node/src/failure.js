// Failures, as the contract defines them.

/** An import's error. jco passes the payload to the component. */
export class Refused extends Error {
  constructor(payload) {
    super('an import returned an error');
    this.payload = payload;
  }
}

/** A failure of the contract. */
export function failure(code, phase, retry, message, more = {}) {
  return new Refused({ code, message, phase, retry, delivered: 'no', refusals: [], ...more });
}

/** Converts an error of nodemailer. `phase` is used if the error does not name one. */
export function asFailure(error, phase) {
  const reply = error.response ? asReply(error.response) : undefined;
  const where = phaseOf(error, phase);
  // The end of the message was sent, but no clear answer came.
  const unknown = where === 'final-reply' && !reply;
  const retry = reply ? retryOf(where, reply) : unknown ? 'never' : 'later';
  return failure(codeOf(error, where, reply), where, retry, firstLine(error.message), {
    delivered: unknown ? 'unknown' : 'no',
    reply,
    refusals: (error.rejectedErrors ?? []).map(asRefusal),
  });
}

/** Converts nodemailer's error for one recipient. */
export function asRefusal(error) {
  const reply = asReply(error.response);
  return { recipient: error.recipient, reply, retry: retryOf('rcpt-to', reply) };
}

/** Builds a reply from its lines. */
export function asReply(response) {
  const lines = response
    .split(/\r?\n/)
    .map((line) => line.match(/^(\d{3})[ -]?(?:([245]\.\d{1,3}\.\d{1,3})(?: |$))?(.*)$/));
  const read = lines.filter((line) => line);
  return {
    code: Number(read[0]?.[1] ?? 0),
    enhanced: read[0]?.[2],
    text: read.map((line) => line[3]).join('\n'),
  };
}

/** The server's queue id, in Postfix's wording, which many servers use. */
export function queueId({ text }) {
  return text.match(/queued as ([^\s<>,"]+)/i)?.[1];
}

const PHASES = {
  EHLO: 'ehlo',
  HELO: 'ehlo',
  STARTTLS: 'starttls',
  'MAIL FROM': 'mail-from',
  'RCPT TO': 'rcpt-to',
};

function phaseOf(error, phase) {
  if (error.command?.startsWith('AUTH')) return 'auth';
  if (error.code === 'EDNS') return 'resolve';
  return PHASES[error.command] ?? phase;
}

const CODES = { EDNS: 'dns', ETIMEDOUT: 'timeout', ETLS: 'tls', EAUTH: 'auth' };

function codeOf(error, phase, reply) {
  if (reply?.code === 552 && !reply.enhanced?.startsWith('5.2.')) return 'too-large';
  if (!reply) return CODES[error.code] ?? 'connect';
  switch (phase) {
    case 'mail-from':
      return 'sender';
    case 'rcpt-to':
      return 'recipients';
    case 'data':
    case 'body':
    case 'final-reply':
      return 'data';
    default:
      return CODES[error.code] ?? 'connect';
  }
}

function retryOf(phase, { code, enhanced }) {
  if (code < 500 || (code === 552 && enhanced === '5.2.2')) return 'later';
  const settings = ['connect', 'greeting', 'ehlo', 'starttls', 'auth'].includes(phase);
  return settings || enhanced?.startsWith('5.7.') ? 'after-config-change' : 'never';
}

function firstLine(text) {
  return text.split('\n', 1)[0];
}
