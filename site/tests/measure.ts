// Figures of the page, on the machine that this runs on: `make measure-page`.
// Nothing fails here but what cannot be measured; the sizes are also a test.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants } from 'node:zlib';
import { encodeLink, ENGINE } from '../src/cluster/share.ts';
import { openSite, pageWeight } from './browser/browser.ts';

const line = (what: string, figure: string, budget: string): void => console.log(`${what.padEnd(58)} ${figure.padStart(14)}   ${budget}`);

for (const path of ['', 'playground/', 'lessons/04-replicated-log/', 'lessons/07-timeouts/', 'zh/lessons/10-divergence/']) {
  const { bytes } = await pageWeight(path);
  line(`/${path} without wasm, compressed`, `${(bytes / 1000).toFixed(0)} kB`, 'budget 200 kB');
}
const wasm = readFileSync(fileURLToPath(new URL('../public/wasm/cluster.wasm', import.meta.url)));
const packed = brotliCompressSync(wasm, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 24 } });
line('cluster.wasm, brotli', `${(packed.length / 1000).toFixed(0)} kB`, 'budget 800 kB');

const site = await openSite({ serviceWorkers: 'block' });
try {
  // A lesson, warm: the text, and the living cluster.
  const warm = async (): Promise<{ text: number; alive: number }> => {
    const page = await site.context.newPage();
    // The page's own clock says when; asking from outside would add the asking.
    await page.addInitScript(() => {
      const look = (): void => {
        if (document.querySelector('[data-cluster=on] .node')) (globalThis as { alive?: number }).alive = performance.now();
        else requestAnimationFrame(look);
      };
      requestAnimationFrame(look);
    });
    await page.goto(`${site.url}lessons/03-majority/`);
    await page.locator('.cluster-place').first().scrollIntoViewIfNeeded();
    await page.waitForFunction(() => 'alive' in globalThis);
    const times = await page.evaluate(() => ({
      text: performance.getEntriesByName('first-contentful-paint')[0]!.startTime, alive: (globalThis as unknown as { alive: number }).alive,
    }));
    await page.close();
    return times;
  };
  await warm();
  const runs: { text: number; alive: number }[] = [];
  for (let i = 0; i < 5; i++) runs.push(await warm());
  const median = (of: (r: { text: number; alive: number }) => number): number => runs.map(of).sort((a, b) => a - b)[2]!;
  line('lesson 3, warm: text is readable (median of 5)', `${median((r) => r.text).toFixed(0)} ms`, 'before any wasm');
  line('lesson 3, warm: the cluster is alive (median of 5)', `${median((r) => r.alive).toFixed(0)} ms`, 'budget 1000 ms');

  // Frames with seven servers at 1x.
  const { page } = await site.open('playground/');
  await page.waitForSelector('.raftlab-player .node');
  await page.getByText('New cluster', { exact: true }).first().click();
  await page.getByRole('spinbutton', { name: 'Servers' }).fill('7');
  await page.getByRole('button', { name: 'New cluster' }).click();
  await page.waitForFunction(() => document.querySelectorAll('.node:not(.client)').length === 7);
  await page.focus('.speed input');
  for (let i = 0; i < 10; i++) await page.keyboard.press('ArrowRight');
  if ((await page.textContent('.speed output')) !== '1×') throw new Error('the speed is not 1×');
  const clock = async (): Promise<number> => Number.parseFloat((await page.textContent('.clock'))!);
  const t0 = await clock();
  const { frames, work, late } = await page.evaluate(() => new Promise<{ frames: number; work: number; late: number }>((done) => {
    let frames = 0;
    let work = 0;
    let late = 0;
    let last = performance.now();
    const start = last;
    const channel = new MessageChannel();
    const tick = (t: number): void => {
      frames++;
      if (t - last > 25) late++;
      last = t;
      // From the frame's start to the first task after it: script and layout.
      channel.port1.onmessage = () => { work += performance.now() - t; };
      channel.port2.postMessage(0);
      if (t - start < 5000) requestAnimationFrame(tick);
      else done({ frames, work, late });
    };
    requestAnimationFrame(tick);
  }));
  line('7 servers at 1x: frames a second', (frames / 5).toFixed(1), 'budget 60');
  line('    of these later than 25 ms', `${late} of ${frames}`, '');
  line('    script and layout a frame', `${(work / frames).toFixed(1)} ms`, 'of 16.7 ms');
  line('    virtual time meanwhile', `${(((await clock()) - t0) / 1000).toFixed(1)} s`, 'in about 5 s');
  await page.close();

  // Full speed: a shared run opens by running it through, records and all.
  const opens = async (seconds: number): Promise<number> => {
    const script = `raftlab-cluster 1\nkind raft\nservers 5\nclients 1\nseed 1\nuntil ${seconds * 1e9}\n`;
    const { page: p } = await site.open('404.html'); // only a link with a new fragment is timed
    await p.goto(`${site.url}playground/`);
    await p.waitForSelector('.raftlab-player .node');
    const link = await encodeLink({ engine: ENGINE, hash: '0'.repeat(16), script });
    const took = await p.evaluate((hash) => new Promise<number>((done) => {
      const start = performance.now();
      const look = (): void => {
        if (document.querySelector('.notice')) done(performance.now() - start);
        else setTimeout(look, 1);
      };
      location.hash = hash;
      look();
    }), link);
    await p.close();
    return took / 1000;
  };
  const least = await opens(0);
  const most = await opens(300);
  line('full speed, 5 servers: virtual seconds a second', (300 / (most - least)).toFixed(0), 'budget 300');
} finally {
  await site.close();
}
