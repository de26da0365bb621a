// nodemailer's pool, set up as its documentation shows: node pool.js PORT MESSAGES CONNECTIONS SIZE
import nodemailer from 'nodemailer';

const [port, messages, connections, size] = process.argv.slice(2).map(Number);
const line = 'All work and no play makes Jack a dull boy.\n';
const text = line.repeat(Math.ceil(size / line.length)).slice(0, size);

const transport = nodemailer.createTransport({
  host: '127.0.0.1', port, secure: false, ignoreTLS: true,
  pool: true, maxConnections: connections, maxMessages: Infinity,
});

let left = messages;
const started = process.hrtime.bigint();
await Promise.all(Array.from({ length: connections }, async () => {
  while (left-- > 0) {
    await transport.sendMail({
      from: 'Alice <alice@example.com>', to: 'Bob <bob@example.net>', subject: 'The report', text,
    });
  }
}));
const seconds = Number(process.hrtime.bigint() - started) / 1e9;
transport.close();
console.log(JSON.stringify({ messages_per_second: Math.round(messages / seconds) }));
