// The page's verdict against the command's, for the correct server and for
// planted bugs of all parts and of the services on top: compiled and graded in Chromium, with nothing of
// Go's but what the page brings.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import type { Result } from '../../src/code/api.ts';
import { openSite, type Site } from '../browser/browser.ts';
import { folder, planted, ready, root, run, use } from '../browser/coding.ts';
import { Cli, verdict } from '../unit/studio.ts';

const BUGS = [
  'vote-not-saved', 'votes-not-voters', 'ticker-spins', 'heartbeats-too-often', 'timeout-too-short', 'old-votes-counted', 'election-quorum-too-small',
  'start-locks-twice', 'commit-on-start', 'lock-held-during-call', 'slice-too-short', 'commit-goes-back', 'whole-log-each-time',
  'append-not-saved', 'log-not-restored', 'term-not-restored', 'commits-old-term', 'conflict-not-replaced',
  'snapshot-locks-twice', 'install-not-saved', 'snapshot-loses-term', 'cut-without-offset',
];
const correct = folder(`${root}grader/testdata/correct`);

const SERVICE_BUGS = [
  ['kv', 'no-duplicate-detection'], ['kv', 'read-from-leaders-map'], ['kv', 'reply-by-index-alone'], ['kv', 'put-version-ignored'], ['kv', 'table-not-in-snapshot'],
  ['kv', 'snapshot-never'], ['kv', 'clerk-stays'], ['kv', 'handler-never-woken'],
  ['lock', 'lock-without-fencing'], ['lock', 'lease-too-short'], ['lock', 'unlock-by-non-holder'], ['lock', 'waits-without-pause'],
] as const;
const service = { ...correct, ...folder(`${root}grader/testdata/correct-kv`) };

let site: Site;
let page: Page;
let cli: Cli;
before(async () => {
  cli = new Cli();
  site = await openSite({ serviceWorkers: 'block', acceptDownloads: true });
  ({ page } = await site.open('code/election/'));
  page.setDefaultTimeout(300_000); // a whole suite
  await ready(page);
});
after(async () => {
  await site?.close();
  cli?.close();
});

/** Grades in the page; the Result comes out of the submission. */
async function inPage(files: Record<string, string>, what: string, lab = 'raft'): Promise<Result> {
  await use(page, files);
  if (await page.locator('.runbar select.lab').count() > 0) await page.locator('.runbar select.lab').selectOption(lab);
  await page.locator('.runbar select.what').selectOption(what);
  await run(page);
  const [saved] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Save the submission' }).click()]);
  return JSON.parse(readFileSync((await saved.path())!, 'utf8')) as Result;
}

test('the correct server, the whole suite', async () => {
  const mine = await inPage(correct, 'all');
  assert.equal(mine.points, mine.max);
  assert.deepEqual(verdict(mine), verdict(cli.json(cli.folder(correct))));
});

for (const bug of BUGS) {
  test(bug, async () => {
    const { files, part } = planted(correct, bug);
    await page.goto(`${site.url}code/${part}/`);
    await page.locator('.coding[data-ready=yes]').waitFor();
    const mine = await inPage(files, 'part');
    assert.deepEqual(verdict(mine), verdict(cli.json(cli.folder(files), part)));
    console.log(`${bug}: ${mine.status}, ${mine.points}/${mine.max}, ${mine.hash.slice(0, 12)}`);
  });
}

for (const lab of ['kv', 'lock']) {
  test(`the correct service, the whole suite of ${lab}`, async () => {
    const mine = await inPage(service, 'all', lab);
    assert.equal(mine.lab, lab);
    assert.equal(mine.points, mine.max);
    assert.deepEqual(verdict(mine), verdict(cli.json(cli.folder(service), '--lab', lab)));
  });
}

for (const [lab, bug] of SERVICE_BUGS) {
  test(`${lab}: ${bug}`, async () => {
    const { files } = planted(service, bug, 'bugs-kv');
    const mine = await inPage(files, 'all', lab);
    assert.equal(mine.status, 'failed');
    assert.deepEqual(verdict(mine), verdict(cli.json(cli.folder(files), '--lab', lab)));
    console.log(`${bug}: ${mine.status}, ${mine.points}/${mine.max}, ${mine.hash.slice(0, 12)}`);
  });
}
