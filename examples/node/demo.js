// Starts a mail server, sends a mail to it through the component, and prints what arrived.
//
//     npm run demo -- smtp-connector.wasm

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SMTPServer } from 'smtp-server';

import { Session } from './src/session.js';
import { openSandbox } from './src/sandbox.js';

const [component = 'smtp-connector.wasm'] = process.argv.slice(2);

const input = {
  to: '{{customer.email}}',
  subject: 'Your order',
  contentType: 'both',
  body: '<p>Hi {{customer.name}}, here is your invoice.</p>',
  attachments: [{ upload: 'invoice' }],
};
const keywords = { customer: { name: 'Bob', email: 'Bob <bob@example.net>' } };

const server = new SMTPServer({ authOptional: true, disabledCommands: ['STARTTLS'], onData: show });
server.listen(0, '127.0.0.1', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'smtp-connector-'));
  try {
    const answer = await send(folder, server.server.address().port);
    console.log(`-- answer\n${JSON.stringify(answer, null, 2)}`);
  } finally {
    server.close();
    rmSync(folder, { recursive: true });
  }
});

async function send(folder, port) {
  writeFileSync(join(folder, 'invoice.txt'), 'One umbrella: 12.50\n');
  const uploads = { invoice: { path: 'invoice.txt', mediaType: 'text/plain' } };
  const defaultSender = 'Alice <alice@example.com>';
  const account = { name: 'work', host: '127.0.0.1', port, security: 'none', defaultSender };
  const session = new Session({ account, uploads, folder });
  const sandbox = await openSandbox(component);
  try {
    const request = { input: JSON.stringify(input), keywords: JSON.stringify(keywords) };
    return await sandbox.run(request, session);
  } finally {
    session.end();
    await sandbox.close();
  }
}

function show(stream, session, done) {
  console.log(`-- arrived, for ${session.envelope.rcptTo.map(({ address }) => address)}`);
  stream.pipe(process.stdout, { end: false });
  stream.on('end', done);
}
