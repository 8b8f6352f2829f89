// The pictures in docs/replay.md: planted bugs as grade view shows them, in
// docs/replay/*.png. `make pictures` builds the command and runs this.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { chromium, type Page } from 'playwright-core';
import { EXECUTABLE, FLAGS } from './browser/browser.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const out = `${root}docs/replay`;

interface Picture {
  bug: string;
  test: string;
  /** What is clicked before the picture is taken. */
  set(page: Page): Promise<void>;
}

/** The button in front of a sentence of "How it came about". */
const moment = (page: Page, sentence: string) => page.locator('.chain li', { hasText: sentence }).getByRole('button').click();

const pictures: Picture[] = [
  { bug: 'vote-not-saved', test: 'election/two_candidates', set: async () => {} },
  {
    bug: 'snapshot-term-is-current', test: 'compaction/snapshot_term',
    async set(page) {
      await moment(page, 'stands for leader');
      await page.click('[data-view=logs]');
    },
  },
  {
    bug: 'commit-without-followers', test: 'agreement/basic',
    async set(page) {
      await page.click('[data-view=spacetime]');
      await page.locator('.zoom input').fill('1'); // as narrow as it gets: 10 ms
    },
  },
];

/** Writes the correct server with one planted bug; grader/corpus describes the files. */
function plant(bug: string, folder: string): void {
  cpSync(`${root}grader/testdata/correct`, folder, { recursive: true });
  const [, ...parts] = readFileSync(`${root}grader/testdata/bugs/${bug}.txtar`, 'utf8').split(/^-- (.+) --\n/m);
  const files = new Map<string, string>();
  for (let i = 0; i + 1 < parts.length; i += 2) files.set(parts[i]!, parts[i + 1]!);
  for (let n = 1; files.has(`${n}/file`); n++) {
    const file = `${folder}/${files.get(`${n}/file`)!.trim()}`;
    const [before, after, ...more] = readFileSync(file, 'utf8').split(files.get(`${n}/old`)!);
    if (after === undefined || more.length > 0) throw new Error(`${bug}: edit ${n} fits ${more.length + (after === undefined ? 0 : 1)} places of ${file}, expected one`);
    writeFileSync(file, before + files.get(`${n}/new`)! + after);
  }
}

if (!EXECUTABLE) throw new Error('Chromium is missing: run `sh .ci/chromium`, or set CHROMIUM to its path');
const dir = mkdtempSync(`${tmpdir()}/raftlab-pictures-`);
const browser = await chromium.launch({ executablePath: EXECUTABLE, headless: true, args: FLAGS });
try {
  mkdirSync(out, { recursive: true });
  for (const p of pictures) {
    plant(p.bug, `${dir}/${p.bug}`);
    execFileSync(`${root}bin/grade`, ['view', '--run', p.test, '--seeds', '1', '--lang', 'en', '--html', `${dir}/run.html`, `${dir}/${p.bug}`], { stdio: 'inherit' });
    const page = await browser.newPage({ viewport: { width: 1000, height: 900 }, colorScheme: 'light', reducedMotion: 'reduce' });
    await page.goto(`file://${dir}/run.html`);
    await page.waitForSelector('.report');
    await p.set(page);
    await page.mouse.move(0, 0);
    await page.waitForTimeout(300);
    const player = (await page.locator('.raftlab-player').boundingBox())!;
    await page.screenshot({ path: `${out}/${p.bug}.png`, fullPage: true, clip: { x: 0, y: 0, width: 1000, height: Math.ceil(player.y + player.height + 8) } });
    await page.close();
  }
} finally {
  await browser.close();
  rmSync(dir, { recursive: true, force: true });
}
