// Sharing a failing run where no Worker stands behind the site: the link carries
// the run itself, or, where it does not fit, a file does. Both open again, in the
// page and for the command, as the same run.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { LONGEST } from '../../src/cluster/share.ts';
import { decodeTrace } from '../../src/player/trace.ts';
import { Cli } from '../unit/studio.ts';
import { openSite, type Site } from './browser.ts';
import { drop, folder, keep, planted, root } from './coding.ts';

const raft = folder(`${root}grader/testdata/correct`);
const service = { ...raft, ...folder(`${root}grader/testdata/correct-kv`) };
let cli: Cli;
let site: Site;
before(async () => {
  cli = new Cli();
  site = await openSite({ serviceWorkers: 'block', acceptDownloads: true });
});
after(async () => {
  await site?.close();
  cli?.close();
});

/** A coding page on which a test has failed, the module compiled by the command; with the command's hash of the run. */
async function failing(files: Record<string, string>, lab: string, name: string): Promise<{ page: Page; errors: string[]; hash: string }> {
  const dir = cli.folder(files);
  cli.build(dir);
  const run = cli.json(dir, '--lab', lab, '--run', `^${name}$`, '--seeds', '1').parts.flatMap((p) => p.tests).find((t) => t.failure)!.runs[0]!;
  assert.equal(run.status, 'failed');
  const { page, errors } = await site.open('code/election/');
  await keep(page, files);
  await page.reload();
  if (lab !== 'raft') await page.locator('.runbar select.lab').selectOption(lab);
  await page.locator('.runbar select.what').selectOption(name);
  await page.getByLabel('Seeds').fill('1');
  assert.match(await drop(page, `${dir}/server.wasm`), /FAILED/);
  await page.getByRole('button', { name: 'Share this run' }).click();
  return { page, errors, hash: run.hash };
}

const shows = async (page: Page, hash: string): Promise<void> => {
  await page.waitForSelector('.raftlab-player .node');
  assert.match(await page.locator('.about').innerText(), new RegExp(`hash ${hash.slice(0, 16)}`));
};

test('a run that fits is carried by the link, whole', async () => {
  const { page, errors, hash } = await failing(planted(raft, 'vote-not-saved').files, 'raft', 'election/two_candidates');
  const link = (await page.getAttribute('a.short', 'href'))!;
  assert.match(link, /\/run\/#t1\.[\w-]+$/);
  assert.ok(link.length < LONGEST);
  assert.match(await page.locator('.share [role=status]').innerText(), /^The link .*carries the whole run/);
  const other = await openSite({}, site.url);
  try {
    const opened = await other.open(link.slice(site.url.length));
    await shows(opened.page, hash);
    assert.match(await opened.page.locator('.raftlab-player').innerText(), /Election Safety/);
    // The page itself cannot read what a student's servers sent; the grader can, once it is asked for.
    assert.equal(await opened.page.getByText(/\{Term: \d+/).count(), 0);
    await opened.page.getByRole('button', { name: /Show what messages carry.*MB/ }).click();
    await opened.page.getByText(/RequestVote.*\{Term: \d+/).first().waitFor();
    // What is no such link, and what a page of tomorrow may write.
    for (const [fragment, says] of [[`${link.slice(link.indexOf('#'), -40)}`, 'damaged'], ['#t1.%%', 'damaged'], ['#t2.AAAA', 'newer version']] as const) {
      await opened.page.evaluate((f) => { location.hash = f; }, fragment);
      await opened.page.locator('[role=status]', { hasText: says }).waitFor();
    }
    assert.deepEqual(opened.errors, []);
  } finally {
    await other.close();
  }
  assert.deepEqual(errors, []);
  await page.close();
});

test('a run that does not fit is saved as a file, which opens in the page and for the command', async () => {
  const came = site.context.waitForEvent('page').then((p) => p.waitForEvent('download'));
  const { page, errors, hash } = await failing(planted(service, 'put-version-ignored', 'bugs-kv').files, 'kv', 'faults/storm');
  const saved = await came;
  assert.match(saved.suggestedFilename(), /^faults-storm-\d+\.trace$/);
  assert.match(await page.locator('.share [role=status]').innerText(), /does not fit into a link/);
  const file = `${cli.folder({})}/${saved.suggestedFilename()}`;
  await saved.saveAs(file);
  assert.equal(decodeTrace(readFileSync(file)).hash, hash, 'the command’s run, to the byte');
  await page.locator('.share').getByRole('link', { name: 'the page of runs' }).click();
  await page.setInputFiles('input[type=file]', file);
  await shows(page, hash);
  assert.match(await page.locator('.raftlab-player').innerText(), /Linearizability/);
  // The trace names the operations that show it.
  const marked = await page.locator('section.witness li').count();
  assert.ok(marked >= 2, 'the operations that show it');
  assert.equal(await page.locator('[role=tabpanel] li.witness').count(), marked);
  const shown = execFileSync('go', ['run', './cmd/grade', 'view', file, '--json', '--html', `${file}.html`], { cwd: root, encoding: 'utf8' });
  assert.equal((JSON.parse(shown) as { hash: string }).hash, hash);
  const { page: report } = await site.open('');
  await report.goto(`file://${file}.html`);
  await report.locator('section.witness li').first().waitFor();
  assert.equal(await report.locator('section.witness li').count(), marked);
  await report.close();
  assert.deepEqual(errors, []);
  await page.close();
});
