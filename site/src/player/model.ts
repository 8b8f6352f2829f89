// What the cluster looks like at any moment of a trace.
//
// Records are applied one after another to a ClusterState. Every KEYFRAME
// records a copy is kept, so that any moment is at most KEYFRAME records away
// and scrubbing through a long trace is instant. Logs are never changed in
// place: copies share them.

import type { HistoryLine, Run } from './run.ts';
import { Kind, MsgKind, Role, type LogEntry, type TraceRecord } from './trace.ts';

export interface NodeState {
  up: boolean;
  /** Booted for the n-th time; 0 before the first boot. */
  life: number;
  /** Kind of fault that ended the last life, or ''. */
  fault: string;
  /** Something was observed of this life. */
  seen: boolean;
  term: number;
  role: number;
  full: boolean;
  vote: number;
  lead: number;
  commit: number;
  applied: number;
  /** When the timer fires, ns; Infinity: none runs. */
  deadline: number;
  /** When that deadline was set: the timer's arc starts here. */
  armedAt: number;
  /** The log after `base`: log[0] has index base+1. Never changed in place. */
  log: readonly LogEntry[];
  base: number;
  baseTerm: number;
  /** The server's last Note: its name and what it says. */
  note: string;
  noteData: Uint8Array;
  /** Crash point that waits for its effect, or ''. */
  crashPoint: string;
}

/** A message under way. */
export interface Flight {
  id: number;
  from: number;
  to: number;
  /** MsgKind. */
  kind: number;
  method: string;
  body: Uint8Array;
  sent: number;
  /** Number of the record that tells of its sending. */
  record: number;
  /** Copies that neither arrived nor were lost. */
  copies: number;
}

/** A client's operation. */
export interface Operation {
  id: number;
  client: number;
  name: string;
  argument: Uint8Array;
  result: Uint8Array | null;
  invoked: number;
  returned: number;
}

/** An operation in the clients' history, with the numbers of its records. */
export interface PastOperation extends Operation {
  /** Number of the record that tells of its invocation. */
  from: number;
  /** Number of the record that tells of its return, or Infinity. */
  to: number;
}

export interface ClusterState {
  /** Records applied. */
  at: number;
  t: number;
  nodes: NodeState[];
  /** cut[from * n + to] */
  cut: Uint8Array;
  flights: Map<number, Flight>;
  /** The operations under way and the last one of each client. */
  operations: Map<number, Operation>;
  violations: number;
  line: string;
}

/** Kinds of moments that have a name and can be jumped to. */
export type MarkKind =
  | 'elected' | 'committed' | 'broken' | 'crash' | 'restart' | 'network'
  | 'request' | 'client' | 'witness' | 'fault' | 'phase' | 'campaign' | 'note';

export interface Mark {
  /** Number of the record. */
  at: number;
  t: number;
  kind: MarkKind;
  node: number;
}

const KEYFRAME = 512;
/** Beyond so many records a live cluster's oldest ones are forgotten. */
const MOST_RECORDS = 400_000;

const NOTHING = new Uint8Array(0);

export function newNode(): NodeState {
  return {
    up: false, life: 0, fault: '', seen: false, term: 0, role: Role.Unknown, full: false,
    vote: -1, lead: -1, commit: 0, applied: 0, deadline: Infinity, armedAt: 0,
    log: [], base: 0, baseTerm: 0, note: '', noteData: NOTHING, crashPoint: '',
  };
}

function newState(nodes: number): ClusterState {
  return {
    at: 0, t: 0, nodes: Array.from({ length: nodes }, newNode), cut: new Uint8Array(nodes * nodes),
    flights: new Map(), operations: new Map(), violations: 0, line: '',
  };
}

function copyState(s: ClusterState): ClusterState {
  const flights = new Map<number, Flight>();
  for (const [id, f] of s.flights) flights.set(id, { ...f });
  const operations = new Map<number, Operation>();
  for (const [id, o] of s.operations) operations.set(id, { ...o });
  return { ...s, nodes: s.nodes.map((n) => ({ ...n })), cut: s.cut.slice(), flights, operations };
}

const text = new TextDecoder();

