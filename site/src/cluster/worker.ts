// The Web Worker in which the cluster's wasm runs. See api.ts.

import type { Answer, Call } from './api.ts';

/** What wasm/cluster/main.go puts at the page's service. */
interface Engine {
  engine: string;
  create(script: string): number | { error: string };
  rewind(t: number, actions: number): number | { error: string };
  act(action: string): { line: string } | { error: string };
  advance(t: number, budget: number): number;
  step(): number;
  take(): Uint8Array;
  flights(): Uint8Array;
  hash(): string;
  script(): string;
  election(seed: number, min: number, max: number, limit: number): number;
}

declare const Go: new () => { importObject: WebAssembly.Imports; run(i: WebAssembly.Instance): Promise<void> };

const base = new URL(`${import.meta.env.BASE_URL.replace(/\/?$/, '/')}wasm/`, self.location.origin);

async function load(): Promise<Engine> {
  // The Go loader defines the global Go. Imported, not evaluated as text, which
  // the page's policy forbids.
  await import(/* @vite-ignore */ new URL('wasm_exec.js', base).href);
  const go = new Go();
  const file = await fetch(new URL('cluster.wasm', base));
  if (!file.ok) throw new Error(`cluster.wasm: ${file.status}`);
  // Streaming keeps the browser's code cache; it needs the right content type.
  const isWasm = file.headers.get('content-type')?.startsWith('application/wasm');
  const { instance } = isWasm
    ? await WebAssembly.instantiateStreaming(file, go.importObject)
    : await WebAssembly.instantiate(await file.arrayBuffer(), go.importObject);
  return new Promise((ready) => {
    (self as unknown as { raftlabReady: (e: Engine) => void }).raftlabReady = ready;
    void go.run(instance);
  });
}

const engine = load();
let now = 0;

function answer(e: Engine, c: Call): Answer {
  const out: Answer = { now };
  const moved = (r: number | { error: string }) => {
    if (typeof r === 'object') out.error = r.error;
    else now = r;
  };
  switch (c.op) {
    case 'create': moved(e.create(c.script)); break;
    case 'rewind': moved(e.rewind(c.t, c.actions)); break;
    case 'advance': moved(e.advance(c.t, c.budget)); break;
    case 'step': moved(e.step()); break;
    case 'act': {
      const r = e.act(c.action);
      if ('error' in r) out.error = r.error;
      else out.text = r.line;
      break;
    }
    case 'hash':
      out.text = e.hash();
      out.script = e.script();
      return out;
    case 'election':
      out.ms = e.election(c.seed, c.min, c.max, c.limit);
      return out;
  }
  out.now = now;
  if (out.error === undefined) {
    out.records = e.take();
    const f = e.flights();
    out.flights = new Float64Array(f.buffer, f.byteOffset, f.length / 8);
  }
  return out;
}

self.onmessage = async (m: MessageEvent<{ id: number; call: Call }>) => {
  const { id, call } = m.data;
  let a: Answer;
  try {
    a = answer(await engine, call);
  } catch (e) {
    a = { error: e instanceof Error ? e.message : String(e), now };
  }
  const moved: Transferable[] = [];
  if (a.records) moved.push(a.records.buffer);
  if (a.flights) moved.push(a.flights.buffer);
  self.postMessage({ id, answer: a }, { transfer: moved });
};
