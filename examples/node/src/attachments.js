// Files that are not in the input: uploads that the platform holds, and files on the web.

import { open } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { Readable } from 'node:stream';

import { Refused } from './failure.js';

/** The longest time that a web server may take to begin its answer. */
const FETCH_MS = 30_000;

/** A file that the user uploaded to the platform. */
export async function openUpload(uploads, folder, id) {
  // The id comes from the component: it is looked up, and never used as a path.
  if (!Object.hasOwn(uploads, id)) throw unavailable('not-found', `there is no upload ${JSON.stringify(id)}`);
  const { path, filename, mediaType } = uploads[id];
  const file = await open(resolve(folder, path));
  const size = BigInt((await file.stat()).size);
  return {
    metadata: { filename: filename ?? basename(path), mediaType, size },
    async read(max) {
      const { bytesRead, buffer } = await file.read({ buffer: new Uint8Array(max) });
      return buffer.subarray(0, bytesRead);
    },
    abandon: () => file.close(),
  };
}

/** A file on the web. Connects only to hosts that the account's policy names. */
export async function fetchFile(account, url) {
  const { host } = new URL(url);
  if (!account.attachmentUrlHosts?.includes(host)) {
    throw unavailable('forbidden', `files from ${host} are not attached for this account`);
  }
  const response = await get(url);
  const length = response.headers.get('content-length');
  const stream = Readable.fromWeb(response.body);
  return {
    metadata: {
      filename: fileName(response, url),
      mediaType: response.headers.get('content-type') ?? undefined,
      size: length ? BigInt(length) : undefined,
    },
    read: (max) => read(stream, max),
    abandon: () => stream.destroy(),
  };
}

async function get(url) {
  let response;
  try {
    // A redirect could lead to any host.
    response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(FETCH_MS) });
  } catch (error) {
    throw unavailable('unavailable', `the file cannot be fetched: ${error.cause?.message ?? error.message}`);
  }
  if (response.ok) return response;
  const kind = response.status >= 500 ? 'unavailable' : 'not-found';
  throw unavailable(kind, `the web server answered ${response.status}`);
}

function fileName(response, url) {
  const disposition = response.headers.get('content-disposition') ?? '';
  const [, named] = disposition.match(/filename="?([^";]+)"?/i) ?? [];
  return named ?? (basename(new URL(url).pathname) || undefined);
}

async function read(stream, max) {
  for (;;) {
    const chunk = stream.read(Math.min(max, stream.readableLength || max)) ?? stream.read();
    if (chunk) {
      if (chunk.length > max) stream.unshift(chunk.subarray(max));
      return chunk.subarray(0, max);
    }
    if (stream.readableEnded) return new Uint8Array();
    if (stream.errored) throw unavailable('unavailable', 'the web server broke off');
    await new Promise((wake) => {
      for (const event of ['readable', 'end', 'error', 'close']) stream.once(event, wake);
    });
  }
}

function unavailable(tag, sentence) {
  return new Refused({ tag, val: sentence });
}
