// The goal language of labs/lessons/FORMAT.md, section 5, on records by hand.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Step } from '../../src/lesson/format.ts';
import { Goal } from '../../src/lesson/goals.ts';
import { Kind, Role, type Status, type TraceRecord } from '../../src/player/trace.ts';

const bytes = (s: string): Uint8Array => new TextEncoder().encode(s);

function rec(ms: number, kind: number, fields: Partial<TraceRecord> = {}): TraceRecord {
  return {
    t: ms * 1e6, kind, flag: false, node: -1, peer: -1, id: 0, call: 0, index: 0, term: 0, name: '', data: bytes(''), more: bytes(''),
    status: null, entries: null, ...fields,
  };
}
const boot = (ms: number, node: number, life = 1): TraceRecord => rec(ms, Kind.Boot, { node, id: life });
const crash = (ms: number, node: number, midStep = false): TraceRecord => rec(ms, Kind.Crash, { node, flag: midStep });
function see(ms: number, node: number, role: number, term: number, more: Partial<Status> = {}): TraceRecord {
  const status: Status = { term, role, full: true, vote: -1, lead: -1, commit: 0, applied: 0, first: 1, last: 0, deadline: Infinity, ...more };
  return rec(ms, Kind.Observe, { node, status });
}
/** Entries as "term:text". */
function write(ms: number, node: number, index: number, ...entries: string[]): TraceRecord {
  return rec(ms, Kind.LogWrite, {
    node, index, entries: entries.map((e) => ({ term: Number(e.split(':')[0]), data: bytes(e.slice(e.indexOf(':') + 1)) })),
  });
}
const request = (ms: number, node: number, id: number, text: string): TraceRecord => rec(ms, Kind.Request, { node, id, name: 'start', data: bytes(text) });
const respond = (ms: number, node: number, id: number, flag: boolean): TraceRecord => rec(ms, Kind.Respond, { node, id, flag });
const cut = (ms: number, node: number, peer: number): TraceRecord => rec(ms, Kind.Cut, { node, peer });
const heal = (ms: number, node: number, peer: number): TraceRecord => rec(ms, Kind.Heal, { node, peer });
const three = [boot(0, 0), boot(0, 1), boot(0, 2), see(0, 0, Role.Follower, 0), see(0, 1, Role.Follower, 0), see(0, 2, Role.Follower, 0)];

/** When the goal was reached, ms; null: not. */
function solved(steps: Step[], records: TraceRecord[], until: number, servers = 3, clients = 1): number | null {
  const g = new Goal(steps, servers, clients, { electionMs: [150, 300], preVote: true });
  // Records come in pieces of any size, and the host pauses where it likes.
  const half = Math.floor(records.length / 2);
  g.feed(records.slice(0, half));
  g.feed(records.slice(half));
  g.settle(until * 1e6);
  return g.solvedAt === null ? null : g.solvedAt / 1e6;
}

