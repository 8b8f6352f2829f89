// Fetches the grader and the Go toolchain, and keeps them for the page's life.
// The editor's part comes first: with it one can write and see errors.

import type { Manifest } from './api.ts';

/** sizes.json: what is to come, in bytes as they travel. */
export interface Sizes {
  key: string;
  files: Record<string, { bytes: number; packed: number }>;
}

export interface Grader {
  /** Address of Go's own loader. */
  loader: string;
  grader: WebAssembly.Module;
}

export interface Stock extends Grader {
  manifest: Manifest;
  sizes: Sizes;
  export: Uint8Array;
}

export interface Tools {
  tools: Record<string, WebAssembly.Module>;
  packs: Record<string, Uint8Array>;
}

/** Told how many bytes, as they travel, have come of how many. */
export type Progress = (done: number, total: number) => void;

const base = `${import.meta.env.BASE_URL.replace(/\/?$/, '/')}`;
const folder = `${base}toolchain/`;

/** A file could not be fetched. */
export class LoadError extends Error {
  readonly file: string;
  constructor(file: string, why: string) {
    super(`${file}: ${why}`);
    this.file = file;
  }
}

async function get(url: string): Promise<Response> {
  let r: Response;
  try {
    r = await fetch(url);
  } catch (e) {
    throw new LoadError(url, String(e instanceof Error ? e.message : e));
  }
  if (!r.ok) throw new LoadError(url, `HTTP ${r.status}`);
  return r;
}

/** Bytes of a piece, whole or from its parts. */
async function bytes(names: string[], tell: (n: number) => void): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (const name of names) {
    const r = await get(folder + name);
    const reader = r.body!.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      chunks.push(value);
      size += value.length;
      tell(value.length);
    }
  }
  const out = new Uint8Array(size);
  let at = 0;
  for (const c of chunks) {
    out.set(c, at);
    at += c.length;
  }
  return out;
}

/**
 * A module. One file is compiled from the network's own response: only then may
 * the browser keep the machine code for the next visit.
 */
async function module(names: string[], tell: (n: number) => void, size: number): Promise<WebAssembly.Module> {
  if (names.length === 1) {
    // ?net goes past the service worker, whose answers have no machine code
    // kept with them; without a network its copy serves.
    const r = await get(`${folder}${names[0]!}?net`).catch(() => get(folder + names[0]!));
    if (r.headers.get('content-type')?.startsWith('application/wasm')) {
      const m = await WebAssembly.compileStreaming(r);
      tell(size);
      return m;
    }
    const b = await r.arrayBuffer();
    tell(size);
    return WebAssembly.compile(b);
  }
  return WebAssembly.compile(await bytes(names, tell) as Uint8Array<ArrayBuffer>);
}

/** Adds up what has come of several pieces, in bytes as they travel. */
class Meter {
  private done = 0;
  private readonly total: number;
  private readonly progress: Progress;
  private readonly sizes: Sizes;
  constructor(sizes: Sizes, names: string[], progress: Progress) {
    this.sizes = sizes;
    this.progress = progress;
    this.total = names.reduce((n, f) => n + (sizes.files[f]?.packed ?? 0), 0);
    progress(0, this.total);
  }
  of(name: string): (n: number) => void {
    const f = this.sizes.files[name];
    const ratio = f ? f.packed / f.bytes : 1;
    return (n) => {
      this.done += n * ratio;
      this.progress(Math.min(this.done, this.total), this.total);
    };
  }
}

let stock: Promise<Stock> | undefined;

export const mb = (n: number): string => `${(n / 1e6).toFixed(1)} MB`;

export async function sizes(): Promise<Sizes> {
  return await (await get(`${folder}sizes.json`)).json() as Sizes;
}

const goLoader = (): string => new URL(`${base}wasm/wasm_exec.js`, location.href).href;
const graderModule = (s: Sizes, meter: Meter): Promise<WebAssembly.Module> =>
  module(['grader.wasm'], meter.of('grader.wasm'), s.files['grader.wasm']?.bytes ?? 0);

/** Fetches the grader alone. */
export async function loadGrader(progress: Progress): Promise<Grader> {
  const s = await sizes();
  return { loader: goLoader(), grader: await graderModule(s, new Meter(s, ['grader.wasm'], progress)) };
}

/** Fetches what the editor needs, once. */
export function loadStock(progress: Progress): Promise<Stock> {
  return stock ??= (async () => {
    const s = await sizes();
    const meter = new Meter(s, ['grader.wasm', 'go/export.pack'], progress);
    const [manifest, grader, exported] = await Promise.all([
      get(`${folder}go/manifest.json`).then((r) => r.json() as Promise<Manifest>),
      graderModule(s, meter),
      bytes(['go/export.pack'], meter.of('go/export.pack')),
    ]);
    return { manifest, sizes: s, loader: goLoader(), grader, export: exported };
  })().catch((e: unknown) => {
    stock = undefined; // another try may do better
    throw e;
  });
}

/** Fetches the compiler, the linker and the archives. */
export async function loadTools(s: Stock, progress: Progress): Promise<Tools> {
  const { files } = s.manifest;
  const names = ['compile', 'link', 'objects', 'kit'];
  const parts = (name: string) => files[name]!.parts.map((p) => `go/${p}`);
  const meter = new Meter(s.sizes, names.flatMap(parts), progress);
  const size = (name: string) => s.sizes.files[parts(name)[0]!]?.bytes ?? 0;
  const tell = (name: string) => meter.of(parts(name)[0]!);
  const [compile, link, objects, kit] = await Promise.all([
    module(parts('compile'), tell('compile'), size('compile')),
    module(parts('link'), tell('link'), size('link')),
    bytes(parts('objects'), tell('objects')),
    bytes(parts('kit'), tell('kit')),
  ]);
  // A full disk costs the next visit, not this one.
  void keep(s.sizes.key, ['grader.wasm', ...parts('compile'), ...parts('link')]).catch(() => undefined);
  return { tools: { compile, link }, packs: { export: s.export, objects, kit } };
}

/** Puts copies of modules where the service worker finds them without a network. */
async function keep(key: string, names: string[]): Promise<void> {
  if (!navigator.serviceWorker?.controller) return; // on the next visit, then
  const cache = await caches.open(`raftlab-big-${key}`);
  for (const name of names) {
    if (await cache.match(folder + name)) continue;
    const r = await fetch(`${folder}${name}?net`); // from the browser's own cache
    if (r.ok) await cache.put(folder + name, r);
  }
}

/** Fetches a pack that only rare imports need. */
export function loadPack(s: Stock, name: string, progress: Progress): Promise<Uint8Array> {
  const parts = s.manifest.files[name]!.parts.map((p) => `go/${p}`);
  const meter = new Meter(s.sizes, parts, progress);
  return bytes(parts, meter.of(parts[0]!));
}

/** What a page without these cannot do. */
export function missing(): string[] {
  const out: string[] = [];
  if (typeof WebAssembly !== 'object' || typeof WebAssembly.compileStreaming !== 'function') out.push('WebAssembly');
  if (typeof Worker !== 'function') out.push('Web Workers');
  if (typeof BigInt64Array !== 'function') out.push('BigInt');
  if (typeof indexedDB !== 'object') out.push('IndexedDB');
  return out;
}
