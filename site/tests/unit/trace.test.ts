// The decoder and the model, on a trace written by the Go program.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { describe as sentence } from '../../src/player/describe.ts';
import { messages } from '../../src/player/messages.ts';
import { Model } from '../../src/player/model.ts';
import { decodeRaftMessage } from '../../src/player/raftMessage.ts';
import { historyIn } from '../../src/player/run.ts';
import { decodeTrace, Kind, RecordDecoder, Role, traceIsIntact, TraceError, type TraceHeader } from '../../src/player/trace.ts';
import { native } from './engine.ts';

const script = `raftlab-cluster 1
kind raft
servers 5
clients 1
seed 3
at 1000000000 client C1 put - x 1
at 1200000000 propose leader 3 a
at 1500000000 crash leader save
at 1500000000 propose leader 1 b
at 3000000000 restart down1
at 3500000000 cut S1 S2
at 4000000000 client C1 get - x
until 6000000000
`;
const { hash, trace } = native(script);

test('a whole trace is read, and its hash is the run’s', async () => {
  const t = decodeTrace(trace);
  assert.equal(t.hash, hash);
  assert.equal(t.header.servers, 5);
  assert.ok(t.records.length > 500);
  assert.ok(await traceIsIntact(trace));
  const spoiled = trace.slice();
  spoiled[spoiled.length - 100]! ^= 1;
  assert.ok(!(await traceIsIntact(spoiled)));
});

test('pieces of any size give the same records', () => {
  const whole = decodeTrace(trace).records;
  const start = trace.length - 33 - bodyLength(trace);
  for (const size of [1, 7, 1000]) {
    const d = new RecordDecoder();
    const records = [];
    for (let p = start; p < trace.length; p += size) records.push(...d.push(trace.subarray(p, p + size)));
    assert.ok(d.ended);
    assert.ok(isDeepStrictEqual(records, whole), `pieces of ${size} bytes`);
  }
});

function bodyLength(b: Uint8Array): number {
  // Magic, one or two bytes of length, and the header up to its last brace.
  const text = new TextDecoder('latin1').decode(b);
  return b.length - 33 - (text.indexOf('}') + 1);
}

test('an index below zero is told as it is', () => {
  // respond, 0 ns later, flag + node + index + term: S1 answers -1 and the lowest number there is.
  const index = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
  const term = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01];
  const [r] = new RecordDecoder().push(Uint8Array.from([Kind.Respond, 0, 0x63, 1, ...index, ...term]));
  assert.deepEqual([r!.node, r!.index, r!.term], [0, -1, -(2 ** 63)]);
});

test('damage is told apart', () => {
  const code = (b: Uint8Array): string => {
    try {
      decodeTrace(b);
      return 'read';
    } catch (e) {
      return e instanceof TraceError ? e.code : String(e);
    }
  };
  assert.equal(code(new TextEncoder().encode('hello world')), 'not-a-trace');
  assert.equal(code(trace.subarray(0, trace.length - 50)), 'cut-short');
  const newer = trace.slice();
  newer[7] = 2;
  assert.equal(code(newer), 'version');
});

test('the state is the same however one gets there', () => {
  const { records, header } = decodeTrace(trace);
  const model = new Model(header.servers, header.clients);
  model.append(records);
  const forward: string[] = [];
  for (let i = 0; i <= records.length; i += 37) forward.push(JSON.stringify(model.stateAfter(i).nodes));
  let k = forward.length;
  for (let i = (forward.length - 1) * 37; i >= 0; i -= 37) assert.equal(JSON.stringify(model.stateAfter(i).nodes), forward[--k]);
});

test('the marks tell what happened', () => {
  const { records, header } = decodeTrace(trace);
  const model = new Model(header.servers, header.clients);
  model.append(records);
  const kinds = new Set(model.marks.map((m) => m.kind));
  for (const kind of ['elected', 'committed', 'crash', 'restart', 'network', 'client', 'request', 'campaign'] as const) {
    assert.ok(kinds.has(kind), kind);
  }
  assert.ok(!kinds.has('broken'));
  const end = model.stateAfter(model.count);
  const leaders = end.nodes.filter((n) => n.up && n.role === Role.Leader);
  assert.equal(leaders.length, 1);
  assert.equal(end.nodes.filter((n) => n.up).length, 6);
});

