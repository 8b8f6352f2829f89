// The coding pages as a learner uses them.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { fromZip } from '../../src/code/folder.ts';
import { Cli } from '../unit/studio.ts';
import { openSite, type Site } from './browser.ts';
import { drop, folder, keep, planted, ready, root, run as runIn, use as useIn } from './coding.ts';

const correct = folder(`${root}grader/testdata/correct`);

let site: Site;
let page: Page;
let errors: string[];
before(async () => {
  site = await openSite({ serviceWorkers: 'block', acceptDownloads: true });
  ({ page, errors } = await site.open('code/election/'));
  await keep(page, correct);
  await page.reload();
  await ready(page);
});
after(async () => { await site?.close(); });

const raft = (more: Record<string, string>) => ({ ...correct, ...more });

const use = (files: Record<string, string>): Promise<void> => useIn(page, files);
const run = (): Promise<string> => runIn(page);

/** What the command says. */
const grade = (...args: string[]): string => execFileSync('go', ['run', './cmd/grade', ...args], { cwd: root, encoding: 'utf8' });

async function choose(test: string): Promise<void> {
  await page.locator('.runbar select.what').selectOption(test);
}

test('the correct server passes; a submission says what was graded', async () => {
  await choose('election/initial');
  assert.match(await run(), /PASSED/);
  assert.match(await page.locator('li[data-test="election/initial"]').innerText(), /ok/);
  const [saved] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Save the submission' }).click()]);
  const s = JSON.parse(readFileSync((await saved.path())!, 'utf8')) as { format: number; files: Record<string, string>; hash: string };
  assert.equal(s.format, 1);
  assert.deepEqual(s.files, correct);
  assert.match(s.hash, /^[0-9a-f]{64}$/);
  const file = join(tmpdir(), `raftlab-${process.pid}.json`);
  await saved.saveAs(file);
  assert.match(grade('verify', file), /every trace hash agrees, in all /);
});

