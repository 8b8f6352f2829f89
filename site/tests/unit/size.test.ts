// The cluster's wasm, as a static host would compress it, stays within its budget.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { brotliCompressSync, constants } from 'node:zlib';
import { root } from './engine.ts';

test('cluster.wasm has at most 800,000 bytes in brotli', () => {
  const wasm = readFileSync(`${root}site/public/wasm/cluster.wasm`);
  const packed = brotliCompressSync(wasm, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 24 } });
  assert.ok(packed.length <= 800_000, `${packed.length} bytes`);
});
