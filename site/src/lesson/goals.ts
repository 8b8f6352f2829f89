// Decides whether a task is solved: labs/lessons/FORMAT.md, section 5.

import { Role, type TraceRecord } from '../player/trace.ts';
import type { Config, Predicate, Step } from './format.ts';
import { Tracker, type Fact } from './tracker.ts';

const MS = 1e6;

export class Goal {
  private readonly steps: readonly Step[];
  private readonly world: Tracker;
  private step = 0;
  /** When the step before matched. */
  private since = 0;
  private count = 0;
  /** The state of this step has held since then, in this identity. */
  private held: { t: number; id: string } | null = null;
  /** Time of the last record; -1: none yet. */
  private last = -1;
  /** When the last step matched, or null. */
  solvedAt: number | null = null;

  constructor(steps: readonly Step[], servers: number, clients: number, config: Config) {
    this.steps = steps;
    this.world = new Tracker(servers, clients, config);
  }

  get solved(): boolean {
    return this.solvedAt !== null;
  }

  /** How many steps have matched. */
  get progress(): number {
    return this.step;
  }

  /** Takes records in, in order. */
  feed(records: readonly TraceRecord[]): void {
    for (const r of records) {
      if (this.solved) return;
      if (r.t > this.last && this.last >= 0) this.instant(this.last, r.t, false);
      this.last = r.t;
      this.record(r);
    }
  }

  /** Tells that nothing more comes at or before time `now`. */
  settle(now: number): void {
    if (!this.solved && this.last >= 0) this.instant(this.last, now, true);
  }

  private record(r: TraceRecord): void {
    let s = this.steps[this.step];
    if (!s) return;
    if (this.late(s, r.t)) {
      this.startOver();
      s = this.steps[this.step]!;
    }
    const held = s.event !== undefined && (s.while ?? []).every((p) => this.holds(p) !== null);
    const facts = this.world.take(r);
    if (facts.length === 0) return;
    if ((s.without ?? []).some((p) => p.event !== undefined && facts.some((f) => matches(p, f, this.world.n)))) {
      this.startOver();
      return;
    }
    if (s.event === undefined || !held) return;
    this.count += facts.filter((f) => matches(s, f, this.world.n)).length;
    if (this.count >= (s.count ?? 1)) this.match(r.t);
  }

  /** Judges states at the end of the instant t, and up to `until`. */
  private instant(t: number, until: number, inclusive: boolean): void {
    let now = t;
    while (!this.solved) {
      const s = this.steps[this.step]!;
      if (this.late(s, now) || (s.without ?? []).some((p) => p.state !== undefined && this.holds(p) !== null)) {
        this.startOver();
        return;
      }
      if (s.state === undefined) return;
      const id = (s.while ?? []).every((p) => this.holds(p) !== null) ? this.holds(s) : null;
      if (id === null) {
        this.held = null;
        return;
      }
      if (this.held?.id !== id) this.held = { t: Math.max(now, this.since), id };
      const due = Math.max(this.held.t + (s.forMs ?? 0) * MS, now);
      if (due !== now && (inclusive ? due > until : due >= until)) return;
      if (this.late(s, due)) {
        this.startOver();
        return;
      }
      this.match(due);
      now = due;
    }
  }

  private late(s: Step, t: number): boolean {
    return s.withinMs !== undefined && t > this.since + s.withinMs * MS;
  }

  private match(t: number): void {
    this.step++;
    this.since = t;
    this.count = 0;
    this.held = null;
    if (this.step === this.steps.length) this.solvedAt = t;
  }

  private startOver(): void {
    this.step = 0;
    this.since = 0;
    this.count = 0;
    this.held = null;
  }

  /** The identity in which a state holds now, or null if it does not. */
  private holds(p: Predicate): string | null {
    return stateOf(this.world, p);
  }
}

function matches(p: Predicate, f: Fact, servers: number): boolean {
  if (p.event !== f.event) return false;
  if (p.server !== undefined && !f.classes?.has(p.server)) return false;
  if (p.client !== undefined && p.client !== `C${(f.client ?? -1) + 1}`) return false;
  if (p.value !== undefined && p.value !== f.value) return false;
  if (p.op !== undefined && p.op !== f.op) return false;
  if (p.result !== undefined && p.result !== f.result) return false;
  switch (p.event) {
    case 'crash': return !p.between || f.flag === true;
    case 'termAbove': return f.term! > p.term!;
    case 'overwritten': return p.wasOn === undefined || f.flag === true;
    case 'committed': return !p.oldTerm || f.flag === true;
    case 'applied': return f.servers === (p.servers === 'all' ? servers : (p.servers ?? 1));
    case 'returned': return p.requests === undefined || f.requests === p.requests;
    case 'violated': return [p.property].flat().includes(f.property);
    default: return true;
  }
}

/** A name as a node: servers first, then clients. */
function node(w: Tracker, name: string): number {
  const i = Number(name.slice(1)) - 1;
  return name.startsWith('C') ? w.n + i : i;
}

