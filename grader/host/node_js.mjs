// Runs a program of GOOS=js that uses grader/host in node: go test -exec and the
// tests of other packages start it. It is Go's own go_js_wasm_exec with the
// engine added.
//
//	node node_js.mjs GOROOT PROGRAM [ARGUMENTS]
import crypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createRequire } from 'node:module';
import { engine } from './engine_js.mjs';

const require = createRequire(import.meta.url);
const [goroot, program, ...args] = process.argv.slice(2);
globalThis.require = require;
globalThis.fs = fs;
globalThis.path = path;
globalThis.crypto ??= crypto.webcrypto;
require(path.join(goroot, 'lib/wasm/wasm_exec.js'));

const go = new globalThis.Go();
go.argv = [program, ...args];
go.env = { ...process.env, TMPDIR: os.tmpdir() };
go.exit = process.exit;
const eng = engine();
const { instance } = await WebAssembly.instantiate(fs.readFileSync(program), { ...go.importObject, raftlab_engine: eng.imports });
eng.bind(instance);
process.on('exit', (code) => {
  if (code === 0 && !go.exited) { // nothing is left to wait for: Go prints its deadlock
    go._pendingEvent = { id: 0 };
    go._resume();
  }
});
await go.run(instance);
