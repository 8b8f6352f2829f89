// The cluster's wasm in node, for tests without a browser.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { ActionError } from '../../src/cluster/api.ts';
import type { Actor } from '../../src/cluster/live.ts';
import { RecordDecoder, type TraceRecord } from '../../src/player/trace.ts';

export const root = fileURLToPath(new URL('../../..', import.meta.url));

interface Raw {
  create(script: string): number | { error: string };
  rewind(t: number, actions: number): number | { error: string };
  act(action: string): { line?: string; error?: string };
  advance(t: number, budget: number): number;
  take(): Uint8Array;
  hash(): string;
  script(): string;
}

/** A cluster that runs on the calling thread. */
export class Engine implements Actor {
  now = 0;
  onrecords: (r: TraceRecord[], now: number) => void = () => {};
  private readonly raw: Raw;

  private constructor(raw: Raw) {
    this.raw = raw;
  }

  static async load(): Promise<Engine> {
    const folder = `${root}site/public/wasm/`;
    if (!existsSync(`${folder}cluster.wasm`)) throw new Error('site/public/wasm/cluster.wasm is missing: run `npm run wasm`');
    (0, eval)(readFileSync(`${folder}wasm_exec.js`, 'utf8'));
    const { Go } = globalThis as unknown as { Go: new () => { importObject: WebAssembly.Imports; run(i: WebAssembly.Instance): Promise<void> } };
    const go = new Go();
    const { instance } = await WebAssembly.instantiate(readFileSync(`${folder}cluster.wasm`), go.importObject);
    return new Promise((done) => {
      (globalThis as unknown as { raftlabReady: (r: Raw) => void }).raftlabReady = (raw) => done(new Engine(raw));
      void go.run(instance);
    });
  }

  create(script: string): void {
    this.moved(this.raw.create(script));
  }

  rewind(t: number, actions: number): void {
    this.moved(this.raw.rewind(t, actions));
  }

  async runTo(t: number): Promise<void> {
    while (this.now < t) this.moved(this.raw.advance(t, 1e9));
  }

  async act(line: string): Promise<void> {
    const r = this.raw.act(line);
    if (r.error !== undefined) throw new ActionError(r.error);
    this.moved(this.now);
  }

  hash(): string {
    return this.raw.hash();
  }

  script(): string {
    return this.raw.script();
  }

  private moved(r: number | { error: string }): void {
    if (typeof r === 'object') throw new ActionError(r.error);
    this.now = r;
    const b = this.raw.take();
    this.onrecords(b.length > 0 ? new RecordDecoder().push(b) : [], this.now);
  }
}

/** Runs a script with the native program; returns the hash and the trace file. */
export function native(script: string): { hash: string; trace: Uint8Array } {
  const file = `${mkdtempSync(`${tmpdir()}/raftlab-`)}/run.trace`;
  const hash = execFileSync('go', ['run', './wasm/cluster/replay', '-o', file], {
    cwd: root, input: script, encoding: 'utf8', env: { ...process.env, GOTOOLCHAIN: 'local' },
  }).trim();
  return { hash, trace: new Uint8Array(readFileSync(file)) };
}
