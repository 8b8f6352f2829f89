// The page that `grade view` writes, opened from disk with no network.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { openSite, type Site } from './browser.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
let site: Site;
let dir = '';

before(async () => {
  dir = mkdtempSync(`${tmpdir()}/raftlab-view-`);
  for (const lang of ['en', 'zh']) {
    execFileSync('go', ['run', './cmd/grade', 'view', '--run', 'election/two_candidates', '--seeds', '1', '--lang', lang,
      '--html', `${dir}/${lang}.html`, 'grader/testdata/example-bug'], { cwd: root, stdio: 'pipe' });
  }
  site = await openSite();
  await site.context.setOffline(true);
});
after(async () => {
  await site?.close();
  rmSync(dir, { recursive: true, force: true });
});

async function open(lang: string): Promise<{ page: Page; errors: string[] }> {
  const page = await site.context.newPage();
  const errors: string[] = [];
  page.on('pageerror', (e) => errors.push(String(e)));
  page.on('console', (m) => { if (m.type() === 'error') errors.push(m.text()); });
  page.on('request', (r) => { if (!/^(file|data|blob):/.test(r.url())) errors.push(`asks for ${r.url()}`); });
  await page.goto(`file://${dir}/${lang}.html`);
  await page.waitForSelector('.report');
  return { page, errors };
}

test('the run opens where the property broke, with decoded messages, the disk, notes and the test', async () => {
  const { page, errors } = await open('en');
  const text = await page.innerText('.report');
  assert.match(text, /Election Safety · §5\.2/);
  assert.match(text, /PROPERTY BROKEN/);
  assert.match(text, /sends Raft\.RequestVote \{Term: \d+, CandidateID: \d/);
  assert.match(text, /The test · election\.star:\d+/);
  assert.match(await page.innerText('.source .now'), /c\.\w+/);
  await page.click('[data-view=logs]');
  const servers = await page.innerText('.servers');
  assert.match(servers, /On its disk saved at [\d.]+ ms/);
  assert.match(servers, /raft\.LogEntry/);
  assert.match(servers, /leader elected in term/);
  // Back to the first election: the disk and the test's line go back too.
  const line = await page.innerText('.source .now');
  await page.focus('.raftlab-player');
  await page.keyboard.press('Home');
  await page.waitForFunction((now) => document.querySelector('.source .now')?.textContent !== now && document.querySelector('.servers')?.textContent?.includes('nothing saved yet'), line);
  assert.deepEqual(errors, []);
  await page.close();
});

test('each sentence of how it came about leads to its moment', async () => {
  const { page, errors } = await open('en');
  const sentences = await page.locator('.chain li').allInnerTexts();
  assert.ok(sentences.some((s) => /server \d crashes/.test(s)), sentences.join('\n'));
  assert.match(await page.innerText('.verdict-box'), /So server \d answered both candidates of term \d/);
  const crash = page.locator('.chain li', { hasText: /server \d crashes/ });
  const server = /server (\d)/.exec(await crash.innerText())![1];
  const button = crash.getByRole('button');
  const moment = await button.innerText();
  await button.click();
  await page.waitForFunction((at) => document.querySelector('.raftlab-player')?.textContent?.includes(at), moment);
  // The ring shows it down there, and up again when it has come back.
  const place = page.locator('.raftlab-player .node').filter({ hasText: `S${server}` });
  await place.filter({ hasText: 'down' }).waitFor();
  await page.locator('.chain li', { hasText: `server ${server} comes back` }).getByRole('button').click();
  await place.filter({ hasText: 'up' }).waitFor();
  assert.deepEqual(errors, []);
  await page.close();
});

test('in Chinese, on a phone, nothing runs out of the page, and the language can be changed', async () => {
  const { page, errors } = await open('zh');
  await page.setViewportSize({ width: 390, height: 800 });
  assert.match(await page.innerText('.report'), /未通过[\s\S]*任期 \d+ 有两个领导者/);
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), 0);
  await page.click('text=English');
  assert.match(await page.innerText('.report'), /two leaders in term/);
  assert.equal(await page.evaluate(() => document.documentElement.lang), 'en');
  assert.deepEqual(errors, []);
  await page.close();
});
