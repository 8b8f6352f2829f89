// The trace format of grader/sim/trace.go, version 1, read in the page.
//
// Decoding is streaming: bytes may come in pieces of any size, because a live
// cluster appends to its trace for as long as it runs.

/** What a record tells. The numbers are those of grader/sim/record.go. */
export const Kind = {
  Boot: 1, Tick: 2, Receive: 3, CallFailed: 4, Request: 5,
  Send: 16, Save: 17, WriteAhead: 18, Apply: 19, ApplySnapshot: 20, Respond: 21,
  Observe: 22, LogWrite: 23, LogCompact: 24, Print: 25, Note: 26, Fault: 27,
  Crash: 32, Cut: 33, Heal: 34, Link: 35, Drop: 36, Dup: 37, Arm: 38, DiskSet: 39,
  Line: 48, Invoke: 49, Return: 50, Violation: 51, Phase: 52,
} as const;

/** A server's part in the protocol, as far as it is known. */
export const Role = {
  Unknown: 0, Follower: 1, PreCandidate: 2, Candidate: 3, Leader: 4, Learner: 5,
} as const;

/** Kinds of message: the Term field of a Send record. */
export const MsgKind = { OneWay: 1, Call: 2, Reply: 3 } as const;

/** What is seen of a server. Below `full`, fields count only if it is set. */
export interface Status {
  term: number;
  role: number;
  full: boolean;
  vote: number;
  lead: number;
  commit: number;
  applied: number;
  first: number;
  last: number;
  /** ns; Infinity: no timer runs. */
  deadline: number;
}

export interface LogEntry {
  term: number;
  data: Uint8Array;
}

/** One line of a trace. `kind` says which fields count. Times are ns. */
export interface TraceRecord {
  t: number;
  kind: number;
  flag: boolean;
  node: number;
  peer: number;
  id: number;
  call: number;
  index: number;
  term: number;
  name: string;
  data: Uint8Array;
  more: Uint8Array;
  status: Status | null;
  entries: LogEntry[] | null;
}

export interface TraceHeader {
  engine?: string;
  lab?: string;
  test?: string;
  seed?: number;
  servers: number;
  clients: number;
  /** SHA-256 of the student's module; none if the servers are the core. */
  module?: string;
  extra?: Record<string, string>;
}

/** A trace that cannot be read. `code` picks the message shown to the user. */
export class TraceError extends Error {
  readonly code: 'not-a-trace' | 'version' | 'damaged' | 'cut-short';
  constructor(code: TraceError['code'], detail: string) {
    super(detail);
    this.code = code;
  }
}

const MAGIC = 'RAFTLAB';
const VERSION = 1;
const HASH_BYTES = 32;
const NONE = new Uint8Array(0);
const text = new TextDecoder();

const F = {
  flag: 1, node: 2, peer: 4, id: 8, call: 16, index: 32, term: 64, name: 128,
  data: 256, more: 512, status: 1024, entries: 2048, end: 4096,
} as const;

/** Thrown inside the reader when the bytes at hand end in mid-record. */
const needMore = Symbol('need more bytes');

class Reader {
  b: Uint8Array;
  p = 0;
  constructor(b: Uint8Array) {
    this.b = b;
  }

  byte(): number {
    if (this.p >= this.b.length) throw needMore;
    return this.b[this.p++]!;
  }

  /** A uvarint. Values beyond 2^53 lose their low bits; only Never is that big. */
  num(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 10; i++) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    throw new TraceError('damaged', `byte ${this.p}: a number of more than 10 bytes`);
  }

  /** A uvarint that stands for a Go int64: a student's server may give -1 as an index or a term. */
  int(): number {
    const from = this.p;
    const value = this.num();
    if (this.p - from < 10) return value;
    let bits = 0n;
    for (let i = from; i < this.p; i++) bits |= BigInt(this.b[i]! & 0x7f) << BigInt(7 * (i - from));
    return Number(BigInt.asIntN(64, bits));
  }

  /** A signed number in zigzag form; Infinity where Go has Never. */
  signed(): number {
    const u = this.num();
    if (u > Number.MAX_SAFE_INTEGER) return Infinity;
    return u % 2 === 0 ? u / 2 : -(u + 1) / 2;
  }

  bytes(): Uint8Array {
    const n = this.num();
    if (n > this.b.length - this.p) throw needMore;
    this.p += n;
    return n === 0 ? NONE : this.b.subarray(this.p - n, this.p);
  }
}

/** Reads records from bytes that arrive in pieces. */
export class RecordDecoder {
  private rest: Uint8Array = NONE;
  private last = 0;
  private names = new Map<string, string>();
  private consumed = 0;
  /** True once the 0 byte after the last record of a trace file was seen. */
  ended = false;

