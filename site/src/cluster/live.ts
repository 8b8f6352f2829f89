// A live cluster with its history: the model that the player shows, and what was
// done when. Acting in the past forks the history there; undo takes back the
// last action. Calls are done one after another.

import { Model } from '../player/model.ts';
import { ActionError, Cluster, type News } from './api.ts';

export interface Done {
  at: number;
  line: string;
}

/** Where a script leads: the parts of its text that the page needs. */
export interface Head {
  kind: string;
  servers: number;
  clients: number;
  seed: string;
  /** Settings at the start, as words. */
  set: Map<string, string[]>;
  actions: Done[];
  until: number;
}

/** Reads a script's text; the cluster itself checks it. */
export function readScript(script: string): Head {
  const head: Head = { kind: 'raft', servers: 5, clients: 0, seed: '1', set: new Map(), actions: [], until: 0 };
  for (const line of script.split('\n')) {
    const [word, ...rest] = line.split(' ');
    switch (word) {
      case 'kind': head.kind = rest[0] ?? ''; break;
      case 'servers': head.servers = Number(rest[0]); break;
      case 'clients': head.clients = Number(rest[0]); break;
      case 'seed': head.seed = rest[0] ?? '1'; break;
      case 'set': head.set.set(rest[0] ?? '', rest.slice(1)); break;
      case 'at': head.actions.push({ at: Number(rest[0]), line: rest.slice(1).join(' ') }); break;
      case 'until': head.until = Number(rest[0]); break;
    }
  }
  return head;
}

/** A history: what was done in it, and how far it had run. */
interface History {
  actions: readonly Done[];
  end: number;
}

export class LiveSession {
  readonly model: Model;
  readonly head: Head;
  actions: readonly Done[];
  /** While it runs by `advance`, the cluster goes no further than this. */
  limit = Infinity;
  private readonly cluster: Cluster;
  private readonly watchers = new Set<(forked: boolean) => void>();
  private tail: Promise<unknown> = Promise.resolve();
  /** The script's lines before its actions. */
  private readonly preface: string;
  /** The histories before each action, for undo, and those undone, for redo. */
  private past: History[] = [];
  private sealed = 0;
  private future: History[] = [];

  private constructor(cluster: Cluster, script: string, news: News) {
    const head = readScript(script);
    this.cluster = cluster;
    this.head = head;
    this.preface = script.split('\n').filter((l) => l !== '' && !/^(at|until) /.test(l)).join('\n');
    this.actions = head.actions;
    this.model = new Model(head.servers, head.clients);
    this.take(news);
  }

  static async create(script: string): Promise<LiveSession> {
    const { cluster, news } = await Cluster.create(script);
    return new LiveSession(cluster, script, news);
  }

  /** Calls f after every change; `forked`: records that it knows are gone. */
  watch(f: (forked: boolean) => void): () => void {
    this.watchers.add(f);
    return () => this.watchers.delete(f);
  }

  /** Ends it after what is under way. */
  close(): void {
    this.watchers.clear();
    void this.queue(async () => this.cluster.close());
  }

  /** Runs up to time t, or as far as it gets in a part of a frame. */
  advance(t: number): Promise<void> {
    return this.queue(async () => this.take(await this.cluster.advance(Math.min(t, this.limit))));
  }

  /** Runs up to time t however long that takes. */
  runTo(t: number): Promise<void> {
    return this.queue(async () => {
      while (this.model.end < t) this.take(await this.cluster.advance(t, 200));
    });
  }

  step(): Promise<void> {
    return this.queue(async () => this.take(await this.cluster.step()));
  }

  /**
   * Does an action at time t; if that is past, another history begins there, and
   * undo brings back the one that was. Throws an ActionError if the action cannot
   * be done; then nothing changes.
   */
  act(line: string, t = Infinity): Promise<void> {
    return this.queue(async () => {
      const before = this.history;
      const fork = t < this.model.end;
      if (fork) await this.back(t, this.actions.length);
      try {
        const { line: done, news } = await this.cluster.act(line);
        this.actions = [...this.actions, { at: news.now, line: done }];
        this.past.push(before);
        this.future = [];
        this.take(news);
      } catch (e) {
        if (fork) await this.restore(before);
        throw e;
      }
    });
  }

  /** What was done up to now belongs to the cluster as it is given: no undo. */
  seal(): void {
    this.sealed = this.actions.length;
    this.past = [];
    this.future = [];
  }

  get undoable(): boolean {
    return this.actions.length > this.sealed;
  }

