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
  const site = await openSite(options);
  for (const path of pages) {
    const { page, errors } = await site.open(path);
    await page.waitForTimeout(2500);
    await page.screenshot({ path: `${folder}/${(path || 'home').replaceAll('/', '_')}-${name}.png`, fullPage: true });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    if (wide > 0) console.log(`${path} ${name}: ${wide} px too wide`);
    if (errors.length > 0) console.log(path, name, errors);
    await page.close();
  }
  await site.close();
}
