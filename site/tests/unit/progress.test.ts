import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeProgress, encodeProgress, ProgressError, ProgressStore, type Keeper } from '../../src/lesson/progress.ts';

const ids = ['03-majority/two-of-five', '03-majority/why-odd'];

test('a file comes back as it was', () => {
  assert.deepEqual(decodeProgress(encodeProgress(new Set(ids))), new Set(ids));
});

const bad: [string, string, ProgressError['code']][] = [
  ['nothing', '', 'foreign'],
  ['an image', '\u0089PNG\r\n', 'foreign'],
  ['null', 'null', 'foreign'],
  ['a list', '[1]', 'foreign'],
  ['another program’s JSON', '{"name":"x","version":1}', 'foreign'],
  ['much', `{"raftlab":"progress","version":1,"done":["${'a'.repeat(200_000)}/b"]}`, 'foreign'],
  ['ours, cut short', encodeProgress(new Set(ids)).slice(0, -12), 'damaged'],
  ['ours, with strange ids', '{"raftlab":"progress","version":1,"done":["<script>"]}', 'damaged'],
  ['ours, without a list', '{"raftlab":"progress","version":1}', 'damaged'],
  ['ours, without a version', '{"raftlab":"progress","done":[]}', 'damaged'],
  ['a newer one', '{"raftlab":"progress","version":2,"done":{}}', 'newer'],
];
for (const [name, text, code] of bad) {
  test(`refused: ${name}`, () => {
    assert.throws(() => decodeProgress(text), (e) => e instanceof ProgressError && e.code === code);
  });
}

function memory(): Keeper & { text: string | null } {
  return { text: null, getItem() { return this.text; }, setItem(_, v) { this.text = v; } };
}

test('two tabs lose nothing of each other', () => {
  const keeper = memory();
  const a = new ProgressStore(() => keeper);
  const b = new ProgressStore(() => keeper);
  a.add(new Set([ids[0]!]));
  b.add(new Set([ids[1]!]));
  assert.deepEqual(decodeProgress(keeper.text!), new Set(ids));
});

test('storage refused: it goes on in memory and says so', () => {
  const s = new ProgressStore(() => { throw new Error('denied'); });
  assert.equal(s.kept, false);
  assert.equal(s.add(new Set(ids)), 2);
  assert.deepEqual(s.done, new Set(ids));
});

test('storage full: it goes on in memory and says so', () => {
  const s = new ProgressStore(() => ({ getItem: () => null, setItem: () => { throw new Error('quota'); } }));
  assert.equal(s.kept, true);
  s.add(new Set(ids));
  assert.equal(s.kept, false);
});