  /** Takes bytes in and returns the records that are complete now. */
  push(chunk: Uint8Array): TraceRecord[] {
    let b = chunk;
    if (this.rest.length > 0) {
      b = new Uint8Array(this.rest.length + chunk.length);
      b.set(this.rest);
      b.set(chunk, this.rest.length);
    }
    const out: TraceRecord[] = [];
    const r = new Reader(b);
    let done = 0;
    try {
      while (!this.ended && r.p < b.length) {
        const kind = r.byte();
        if (kind === 0) {
          this.ended = true;
        } else {
          out.push(this.record(r, kind));
        }
        done = r.p;
      }
    } catch (e) {
      if (e !== needMore) throw e;
    }
    this.consumed += done;
    this.rest = b.subarray(done);
    return out;
  }

  /** Bytes taken in that belong to no record yet: after the end, the hash. */
  get left(): Uint8Array {
    return this.rest;
  }

  private record(r: Reader, kind: number): TraceRecord {
    const t = this.last + r.num();
    const mask = r.num();
    if (mask >= F.end) {
      throw new TraceError('damaged', `byte ${this.consumed + r.p}: unknown fields ${mask.toString(16)}`);
    }
    const rec: TraceRecord = {
      t,
      kind,
      flag: (mask & F.flag) !== 0,
      node: mask & F.node ? r.num() - 1 : -1,
      peer: mask & F.peer ? r.num() - 1 : -1,
      id: mask & F.id ? r.num() : 0,
      call: mask & F.call ? r.num() : 0,
      index: mask & F.index ? r.int() : 0,
      term: mask & F.term ? r.int() : 0,
      name: mask & F.name ? this.name(r.bytes()) : '',
      data: mask & F.data ? r.bytes() : NONE,
      more: mask & F.more ? r.bytes() : NONE,
      status: mask & F.status ? readStatus(r) : null,
      entries: mask & F.entries ? readEntries(r) : null,
    };
    this.last = t; // only now: a record that is cut short is read again
    return rec;
  }

  /** Names repeat all the time; one string each keeps a long trace small. */
  private name(b: Uint8Array): string {
    const s = text.decode(b);
    const known = this.names.get(s);
    if (known !== undefined) return known;
    this.names.set(s, s);
    return s;
  }
}

function readStatus(r: Reader): Status {
  const s: Status = {
    term: r.num(), role: r.num(), full: r.num() !== 0,
    vote: -1, lead: -1, commit: 0, applied: 0, first: 0, last: 0, deadline: Infinity,
  };
  if (s.full) {
    s.vote = r.signed();
    s.lead = r.signed();
    s.commit = r.num();
    s.applied = r.num();
    s.first = r.num();
    s.last = r.num();
    s.deadline = r.signed();
  }
  return s;
}

function readEntries(r: Reader): LogEntry[] {
  const n = r.num();
  const entries: LogEntry[] = [];
  for (let i = 0; i < n; i++) entries.push({ term: r.num(), data: r.bytes() });
  return entries;
}

export interface Trace {
  header: TraceHeader;
  records: TraceRecord[];
  /** The run's identity, as hex: SHA-256 of the records' bytes. */
  hash: string;
}

/** Reads a whole trace file. Throws a TraceError that says what is wrong. */
export function decodeTrace(b: Uint8Array): Trace {
  if (b.length < 8 || text.decode(b.subarray(0, 7)) !== MAGIC) {
    throw new TraceError('not-a-trace', 'it does not begin with RAFTLAB');
  }
  if (b[7] !== VERSION) {
    throw new TraceError('version', `format version ${b[7]}, this page reads version ${VERSION}`);
  }
  const head = new Reader(b);
  head.p = 8;
  let header: TraceHeader;
  try {
    header = JSON.parse(text.decode(head.bytes())) as TraceHeader;
  } catch {
    throw new TraceError('damaged', 'its header cannot be read');
  }
  const decoder = new RecordDecoder();
  const records = decoder.push(b.subarray(head.p));
  if (!decoder.ended || decoder.left.length !== HASH_BYTES) {
    throw new TraceError('cut-short', `it ends after ${records.length} records`);
  }
  return { header, records, hash: hex(decoder.left) };
}

/** Says whether the records are those that the file's hash was made of. */
export async function traceIsIntact(b: Uint8Array): Promise<boolean> {
  const head = new Reader(b);
  head.p = 8;
  head.bytes();
  const body = b.slice(head.p, b.length - HASH_BYTES - 1);
  const sum = new Uint8Array(await crypto.subtle.digest('SHA-256', body));
  return hex(sum) === hex(b.subarray(b.length - HASH_BYTES));
}

export function hex(b: Uint8Array): string {
  let s = '';
  for (const byte of b) s += byte.toString(16).padStart(2, '0');
  return s;
}
