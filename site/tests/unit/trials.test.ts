import assert from 'node:assert/strict';
import { test } from 'node:test';
import { curve, figuresOf, fits, insert, quantile, series } from '../../src/lesson/trials.ts';

test('times are kept sorted', () => {
  const t: number[] = [];
  for (const v of [5, 1, 3, 3, 9, 0]) insert(t, v);
  assert.deepEqual(t, [0, 1, 3, 3, 5, 9]);
});

test('quantiles are measured values', () => {
  const t = Array.from({ length: 1000 }, (_, i) => i + 1);
  assert.deepEqual([quantile(t, 0.5), quantile(t, 0.99), quantile(t, 1)], [500, 990, 1000]);
  assert.deepEqual(figuresOf(t), { median: 500, p99: 990, largest: 1000 });
  assert.equal(figuresOf(t.slice(0, 99))!.p99, null, 'too few trials for a 99th percentile');
  assert.equal(figuresOf([]), null);
});

test('a curve does not count trials that were given up', () => {
  assert.equal(curve([100, 5000], 5000, (x) => x, (y) => y), 'M100.0 0.0L100.0 0.5');
});

test('ranges that may be added', () => {
  const there = [series(150, 300, false)];
  assert.ok(fits(12, 24, there));
  for (const [a, b] of [[150, 300], [300, 150], [3, 9], [NaN, 9], [10, 9999]] as const) assert.ok(!fits(a, b, there), `${a}-${b}`);
});