test('a failing test shows the run at the failing moment, with the line of the test', async () => {
  await use(planted(correct, 'vote-not-saved').files);
  await choose('part');
  assert.match(await run(), /FAILED/);
  const failure = page.locator('.failure').first();
  assert.match(await failure.innerText(), /Election Safety/);
  await failure.locator('.raftlab-player .node').first().waitFor();
  assert.match(await failure.locator('.run .test').innerText(), /election\.star:\d+/);
  // What the servers sent and saved is read field by field.
  await failure.getByRole('tab', { name: 'Servers' }).click();
  const disks = failure.locator('.servers');
  await disks.getByText('#4').first().waitFor();
  await failure.getByRole('tab', { name: 'Events' }).click();
  assert.match(await failure.locator('[role=tabpanel]').innerText(), /RequestVote.*\{Term: \d+/);
  await page.getByRole('button', { name: 'Show a hint' }).click();
  assert.equal(await failure.locator('.hint').count(), 1);
});

test('a service’s failing run marks the operations of its clients that show it', async () => {
  const { files } = planted({ ...correct, ...folder(`${root}grader/testdata/correct-kv`) }, 'put-version-ignored', 'bugs-kv');
  await use(files);
  await page.locator('.runbar select.lab').selectOption('kv');
  await choose('faults/storm');
  await page.getByLabel('Seeds').fill('1');
  assert.match(await run(), /FAILED/);
  const failure = page.locator('.failure').first();
  assert.match(await failure.innerText(), /Linearizability/);
  const listed = await failure.locator('section.witness li').evaluateAll((l) => l.map((e) => (e as HTMLElement).dataset['operation']).sort());
  assert.ok(listed.length >= 2);
  assert.deepEqual(await failure.locator('[role=tabpanel] li.witness').evaluateAll((l) => l.map((e) => (e as HTMLElement).dataset['operation']).sort()), listed);
  assert.ok(await failure.locator('[role=tabpanel] li.quiet').count() > 0);
  const to = failure.locator('section.witness').getByRole('button').first();
  const moment = await to.innerText();
  await to.click();
  await failure.locator('.clock', { hasText: `${moment} ms` }).waitFor();
  await page.getByLabel('Seeds').fill('');
});

test('errors stand on their lines while one types; Run says the same', async () => {
  await use(raft({ 'raft/x.go': 'package raft\n\nfunc three() int {\n\treturn 3\n}\n' }));
  await page.getByRole('button', { name: 'raft/x.go', exact: true }).click();
  await page.locator('.cm-line', { hasText: 'return 3' }).click();
  await page.keyboard.press('End');
  await page.keyboard.type(' + "x"');
  await page.locator('.cm-lintRange-error').first().waitFor();
  assert.equal(await page.locator('.cm-line:has(.cm-lintRange-error)').innerText(), '\treturn 3 + "x"');
  assert.match(await page.locator('.list').innerText(), /raft\/x\.go:4/);
  assert.match(await run(), /Does not compile/);
  for (const [src, want] of [['package raft\n\nfunc f( {\n', /x\.go:3[\s\S]*syntax error/], ['package raft\n\nimport "net"\n', /import "net" is not allowed/]] as const) {
    await use(raft({ 'raft/x.go': src }));
    assert.match(await run(), /Does not compile|breaks a rule/);
    assert.match(await page.locator('.list').innerText(), want);
  }
});

test('gofmt, compare, start over and its undo, zip', async () => {
  await use(raft({ 'raft/x.go': 'package  raft\nvar  x=1\n' }));
  await page.getByRole('button', { name: 'raft/x.go', exact: true }).click();
  await page.getByRole('button', { name: 'Format' }).click();
  await page.locator('.cm-line', { hasText: 'var x = 1' }).waitFor();
  await page.getByRole('button', { name: 'Compare with the skeleton' }).click();
  await page.locator('.cm-changedLine, .cm-insertedLine').first().waitFor();
  await page.getByRole('button', { name: 'Compare with the skeleton' }).click();
  await page.getByRole('button', { name: 'Start over' }).click();
  await page.locator('.files', { hasText: 'labrpc/labrpc.go' }).waitFor();
  await page.getByRole('button', { name: 'Undo' }).click();
  const [saved] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Save as zip' }).click()]);
  assert.deepEqual(fromZip(readFileSync((await saved.path())!)), raft({ 'raft/x.go': 'package raft\n\nvar x = 1\n' }));
});

test('endless loops and memory bombs end, and the page goes on', async () => {
  const make = correct['raft/raft.go']!;
  const start = make.indexOf('{\n', make.indexOf('\nfunc Make(')) + 2;
  for (const [code, want] of [['\tfor {\n\t}\n', /No Busy Loop/], ['\tvar x [][]byte\n\tfor {\n\t\tx = append(x, make([]byte, 1<<20))\n\t}\n', /Memory/i]] as const) {
    await use(raft({ 'raft/raft.go': `${make.slice(0, start)}${code}${make.slice(start)}` }));
    await choose('election/initial');
    assert.match(await run(), /FAILED/);
    assert.match(await page.locator('.failure').first().innerText(), want);
  }
});

test('Cancel ends a run at once, and the next run works', async () => {
  await use(correct);
  await choose('all');
  await page.getByRole('button', { name: 'Run', exact: true }).click();
  await page.locator('[data-status=passed]').first().waitFor();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.locator('.told', { hasText: 'Cancelled' }).waitFor();
  await choose('election/initial');
  assert.match(await run(), /PASSED/);
});

test('a module compiled elsewhere is graded; what is none is refused', async () => {
  const module = join(tmpdir(), `raftlab-${process.pid}-built.wasm`);
  grade('build', '-o', module, 'grader/testdata/example-bug');
  await choose('election/two_candidates');
  assert.match(await drop(page, module), /FAILED/);
  assert.match(await page.locator('.failure').first().innerText(), /Election Safety/);
  const none = join(tmpdir(), `raftlab-${process.pid}.wasm`);
  writeFileSync(none, 'no module');
  await page.locator('input[type=file]').setInputFiles(none);
  await page.locator('.told.bad', { hasText: 'WebAssembly module' }).waitFor();
});

test('a run opens in which a message was doubled, and lost twice', async () => {
  const cli = new Cli();
  try {
    const dir = cli.folder(planted(correct, 'election-quorum-too-small').files);
    cli.build(dir);
    await choose('election/bad_network');
    assert.match(await drop(page, `${dir}/server.wasm`), /FAILED/);
  } finally {
    cli.close();
  }
  await page.locator('.failure .raftlab-player .node').first().waitFor();
  assert.deepEqual(errors.filter((e) => /each_key/.test(e)), []);
});

test('closing in the midst of a compilation loses nothing', async () => {
  await use(raft({ 'raft/x.go': 'package raft\n\nvar kept = 1\n\nvar _ = kept\n' }));
  await page.getByRole('button', { name: 'Run', exact: true }).click();
  await page.reload();
  await page.getByRole('button', { name: 'raft/x.go', exact: true }).click();
  await page.locator('.cm-line', { hasText: 'var kept = 1' }).waitFor();
  await ready(page);
});

test('the list of parts leads to each', async () => {
  for (const at of ['code/', 'zh/code/']) {
    const { page: p } = await site.open(at);
    assert.equal(await p.locator('main ol a').count(), 10);
    await p.locator('main ol a').last().click();
    await p.locator('.cm-content').waitFor();
    assert.match(p.url(), /code\/leases\/$/);
    await p.close();
  }
});

test('a service begins with its skeleton, beside what is there, and stands on the grader’s own Raft', async () => {
  const own = await openSite({ serviceWorkers: 'block', acceptDownloads: true });
  try {
    const { page: p, errors: wrong } = await own.open('code/service/');
    await keep(p, { 'raft/raft.go': 'package raft\n\n// nothing yet\n' });
    await p.reload();
    await p.locator('.told', { hasText: 'holds nothing of this lab yet' }).waitFor();
    await p.getByRole('button', { name: 'Begin with its skeleton' }).click();
    await p.getByText('package kv', { exact: true }).waitFor();
    assert.equal(await p.locator('.runbar select.lab').inputValue(), 'kv');
    assert.equal(await p.locator('.runbar select.what').inputValue(), 'part');
    await p.getByRole('button', { name: 'raft/raft.go', exact: true }).click();
    await p.locator('.cm-line', { hasText: '// nothing yet' }).waitFor();
    // On one's own Raft it does not compile, on the grader's the skeleton fails as it should.
    await p.locator('.runbar select.raft').selectOption('core');
    await p.locator('.problems', { hasText: 'No errors' }).waitFor();
    await p.locator('.coding[data-ready=yes]').waitFor();
    assert.match(await runIn(p), /FAILED[\s\S]*on the grader’s own Raft/);
    // The choice is kept, as the folder is.
    await p.reload();
    await p.locator('.runbar select.raft').waitFor();
    assert.equal(await p.locator('.runbar select.raft').inputValue(), 'core');
    await useIn(p, folder(`${root}grader/testdata/correct-kv`));
    await p.locator('.runbar select.what').selectOption('service/basic');
    assert.match(await runIn(p), /PASSED/);
    const [saved] = await Promise.all([p.waitForEvent('download'), p.getByRole('button', { name: 'Save the submission' }).click()]);
    const file = join(tmpdir(), `raftlab-${process.pid}-core.json`);
    await saved.saveAs(file);
    assert.equal((JSON.parse(readFileSync(file, 'utf8')) as { raft: string }).raft, 'core');
    assert.match(grade('verify', file), /every trace hash agrees, in all /);
    assert.deepEqual(wrong, []);
  } finally {
    await own.close();
  }
});

test('when the browser keeps nothing, the page says so', async () => {
  const full = await site.context.newPage();
  await full.addInitScript(() => {
    IDBObjectStore.prototype.put = () => { throw new DOMException('full', 'QuotaExceededError'); };
  });
  await full.goto(`${site.url}code/election/`);
  await full.locator('.cm-content').click();
  await full.keyboard.type('// more');
  await full.locator('.told.bad', { hasText: 'did not keep' }).waitFor();
  assert.match(await full.locator('.cm-content').innerText(), /\/\/ more/);
  await full.close();
});

test('a slow disk is not another tab, and loses nothing', async () => {
  const slow = await site.context.newPage();
  await slow.goto(`${site.url}code/agreement/`);
  await slow.locator('.cm-content').click();
  await slow.keyboard.press('Control+Home');
  // A long transaction, as a disk that does not answer: what the page saves waits behind it.
  const release = await slow.evaluateHandle(() => new Promise<() => void>((ready, fail) => {
    const open = indexedDB.open('raftlab-code', 1);
    open.onerror = () => fail(open.error ?? new Error('IndexedDB'));
    open.onsuccess = () => {
      const folders = open.result.transaction('folders', 'readwrite').objectStore('folders');
      let held = true;
      const hold = (): void => { if (held) folders.count().onsuccess = hold; else open.result.close(); };
      hold();
      ready(() => { held = false; });
    };
  }));
  for (const text of ['// first', '// second']) {
    await slow.keyboard.type(text);
    await slow.waitForTimeout(800); // longer than the page's pause: it has begun to save
  }
  await release.evaluate((done) => done());
  await slow.waitForTimeout(1000);
  assert.equal(await slow.locator('.told.bad').count(), 0);
  await slow.keyboard.type('// third');
  await slow.reload();
  await slow.locator('.cm-line', { hasText: '// first// second// third' }).waitFor();
  await slow.close();
  // The other page of this test file has not read that.
  await page.reload();
  await ready(page);
});

test('a page that was left, and came back, does not lose what it saved then', async () => {
  const back = await site.context.newPage();
  await back.addInitScript(() => {
    const put = IDBObjectStore.prototype.put;
    IDBObjectStore.prototype.put = function (this: IDBObjectStore, ...args: [unknown, IDBValidKey?]) {
      if ((globalThis as { full?: boolean }).full) throw new DOMException('full', 'QuotaExceededError');
      return put.apply(this, args);
    };
  });
  await back.goto(`${site.url}code/agreement/`);
  await back.locator('.cm-content').click();
  await back.keyboard.press('Control+Home');
  // It is closed before it can save: what it has is noted. Then the browser's "back" brings it to life.
  await back.evaluate(() => { (globalThis as { full?: boolean }).full = true; });
  await back.keyboard.type('// older');
  await back.evaluate(() => dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true })));
  await back.locator('.told.bad', { hasText: 'did not keep' }).waitFor();
  assert.match(await back.evaluate(() => localStorage.getItem('raftlab-code') ?? ''), /\/\/ older/);
  await back.evaluate(() => { (globalThis as { full?: boolean }).full = false; });
  await back.keyboard.type('// newer');
  await back.locator('.told.bad', { hasText: 'did not keep' }).waitFor({ state: 'detached' });
  await back.waitForTimeout(800); // longer than the page's pause: it has saved, once
  await back.reload();
  await back.locator('.cm-line', { hasText: '// older// newer' }).waitFor();
  // What could not be saved at all is still noted.
  await back.evaluate(() => { (globalThis as { full?: boolean }).full = true; });
  await back.locator('.cm-content').click();
  await back.keyboard.press('Control+Home');
  await back.keyboard.type('// newest');
  await back.locator('.told.bad', { hasText: 'did not keep' }).waitFor();
  await back.reload();
  await back.locator('.cm-line', { hasText: '// newest// older// newer' }).waitFor();
  await back.close();
  // The other page of this test file has not read that.
  await page.reload();
  await ready(page);
});

