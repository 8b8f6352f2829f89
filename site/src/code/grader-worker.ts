// A Web Worker with one instance of wasm/grader. It answers calls in turn.

import { engine } from '../../../grader/host/engine_js.mjs';

interface Api {
  [name: string]: (...args: unknown[]) => unknown;
}

export type Call =
  | { id: number; op: 'start'; module: WebAssembly.Module; loader: string }
  | { id: number; op: 'open'; order: string; wasm: Uint8Array; compiled?: { hash: string; module: WebAssembly.Module } }
  | { id: number; op: 'call'; name: string; args: unknown[] };

declare const Go: new () => { importObject: WebAssembly.Imports; run(i: WebAssembly.Instance): Promise<void> };

const eng = engine();
let api: Api;

async function start(module: WebAssembly.Module, loader: string): Promise<void> {
  await import(/* @vite-ignore */ loader); // it defines the global Go
  const go = new Go();
  const instance = await WebAssembly.instantiate(module, { ...go.importObject, raftlab_engine: eng.imports });
  eng.bind(instance);
  await new Promise<void>((ready) => {
    (self as unknown as { raftlabReady: (a: Api) => void }).raftlabReady = (a) => { api = a; ready(); };
    void go.run(instance);
  });
}

self.onmessage = async (e: MessageEvent<Call>) => {
  const c = e.data;
  try {
    let answer: unknown;
    switch (c.op) {
      case 'start':
        await start(c.module, c.loader);
        answer = '{}';
        break;
      case 'open': {
        if (c.compiled) eng.modules.set(c.compiled.hash, c.compiled.module);
        const opened = api['open']!(c.order, c.wasm) as string;
        const { module: hash } = JSON.parse(opened) as { module?: string };
        // Only the module at hand is kept.
        for (const key of eng.modules.keys()) if (key !== hash) eng.modules.delete(key);
        answer = { opened, compiled: hash ? eng.modules.get(hash) : undefined };
        break;
      }
      case 'call':
        answer = api[c.name]!(...c.args);
        break;
    }
    self.postMessage({ id: c.id, answer });
  } catch (err) {
    self.postMessage({ id: c.id, thrown: String(err instanceof Error ? err.message : err) });
  }
};