  get redoable(): boolean {
    return this.future.length > 0;
  }

  /** Takes the last action back: the cluster is as it was just before it. */
  undo(): Promise<Done | undefined> {
    return this.queue(async () => {
      const last = this.actions.at(-1);
      if (!last || !this.undoable) return undefined;
      // Of a run that came by a link only its last history is known.
      const to = this.past.pop() ?? { actions: this.actions.slice(0, -1), end: last.at };
      this.future.push(this.history);
      await this.restore(to);
      return last;
    });
  }

  /** Does again what was undone last. */
  redo(): Promise<Done | undefined> {
    return this.queue(async () => {
      const to = this.future.pop();
      if (!to) return undefined;
      this.past.push(this.history);
      await this.restore(to);
      return to.actions.at(-1);
    });
  }

  /** Gives up what ran beyond time t, unless something was done there. */
  backTo(t: number): Promise<void> {
    return this.queue(async () => {
      if (t < this.model.end && (this.actions.at(-1)?.at ?? 0) <= t) await this.back(t, this.actions.length);
    });
  }

  private get history(): History {
    return { actions: this.actions, end: this.model.end };
  }

  /** Goes over to another history, which is done again from its beginning. */
  private async restore(to: History): Promise<void> {
    let same = 0;
    while (same < to.actions.length && this.actions[same]?.at === to.actions[same]!.at && this.actions[same]!.line === to.actions[same]!.line) same++;
    // Up to here both histories have the same records.
    const parting = Math.min(this.actions[same]?.at ?? Infinity, to.actions[same]?.at ?? Infinity, this.model.end, to.end);
    const script = [this.preface, ...to.actions.map((a) => `at ${a.at} ${a.line}`), `until ${to.end}`, ''].join('\n');
    const news = await this.cluster.create(script);
    this.actions = to.actions;
    if (parting <= this.model.start) this.model.clear(); // what both share may be forgotten
    const keep = this.model.countAt(parting - 1);
    this.model.cutTo(keep, Math.min(parting, to.end));
    this.model.append(news.records.slice(keep), news.now);
    this.model.expect(news.flights);
    this.tell(true);
  }

  /** Identity of the run and the script that leads here. */
  identity(): Promise<{ hash: string; script: string }> {
    return this.queue(() => this.cluster.hash());
  }

  /** The settings in force at time t: name to words. */
  settings(t = Infinity): Map<string, string[]> {
    const now = new Map(this.head.set);
    for (const a of this.actions) {
      if (a.at > t) break;
      const [verb, name, ...words] = a.line.split(' ');
      if (verb === 'set' && name) now.set(name, words);
    }
    return now;
  }

  private async back(t: number, actions: number): Promise<void> {
    const keep = this.model.countAt(t);
    const news = await this.cluster.rewind(t, actions);
    this.actions = this.actions.slice(0, actions).filter((a) => a.at <= t);
    // The same run comes out again, so the records need not be taken anew; but
    // of several actions at one instant, undo takes back only the last.
    this.model.cutTo(Math.min(keep, news.records.length), news.now);
    this.model.expect(news.flights);
    this.tell(true);
  }

  private take(news: News): void {
    this.model.append(news.records, news.now);
    this.model.expect(news.flights);
    this.tell(false);
  }

  private tell(forked: boolean): void {
    for (const f of this.watchers) f(forked);
  }

  private queue<T>(job: () => Promise<T>): Promise<T> {
    const result = this.tail.then(job);
    this.tail = result.catch(() => undefined);
    return result;
  }
}

/** What runs a list of actions: a LiveSession, or an engine in a test. */
export interface Actor {
  readonly now: number;
  runTo(t: number): Promise<void>;
  act(line: string): Promise<void>;
}

const MS = 1e6;
const PATIENCE = 10_000 * MS;
const STEP = 5 * MS;

/**
 * Does actions at their times. Where a name stands for nobody yet, time passes
 * until it does, ten seconds at most, and everything later moves by as much.
 */
export async function runActions(actor: Actor, actions: readonly { at: number; line: string }[]): Promise<void> {
  let late = 0;
  for (const a of actions) {
    await actor.runTo(a.at * MS + late);
    const due = actor.now;
    for (;;) {
      try {
        await actor.act(a.line);
        break;
      } catch (e) {
        if (!(e instanceof ActionError && e.nobody) || actor.now - due > PATIENCE) throw e;
        await actor.runTo(actor.now + STEP);
      }
    }
    late += actor.now - due;
  }
}
