// Every page: accessible, without an error on the console, right on a phone,
// and light.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { lessonNames } from '../../src/lesson/links.mjs';
import { openSite, pageWeight, type Site } from './browser.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const paths = ['', 'playground/', 'code/', 'code/lock/', 'lessons/', ...lessonNames().map((n: string) => `lessons/${n}/`)].flatMap((p) => [p, `zh/${p}`]);
/** Bytes of a page without the wasm, compressed. */
const HEAVIEST = 200_000;

interface Violation {
  id: string;
  impact: string;
  nodes: { html: string; failureSummary: string }[];
}

/** What axe-core finds serious or worse; `rules`: only these. */
async function serious(page: Page, rules?: string[]): Promise<string[]> {
  const found = await page.evaluate(async (only) => (await (globalThis as unknown as { axe: { run(where: object, how: object): Promise<{ violations: Violation[] }> } }).axe
    // Starlight's own search button names itself otherwise than its key hint.
    .run({ exclude: ['[data-open-modal]'] }, { resultTypes: ['violations'], ...(only ? { runOnly: only } : {}) })).violations, rules);
  return found.filter((v) => v.impact === 'serious' || v.impact === 'critical')
    .map((v) => `${v.id}: ${v.nodes[0]?.html.slice(0, 160)} ${v.nodes[0]?.failureSummary.slice(0, 200)}`);
}

/** Until the page's islands have come to life. */
async function alive(page: Page, path: string): Promise<void> {
  if (/lessons\/./.test(path)) {
    await page.locator('.cluster-place').first().scrollIntoViewIfNeeded();
    await page.waitForSelector('[data-cluster=on]');
  } else if (path.includes('playground')) await page.waitForSelector('.raftlab-player .node');
  else if (path.includes('lessons')) await page.waitForSelector('[data-keep][data-ready]');
}

let site: Site;
before(async () => { site = await openSite({ serviceWorkers: 'block' }); });
after(async () => { await site?.close(); });

for (const path of paths) {
  test(`/${path}: accessible in light and dark, on a desktop and a phone; no error`, async () => {
    const { page, errors } = await site.open(path);
    await alive(page, path);
    await page.evaluate(axe);
    assert.deepEqual(await serious(page), [], 'desktop, light');
    await page.evaluate(() => { document.documentElement.dataset['theme'] = 'dark'; });
    assert.deepEqual(await serious(page, ['color-contrast']), [], 'desktop, dark');
    await page.setViewportSize({ width: 390, height: 844 });
    assert.deepEqual(await serious(page, ['scrollable-region-focusable', 'target-size', 'color-contrast']), [], 'phone, dark');
    const wide = await page.evaluate(() => {
      const w = innerWidth;
      if (document.documentElement.scrollWidth <= w) return '';
      return [...document.querySelectorAll('main *')].filter((e) => e.getBoundingClientRect().right > w + 1).map((e) => e.outerHTML.slice(0, 120))[0] ?? 'something';
    });
    assert.equal(wide, '', 'wider than a phone');
    assert.deepEqual(errors, []);
    await page.close();
  });
}

test('a page without its wasm is light, and its text comes first', async () => {
  for (const path of ['playground/', 'lessons/07-timeouts/', 'zh/lessons/10-divergence/']) {
    const { bytes, files, html } = await pageWeight(path);
    console.log(`${path}: ${bytes} bytes without wasm, in ${files} files`);
    assert.ok(bytes < HEAVIEST, `${path}: ${bytes} bytes`);
    // The text is in the page itself, whatever is loaded after it.
    assert.ok(html.includes('</h1>'));
  }
});