/** Applies the next record to the state. */
export function apply(s: ClusterState, r: TraceRecord): void {
  s.at++;
  s.t = r.t;
  const n = r.node >= 0 ? s.nodes[r.node] : undefined;
  switch (r.kind) {
    case Kind.Boot:
      if (n) {
        // The boot step itself shows the log that it found on the disk.
        Object.assign(n, newNode(), { up: true, life: r.id });
      }
      break;
    case Kind.Crash:
    case Kind.Fault:
      if (n) {
        n.up = false;
        n.role = Role.Unknown;
        n.deadline = Infinity;
        n.crashPoint = '';
        n.fault = r.kind === Kind.Fault ? r.name : '';
      }
      break;
    case Kind.Tick:
      if (n) n.deadline = Infinity;
      break;
    case Kind.Observe:
      if (n && r.status) {
        const st = r.status;
        n.seen = true;
        n.term = st.term;
        n.role = st.role;
        n.full = st.full;
        if (st.full) {
          n.vote = st.vote;
          n.lead = st.lead;
          n.commit = st.commit;
          n.applied = st.applied;
          if (st.deadline !== n.deadline) {
            n.deadline = st.deadline;
            n.armedAt = r.t;
          }
        }
      }
      break;
    case Kind.Apply:
    case Kind.ApplySnapshot:
      if (n) n.applied = r.index;
      break;
    case Kind.LogWrite:
      if (n) {
        if (r.index <= n.base) {
          n.base = r.index - 1;
          n.log = r.entries ?? [];
        } else {
          n.log = n.log.slice(0, r.index - n.base - 1).concat(r.entries ?? []);
        }
      }
      break;
    case Kind.LogCompact:
      if (n) {
        n.log = r.index >= n.base ? n.log.slice(r.index - n.base) : [];
        n.base = r.index;
        n.baseTerm = r.term;
      }
      break;
    case Kind.Note:
      if (n) {
        n.note = r.name;
        n.noteData = r.data;
      }
      break;
    case Kind.Arm:
      if (n) n.crashPoint = r.name;
      break;
    case Kind.Cut:
    case Kind.Heal:
      s.cut[r.node * s.nodes.length + r.peer] = r.kind === Kind.Cut ? 1 : 0;
      break;
    case Kind.Send:
      s.flights.set(r.id, {
        id: r.id, from: r.node, to: r.peer, kind: r.term || MsgKind.OneWay,
        method: r.name, body: r.data, sent: r.t, record: s.at - 1, copies: 1,
      });
      break;
    case Kind.Dup: {
      const f = s.flights.get(r.id);
      if (f) f.copies++;
      break;
    }
    case Kind.Receive:
    case Kind.Drop: {
      const f = s.flights.get(r.id);
      if (f && --f.copies <= 0) s.flights.delete(r.id);
      break;
    }
    case Kind.Invoke:
      for (const [id, o] of s.operations) if (o.client === r.peer && o.result) s.operations.delete(id);
      s.operations.set(r.id, {
        id: r.id, client: r.peer, name: r.name, argument: r.data, result: null, invoked: r.t, returned: Infinity,
      });
      break;
    case Kind.Return: {
      const o = s.operations.get(r.id);
      if (o) {
        o.result = r.data;
        o.returned = r.t;
      }
      break;
    }
    case Kind.Violation:
      s.violations++;
      break;
    case Kind.Line:
      s.line = `${r.name} ${text.decode(r.data)}`;
      break;
  }
}

/** When the copies of a message arrive or are lost. */
interface Fate {
  t: number;
  lost: boolean;
}

/**
 * The records of one run and the state at every moment of it. A live cluster
 * appends to it; `version` counts the changes, for those who watch.
 */
export class Model {
  readonly servers: number;
  readonly clients: number;
  version = 0;
  records: TraceRecord[] = [];
  marks: Mark[] = [];
  /** The clients' operations, in the order of their invocation. */
  history: PastOperation[] = [];
  /** The requests, by ID, that are calls of Start: only those can be refused. */
  readonly starts = new Set<number>();
  /** The moment up to which the run is known; later than the last record. */
  end = 0;
  /** Number of the first record that is still kept. */
  first = 0;
  /** What a student's servers sent, saved and were asked for, decoded. */
  readonly run: Run | undefined;
  /** A test's run of a student's servers: they are numbered from 0, as the program's `me` is. */
  readonly graded: boolean;
  /** What a property's violation says in the reader's language; '': the trace's own words. */
  message = '';
  /** The operations, by ID, that show together how a property broke; set before the records come. */
  readonly witness: ReadonlyMap<number, HistoryLine>;

  private frames: ClusterState[] = [];
  private head: ClusterState;
  private cursor: ClusterState;
  private fates = new Map<number, Fate[]>();
  private expected = new Map<number, number>();
  private commit = 0;

