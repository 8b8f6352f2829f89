// What a report tells of a student's run beyond its trace. The Go side is
// grader/report/picture.go.
import { Kind, type TraceHeader, type TraceRecord } from './trace.ts';

/** A decoded value: a scalar's text, a struct, the end of a list, or a map. */
export type Plain =
  | string
  | { t?: string; f: [string, Plain][] }
  | { t?: string; n: number; e: Plain[] }
  | { t?: string; m: [Plain, Plain][] };

export interface Both {
  en: string;
  zh: string;
}

/** An operation of a client as a failure tells it: HistoryLine in grader/result.go. */
export interface HistoryLine {
  /** Of its records in the trace. */
  id: number;
  /** C0; S0 for what was asked of a server itself. */
  who: string;
  /** ns */
  call: number;
  /** ns; -1: no answer had come. */
  return: number;
  ask: string;
  answer: string;
}

/** What a run's messages, disks and commands hold. */
export interface Decoded {
  values: Plain[];
  /** Which of the values belong to a record, by its number. */
  at: Record<string, number[]>;
}

export interface RunInfo extends Decoded {
  test: string;
  title: Partial<Both>;
  seed: number;
  passed: boolean;
  hash: string;
  grader: string;
  property?: string;
  section?: string;
  kind?: string;
  /** ns */
  time: number;
  server: number;
  message?: Both;
  expected?: Both;
  found?: Both;
  /** How the property came to break; times in ns, server -1: none. */
  chain?: { time: number; server: number; what: Both }[];
  /** What follows from the chain. */
  so?: Both;
  /** The smallest part of what clients did and were told that shows the failure. */
  history?: HistoryLine[];
  /** The test's line, file:line. */
  line?: string;
  code?: string;
  stack?: string;
  hints?: Partial<Both>[];
  moreHints?: number;
  evidence?: Both[];
  again?: string;
  sources: Record<string, string>;
}

/**
 * The operations that a trace names as those that show what broke. A trace comes
 * from anybody: what is no such list, or tells an operation twice, is none.
 */
export function historyIn(header: TraceHeader): HistoryLine[] {
  let list: unknown;
  try {
    list = JSON.parse(header.extra?.['history'] ?? '[]');
  } catch {
    return [];
  }
  const line = (o: Partial<HistoryLine> | null): o is HistoryLine => typeof o === 'object' && o !== null
    && [o.id, o.call, o.return].every(Number.isSafeInteger) && [o.who, o.ask, o.answer].every((s) => typeof s === 'string');
  return Array.isArray(list) && list.every(line) && new Set(list.map((o) => o.id)).size === list.length ? list : [];
}

/** A command that the test asked a server to replicate, and what became of it. */
export interface Asked {
  record: number;
  t: number;
  node: number;
  command: string;
  answer: { t: number; index: number; term: number } | null;
  refused: boolean;
  /** When each server applied it, by server. */
  applied: { node: number; t: number; record: number; index: number }[];
}

const LONGEST = 120;

/** One value on one short line. */
export function brief(v: Plain, most = LONGEST): string {
  const s = whole(v, most);
  return s.length > most ? `${s.slice(0, most - 1)}…` : s;
}

function whole(v: Plain, most: number): string {
  if (typeof v === 'string') return v;
  if ('f' in v) return `{${v.f.map(([name, x]) => `${name}: ${brief(x, most / 2)}`).join(', ')}}`;
  if ('m' in v) return `{${v.m.map(([k, x]) => `${brief(k, 30)}: ${brief(x, 30)}`).join(', ')}}`;
  if (v.n === 0) return '[]';
  const s = v.n > v.e.length ? '' : `[${v.e.map((x) => brief(x, most)).join(', ')}]`;
  return s && s.length <= most ? s : `[${v.n}×]`;
}

/** Numbers of records, in order; the last one before record `at`. */
function before(list: number[], at: number): number {
  let lo = 0;
  let hi = list.length;
  while (lo < hi) {
    const mid = (lo + hi) >> 1;
    if (list[mid]! < at) lo = mid + 1;
    else hi = mid;
  }
  return lo - 1;
}

const utf8 = new TextDecoder();

export class Run {
  private decoded: Decoded;
  readonly asked: Asked[] = [];
  private records: readonly TraceRecord[];
  private saves = new Map<number, number[]>();
  private prints = new Map<number, number[]>();
  private lines: number[] = [];

  /** The last record of a server at a moment, or of anybody if the server is -1; -1: none. */
  momentOf(time: number, server: number): number {
    for (let at = this.records.length - 1; at >= 0; at--) {
      const r = this.records[at]!;
      if (r.t < time) break;
      if (r.t === time && (server < 0 || r.node === server)) return at;
    }
    return -1;
  }

  constructor(decoded: Decoded, records: readonly TraceRecord[]) {
    this.decoded = decoded;
    this.records = records;
    const requests = new Map<number, Asked>();
    const commands = new Map<string, Asked>();
    const push = (map: Map<number, number[]>, node: number, at: number): void => {
      const list = map.get(node);
      if (list) list.push(at);
      else map.set(node, [at]);
    };
    records.forEach((r, at) => {
      switch (r.kind) {
        case Kind.Save: push(this.saves, r.node, at); break;
        case Kind.Print: case Kind.Note: push(this.prints, r.node, at); break;
        case Kind.Line: this.lines.push(at); break;
        case Kind.Request: {
          if (r.name !== 'start') break;
          const command = utf8.decode(r.data);
          const a: Asked = { record: at, t: r.t, node: r.node, command: this.brief(at) || command, answer: null, refused: false, applied: [] };
          requests.set(r.id, a);
          this.asked.push(a);
          break;
        }
        case Kind.Respond: {
          const a = requests.get(r.id);
          if (!a) break;
          if (r.flag) {
            a.answer = { t: r.t, index: r.index, term: r.term };
            commands.set(utf8.decode(records[a.record]!.data), a);
          } else a.refused = true;
          break;
        }
        case Kind.Apply:
          commands.get(utf8.decode(r.data))?.applied.push({ node: r.node, t: r.t, record: at, index: r.index });
          break;
      }
    });
  }

  /** What a record carries, decoded. */
  values(at: number): Plain[] {
    return (this.decoded.at[at] ?? []).map((i) => this.decoded.values[i]!);
  }

  brief(at: number): string {
    const all = this.values(at);
    return brief(all.length === 1 ? all[0]! : { n: all.length, e: all }).replace(/^\[\]$/, '');
  }

  /** The field called Term of a message, or 0: it only chooses a colour. */
  termOf(at: number): number {
    const v = this.values(at)[0];
    if (!v || typeof v === 'string' || !('f' in v)) return 0;
    const term = v.f.find(([name]) => name.toLowerCase() === 'term')?.[1];
    return typeof term === 'string' ? Number(term) || 0 : 0;
  }

  /** The number of the last Save of a server before record `at`, or -1. */
  saved(node: number, at: number): number {
    const list = this.saves.get(node) ?? [];
    const i = before(list, at);
    return i < 0 ? -1 : list[i]!;
  }

  /** The numbers of the last `n` prints and notes of a server before record `at`. */
  printed(node: number, at: number, n: number): number[] {
    const list = this.prints.get(node) ?? [];
    const i = before(list, at) + 1;
    return list.slice(Math.max(0, i - n), i);
  }

  /** The test's line before record `at`: its file and number. */
  line(at: number): { file: string; line: number } | null {
    const i = before(this.lines, at);
    if (i < 0) return null;
    const [file, line] = this.records[this.lines[i]!]!.name.split(':');
    return { file: file ?? '', line: Number(line) };
  }
}
