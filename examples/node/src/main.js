// Reads one request per line of standard input, and writes one answer per line of standard output.
//
//     node src/main.js smtp-connector.wasm platform.json < requests.jsonl
//
// A request is {"call", "action", "input", "keywords", "run": {"id", "startedAt", "dryRun"}}, where input and keywords
// are JSON as text. An answer has one of: manifest, findings, result, invalid, failed.

import { createInterface } from 'node:readline';

import { openSandbox } from './sandbox.js';
import { readPlatform, Session } from './session.js';

const [componentFile, platformFile] = process.argv.slice(2);
if (!componentFile || !platformFile) {
  console.error('usage: node src/main.js COMPONENT.wasm PLATFORM.json < REQUESTS.jsonl');
  process.exit(64);
}

const platform = readPlatform(platformFile);
const sandbox = await openSandbox(componentFile);
for await (const line of createInterface({ input: process.stdin })) {
  if (line.trim()) console.log(JSON.stringify(await answer(JSON.parse(line))));
}
await sandbox.close();

async function answer(request) {
  const session = new Session(platform, request.run);
  try {
    return await sandbox.run(request, session);
  } finally {
    await session.end();
  }
}