test('after a cut the history goes on from there', () => {
  const { records, header } = decodeTrace(trace);
  const model = new Model(header.servers, header.clients);
  model.append(records);
  const half = records.length >> 1;
  const before = JSON.stringify(model.stateAfter(half).nodes);
  model.cutTo(half, records[half - 1]!.t);
  assert.equal(model.count, half);
  assert.equal(JSON.stringify(model.stateAfter(half).nodes), before);
  model.append(records.slice(half));
  const again = new Model(header.servers, header.clients);
  again.append(records);
  assert.deepEqual(model.marks, again.marks);
  assert.equal(JSON.stringify(model.stateAfter(records.length).nodes), JSON.stringify(again.stateAfter(records.length).nodes));
});

test('servers of a test are numbered from 0, its links and violations are told in the reader’s words', () => {
  const record = (kind: number, name: string, data: string) => ({ ...decodeTrace(trace).records[0]!, kind, name, node: 2, peer: 0, term: 0, index: 0, data: new TextEncoder().encode(data) });
  const live = new Model(3, 0);
  const graded = new Model(3, 0, undefined, true);
  const link = record(Kind.Link, '', 'delay 80000-250000us loss 0.1 late 0.5 200000-2200000us');
  assert.equal(sentence(messages('en'), live, link, 0), 'Link from S3 to S1: delay 80–250 ms loss 0.1 late 0.5 200–2200 ms');
  assert.equal(sentence(messages('zh'), graded, link, 0), '从 S2 到 S0 的链路：延迟 80–250 ms 丢失率 0.1 迟到率 0.5 200–2200 ms');
  const broken = record(Kind.Violation, 'Election Safety', 'two leaders in term 2');
  assert.match(sentence(messages('zh'), graded, broken, 0), /two leaders in term 2/);
  graded.message = '任期 2 有两个领导者';
  assert.match(sentence(messages('zh'), graded, broken, 0), /任期 2 有两个领导者/);
});

test('every record has a sentence in both languages, and the core’s messages are read', () => {
  const { records, header } = decodeTrace(trace);
  const model = new Model(header.servers, header.clients);
  model.append(records);
  let core = 0;
  records.forEach((r, i) => {
    for (const lang of ['en', 'zh'] as const) {
      const s = sentence(messages(lang), model, r, i);
      assert.ok(s.length > 3 && !s.includes('undefined') && !s.includes('NaN'), s);
    }
    if (r.kind === Kind.Send && r.name === 'AppendEntries') {
      core++;
      assert.ok(decodeRaftMessage(r.name, r.data)!.term > 0);
    }
  });
  assert.ok(core > 50);
});

test('100,000 records are scrubbed through at once', () => {
  const long = native(script.replace('until 6000000000', 'until 250000000000'));
  const { records, header } = decodeTrace(long.trace);
  assert.ok(records.length > 100_000, String(records.length));
  const model = new Model(header.servers, header.clients);
  model.append(records);
  const start = performance.now();
  const jumps = 200;
  for (let i = 0; i < jumps; i++) model.stateAfter((i * 7919 * 13) % records.length);
  const each = (performance.now() - start) / jumps;
  assert.ok(each < 16, `${each.toFixed(2)} ms a jump`);
});

test('the operations that a trace names are taken only from a list of such', () => {
  const line = { id: 3, who: 'C0', call: 5, return: 9, ask: 'Get("a")', answer: 'OK' };
  const header = (history: string): TraceHeader => ({ servers: 3, clients: 1, extra: { history } });
  assert.deepEqual(historyIn(header(JSON.stringify([line, { ...line, id: 4, return: -1 }]))).map((o) => o.id), [3, 4]);
  for (const s of ['', '{', '{"id":1}', '[1]', '[null]', JSON.stringify([line, line]), JSON.stringify([{ ...line, call: '5' }]), JSON.stringify([{ ...line, id: 1e300 }])]) {
    assert.deepEqual(historyIn(header(s)), [], s);
  }
  assert.deepEqual(historyIn({ servers: 3, clients: 0 }), []);
});
