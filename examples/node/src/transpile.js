// The component as JavaScript and core modules: made once for each component, and cached.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const GENERATED = join(import.meta.dirname, '..', 'generated');
const NAME = 'connector';

/** The imports that wait. The others return at once. */
const WAITING = [
  'attachments@0.1.0#open-upload',
  'attachments@0.1.0#fetch',
  'attachments@0.1.0#[method]content.read',
  'transport@0.1.0#begin',
  'transport@0.1.0#[method]outgoing.write',
  'transport@0.1.0#[static]outgoing.finish',
];

const MODES = {
  sync: {},
  jspi: {
    asyncMode: 'jspi',
    asyncImports: WAITING.map((name) => `connectors:smtp/${name}`),
    asyncExports: ['connectors:smtp/smtp-connector@0.1.0#invoke'],
  },
};

/** Returns the path of the component's JavaScript, and transpiles it if necessary. */
export async function transpiled(componentFile, mode) {
  const bytes = readFileSync(componentFile);
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 16);
  const folder = join(GENERATED, `${mode}-${hash}`);
  const script = join(folder, `${NAME}.js`);
  if (!existsSync(script)) await write(folder, bytes, mode);
  return script;
}

async function write(folder, bytes, mode) {
  // Loaded only here, because loading it takes longer than running the component.
  const { transpileBytes } = await import('@bytecodealliance/jco-transpile');
  // An error of the contract comes as a ComponentError, so that it differs from a trap.
  const options = { name: NAME, instantiation: 'async', noComponentErrorWrapping: false };
  const { files } = await transpileBytes(bytes, { ...options, ...MODES[mode] });
  // The script is written last: if it exists, everything else does.
  const script = (name) => name === `${NAME}.js`;
  for (const name of Object.keys(files).sort((a, b) => script(a) - script(b))) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, files[name]);
  }
}

/** Loads the transpiled code: a function that makes a fresh instance with these imports. */
export async function load(script) {
  const { instantiate } = await import(script);
  const modules = new Map();
  const core = (name) => {
    if (!modules.has(name)) {
      modules.set(name, new WebAssembly.Module(readFileSync(join(dirname(script), name))));
    }
    return modules.get(name);
  };
  return async (imports) => (await instantiate(core, imports)).smtpConnector;
}