test('two tabs do not overwrite each other unseen', async () => {
  const other = await site.context.newPage();
  await other.goto(`${site.url}code/agreement/`);
  await other.locator('.cm-content').click();
  await other.keyboard.type('// other');
  await other.waitForTimeout(1000);
  await page.locator('.cm-content').click();
  await page.keyboard.type('// mine');
  await page.locator('.told.bad', { hasText: 'Another tab' }).waitFor();
  await page.getByRole('button', { name: 'Take those of the other tab' }).click();
  await page.locator('.told.bad', { hasText: 'Another tab' }).waitFor({ state: 'detached' });
  await other.close();
});

test('after the first visit it works offline', async () => {
  const kept = await openSite();
  try {
    const { page: p } = await kept.open('code/election/');
    await p.evaluate(() => navigator.serviceWorker.ready);
    await keep(p, correct);
    await p.reload();
    await ready(p);
    // The worker keeps the big files in its own time.
    await p.waitForFunction(async () => {
      for (const name of await caches.keys()) if (/big/.test(name) && (await (await caches.open(name)).keys()).length >= 8) return true;
      return false;
    });
    await kept.context.setOffline(true);
    await p.reload();
    await ready(p);
    await p.locator('.runbar select.what').selectOption('election/initial');
    assert.match(await runIn(p), /PASSED/);
  } finally {
    await kept.close();
  }
});

