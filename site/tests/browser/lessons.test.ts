// The lesson pages in both languages: every task solved by playing its solution,
// questions, progress as a file, and what is shown where the browser refuses.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import type { Lesson } from '../../src/lesson/format.ts';
import { lessonNames } from '../../src/lesson/links.mjs';
import { lessonMessages } from '../../src/lesson/messages.ts';
import { openSite, type Site } from './browser.ts';

const lessonOf = (name: string): Lesson => JSON.parse(readFileSync(new URL(`../../../labs/lessons/${name}/lesson.json`, import.meta.url), 'utf8')) as Lesson;
const pathOf = (lang: 'en' | 'zh', name: string): string => `${lang === 'zh' ? 'zh/' : ''}lessons/${name}/`;

let site: Site;
let folder: string;
before(async () => {
  site = await openSite({ serviceWorkers: 'block', acceptDownloads: true });
  folder = mkdtempSync(`${tmpdir()}/raftlab-lessons-`);
});
after(async () => {
  await site?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Brings an island into sight and waits until it answers. */
async function ready(page: Page, selector: string): Promise<void> {
  await page.locator(selector).scrollIntoViewIfNeeded();
  await page.waitForSelector(`${selector}[data-ready]`);
}

async function speedUp(page: Page, id: string): Promise<void> {
  await page.waitForSelector(`[data-place="${id}"] [data-cluster=on] .speed input`);
  await page.locator(`[data-place="${id}"] .speed input`).evaluate((i: HTMLInputElement) => {
    i.value = i.max;
    i.dispatchEvent(new Event('input', { bubbles: true }));
  });
}

const solved = (page: Page, id: string): Promise<unknown> => page.waitForSelector(`[data-task="${id}"].done`);

for (const lang of ['en', 'zh'] as const) {
  const m = lessonMessages(lang);
  for (const name of lessonNames() as string[]) {
    test(`${lang} ${name}: each task is solved by its solution, each question answered`, async () => {
      const lesson = lessonOf(name);
      const { page, errors } = await site.open(pathOf(lang, name));
      await page.evaluate(() => localStorage.clear());
      await page.reload();
      for (const task of lesson.tasks) {
        await ready(page, `[data-task="${task.id}"]`);
        assert.equal(await page.textContent(`#task-${task.id}`), task.title[lang]);
        await page.locator(`[data-task="${task.id}"]`).getByRole('button', { name: m.showSolution }).click();
        await speedUp(page, task.id);
        await solved(page, task.id);
      }
      for (const q of lesson.questions) {
        const box = `[data-question="${q.id}"]`;
        await ready(page, box);
        const several = q.choices.filter((c) => c.correct).length > 1;
        const wrong = q.choices.findIndex((c) => !c.correct);
        await page.locator(`${box} input`).nth(wrong).check();
        if (several) await page.locator(box).getByRole('button', { name: m.check }).click();
        await page.waitForSelector(`${box} .choice.wrong .why`);
        assert.equal(await page.locator(`${box}.done`).count(), 0, 'a wrong answer is none');
        if (several) await page.locator(`${box} input`).nth(wrong).uncheck();
        for (const [i, c] of q.choices.entries()) if (c.correct) await page.locator(`${box} input`).nth(i).check();
        if (several) await page.locator(box).getByRole('button', { name: m.check }).click();
        await page.waitForSelector(`${box}.done`);
      }
      const all = lesson.tasks.length + lesson.questions.length;
      await page.waitForSelector(`[data-done="${all}"]`);
      await page.reload();
      await page.waitForSelector(`[data-done="${all}"]`); // it was kept
      assert.deepEqual(errors, []);
      await page.close();
    });
  }
}

test('a learner solves a task with the keyboard alone, after a false start that is undone', async () => {
  const { page, errors } = await site.open('lessons/06-terms-and-elections/');
  const id = 'king-maker';
  await ready(page, `[data-task="${id}"]`);
  await page.locator(`[data-task="${id}"] button.main`).focus();
  await page.keyboard.press('Enter');
  const place = `[data-place="${id}"]`;
  await page.waitForSelector(`${place} [data-cluster=on] .raftlab-player`);
  const timeOut = async (server: number): Promise<void> => {
    await page.focus(`${place} .raftlab-player`);
    await page.keyboard.press(String(server));
    await page.getByRole('button', { name: 'Time out', exact: true }).focus();
    await page.keyboard.press('Enter');
    await page.waitForFunction((n) => document.querySelector('.said')?.textContent?.includes(`time out S${n}`), server);
  };
  const run = async (): Promise<void> => {
    await page.focus(`${place} .raftlab-player`);
    for (let i = 0; i < 8; i++) await page.keyboard.press(']');
    await page.keyboard.press(' ');
    await page.waitForTimeout(400);
    await page.keyboard.press(' ');
  };
  await timeOut(1);
  await page.getByRole('button', { name: 'Undo' }).focus();
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.querySelector('.said')?.textContent?.includes('time out S1'));
  await timeOut(2);
  await run();
  await timeOut(3);
  await run();
  await solved(page, id);
  assert.match((await page.textContent(`[data-task="${id}"] [role=status]`)) ?? '', /King-maker/);
  assert.deepEqual(errors, []);
  await page.close();
});

test('doing something oneself ends the played solution', async () => {
  const { page, errors } = await site.open('lessons/03-majority/');
  const id = 'two-sides';
  await ready(page, `[data-task="${id}"]`);
  await page.locator(`[data-task="${id}"]`).getByRole('button', { name: 'Show me' }).click();
  await page.waitForSelector(`[data-place="${id}"] [data-cluster=on]`);
  await page.locator(`[data-place="${id}"] [data-node="2"]`).click();
  await page.locator(`[data-place="${id}"]`).getByRole('button', { name: 'Crash', exact: true }).click();
  await page.waitForFunction((t) => !document.querySelector(`[data-task="${t}"]`)?.textContent?.includes('is being played'), id);
  assert.deepEqual(errors, []);
  await page.close();
});

test('another task takes the cluster along, also while a solution is played', async () => {
  const { page, errors } = await site.open('lessons/03-majority/');
  for (const id of ['two-of-five', 'three-of-five', 'even-split']) {
    await ready(page, `[data-task="${id}"]`);
    await page.locator(`[data-task="${id}"]`).getByRole('button', { name: 'Show me' }).click();
    await page.waitForSelector(`[data-place="${id}"] [data-cluster=on]`);
  }
  assert.equal(await page.locator('.raftlab-player').count(), 1);
  await page.getByRole('button', { name: 'Bring it back here' }).click();
  await page.waitForSelector('.cluster-place:not([data-place]) [data-cluster=on]');
  assert.deepEqual(errors, []);
  await page.close();
});

test('progress leaves as a file and comes back; other files are refused and nothing is lost', async () => {
  const { page, errors } = await site.open('lessons/');
  await page.evaluate(() => {
    localStorage.clear();
    localStorage.setItem('raftlab-progress', '{"raftlab":"progress","version":1,"done":["03-majority/why-odd"]}');
  });
  await page.reload();
  await ready(page, '[data-keep]');
  const waiting = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Export as a file' }).click();
  const mine = `${folder}/mine.json`;
  await (await waiting).saveAs(mine);
  assert.match(readFileSync(mine, 'utf8'), /03-majority\/why-odd/);

  const files: [string, string, RegExp][] = [
    ['other.json', '{"name":"x"}', /other\.json is not a raftlab progress file/],
    ['cut.json', readFileSync(mine, 'utf8').slice(0, -8), /cut\.json is a raftlab progress file, but a damaged one/],
    ['new.json', '{"raftlab":"progress","version":9,"done":[]}', /newer version/],
    ['add.json', '{"raftlab":"progress","version":1,"done":["03-majority/two-of-five"]}', /New here: 1/],
    ['add.json', '{"raftlab":"progress","version":1,"done":["03-majority/two-of-five"]}', /done here already/],
  ];
  for (const [file, text, says] of files) {
    writeFileSync(`${folder}/${file}`, text);
    await page.setInputFiles('[data-keep] input', `${folder}/${file}`);
    await page.waitForFunction((p) => new RegExp(p).test(document.querySelector('[data-keep] [role=status]')?.textContent ?? ''), says.source);
  }
  assert.equal(await page.locator('[data-done="2"]').count(), 1, 'one lesson has both');
  assert.deepEqual(errors, []);
  await page.close();
});

test('storage refused: the page says so and counts in memory', async () => {
  const page = await site.context.newPage();
  await page.addInitScript(() => {
    Object.defineProperty(globalThis, 'localStorage', { get() { throw new DOMException('denied', 'SecurityError'); } });
  });
  await page.goto(`${site.url}lessons/03-majority/`);
  await page.waitForSelector('text=This browser keeps nothing for this page');
  await ready(page, '[data-question=why-odd]');
  const right = lessonOf('03-majority').questions.find((q) => q.id === 'why-odd')!.choices.findIndex((c) => c.correct);
  await page.locator('[data-question=why-odd] input').nth(right).check();
  await page.waitForSelector('[data-done="1"]');
  await page.close();
});

test('no WebAssembly: a message, and the text stays', async () => {
  const page = await site.context.newPage();
  await page.addInitScript(() => { delete (globalThis as { WebAssembly?: unknown }).WebAssembly; });
  await page.goto(`${site.url}lessons/07-timeouts/`);
  await page.locator('.cluster-place').first().scrollIntoViewIfNeeded();
  await page.waitForSelector('.stage [role=alert]');
  assert.match((await page.textContent('.stage [role=alert]')) ?? '', /WebAssembly/);
  assert.ok(await page.getByText('How does a follower know that its leader is dead?').isVisible());
  await page.locator('.figure16').scrollIntoViewIfNeeded();
  await page.waitForSelector('.figure16 [role=alert]');
  await page.close();
});

test('without the wasm file the page says what is missing', async () => {
  const page = await site.context.newPage();
  await page.route('**/cluster.wasm', (r) => r.fulfill({ status: 404, body: 'gone' }));
  await page.goto(`${site.url}zh/playground/`);
  await page.waitForSelector('[role=alert]:has-text("cluster.wasm")');
  await page.close();
});

test('no JavaScript: text, tasks and questions can be read', async () => {
  const other = await openSite({ javaScriptEnabled: false });
  try {
    const { page } = await other.open('zh/lessons/03-majority/');
    for (const t of lessonOf('03-majority').tasks) assert.ok(await page.getByText(t.title.zh, { exact: true }).first().isVisible(), t.title.zh);
    for (const q of lessonOf('03-majority').questions) assert.ok(await page.getByText(q.choices[0]!.text.zh).first().isVisible());
  } finally {
    await other.close();
  }
});

test('Figure 16 computes itself in sight, and takes ranges of one’s own', async () => {
  const { page, errors } = await site.open('lessons/07-timeouts/');
  await page.locator('.figure16').scrollIntoViewIfNeeded();
  await page.waitForSelector('.figure16[data-state=done]');
  const median = async (row: number): Promise<number> => Number(await page.locator('.figure16 tbody tr').nth(row).locator('td').nth(1).textContent());
  // The paper: 41 s, 1199, 287, 141, 146, 171 ms.
  for (const [row, least, most] of [[0, 1000, 60_000], [1, 500, 2000], [2, 120, 400], [3, 120, 160], [4, 130, 160], [5, 155, 190]] as const) {
    const ms = await median(row);
    assert.ok(ms >= least && ms <= most, `row ${row}: ${ms} ms`);
  }
  const form = page.locator('.figure16 form');
  await form.getByLabel('least (ms)').fill('900');
  await form.getByLabel('most (ms)').fill('100');
  await form.getByRole('button', { name: 'Add' }).click();
  await page.waitForSelector('.figure16 >> text=Give two numbers');
  await form.getByLabel('least (ms)').fill('4');
  await form.getByLabel('most (ms)').fill('8');
  await form.getByRole('button', { name: 'Add' }).click();
  await page.waitForFunction(() => Number(document.querySelectorAll('.figure16 tbody tr')[6]?.querySelector('td')?.textContent) >= 10);
  await page.locator('.figure16').getByRole('button', { name: 'Stop' }).click();
  await page.waitForSelector('.figure16[data-state=stopped]');
  await page.getByRole('button', { name: 'Remove 4–8' }).click();
  assert.equal(await page.locator('.figure16 tbody tr').count(), 6);
  assert.deepEqual(errors, []);
  await page.close();
});
