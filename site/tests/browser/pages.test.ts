// Every page: accessible, without an error on the console, right on a phone,
// and light.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { lessonNames } from '../../src/lesson/links.mjs';
import type { Response } from 'playwright-core';
import { openSite, type Site } from './browser.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const paths = ['', 'playground/', ...lessonNames().map((n: string) => `lessons/${n}/`)].flatMap((p) => [p, `zh/${p}`]);
/** Bytes of a page without the wasm, compressed. */
const HEAVIEST = 200_000;

interface Violation {
  id: string;
  impact: string;
  nodes: { html: string; failureSummary: string }[];
}

async function check(site: Site, path: string): Promise<void> {
  const { page, errors } = await site.open(path);
  if (path.includes('playground')) await page.waitForSelector('.raftlab-player .node');
  await page.waitForLoadState('networkidle');
  await page.evaluate(axe);
  const found = await page.evaluate(async () => (await (globalThis as unknown as { axe: { run(where: object, how: object): Promise<{ violations: Violation[] }> } }).axe
    // Starlight's own search button names itself otherwise than its key hint.
    .run({ exclude: ['[data-open-modal]'] }, { resultTypes: ['violations'] })).violations);
  const serious = found.filter((v) => v.impact === 'serious' || v.impact === 'critical');
  assert.deepEqual(serious.map((v) => `${v.id}: ${v.nodes[0]?.html.slice(0, 160)} ${v.nodes[0]?.failureSummary.slice(0, 200)}`), []);
  assert.deepEqual(errors, []);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(wide <= 0, `${wide} px too wide`);
  await page.close();
}

for (const [name, options] of Object.entries({
  desktop: {},
  dark: { colorScheme: 'dark' as const },
  phone: { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true },
})) {
  test(`${name}: every page`, async (t) => {
    const site = await openSite({ ...options, serviceWorkers: 'block' });
    try {
      for (const path of paths) await t.test(path || 'home', () => check(site, path));
    } finally {
      await site.close();
    }
  });
}

test('a page without its wasm is light, and its text comes first', async () => {
  for (const path of ['playground/', 'lessons/04-replicated-log/', 'zh/lessons/10-divergence/']) {
    const site = await openSite({ serviceWorkers: 'block' }); // nothing is cached yet
    try {
      const page = await site.context.newPage();
      const seen: Response[] = [];
      page.on('response', (r) => seen.push(r));
      await page.goto(site.url + path, { waitUntil: 'networkidle' });
      let bytes = 0;
      for (const r of seen) if (!r.url().includes('/wasm/')) bytes += (await r.request().sizes()).responseBodySize;
      console.log(`${path}: ${bytes} bytes without wasm, in ${seen.length} files`);
      assert.ok(bytes < HEAVIEST, `${path}: ${bytes} bytes`);
      // The text is in the page itself, whatever is loaded after it.
      assert.ok((await seen[0]!.text()).includes('</h1>'));
    } finally {
      await site.close();
    }
  }
});

test('seven servers at 1x: sixty frames a second, as far as this machine goes', async () => {
  const site = await openSite({ serviceWorkers: 'block' });
  try {
    const { page } = await site.open('playground/#');
    await page.waitForSelector('.raftlab-player .node');
    await page.getByText('New cluster', { exact: true }).first().click();
    await page.getByRole('spinbutton', { name: 'Servers' }).fill('7');
    await page.getByRole('button', { name: 'New cluster' }).click();
    await page.waitForFunction(() => document.querySelectorAll('.node:not(.client)').length === 7);
    await page.focus('.speed input');
    for (let i = 0; i < 10; i++) await page.keyboard.press('ArrowRight');
    const { frames, work } = await page.evaluate(() => new Promise<{ frames: number; work: number }>((done) => {
      let frames = 0;
      let work = 0;
      const start = performance.now();
      const channel = new MessageChannel();
      const tick = (t: number): void => {
        frames++;
        // From the frame's start to the first task after it: script and layout.
        channel.port1.onmessage = () => { work += performance.now() - t; };
        channel.port2.postMessage(0);
        if (t - start < 3000) requestAnimationFrame(tick);
        else done({ frames, work });
      };
      requestAnimationFrame(tick);
    }));
    console.log(`${(frames / 3).toFixed(1)} frames a second, ${(work / frames).toFixed(1)} ms of work each`);
    assert.ok(frames / 3 > 15, 'even a busy machine without a graphics card draws fifteen');
  } finally {
    await site.close();
  }
});