const cases: [string, Step[], TraceRecord[], number, number | null][] = [
  ['events match in order', [{ event: 'crash' }, { event: 'restart' }], [...three, boot(1, 0, 2), crash(2, 1), boot(3, 1, 2)], 9, 3],
  ['not in another order', [{ event: 'restart' }, { event: 'crash' }], [...three, crash(2, 1), boot(3, 1, 2)], 9, null],
  ['one record matches one step', [{ event: 'crash' }, { event: 'crash' }], [...three, crash(2, 1)], 9, null],
  ['crash names the leader as it was before', [{ event: 'crash', server: 'leader' }], [...three, see(1, 0, Role.Leader, 1), crash(2, 0)], 9, 2],
  ['crash of another one', [{ event: 'crash', server: 'leader' }], [...three, see(1, 0, Role.Leader, 1), crash(2, 1)], 9, null],
  ['a crash between two effects', [{ event: 'crash', between: true }], [...three, crash(1, 1), crash(2, 0, true)], 9, 2],
  ['count', [{ event: 'crash', count: 2 }], [...three, crash(1, 0), crash(4, 1)], 9, 4],
  ['a state at the end of an instant', [{ state: 'down', servers: 2 }], [...three, crash(1, 0), crash(1, 1)], 9, 1],
  ['not between two records of one instant', [{ state: 'down', servers: 1 }], [...three, crash(1, 0), boot(1, 0, 2)], 9, null],
  ['forMs passes without a record', [{ state: 'down', servers: 1, forMs: 100 }], [...three, crash(1, 0)], 150, 101],
  ['forMs not yet over', [{ state: 'down', servers: 1, forMs: 100 }], [...three, crash(1, 0)], 100, null],
  ['forMs ends by a change', [{ state: 'down', servers: 1, forMs: 100 }], [...three, crash(1, 0), boot(60, 0, 2), crash(61, 0)], 160, null],
  ['forMs is over before a change much later', [{ state: 'down', servers: 1, forMs: 100 }], [...three, crash(1, 0), boot(500, 0, 2)], 500, 101],
  ['a leader for some time is one and the same', [{ state: 'leader', forMs: 100 }],
    [...three, see(1, 0, Role.Leader, 1), see(60, 0, Role.Leader, 2)], 140, null],
  ['nobody may have a greater term', [{ state: 'leader' }], [...three, see(1, 0, Role.Leader, 1), see(1, 1, Role.Candidate, 2)], 9, null],
  ['withinMs', [{ event: 'crash' }, { event: 'restart', withinMs: 50 }], [...three, crash(1, 0), boot(51, 0, 2)], 99, 51],
  ['too late: over again', [{ event: 'crash' }, { event: 'restart', withinMs: 50 }], [...three, crash(1, 0), boot(52, 0, 2), crash(60, 0), boot(70, 0, 3)], 99, 70],
  ['the late record may be the first step', [{ event: 'crash' }, { event: 'crash', withinMs: 50 }], [...three, crash(1, 0), crash(90, 1), crash(99, 2)], 99, 99],
  ['without an event', [{ event: 'crash' }, { event: 'elected', without: [{ event: 'restart' }] }],
    [...three, crash(1, 0), boot(2, 0, 2), see(3, 1, Role.Leader, 1)], 9, null],
  ['without a state', [{ event: 'crash' }, { event: 'elected', without: [{ state: 'down', servers: 2 }] }],
    [...three, crash(1, 0), crash(2, 1), see(3, 2, Role.Leader, 1)], 9, null],
  ['a forbidden event starts the first step over', [{ event: 'crash', count: 2, without: [{ event: 'restart' }] }],
    [...three, crash(1, 0), boot(2, 0, 2), crash(3, 1)], 9, null],
  ['a forbidden state starts the first step over', [{ event: 'crash', count: 2, without: [{ state: 'cut', from: 'S1', to: 'S2' }] }],
    [...three, crash(1, 0), cut(2, 0, 1), heal(3, 0, 1), crash(4, 1)], 9, null],
  ['while, for an event, is as of before it', [{ event: 'restart', while: [{ state: 'down', servers: 1 }] }], [...three, crash(1, 0), boot(2, 0, 2)], 9, 2],
  ['while, for a state', [{ state: 'noLeader', forMs: 50, while: [{ state: 'down', servers: 1 }] }], [...three, crash(100, 0)], 200, 150],
  ['elected and stepDown', [{ event: 'elected', server: 'S1' }, { event: 'stepDown', server: 'leader' }],
    [...three, see(1, 0, Role.Leader, 1), see(2, 0, Role.Follower, 2)], 9, 2],
  ['a stale leader', [{ event: 'accepted', server: 'staleLeader', value: 'x' }],
    [...three, see(1, 0, Role.Leader, 1), see(2, 1, Role.Leader, 2), request(3, 0, 7, 'x'), respond(3, 0, 7, true)], 9, 3],
  ['refused by a follower is not busy', [{ event: 'busy' }], [...three, request(3, 0, 7, 'x'), respond(3, 0, 7, false)], 9, null],
  ['busy', [{ event: 'busy', server: 'leader' }], [...three, see(1, 0, Role.Leader, 1), request(3, 0, 7, 'x'), respond(3, 0, 7, false)], 9, 3],
  ['a split vote', [{ event: 'splitVote' }], [...three, see(1, 0, Role.Candidate, 1), see(1, 1, Role.Candidate, 1), see(5, 2, Role.Candidate, 2)], 9, 5],
  ['no split vote where one won', [{ event: 'splitVote' }],
    [...three, see(1, 0, Role.Candidate, 1), see(1, 1, Role.Candidate, 1), see(2, 0, Role.Leader, 1), see(5, 2, Role.Candidate, 2)], 9, null],
  ['appended, not what the boot step shows', [{ event: 'appended', server: 'S1' }], [boot(0, 0), write(0, 0, 1, '1:a'), rec(1, Kind.Tick, { node: 0 }), write(2, 0, 2, '1:b')], 9, 2],
  ['overwritten', [{ event: 'overwritten', value: 'a' }], [...three, write(1, 0, 1, '1:a'), write(2, 0, 1, '2:b')], 9, 2],
  ['overwritten though on a majority', [{ event: 'overwritten', wasOn: 'majority' }],
    [...three, rec(1, Kind.Tick, { node: 0 }), write(1, 0, 1, '1:a'), write(2, 0, 1, '2:b'), write(3, 0, 1, '3:c'), write(4, 1, 1, '3:c'), write(5, 1, 1, '4:d')], 9, 5],
  ['a client’s entry is known by its operation', [{ event: 'committed', value: 'put x 1' }],
    [...three, write(1, 0, 1, '1:put x 1 #C1.1'), see(2, 0, Role.Leader, 1, { commit: 1 })], 9, 2],
  ['committed of an old term', [{ event: 'committed', oldTerm: true }], [...three, write(1, 0, 1, '1:a', '2:b'), see(2, 0, Role.Leader, 2, { commit: 2 })], 9, 2],
  ['one record may commit several', [{ event: 'committed', count: 2 }], [...three, write(1, 0, 1, '1:a', '1:b'), see(2, 0, Role.Leader, 1, { commit: 2 })], 9, 2],
  ['applied by all', [{ event: 'applied', servers: 'all' }], [...three, ...[0, 1, 2].map((n) => rec(n + 1, Kind.Apply, { node: n, index: 1, data: bytes('a') }))], 9, 3],
  ['a client’s requests are counted', [{ event: 'returned', client: 'C1', result: 'ok', requests: 2 }],
    [...three, rec(1, Kind.Invoke, { peer: 3, id: 1, name: 'put' }), rec(1, Kind.Send, { node: 3 }), rec(2, Kind.Send, { node: 3 }), rec(3, Kind.Return, { peer: 3, id: 1, data: bytes('ok') })], 9, 3],
  ['exactly so many', [{ event: 'returned', client: 'C1', requests: 2 }],
    [...three, rec(1, Kind.Invoke, { peer: 3, id: 1, name: 'put' }), rec(1, Kind.Send, { node: 3 }), rec(3, Kind.Return, { peer: 3, id: 1 })], 9, null],
  ['waiting is for one and the same operation', [{ state: 'waiting', client: 'C1', forMs: 50 }],
    [...three, rec(1, Kind.Invoke, { peer: 3, id: 1, name: 'get' }), rec(30, Kind.Return, { peer: 3, id: 1 }), rec(30, Kind.Invoke, { peer: 3, id: 2, name: 'get' })], 70, null],
  ['sides of a partition', [{ state: 'partition', sizes: [2, 1], minority: 'S3' }], [...three, cut(1, 0, 2), cut(1, 2, 0), cut(1, 1, 2), cut(1, 2, 1)], 9, 1],
  ['one direction parts nobody that others join', [{ state: 'partition' }], [...three, cut(1, 0, 2)], 9, null],
  ['deaf', [{ state: 'oneWay', deaf: 'S1' }], [...three, cut(1, 1, 0), cut(1, 2, 0)], 9, 1],
  ['mute is another thing', [{ state: 'oneWay', mute: 'S1' }], [...three, cut(1, 1, 0), cut(1, 2, 0)], 9, null],
  ['conflicting logs', [{ state: 'logsDiffer', conflict: true }], [...three, write(1, 0, 1, '1:a'), write(2, 1, 1, '2:b')], 9, 2],
  ['a setting changed', [{ state: 'config', name: 'electionMs', atMost: 110 }, { state: 'config', name: 'preVote', is: false }],
    [...three, rec(1, Kind.Phase, { name: 'set electionMs 110 200' }), rec(2, Kind.Phase, { name: 'set preVote false' })], 9, 2],
  ['a list of properties', [{ event: 'violated', property: ['Log Matching', 'Vote Once'] }], [...three, rec(1, Kind.Violation, { name: 'Vote Once' })], 9, 1],
];

for (const [name, steps, records, until, want] of cases) {
  test(name, () => assert.equal(solved(steps, records, until), want));
}
