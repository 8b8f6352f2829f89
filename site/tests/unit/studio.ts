// The page's grader and Go toolchain in node, on the calling thread.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { engine } from '../../../grader/host/engine_js.mjs';
import { Toolchain } from '../../../wasm/toolchain/toolchain.mjs';
import type { Command, Failed, Manifest, Order, Outcome, Result, Run } from '../../src/code/api.ts';
import { root } from './engine.ts';

const folder = `${root}site/public/toolchain/`;

interface Api {
  lab(name?: string): string;
  library(manifest: string, exported: Uint8Array): string;
  check(files: string, lab?: string, raft?: string): string;
  vet(files: string, lab?: string, raft?: string): string;
  format(text: string): string;
  plan(files: string, lab?: string, raft?: string): { commands: Command[] } | string;
  explain(output: string): string;
  open(order: string, wasm: Uint8Array): string;
  run(i: number): { outcome: string; trace?: Uint8Array } | string;
  result(outcomes: string): string;
}

export class StudioInNode {
  readonly api: Api;
  readonly toolchain: Toolchain;
  readonly manifest: Manifest;

  private constructor(api: Api, manifest: Manifest, exported: Uint8Array) {
    this.api = api;
    this.manifest = manifest;
    const modules = new Map<string, WebAssembly.Module>();
    const packs = new Map<string, Uint8Array>([['export', exported]]);
    const file = (name: string): Uint8Array<ArrayBuffer> => readFileSync(`${folder}go/${manifest.files[name]!.parts[0]!}`);
    this.toolchain = new Toolchain(
      manifest,
      (tool) => modules.get(tool) ?? (modules.set(tool, new WebAssembly.Module(file(tool))), modules.get(tool)!),
      (pack) => packs.get(pack) ?? (packs.set(pack, file(pack)), packs.get(pack)),
    );
  }

  static async load(): Promise<StudioInNode> {
    if (!existsSync(`${folder}grader.wasm`)) throw new Error('site/public/toolchain is missing: run `npm run toolchain`');
    (0, eval)(readFileSync(`${root}site/public/wasm/wasm_exec.js`, 'utf8'));
    const { Go } = globalThis as unknown as { Go: new () => { importObject: WebAssembly.Imports; run(i: WebAssembly.Instance): Promise<void> } };
    const go = new Go();
    const eng = engine();
    const { instance } = await WebAssembly.instantiate(readFileSync(`${folder}grader.wasm`), { ...go.importObject, raftlab_engine: eng.imports });
    eng.bind(instance);
    const api = await new Promise<Api>((done) => {
      (globalThis as unknown as { raftlabReady: (a: Api) => void }).raftlabReady = done;
      void go.run(instance);
    });
    const manifest = JSON.parse(readFileSync(`${folder}go/manifest.json`, 'utf8')) as Manifest;
    const exported = readFileSync(`${folder}go/export.pack`);
    api.library(JSON.stringify(manifest), exported);
    return new StudioInNode(api, manifest, exported);
  }

  compile(files: Record<string, string>, lab = '', raft = ''): Uint8Array {
    const plan = this.api.plan(JSON.stringify(files), lab, raft);
    if (typeof plan === 'string') throw new Error((JSON.parse(plan) as Failed).error);
    return this.toolchain.build(plan.commands);
  }

  grade(wasm: Uint8Array, order: Order): Result {
    const opened = JSON.parse(this.api.open(JSON.stringify(order), wasm)) as { runs: Run[] } & Partial<Failed>;
    if (opened.error) throw new Error(opened.error);
    const outcomes: Outcome[] = opened.runs.map((_, i) => {
      const r = this.api.run(i);
      if (typeof r === 'string') throw new Error((JSON.parse(r) as Failed).error);
      return JSON.parse(r.outcome) as Outcome;
    });
    return JSON.parse(this.api.result(JSON.stringify(outcomes))) as Result;
  }
}

/** The command, built once. */
export class Cli {
  private readonly dir = mkdtempSync(join(tmpdir(), 'raftlab-cli-'));
  private readonly grade = join(this.dir, 'grade');

  constructor() {
    execFileSync('go', ['build', '-o', this.grade, './cmd/grade'], { cwd: root, env: { ...process.env, GOTOOLCHAIN: 'local' } });
  }

  /** Writes a folder; returns its path. */
  folder(files: Record<string, string>): string {
    const dir = mkdtempSync(join(this.dir, 'student-'));
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(dir, name)), { recursive: true });
      writeFileSync(join(dir, name), text);
    }
    return dir;
  }

  build(dir: string): Uint8Array {
    const out = join(dir, 'server.wasm');
    execFileSync(this.grade, ['build', '-o', out, dir]);
    return readFileSync(out);
  }

  json(dir: string, ...args: string[]): Result {
    try {
      return JSON.parse(execFileSync(this.grade, ['--json', ...args, dir], { encoding: 'utf8', maxBuffer: 64 << 20, stdio: ['ignore', 'pipe', 'ignore'] })) as Result;
    } catch (e) {
      const { status, stdout } = e as { status?: number; stdout?: string };
      if (status === 1 && stdout) return JSON.parse(stdout) as Result; // tests failed
      throw e;
    }
  }

  close(): void { rmSync(this.dir, { recursive: true, force: true }); }
}

/** What of a Result must be the same everywhere. */
export function verdict(r: Result): unknown {
  return {
    status: r.status, points: r.points, max: r.max, hash: r.hash, module: r.module, raft: r.raft, go: r.go, lab: r.labHash,
    tests: r.parts.flatMap((p) => p.tests.map((t) => ({
      name: `${p.name}/${t.name}`, status: t.status, points: t.points, runs: t.runs.map((x) => [x.seed, x.status, x.hash]),
      failure: t.failure && { ...t.failure, events: undefined },
    }))),
  };
}