test('the page speaks Chinese, fits a phone, and is accessible', async () => {
  const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  const zh = await site.context.newPage();
  await zh.goto(`${site.url}zh/code/persistence/`);
  await zh.getByRole('button', { name: '运行', exact: true }).waitFor();
  await zh.locator('.coding[data-ready=yes]').waitFor();
  await useIn(zh, raft({ 'raft/x.go': 'package raft\n\nimport "net"\n' }));
  await zh.locator('.list', { hasText: 'raft/x.go:3' }).waitFor();
  assert.match(await zh.locator('.list').innerText(), /不允许|不能/);
  await zh.evaluate(axe);
  const found = await zh.evaluate(async () => (await (globalThis as unknown as { axe: { run(where: object): Promise<{ violations: { id: string; impact: string; nodes: { html: string }[] }[] }> } }).axe
    .run({ exclude: ['[data-open-modal]'] })).violations);
  assert.deepEqual(found.filter((v) => v.impact === 'serious' || v.impact === 'critical').map((v) => `${v.id} ${v.nodes[0]?.html.slice(0, 200)}`), []);
  await zh.setViewportSize({ width: 390, height: 844 });
  assert.ok(await zh.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'wider than a phone');
  await zh.close();
  assert.deepEqual(errors.filter((e) => !/favicon/.test(e)), []);
});