  constructor(servers: number, clients: number, run?: Run, graded = run !== undefined, witness: readonly HistoryLine[] = []) {
    this.run = run;
    this.witness = new Map(witness.map((o) => [o.id, o]));
    this.graded = graded;
    this.servers = servers;
    this.clients = clients;
    this.head = newState(servers + clients);
    this.cursor = copyState(this.head);
    this.frames.push(copyState(this.head));
  }

  get nodes(): number {
    return this.servers + this.clients;
  }

  /** How many records there are, with those that are forgotten. */
  get count(): number {
    return this.first + this.records.length;
  }

  record(at: number): TraceRecord | undefined {
    return this.records[at - this.first];
  }

  append(records: readonly TraceRecord[], end = 0): void {
    for (const r of records) {
      this.noteMark(r);
      this.noteFate(r);
      this.noteOperation(r);
      this.records.push(r);
      apply(this.head, r);
      if (this.head.at % KEYFRAME === 0) this.frames.push(copyState(this.head));
    }
    this.end = Math.max(this.end, end, this.head.t);
    if (this.records.length > MOST_RECORDS) this.forget();
    this.version++;
  }

  /** Tells when messages that are under way now will arrive: [id, t, id, t, ...]. */
  expect(pairs: ArrayLike<number>): void {
    this.expected.clear();
    for (let i = 0; i + 1 < pairs.length; i += 2) {
      const id = pairs[i]!;
      if (!this.expected.has(id)) this.expected.set(id, pairs[i + 1]!);
    }
  }

  /** Forgets everything. */
  clear(): void {
    this.first = 0;
    this.records = [];
    this.marks = [];
    this.history = [];
    this.head = newState(this.nodes);
    this.cursor = copyState(this.head);
    this.frames = [copyState(this.head)];
    this.fates.clear();
    this.expected.clear();
    this.commit = 0;
    this.end = 0;
    this.version++;
  }

  /** Removes every record after time t: the history forks there. */
  cutAfter(t: number): void {
    const keep = this.countAt(t);
    this.cutTo(keep, t);
  }

  /** Removes every record from number `keep` on. */
  cutTo(keep: number, end: number): void {
    const state = this.copyAfter(keep);
    this.records.length = keep - this.first;
    this.frames = this.frames.filter((f) => f.at <= keep);
    this.marks = this.marks.filter((m) => m.at < keep);
    this.history = this.history.filter((o) => o.from < keep);
    for (const o of this.history) if (o.to >= keep) Object.assign(o, { to: Infinity, result: null, returned: Infinity });
    this.head = state;
    this.cursor = copyState(state);
    this.fates.clear();
    for (const r of this.records) this.noteFate(r);
    this.expected.clear();
    this.commit = Math.max(0, ...state.nodes.map((n) => n.commit));
    this.end = end;
    this.version++;
  }

  /** How many records happened up to and including time t. */
  countAt(t: number): number {
    let lo = 0;
    let hi = this.records.length;
    while (lo < hi) {
      const mid = (lo + hi) >> 1;
      if (this.records[mid]!.t <= t) lo = mid + 1;
      else hi = mid;
    }
    return this.first + lo;
  }

  /** The state after the first n records. Valid until the next call. */
  stateAfter(n: number): ClusterState {
    const want = Math.max(this.first, Math.min(n, this.count));
    if (this.cursor.at > want || want - this.cursor.at > KEYFRAME) {
      const frame = this.frameBefore(want);
      if (this.cursor.at > want || frame.at > this.cursor.at) this.cursor = copyState(frame);
    }
    return this.applyUpTo(this.cursor, want);
  }

  /** The same as a copy of the caller's own. */
  copyAfter(n: number): ClusterState {
    const want = Math.max(this.first, Math.min(n, this.count));
    return this.applyUpTo(copyState(this.frameBefore(want)), want);
  }

  private applyUpTo(s: ClusterState, n: number): ClusterState {
    while (s.at < n) apply(s, this.record(s.at)!);
    return s;
  }

  private frameBefore(n: number): ClusterState {
    let lo = 0;
    let hi = this.frames.length - 1;
    while (lo < hi) {
      const mid = (lo + hi + 1) >> 1;
      if (this.frames[mid]!.at <= n) lo = mid;
      else hi = mid - 1;
    }
    return this.frames[lo]!;
  }

