// What a goal's evaluator keeps of the world, and the events it reads off each
// record: labs/lessons/FORMAT.md, sections 5.1 to 5.3.

import { Kind, Role, type LogEntry, type TraceRecord } from '../player/trace.ts';
import type { Config } from './format.ts';

/** An event, read off a record. */
export interface Fact {
  event: string;
  /** The server it happens at, -1 none. */
  server: number;
  /** The server's classes as the event is to see them. */
  classes?: ReadonlySet<string>;
  client?: number;
  value?: string;
  term?: number;
  flag?: boolean;
  servers?: number;
  op?: string;
  result?: string;
  requests?: number;
  property?: string;
}

export interface Server {
  up: boolean;
  life: number;
  booting: boolean;
  /** Observed in this life. */
  seen: boolean;
  role: number;
  term: number;
  commit: number;
  applied: number;
  /** log[0] has index 1: the lessons take no snapshots. */
  log: LogEntry[];
}

export interface Operation {
  id: number;
  op: string;
  result: string | null;
  /** Messages the client has sent since. */
  requests: number;
}

const text = new TextDecoder();

/** An entry's text: without the client's name and serial number. */
export function entryText(data: Uint8Array): string {
  return text.decode(data).replace(/ #C\d+\.\d+$/, '');
}

const key = (index: number, term: number): string => `${index}/${term}`;

export class Tracker {
  readonly n: number;
  readonly clients: number;
  servers: Server[];
  /** cut[from][to], over servers and clients. */
  cut: boolean[][];
  config: Config;
  operations = new Map<number, Operation>();
  /** Clients that hold the lock: granted, and no unlock invoked since. */
  holders = new Set<number>();
  committed = 0;

  private readonly applied = new Map<number, Set<number>>();
  private readonly has = new Map<string, Set<number>>();
  private readonly onMajority = new Set<string>();
  private readonly starts = new Map<number, string>();
  private greatestTerm = 0;
  private candidates = new Map<number, Set<number>>();
  private leaders = new Map<number, Set<number>>();

  constructor(servers: number, clients: number, config: Config) {
    this.n = servers;
    this.clients = clients;
    this.config = { ...config };
    this.servers = Array.from({ length: servers }, () => ({
      up: false, life: 0, booting: false, seen: false, role: Role.Unknown, term: 0, commit: 0, applied: 0, log: [],
    }));
    const all = servers + clients;
    this.cut = Array.from({ length: all }, () => new Array<boolean>(all).fill(false));
  }

  /** Takes a record in and returns the events that it is. */
  take(r: TraceRecord): Fact[] {
    const facts: Fact[] = [];
    const s = this.servers[r.node];
    switch (r.kind) {
      case Kind.Boot:
        if (s) {
          for (let i = 1; i <= s.log.length; i++) this.has.get(key(i, s.log[i - 1]!.term))?.delete(r.node);
          Object.assign(s, { up: true, life: r.id, booting: true, seen: false, role: Role.Unknown, term: 0, commit: 0, applied: 0, log: [] });
          if (r.id > 1) facts.push({ event: 'restart', server: r.node });
        }
        break;
      case Kind.Tick:
      case Kind.Receive:
      case Kind.CallFailed:
        if (s) s.booting = false;
        break;
      case Kind.Request:
        if (s) s.booting = false;
        if (r.name === 'start') this.starts.set(r.id, entryText(r.data));
        break;
      case Kind.Crash:
      case Kind.Fault:
        if (s) {
          if (r.kind === Kind.Crash) facts.push({ event: 'crash', server: r.node, flag: r.flag, classes: this.classesOf(r.node) });
          s.up = false;
        }
        break;
      case Kind.Observe:
        if (s) this.observe(r, s, facts);
        break;
      case Kind.LogWrite:
        if (s) this.write(r, s, facts);
        break;
      case Kind.Apply: {
        const who = this.applied.get(r.index) ?? new Set<number>();
        this.applied.set(r.index, who);
        if (r.data.length > 0 && !who.has(r.node)) {
          who.add(r.node);
          facts.push({ event: 'applied', server: r.node, value: entryText(r.data), servers: who.size });
        }
        if (s) s.applied = r.index;
        break;
      }
      case Kind.Respond: {
        const value = this.starts.get(r.id);
        if (value === undefined) break;
        if (r.flag) facts.push({ event: 'accepted', server: r.node, value });
        else facts.push({ event: s?.role === Role.Leader ? 'busy' : 'refused', server: r.node, value });
        break;
      }
      case Kind.Cut:
      case Kind.Heal: {
        const row = this.cut[r.node];
        if (row) row[r.peer] = r.kind === Kind.Cut;
        break;
      }
      case Kind.Send: {
        const o = this.operations.get(r.node - this.n);
        if (o) o.requests++;
        break;
      }
      case Kind.Drop:
        if (r.name === 'dropped by hand') facts.push({ event: 'dropped', server: r.node });
        break;
      case Kind.Dup:
        facts.push({ event: 'duplicated', server: r.node });
        break;
      case Kind.Invoke: {
        const client = r.peer - this.n;
        this.operations.set(client, { id: r.id, op: r.name, result: null, requests: 0 });
        if (r.name === 'unlock') this.holders.delete(client);
        facts.push({ event: 'invoked', server: -1, client, op: r.name });
        break;
      }
      case Kind.Return: {
        const client = r.peer - this.n;
        const o = this.operations.get(client);
        const result = text.decode(r.data);
        if (o) {
          o.result = result;
          if (o.op === 'lock' && result === 'granted') this.holders.add(client);
          facts.push({ event: 'returned', server: -1, client, op: o.op, result, requests: o.requests });
        }
        break;
      }
      case Kind.Violation:
        facts.push({ event: 'violated', server: r.node, property: r.name });
        break;
      case Kind.Phase:
        if (r.name.startsWith('set ')) this.configure(r.name.split(' ').slice(1));
        break;
    }
    for (const f of facts) if (!f.classes && this.servers[f.server]) f.classes = this.classesOf(f.server);
    return facts;
  }

  private observe(r: TraceRecord, s: Server, facts: Fact[]): void {
    const st = r.status!;
    const news = !s.seen || s.role !== st.role || s.term < st.term;
    if (s.seen && s.role === Role.Leader && st.role !== Role.Leader) {
      facts.push({ event: 'stepDown', server: r.node, classes: this.classesOf(r.node) });
    }
    if (st.term > this.greatestTerm) {
      const before = this.greatestTerm;
      if ((this.candidates.get(before)?.size ?? 0) >= 2 && !this.leaders.get(before)) facts.push({ event: 'splitVote', server: r.node });
      this.greatestTerm = st.term;
    }
    facts.push({ event: 'termAbove', server: r.node, term: st.term });
    s.seen = true;
    s.role = st.role;
    s.term = st.term;
    if (st.role === Role.Candidate) {
      add(this.candidates, st.term, r.node);
      if (news) facts.push({ event: 'campaign', server: r.node });
    }
    if (st.role === Role.Leader) {
      add(this.leaders, st.term, r.node);
      if (news) facts.push({ event: 'elected', server: r.node });
    }
    if (!st.full) return;
    s.commit = st.commit;
    s.applied = st.applied;
    for (let i = this.committed + 1; i <= st.commit; i++) {
      const e = s.log[i - 1];
      this.committed = i;
      if (e && e.data.length > 0) {
        facts.push({ event: 'committed', server: r.node, value: entryText(e.data), flag: e.term < st.term });
      }
    }
  }

  private write(r: TraceRecord, s: Server, facts: Fact[]): void {
    const before = s.log;
    const classes = this.classesOf(r.node);
    const entries = r.entries ?? [];
    s.log = before.slice(0, r.index - 1).concat(entries);
    for (let i = r.index; i <= before.length; i++) {
      const old = before[i - 1]!;
      if (s.log[i - 1]?.term === old.term) continue;
      this.has.get(key(i, old.term))?.delete(r.node);
      if (old.data.length > 0) {
        facts.push({
          event: 'overwritten', server: r.node, classes, value: entryText(old.data), flag: this.onMajority.has(key(i, old.term)),
        });
      }
    }
    entries.forEach((e, k) => {
      const i = r.index + k;
      const who = this.has.get(key(i, e.term)) ?? new Set<number>();
      this.has.set(key(i, e.term), who);
      who.add(r.node);
      if (who.size > this.n / 2) this.onMajority.add(key(i, e.term));
      if (!s.booting && e.data.length > 0 && before[i - 1]?.term !== e.term) {
        facts.push({ event: 'appended', server: r.node, value: entryText(e.data) });
      }
    });
  }

  private configure(words: string[]): void {
    const [name, ...values] = words;
    if (!name) return;
    const parsed = values.map((v) => (v === 'true' ? true : v === 'false' ? false : v !== '' && !Number.isNaN(Number(v)) ? Number(v) : v));
    (this.config as Record<string, unknown>)[name] = parsed.length > 1 ? parsed : parsed[0];
  }

  // ---- what is so ----

  /** Up leaders, the one of the greatest term first. */
  leadersUp(): number[] {
    return this.servers.flatMap((s, i) => (s.up && s.role === Role.Leader ? [i] : []))
      .sort((a, b) => this.servers[b]!.term - this.servers[a]!.term);
  }

  /** The servers by side: joined where neither direction of a link is cut. */
  sides(): number[][] {
    const side = new Array<number>(this.n).fill(-1);
    const sides: number[][] = [];
    for (let start = 0; start < this.n; start++) {
      if (side[start] !== -1) continue;
      const members = [start];
      side[start] = sides.length;
      for (let k = 0; k < members.length; k++) {
        const a = members[k]!;
        for (let b = 0; b < this.n; b++) {
          if (side[b] === -1 && !this.cut[a]![b] && !this.cut[b]![a]) {
            side[b] = sides.length;
            members.push(b);
          }
        }
      }
      sides.push(members);
    }
    return sides;
  }

  /** The classes that a server belongs to now, and its name. */
  classesOf(i: number): Set<string> {
    const s = this.servers[i]!;
    const c = new Set([`S${i + 1}`]);
    if (s.up) {
      if (s.role === Role.Follower) c.add('follower');
      if (s.role === Role.Candidate || s.role === Role.PreCandidate) c.add('candidate');
      if (s.role === Role.Leader) {
        const best = this.servers[this.leadersUp()[0]!]!.term;
        c.add(s.term === best ? 'leader' : 'staleLeader');
      }
    }
    const side = this.sides().find((g) => g.includes(i))!;
    c.add(side.length * 2 > this.n ? 'majority' : 'minority');
    return c;
  }
}

function add(m: Map<number, Set<number>>, term: number, node: number): void {
  const set = m.get(term) ?? new Set<number>();
  m.set(term, set);
  set.add(node);
}
