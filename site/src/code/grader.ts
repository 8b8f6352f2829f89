// The page's side of a grader-worker.

import type { Decoded } from '../player/run.ts';
import { GraderError, type Failed, type Order, type Run } from './api.ts';
import { loadGrader, type Grader, type Progress, type Stock } from './load.ts';
import { Remote } from './remote.ts';

/** A grader in a worker of its own; with a library it can check and plan. */
export class GraderWorker {
  readonly remote: Remote;
  private readonly ready: Promise<unknown>;
  constructor(grader: Grader, library?: Pick<Stock, 'manifest' | 'export'>) {
    this.remote = new Remote(new Worker(new URL('./grader-worker.ts', import.meta.url), { type: 'module', name: 'grader' }));
    this.ready = this.remote.call({ op: 'start', module: grader.grader, loader: grader.loader })
      .then(() => library && this.raw('library', JSON.stringify(library.manifest), library.export));
    this.ready.catch(() => undefined); // told by the next call
  }

  /** Calls a function of the grader whatever it answers. */
  private raw(name: string, ...args: unknown[]): Promise<unknown> {
    return this.remote.call({ op: 'call', name, args });
  }

  /** Calls a function that answers text. */
  async json<T>(name: string, ...args: unknown[]): Promise<T> {
    await this.ready;
    return parsed<T>(await this.raw(name, ...args));
  }

  /** Calls a function that answers an object, or text if it fails. */
  async object<T>(name: string, ...args: unknown[]): Promise<T> {
    await this.ready;
    const v = await this.raw(name, ...args);
    return typeof v === 'string' ? parsed<T>(v) : v as T;
  }

  async open(order: Order, wasm: Uint8Array, compiled?: { hash: string; module: WebAssembly.Module }): Promise<{ module: string; runs: Run[]; compiled: WebAssembly.Module }> {
    await this.ready;
    const a = await this.remote.call<{ opened: string; compiled: WebAssembly.Module }>({ op: 'open', order: JSON.stringify(order), wasm, compiled });
    return { ...parsed<{ module: string; runs: Run[] }>(a.opened), compiled: a.compiled };
  }
}

function parsed<T>(text: unknown): T {
  const v = JSON.parse(String(text)) as T | Failed;
  if (v && typeof v === 'object' && 'error' in v) throw new GraderError(v);
  return v as T;
}

let reader: Promise<GraderWorker> | undefined;

/**
 * What a run's messages, disks and commands hold, where there is no Studio: the
 * grader is fetched for it, once.
 */
export async function decode(trace: Uint8Array, progress: Progress): Promise<Decoded> {
  reader ??= loadGrader(progress).then((g) => new GraderWorker(g)).catch((e: unknown) => {
    reader = undefined; // another try may do better
    throw e;
  });
  return (await reader).json<Decoded>('decoded', trace);
}
