// Debian's Chromium and the built site, for tests. Everything ends by itself.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { chromium, type BrowserContext, type BrowserContextOptions, type Page, type Response } from 'playwright-core';
import { serve } from '../../scripts/serve.mjs';

/** Where .ci/chromium looks as well. */
export const EXECUTABLE = [process.env['CHROMIUM'], '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((p) => p && existsSync(p));
export const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];
const dist = fileURLToPath(new URL('../../dist', import.meta.url));

export interface Site {
  url: string;
  context: BrowserContext;
  /** Opens a page that collects what goes wrong on it. */
  open(path: string): Promise<{ page: Page; errors: string[] }>;
  close(): Promise<void>;
}

/** Opens a fresh profile, on the built site or on a server that runs at an address. */
export async function openSite(options: BrowserContextOptions = {}, at?: string): Promise<Site> {
  if (!EXECUTABLE) throw new Error('Chromium is missing: run `sh .ci/chromium`, or set CHROMIUM to its path');
  if (!existsSync(`${dist}/index.html`)) throw new Error('site/dist is missing: run `npm run wasm && npm run build`');
  const server = at ? { url: at, close() {} } : await serve(dist);
  const profile = mkdtempSync(`${tmpdir()}/raftlab-chromium-`);
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: EXECUTABLE,
    headless: true,
    args: FLAGS,
    viewport: { width: 1280, height: 900 },
    ...options,
  });
  // A busy machine is no failure: only what hangs is.
  context.setDefaultTimeout(240_000);
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

/** What a first visit loads, without the wasm: bytes as they came, files, and the page's own text. */
export async function pageWeight(path: string): Promise<{ bytes: number; files: number; html: string }> {
  const site = await openSite({ serviceWorkers: 'block' }); // nothing is cached yet
  try {
    const page = await site.context.newPage();
    const seen: Response[] = [];
    page.on('response', (r) => seen.push(r));
    await page.goto(site.url + path, { waitUntil: 'networkidle' });
    let bytes = 0;
    for (const r of seen) if (!r.url().endsWith('.wasm')) bytes += (await r.request().sizes()).responseBodySize;
    return { bytes, files: seen.length, html: await seen[0]!.text() };
  } finally {
    await site.close();
  }
}
