// The page that `grade view` writes, opened from disk with no network.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { openSite, type Site } from './browser.ts';
import { folder, planted } from './coding.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
let site: Site;
let dir = '';

interface Operation { id: number; who: string; call: number; return: number; ask: string; answer: string }
/** What `grade --json` says of the runs of services, by the bug. */
const said: Record<string, Operation[]> = {};
/** Planted into the correct service: its lab, and the test that finds it. */
const SERVICES = { 'put-version-ignored': ['kv', 'faults/storm'], 'lease-too-short': ['lock', 'leases/silent_holder'] } as const;

before(async () => {
  dir = mkdtempSync(`${tmpdir()}/raftlab-view-`);
  for (const lang of ['en', 'zh']) {
    execFileSync('go', ['run', './cmd/grade', 'view', '--run', 'election/two_candidates', '--seeds', '1', '--lang', lang,
      '--html', `${dir}/${lang}.html`, 'grader/testdata/example-bug'], { cwd: root, stdio: 'pipe' });
  }
  const service = { ...folder(`${root}grader/testdata/correct`), ...folder(`${root}grader/testdata/correct-kv`) };
  for (const [bug, [lab, name]] of Object.entries(SERVICES)) {
    for (const [file, text] of Object.entries(planted(service, bug, 'bugs-kv').files)) {
      mkdirSync(dirname(`${dir}/${bug}/${file}`), { recursive: true });
      writeFileSync(`${dir}/${bug}/${file}`, text);
    }
    const args = ['--lab', lab, '--run', `^${name}$`, '--seeds', '1'];
    execFileSync('go', ['run', './cmd/grade', 'view', ...args, '--html', `${dir}/${bug}.html`, `${dir}/${bug}`], { cwd: root, stdio: 'pipe' });
    const json = spawnSync('go', ['run', './cmd/grade', '--json', ...args, `${dir}/${bug}`], { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26 }).stdout;
    const result = JSON.parse(json) as { parts: { tests: { failure?: { history?: Operation[] } }[] }[] };
    said[bug] = result.parts.flatMap((p) => p.tests).find((t) => t.failure)!.failure!.history!;
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

const ms = (t: number): string => (t / 1e6).toFixed(t < 1e9 ? 2 : 1);

test('what no order explains is listed with its times, marked among the clients, and can be shown alone', async () => {
  const { page, errors } = await open('put-version-ignored');
  const history = said['put-version-ignored']!;
  assert.ok(history.length >= 2);
  // Under the failure: who asked what when, and was told what.
  const rows = page.locator('.verdict-box section.witness li');
  assert.equal(await rows.count(), history.length);
  for (const [i, o] of history.entries()) {
    const text = (await rows.nth(i).innerText()).replace(/\s+/g, ' ');
    for (const part of [o.who, o.ask, `→ ${o.answer}`, ms(o.call), ms(o.return)]) assert.ok(text.includes(part), `${part} in ${text}`);
  }
  const last = history.reduce((a, b) => (b.return > a.return ? b : a));
  assert.deepEqual(await page.locator('section.witness li.last').evaluateAll((l) => l.map((e) => Number((e as HTMLElement).dataset['operation']))), [last.id]);
  // Among the clients: these are marked, by a sign that has a name, and no other.
  const ids = history.map((o) => o.id).sort((a, b) => a - b);
  const marked = (): Promise<number[]> => page.locator('[role=tabpanel] li.witness').evaluateAll((l) => l.map((e) => Number((e as HTMLElement).dataset['operation'])).sort((a, b) => a - b));
  assert.deepEqual(await marked(), ids);
  assert.equal(await page.locator('[role=tabpanel]').getByRole('img', { name: 'belongs to the smallest history' }).count(), ids.length);
  const all = await page.locator('[role=tabpanel] li[data-operation]').count();
  assert.ok(all > ids.length);
  assert.equal(await page.locator('[role=tabpanel] li.quiet').count(), all - ids.length);
  assert.ok(await page.locator('[role=tabpanel] li.witness').first().isVisible(), 'though it is long past');
  await page.getByRole('button', { name: `Only these ${ids.length}` }).click();
  await page.waitForFunction(() => !document.querySelector('[role=tabpanel] li.quiet'));
  assert.deepEqual(await marked(), ids);
  await page.getByRole('button', { name: 'Keys and signs' }).click();
  assert.match(await page.innerText('.help'), /◆\s+belongs to the smallest history/);
  assert.deepEqual(errors, []);
  await page.close();
});

test('its operations can be gone to: from the list, one after the other, all in the diagram', async () => {
  const { page, errors } = await open('put-version-ignored');
  const history = said['put-version-ignored']!;
  const clock = async (t: number): Promise<void> => { await page.locator('.clock', { hasText: `${ms(t)} ms` }).waitFor(); };
  const o = history[0]!;
  await page.getByRole('button', { name: `Go to ${o.who}’s answer at ${ms(o.return)} ms` }).click();
  await clock(o.return);
  await page.getByRole('button', { name: `Go to ${o.who}’s request at ${ms(o.call)} ms` }).click();
  await clock(o.call);
  const moments = history.flatMap((h) => [h.call, h.return]).sort((a, b) => a - b);
  for (const t of moments.slice(1)) {
    await page.getByRole('button', { name: 'The one after' }).click();
    await clock(t);
  }
  await page.click('[data-view=events]');
  await page.locator('[role=tabpanel] button.witness[aria-current]', { hasText: '◆' }).waitFor();
  await page.getByRole('button', { name: /^✸ Property broken/ }).click();
  await page.click('[data-view=spacetime]');
  // The diagram is a picture: in the colour of the marks there is something only when they are in view.
  const painted = (): Promise<number> => page.locator('[role=tabpanel] canvas').evaluate((c) => {
    const { width, height } = c as HTMLCanvasElement;
    const { data } = (c as HTMLCanvasElement).getContext('2d')!.getImageData(0, 0, width, height);
    let n = 0;
    for (let i = 0; i < data.length; i += 4) if (data[i] === 0x7a && data[i + 1] === 0x2f && data[i + 2] === 0xd0) n++;
    return n;
  });
  assert.equal(await painted(), 0);
  await page.getByRole('button', { name: 'All in view' }).click();
  await clock(moments.at(-1)!);
  assert.ok(await painted() > 200);
  assert.deepEqual(errors, []);
  await page.close();
});

test('a run of the lock shows its clients, disks, and messages field by field', async () => {
  const { page, errors } = await open('lease-too-short');
  const text = await page.innerText('.verdict-box');
  assert.match(text, /Mutual Exclusion[\s\S]*C0\s+Acquire\("l"\) → 1[\s\S]*C1\s+Acquire\("l"\) → 2/);
  assert.match(await page.innerText('[role=tabpanel]'), /C0 ◆\s+Acquire\("l"\) → 1/);
  await page.click('[data-view=logs]');
  const servers = await page.innerText('.servers');
  assert.match(servers, /On its disk saved at [\d.]+ ms[\s\S]*raft\.LogEntry[\s\S]*Kind: "testandset"/);
  assert.ok(!servers.includes('applied up to'), 'a service keeps that to itself');
  await page.click('[data-view=events]');
  const events = await page.innerText('[role=tabpanel]');
  assert.match(events, /C1 sends KVServer\.Do \{Client: \d+, Serial: \d+, Kind: "testandset", Key: "lock\/l"/);
  assert.match(events, /S\d sends KVServer\.Do reply \{Leader: true, Err: "OK"/);
  assert.ok(!/C\d refuses/.test(events), events);
  assert.deepEqual(errors, []);
  await page.close();
});

test('the marks speak Chinese, fit a phone, keep every client in the picture, and are accessible', async () => {
  const { page, errors } = await open('put-version-ignored');
  await page.click('text=中文');
  await page.setViewportSize({ width: 390, height: 844 });
  assert.match(await page.innerText('.verdict-box'), /能说明问题的最小一段客户端历史/);
  await page.locator('[role=tabpanel]').getByRole('img', { name: '属于能说明性质如何被破坏的最小一段历史' }).first().waitFor();
  for (const view of ['clients', 'spacetime', 'events', 'logs']) {
    await page.click(`[data-view=${view}]`);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), 0, view);
  }
  const outside = await page.locator('.ring .client').evaluateAll((nodes) => {
    const ring = document.querySelector('.ring')!.getBoundingClientRect();
    return nodes.filter((n) => { const b = n.querySelector('rect')!.getBoundingClientRect(); return b.left < ring.left || b.right > ring.right || b.bottom > ring.bottom; }).length;
  });
  assert.equal(outside, 0);
  await page.click('[data-view=clients]');
  await page.evaluate(readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8'));
  const found = await page.evaluate(async () => (await (globalThis as unknown as { axe: { run(where: object): Promise<{ violations: { id: string; impact: string; nodes: { html: string }[] }[] }> } }).axe
    .run({ include: ['.report'] })).violations);
  assert.deepEqual(found.filter((v) => v.impact === 'serious' || v.impact === 'critical').map((v) => `${v.id} ${v.nodes[0]?.html.slice(0, 200)}`), []);
  assert.deepEqual(errors, []);
  await page.close();
});