function stateOf(w: Tracker, p: Predicate): string | null {
  const yes = (b: boolean): string | null => (b ? '' : null);
  const all = w.servers.map((_, i) => i);
  const inClass = (name: string | undefined): number[] => (name === undefined ? all : all.filter((i) => w.classesOf(i).has(name)));
  const others = (i: number): number[] => all.filter((j) => j !== i);
  switch (p.state) {
    case 'leader': {
      const lead = w.leadersUp()[0];
      if (lead === undefined) return null;
      const s = w.servers[lead]!;
      if (w.servers.some((o) => o.up && o.term > s.term)) return null;
      if (p.server !== undefined && !w.classesOf(lead).has(p.server)) return null;
      return `${lead}/${s.term}`;
    }
    case 'noLeader': return yes(w.leadersUp().length === 0);
    case 'leaders': return yes(w.leadersUp().length >= (p.atLeast ?? 1));
    case 'candidates': {
      const perTerm = new Map<number, number>();
      for (const s of w.servers) if (s.up && s.role === Role.Candidate) perTerm.set(s.term, (perTerm.get(s.term) ?? 0) + 1);
      return yes([...perTerm.values()].some((k) => k >= (p.atLeast ?? 1)));
    }
    case 'down': return yes(w.servers.filter((s) => !s.up && s.life > 0).length >= Number(p.servers ?? 1));
    case 'partition': {
      const sides = w.sides();
      if (sides.length < 2) return null;
      if (p.minority !== undefined && !inClass(p.minority).some((i) => sides.some((g) => g.includes(i) && g.length * 2 <= w.n))) return null;
      if (p.sizes !== undefined) {
        const sizes = sides.map((g) => g.length).sort((a, b) => b - a);
        if (String(sizes) !== String([...p.sizes].sort((a, b) => b - a))) return null;
      }
      return '';
    }
    case 'isolated':
      return yes(inClass(p.server).some((i) => w.n > 1 && others(i).every((j) => w.cut[i]![j] && w.cut[j]![i])));
    case 'oneWay': {
      const deaf = (i: number): boolean => others(i).every((j) => w.cut[j]![i]) && others(i).some((j) => !w.cut[i]![j]);
      const mute = (i: number): boolean => others(i).every((j) => w.cut[i]![j]) && others(i).some((j) => !w.cut[j]![i]);
      if (p.deaf !== undefined && !inClass(p.deaf).some(deaf)) return null;
      if (p.mute !== undefined && !inClass(p.mute).some(mute)) return null;
      return '';
    }
    case 'cut': return yes(w.cut[node(w, p.from!)]?.[node(w, p.to!)] ?? false);
    case 'healed': return yes(!w.cut.some((row) => row.some((c) => c)));
    case 'logsDiffer': {
      const versions = new Set(w.servers.map((s) => s.log.map((e) => e.term).join(',')));
      if (versions.size < (p.atLeast ?? 2)) return null;
      return yes(!p.conflict || w.servers.some((a) => w.servers.some((b) => a.log.some((e, i) => b.log[i] !== undefined && b.log[i]!.term !== e.term))));
    }
    case 'logsEqual': {
      const first = w.servers[0]!.log;
      return yes(first.length >= (p.entries ?? 1) &&
        w.servers.every((s) => s.up && s.log.length === first.length && s.log.every((e, i) => e.term === first[i]!.term)));
    }
    case 'lag': {
      const lead = w.leadersUp()[0];
      if (lead === undefined) return null;
      const last = w.servers[lead]!.log.length;
      return yes(w.servers.some((s) => s.up && s.log.length <= last - (p.entries ?? 1)));
    }
    case 'unapplied':
      return yes(w.servers.some((s) => s.up && s.life > 1 && s.applied === 0 && s.log.filter((e) => e.data.length > 0).length >= (p.entries ?? 1)));
    case 'majorityUncommitted': {
      const lead = w.leadersUp()[0];
      if (lead === undefined) return null;
      const s = w.servers[lead]!;
      return yes(s.log.some((e, i) => e.term < s.term && i + 1 > w.committed && e.data.length > 0 &&
        w.servers.filter((o) => o.log[i]?.term === e.term).length > w.n / 2));
    }
    case 'waiting': {
      const open = [...w.operations].filter(([, o]) => o.result === null);
      if (p.client !== undefined) {
        const mine = open.find(([c]) => p.client === `C${c + 1}`);
        return mine ? String(mine[1].id) : null;
      }
      if (w.operations.size === 0 || open.length < w.operations.size) return null;
      return open.map(([, o]) => o.id).sort().join(',');
    }
    case 'lockHeldTwice': return yes(w.holders.size >= 2);
    case 'config': {
      const raw = (w.config as Record<string, unknown>)[p.name!];
      const value = Array.isArray(raw) ? raw[0] : raw;
      if (p.is !== undefined) return yes(value === p.is);
      const n = Number(value ?? 0);
      return yes(n >= (p.atLeast ?? -Infinity) && n <= (p.atMost ?? Infinity));
    }
    default: throw new Error(`unknown state ${p.state}`);
  }
}

