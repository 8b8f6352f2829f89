// A Web Worker that compiles and links.

import { Toolchain, ToolError } from '../../../wasm/toolchain/toolchain.mjs';
import type { Command, Manifest } from './api.ts';

export type Call =
  | { id: number; op: 'start'; manifest: Manifest; tools: Record<string, WebAssembly.Module>; packs: Record<string, Uint8Array> }
  | { id: number; op: 'pack'; name: string; bytes: Uint8Array }
  | { id: number; op: 'build'; commands: Command[] };

let toolchain: Toolchain;
const packs: Record<string, Uint8Array> = {};

self.onmessage = (e: MessageEvent<Call>) => {
  const c = e.data;
  try {
    let answer: unknown = null;
    switch (c.op) {
      case 'start':
        Object.assign(packs, c.packs);
        toolchain = new Toolchain(c.manifest, (name) => c.tools[name]!, (name) => packs[name]);
        break;
      case 'pack':
        packs[c.name] = c.bytes;
        break;
      case 'build':
        answer = toolchain.build(c.commands, (done, total) => self.postMessage({ id: c.id, progress: { done, total } }));
        break;
    }
    self.postMessage({ id: c.id, answer });
  } catch (err) {
    if (err instanceof ToolError) self.postMessage({ id: c.id, output: err.output });
    else self.postMessage({ id: c.id, thrown: String(err instanceof Error ? err.message : err) });
  }
};
