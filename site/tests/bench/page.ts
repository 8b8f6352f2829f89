// Figures of the coding pages in headless Chromium: `make bench-page` prints them.
// Wall times: they mean something on a machine with nothing else to do, so the
// load is printed too.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { chromium, type BrowserContext, type Page } from 'playwright-core';
import { serve } from '../../scripts/serve.mjs';
import { EXECUTABLE, FLAGS } from '../browser/browser.ts';
import { folder, keep, ready, root } from '../browser/coding.ts';

const correct = folder(`${root}grader/testdata/correct`);
const lines = Object.entries(correct).filter(([n]) => n.endsWith('.go')).reduce((n, [, t]) => n + t.split('\n').length - 1, 0);
const server = await serve(`${root}site/dist`);
const sizes = JSON.parse(readFileSync(`${root}site/dist/toolchain/sizes.json`, 'utf8')) as { quality: number; files: Record<string, { packed: number }> };
const mb = (n: number): string => `${(n / 1e6).toFixed(2)} MB`;
const sum = (re: RegExp): number => Object.entries(sizes.files).reduce((n, [f, s]) => re.test(f) ? n + s.packed : n, 0);
const load = (): string => `load ${loadavg()[0]!.toFixed(1)}`;
const row = (what: string, value: string, budget = ''): void => console.log(`${what.padEnd(58)} ${value.padStart(12)}  ${budget.padEnd(22)} ${load()}`);

console.log(`${cpus().length} cores, ${lines} lines of Go, brotli ${sizes.quality}`);
row('download: grader, checker and types (first)', mb(sum(/^grader\.wasm|go\/export/)));
row('download: compiler, linker, library, kit', mb(sum(/go\/(compile|link|objects|kit)/)));
row('download: all of it', mb(sum(/^grader\.wasm|go\/(export|compile|link|objects|kit)/)), 'at most 16 MB (brotli 11)');
row('download: rarer packages, on demand', mb(sum(/go\/more/)));

async function visit(profile: string, workers: 'allow' | 'block', f: (page: Page, context: BrowserContext) => Promise<void>): Promise<void> {
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: EXECUTABLE!, headless: true, args: FLAGS, viewport: { width: 1280, height: 900 }, serviceWorkers: workers,
  });
  context.setDefaultTimeout(120_000);
  try {
    const page = await context.newPage();
    await f(page, context);
  } finally {
    await context.close();
  }
}

const address = `${server.url}code/election/`;
const time = async (f: () => Promise<unknown>): Promise<number> => {
  const begin = performance.now();
  await f();
  return (performance.now() - begin) / 1000;
};
const s = (n: number): string => `${n.toFixed(2)} s`;

/** Chooses what to run, presses Run, waits for the verdict; the page's own account of it. */
async function grade(page: Page, what: string): Promise<{ seconds: number; text: string }> {
  await page.locator('.runbar select.what').selectOption(what);
  const seconds = await page.evaluate(async () => {
    const begin = performance.now();
    const button = [...document.querySelectorAll<HTMLButtonElement>('.runbar button')][0]!;
    button.click();
    await new Promise<void>((done) => {
      let gone = !document.querySelector('.verdict');
      const look = (): void => {
        const there = document.querySelector('.verdict, .coding > .told.bad');
        gone ||= !there;
        if (gone && there) done();
        else requestAnimationFrame(look);
      };
      requestAnimationFrame(look);
    });
    return (performance.now() - begin) / 1000;
  });
  return { seconds, text: (await page.locator('.verdict, .coding > .told.bad').first().innerText()).replace(/\s+/g, ' ') };
}

/** Changes a line of the server, so that it has to be compiled again. */
async function edit(page: Page): Promise<void> {
  await page.locator('.cm-content').click();
  await page.keyboard.press('Control+End');
  await page.keyboard.type(`\nvar _ = ${Math.floor(performance.now())}`);
}

for (const workers of ['block', 'allow'] as const) {
  const how = workers === 'block' ? 'without a service worker' : 'with the service worker';
  const profile = mkdtempSync(`${tmpdir()}/raftlab-bench-`);
  try {
    await visit(profile, workers, async (page) => {
      await page.goto(`${server.url}licenses-none`); // an origin to keep files for
      await keep(page, correct);
      row(`first visit, ${how}: one can type`, s(await time(async () => { await page.goto(address); await page.locator('.cm-content').waitFor(); })));
      row('  the checker is here', s(await time(() => page.locator('.coding[data-ready=yes]').waitFor())));
      row('  the compiler is here and warm', s(await time(() => ready(page))));
      const first = await grade(page, 'election/initial');
      row('  one test, the first Run ever', s(first.seconds), 'at most 6 s');
      for (let i = 0; i < 3; i++) {
        await edit(page);
        row('  one test after an edit, warm', s((await grade(page, 'election/initial')).seconds), 'at most 3 s');
      }
      if (workers === 'allow') {
        // The worker is there now, and keeps what the page has fetched.
        await page.evaluate(() => navigator.serviceWorker.ready);
        await page.reload();
        await ready(page);
        return;
      }
      for (let i = 0; i < 2; i++) {
        await edit(page);
        const part = await grade(page, 'part');
        row('  the election part after an edit', s(part.seconds), 'at most 5 s');
      }
      for (let i = 0; i < 2; i++) {
        await edit(page);
        const all = await grade(page, 'all');
        row('  the whole suite after an edit', s(all.seconds), 'at most 15 s');
        console.log(`    ${all.text}`);
      }
      const waits: number[] = [];
      for (let i = 0; i < 8; i++) {
        await page.locator('.cm-content').click();
        await page.keyboard.press('Control+End');
        await page.keyboard.type('\nvar a int = "');
        waits.push(await page.evaluate(async () => {
          const begin = performance.now();
          document.execCommand('insertText', false, 'x');
          while (!document.querySelector('.cm-lintRange-error')) await new Promise(requestAnimationFrame);
          return performance.now() - begin;
        }));
        for (let k = 0; k < 16; k++) await page.keyboard.press('Backspace');
        await page.waitForFunction(() => !document.querySelector('.cm-lintRange-error'));
      }
      row('  last key to type error, median of 8', `${waits.sort((a, b) => a - b)[4]!.toFixed(0)} ms`, 'at most 300 ms');
    });
    await visit(profile, workers, async (page) => {
      let fetched = 0;
      page.on('response', (r) => { if (!r.fromServiceWorker() && /toolchain/.test(r.url())) void r.request().sizes().then((x) => { fetched += x.responseBodySize; }).catch(() => undefined); });
      const wait = await time(async () => { await page.goto(address); await ready(page); });
      row(`second visit, ${how}: compiler here and warm`, s(wait), `${mb(fetched)} fetched`);
      row('  one test, the first Run of the visit', s((await grade(page, 'election/initial')).seconds), 'at most 3 s');
    });
  } finally {
    rmSync(profile, { recursive: true, force: true });
  }
}
server.close();
