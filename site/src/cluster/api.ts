// The page's side of the live cluster: one class per cluster, whose methods are
// answered by a Web Worker that runs wasm/cluster. Times are virtual ns.
//
// The worker's protocol is the two types Call and Answer: every call has a
// number, which its answer repeats; answers come in the order of the calls.

import { RecordDecoder, type TraceRecord } from '../player/trace.ts';

/** What can be asked of the worker. */
export type Call =
  | { op: 'create'; script: string }
  | { op: 'rewind'; t: number; actions: number }
  | { op: 'act'; action: string }
  | { op: 'advance'; t: number; budget: number }
  | { op: 'step' }
  | { op: 'hash' }
  | { op: 'election'; seed: number; min: number; max: number; limit: number };

/** What came of it: everything new since the last answer. */
export interface Answer {
  /** What went wrong, or undefined. */
  error?: string;
  /** The virtual time reached. */
  now: number;
  /** New records in the trace format; the first has its time from 0. */
  records?: Uint8Array;
  /** Messages under way: id, arrival, id, arrival, ... */
  flights?: Float64Array;
  /** Of act: the action with its names resolved. Of hash: the run's. */
  text?: string;
  /** Of hash: the script that leads to it. */
  script?: string;
  /** Of election: ms. */
  ms?: number;
}

/** An action that could not be done. `nobody`: a name stands for nobody now. */
export class ActionError extends Error {
  readonly nobody: boolean;
  constructor(message: string) {
    super(message);
    this.nobody = message === 'nobody';
  }
}

/** The page cannot run a cluster at all. */
export class NoWasmError extends Error {}

export interface News {
  records: TraceRecord[];
  now: number;
  flights: Float64Array;
}

const NO_FLIGHTS = new Float64Array(0);
/** Real ms that one advance may take: less than a frame. */
const BUDGET = 12;

export class Cluster {
  private readonly worker: Worker;
  private next = 0;
  private readonly waiting = new Map<number, { done: (a: Answer) => void; fail: (e: Error) => void }>();

  private constructor(worker: Worker) {
    this.worker = worker;
    worker.onmessage = (e: MessageEvent<{ id: number; answer: Answer }>) => {
      const w = this.waiting.get(e.data.id);
      this.waiting.delete(e.data.id);
      w?.done(e.data.answer);
    };
    worker.onerror = (e) => {
      e.preventDefault();
      this.failAll(new NoWasmError(e.message || 'the worker could not start'));
    };
  }

  /** Starts a worker and makes in it the cluster that a script tells of. */
  static async create(script: string): Promise<{ cluster: Cluster; news: News }> {
    const cluster = Cluster.start();
    try {
      const news = toNews(await cluster.call({ op: 'create', script }));
      return { cluster, news };
    } catch (e) {
      cluster.close();
      throw e;
    }
  }

  /** Starts a worker without a cluster, for elections. */
  static start(): Cluster {
    if (typeof WebAssembly !== 'object' || typeof Worker !== 'function') throw new NoWasmError('no WebAssembly');
    return new Cluster(new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'cluster' }));
  }

  /** Begins another cluster in the same worker. */
  async create(script: string): Promise<News> {
    return toNews(await this.call({ op: 'create', script }));
  }

  /**
   * Goes back to time t by doing the first `actions` actions, of those up to t,
   * again. The news are all records of the run that leads there.
   */
  async rewind(t: number, actions: number): Promise<News> {
    return toNews(await this.call({ op: 'rewind', t, actions }));
  }

  /** Does an action (see wasm/cluster/session/act.go) at the present moment. */
  async act(action: string): Promise<{ line: string; news: News }> {
    const a = await this.call({ op: 'act', action });
    return { line: a.text ?? action, news: toNews(a) };
  }

  /** Runs up to time t, or as far as it gets in `budget` ms of real time. */
  async advance(t: number, budget = BUDGET): Promise<News> {
    return toNews(await this.call({ op: 'advance', t, budget }));
  }

  /** Runs through the next instant at which something happens. */
  async step(): Promise<News> {
    return toNews(await this.call({ op: 'step' }));
  }

  /** The run's identity, and the script that leads to the present. */
  async hash(): Promise<{ hash: string; script: string }> {
    const a = await this.call({ op: 'hash' });
    return { hash: a.text ?? '', script: a.script ?? '' };
  }

  /** One trial of Figure 16: ms from a leader's crash to the next leader, `limit` at most. */
  async election(seed: number, min: number, max: number, limit: number): Promise<number> {
    return (await this.call({ op: 'election', seed, min, max, limit })).ms ?? 0;
  }

  /** Ends the worker. Calls under way are never answered. */
  close(): void {
    this.worker.terminate();
    this.waiting.clear();
  }

  private failAll(e: Error): void {
    for (const w of this.waiting.values()) w.fail(e);
    this.waiting.clear();
  }

  private call(c: Call): Promise<Answer> {
    const id = this.next++;
    return new Promise((done, fail) => {
      this.waiting.set(id, {
        done: (a) => (a.error === undefined ? done(a) : fail(new ActionError(a.error))),
        fail,
      });
      this.worker.postMessage({ id, call: c });
    });
  }
}

function toNews(a: Answer): News {
  const records = a.records && a.records.length > 0 ? new RecordDecoder().push(a.records) : [];
  return { records, now: a.now, flights: a.flights ?? NO_FLIGHTS };
}