  /**
   * When the copy of message `id` that is next to come after time t arrives or
   * is lost. Unknown (in a live cluster's future): null.
   */
  fate(id: number, t: number): Fate | null {
    const fates = this.fates.get(id);
    if (fates) for (const f of fates) if (f.t > t) return f;
    const e = this.expected.get(id);
    return e !== undefined && e > t ? { t: e, lost: false } : null;
  }

  /** The mark of record number `at`, if it has one. */
  markAt(at: number): Mark | undefined {
    let lo = 0;
    let hi = this.marks.length;
    while (lo < hi) {
      const mid = (lo + hi) >> 1;
      if (this.marks[mid]!.at < at) lo = mid + 1;
      else hi = mid;
    }
    return this.marks[lo]?.at === at ? this.marks[lo] : undefined;
  }

  /** The mark of one of these kinds next before or after record `at`. */
  nextMark(at: number, step: 1 | -1, kinds: ReadonlySet<MarkKind>): Mark | undefined {
    if (step > 0) return this.marks.find((m) => m.at > at && kinds.has(m.kind));
    return this.marks.findLast((m) => m.at < at && kinds.has(m.kind));
  }

  private mark(kind: MarkKind, r: TraceRecord): void {
    this.marks.push({ at: this.count, t: r.t, kind, node: r.node });
  }

  private noteMark(r: TraceRecord): void {
    switch (r.kind) {
      case Kind.Observe: {
        const st = r.status!;
        const before = this.head.nodes[r.node];
        if (!before) break;
        const news = !before.seen || before.role !== st.role || before.term !== st.term;
        if (news && st.role === Role.Leader) this.mark('elected', r);
        else if (news && st.role === Role.Candidate) this.mark('campaign', r);
        if (st.full && st.commit > this.commit) {
          this.commit = st.commit;
          this.mark('committed', r);
        }
        break;
      }
      case Kind.Violation: this.mark('broken', r); break;
      case Kind.Crash: this.mark('crash', r); break;
      case Kind.Boot: if (r.id > 1) this.mark('restart', r); break;
      case Kind.Cut: case Kind.Heal: case Kind.Link: this.mark('network', r); break;
      // What a client is asked to do is its operation, which is told by itself.
      case Kind.Request: if (r.node < this.servers) this.mark('request', r); break;
      case Kind.Invoke: this.mark(this.witness.has(r.id) ? 'witness' : 'client', r); break;
      case Kind.Return: this.mark((this.witness.get(r.id)?.return ?? -1) >= 0 ? 'witness' : 'client', r); break;
      case Kind.Fault: this.mark('fault', r); break;
      case Kind.Phase: this.mark('phase', r); break;
      // A lesson's toy servers note each step that they take.
      case Kind.Print: case Kind.Note: if (this.run) this.mark('note', r); break;
    }
  }

  private noteOperation(r: TraceRecord): void {
    if (r.kind === Kind.Request && r.name === 'start') this.starts.add(r.id);
    if (r.kind === Kind.Invoke) {
      this.history.push({
        id: r.id, client: r.peer, name: r.name, argument: r.data, result: null, invoked: r.t, returned: Infinity, from: this.count, to: Infinity,
      });
    } else if (r.kind === Kind.Return) {
      const o = this.history.findLast((p) => p.id === r.id);
      if (o) Object.assign(o, { result: r.data, returned: r.t, to: this.count });
    }
  }

  private noteFate(r: TraceRecord): void {
    if (r.kind !== Kind.Receive && r.kind !== Kind.Drop) return;
    const fate = { t: r.t, lost: r.kind === Kind.Drop };
    const fates = this.fates.get(r.id);
    if (fates) fates.push(fate);
    else this.fates.set(r.id, [fate]);
  }

  /** Forgets the older half of the records; the state before stays right. */
  private forget(): void {
    const frame = this.frames[this.frames.length >> 1]!;
    this.records = this.records.slice(frame.at - this.first);
    this.first = frame.at;
    this.frames = this.frames.filter((f) => f.at >= frame.at);
    this.marks = this.marks.filter((m) => m.at >= frame.at);
    this.history = this.history.filter((o) => o.to >= frame.at);
    this.fates.clear();
    for (const r of this.records) this.noteFate(r);
    if (this.cursor.at < this.first) this.cursor = copyState(frame);
  }

  /** The first moment that can be shown. */
  get start(): number {
    return this.first === 0 ? 0 : (this.records[0]?.t ?? 0);
  }
}
