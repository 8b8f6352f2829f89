// Debian's Chromium and the built site, for tests. Everything ends by itself.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { chromium, type BrowserContext, type BrowserContextOptions, type Page } from 'playwright-core';
import { serve } from '../../scripts/serve.mjs';

const EXECUTABLE = '/usr/bin/chromium';
const dist = fileURLToPath(new URL('../../dist', import.meta.url));

export interface Site {
  url: string;
  context: BrowserContext;
  /** Opens a page that collects what goes wrong on it. */
  open(path: string): Promise<{ page: Page; errors: string[] }>;
  close(): Promise<void>;
}

export async function openSite(options: BrowserContextOptions = {}): Promise<Site> {
  if (!existsSync(EXECUTABLE)) throw new Error('Chromium is missing: as root, run `apt-get install chromium`');
  if (!existsSync(`${dist}/index.html`)) throw new Error('site/dist is missing: run `npm run wasm && npm run build`');
  const server = await serve(dist);
  const profile = mkdtempSync(`${tmpdir()}/raftlab-chromium-`);
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: EXECUTABLE,
    headless: true,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync'],
    viewport: { width: 1280, height: 900 },
    ...options,
  });
  context.setDefaultTimeout(15_000);
  return {
    url: server.url,
    context,
    async open(path) {
      const page = await context.newPage();
      const errors: string[] = [];
      page.on('console', (m) => { if (m.type() === 'error') errors.push(m.text()); });
      page.on('pageerror', (e) => errors.push(String(e)));
      await page.goto(server.url + path);
      return { page, errors };
    },
    async close() {
      await context.close();
      server.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}
