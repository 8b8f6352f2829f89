// Pictures of the pages, to look at: node tests/screenshots.ts FOLDER [PATH...]
import { mkdirSync } from 'node:fs';
import { openSite } from './browser/browser.ts';

const [folder = 'screenshots', ...paths] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
const pages = paths.length > 0 ? paths : ['', 'playground/', 'lessons/04-replicated-log/', 'zh/lessons/02-split-brain/'];
for (const [name, options] of Object.entries({
  desktop: {},
  dark: { colorScheme: 'dark' as const },
  phone: { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true },
})) {
  const site = await openSite({ ...options, serviceWorkers: 'block' });
  for (const path of pages) {
    const { page, errors } = await site.open(path);
    // A cluster starts where it is seen; a while later there is something to see.
    const player = page.locator('.raftlab-player, .cluster-place').first();
    if (await player.count() > 0 || path.includes('playground')) {
      await player.waitFor();
      await player.scrollIntoViewIfNeeded();
      await page.waitForSelector('.raftlab-player .node');
      await page.selectOption('.controls select', 'elected');
      await page.waitForTimeout(500);
      const lead = page.locator('.node.leader');
      if (await lead.count() > 0) {
        await lead.first().focus();
        await page.keyboard.press('Enter');
        for (let i = 0; i < 3; i++) await page.locator('.tools .group button').first().click();
        await page.selectOption('.controls select', 'committed');
      }
      await page.waitForTimeout(500);
      await page.evaluate(() => scrollTo(0, 0));
    } else await page.waitForTimeout(1000);
    await page.screenshot({ path: `${folder}/${(path || 'home').replaceAll('/', '_')}-${name}.png`, fullPage: !path.includes('lessons/') || path.endsWith('lessons/') });
    if (await player.count() > 0) await page.locator('.raftlab-player').first().screenshot({ path: `${folder}/${path.replaceAll('/', '_')}player-${name}.png` });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    if (wide > 0) console.log(`${path} ${name}: ${wide} px too wide`);
    if (errors.length > 0) console.log(path, name, errors);
    await page.close();
  }
  await site.close();
}
