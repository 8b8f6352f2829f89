// The player that is committed for the CLI's report is built from these sources.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';

test('grader/report/player/player.html is fresh', () => {
  const r = spawnSync(process.execPath, [fileURLToPath(new URL('../../scripts/build-player.mjs', import.meta.url)), '--check'], { encoding: 'utf8' });
  assert.equal(r.status, 0, r.stderr);
});
