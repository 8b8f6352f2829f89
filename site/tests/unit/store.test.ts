// What a page noted when it was closed, against what is saved.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newer, type Saved } from '../../src/code/store.ts';

const of = (by: string, revision: number, change: number): Saved => ({ files: {}, revision, by, change });

test('a note counts if nobody has saved since, or only the same page files of before', () => {
  assert.ok(newer(of('a', 0, 1), undefined), 'nothing was ever saved');
  assert.ok(newer(of('a', 3, 1), of('b', 3, 9)), 'the page had read that');
  assert.ok(newer(of('a', 3, 5), of('a', 3, 4)), 'its save failed');
  assert.ok(newer(of('a', 3, 5), of('a', 4, 4)), 'a save of older files was under way');
  assert.ok(!newer(of('a', 3, 5), of('a', 4, 5)), 'its last save got through');
  assert.ok(!newer(of('a', 3, 5), of('b', 4, 1)), 'another page has saved');
});

test('a note of a page that came back and saved newer files does not count', () => {
  assert.ok(!newer(of('a', 3, 5), of('a', 4, 6)), 'once');
  assert.ok(!newer(of('a', 3, 5), of('a', 6, 9)), 'more often');
  assert.ok(newer(of('a', 4, 7), of('a', 4, 6)), 'and was closed again');
});

test('what was kept before changes were counted is read', () => {
  const { change: _, ...old } = of('a', 3, 0);
  assert.ok(newer(of('b', 3, 1), old));
  assert.ok(newer(of('a', 3, 1), old));
  assert.ok(!newer(old, { ...old, revision: 4 }));
});
