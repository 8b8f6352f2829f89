// A share link made in one browser opens in another, and replays to the same hash.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { start } from '../../scripts/edge.mjs';
import { fromText } from '../../src/cluster/short.ts';
import { decodeTrace } from '../../src/player/trace.ts';
import { openSite, type Site } from '../browser/browser.ts';
import { drop, folder, planted, root } from '../browser/coding.ts';
import { native } from '../unit/engine.ts';
import { Cli } from '../unit/studio.ts';
import { sample, send, TRACE_TYPE } from './worker.ts';

let edge: Awaited<ReturnType<typeof start>>;
const open: Site[] = [];
before(async () => { edge = await start(); });
after(async () => { for (const s of open) await s.close(); await edge?.close(); });

async function fresh(locale = 'en'): Promise<Site> {
  const s = await openSite({ locale }, edge.url);
  open.push(s);
  return s;
}

test('made here, opened elsewhere', async () => {
  const maker = await fresh();
  const { page, errors } = await maker.open('playground/');
  await page.waitForSelector('.raftlab-player');
  await page.selectOption('select[aria-label="Jump to the next…"]', 'elected');
  await page.waitForSelector('.node.leader');
  const lead = (await page.getAttribute('.node.leader', 'data-node'))!;
  await page.focus(`[data-node="${lead}"]`);
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Propose' }).click();
  await page.getByRole('button', { name: 'Crash', exact: true }).click();
  await page.waitForSelector('.node.down');
  await page.getByRole('button', { name: /link to this run/ }).click();
  const link = (await page.getAttribute('a.short', 'href'))!;
  assert.match(link, /\/s\/r[\w-]{20}$/);
  const long = page.url();
  assert.match(long, /#r1\./, 'the address bar keeps the link that has no end');
  await page.getByRole('button', { name: /link to this run/ }).click();
  await page.waitForFunction((l) => document.querySelector<HTMLAnchorElement>('a.short')?.href === l, link);
  assert.deepEqual(errors, [], 'nothing breaks the policy');

  const kept = await (await fetch(`${edge.url}api/runs/${link.split('/').at(-1)!}`)).text();
  const shared = fromText(kept);
  assert.equal(native(shared.script).hash, shared.hash, 'the hash of a native run');

  const other = await fresh('zh-CN');
  for (const [path, lang] of [[link, 'zh/'], [long, '']] as const) {
    const opened = await other.context.newPage();
    const wrong: string[] = [];
    opened.on('console', (m) => { if (m.type() === 'error') wrong.push(m.text()); });
    await opened.goto(path);
    await opened.waitForSelector(`.notice:has-text("${lang ? '完全重现' : 'replays exactly'}")`).catch(async (e: unknown) => {
      throw new Error(`${opened.url()} says ${await opened.locator('.playground-place').innerText()} ${wrong.join(' ')}`, { cause: e });
    });
    assert.ok(opened.url().includes(`${lang}playground/#`), opened.url());
    assert.equal(await opened.locator('.node.down').count(), 1);
    assert.deepEqual(wrong, []);
    await opened.close();
  }
});

test('the link of a trace opens the player; a file of the visitor’s does as well', async () => {
  const { trace } = sample();
  const { link } = await (await send(edge.url, trace, { type: TRACE_TYPE })).json() as { link: string };
  const site = await fresh();
  const { page, errors } = await site.open(link.slice(1));
  await page.waitForSelector('.raftlab-player');
  assert.ok(page.url().includes('/run/#s1.t'), page.url());
  await page.waitForSelector('.run-place:has-text("seed 7")');
  await page.setInputFiles('input[type=file]', { name: 'x.trace', mimeType: 'application/octet-stream', buffer: Buffer.from('no trace') });
  await page.waitForSelector('[role=status]:has-text("no trace")');
  await page.setInputFiles('input[type=file]', { name: 'x.trace', mimeType: 'application/octet-stream', buffer: Buffer.from(trace) });
  await page.waitForSelector('.raftlab-player');
  assert.deepEqual(errors, []);
});

test('a failing test, shared where it was graded, opens elsewhere as the command’s run', async () => {
  const { files } = planted(folder(`${root}grader/testdata/correct`), 'vote-not-saved');
  const cli = new Cli();
  after(() => cli.close());
  const dir = cli.folder(files);
  // Compiled by the command: the page's own compiler has tests, and takes long here.
  cli.build(dir);
  const maker = await fresh();
  const { page, errors } = await maker.open('code/election/');
  await page.locator('.runbar select').selectOption('election/two_candidates'); // the lab is here
  assert.match(await drop(page, `${dir}/server.wasm`), /FAILED/);
  await page.getByRole('button', { name: 'Share this run' }).click();
  await page.waitForSelector('a.short');
  const link = (await page.getAttribute('a.short', 'href'))!;
  assert.match(link, /\/s\/t[\w-]{20}$/);
  assert.deepEqual(errors, []);

  const kept = new Uint8Array(await (await fetch(`${edge.url}api/runs/${link.split('/').at(-1)!}`)).arrayBuffer());
  const { header, hash } = decodeTrace(kept);
  assert.ok(!Buffer.from(kept).includes('func (rf *Raft)'), 'the code is not shared');
  const theirs = cli.json(dir, '--run', 'election/two_candidates', '--seed', String(header.seed), '--seeds', '1')
    .parts.flatMap((p) => p.tests).find((t) => t.name === 'two_candidates')!;
  assert.deepEqual(theirs.runs.map((r) => [r.status, r.hash]), [['failed', hash]], 'the run of the command, to the byte');

  const other = await fresh('zh-CN');
  const opened = await other.open(link.slice(edge.url.length));
  await opened.page.waitForSelector('.raftlab-player .node');
  assert.ok(opened.page.url().includes('/zh/run/#s1.t'), opened.page.url());
  assert.match(await opened.page.locator('.about').innerText(), new RegExp(`two_candidates.*哈希 ${hash.slice(0, 16)}`, 's'));
  assert.match(await opened.page.locator('.raftlab-player').innerText(), /选举安全性/);
  // Servers have the numbers that the report's sentences have.
  assert.deepEqual((await opened.page.locator('.node .name').allTextContents()).sort(), ['S0', 'S1', 'S2']);
  assert.deepEqual(opened.errors, []);
});

test('a short link that is not kept any more, or is damaged, says so', async () => {
  const site = await fresh();
  const { page } = await site.open(`playground/#s1.r${'A'.repeat(20)}`);
  await page.waitForSelector('.notice:has-text("not kept any more")');
  await page.waitForSelector('.raftlab-player');
  const damaged = await site.open('playground/#s1.rAAA');
  await damaged.page.waitForSelector('.notice:has-text("damaged")');
  await damaged.page.waitForSelector('.raftlab-player');
});
