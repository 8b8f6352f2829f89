// Lighthouse's figures for some pages, as a phone and as a desktop: `make
// lighthouse`. Lighthouse is fetched for the occasion, since nothing else needs
// it; Chromium is where .ci/chromium puts it, or where CHROMIUM says.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';

const VERSION = '13.5.0';
const PAGES = ['', 'playground/', 'lessons/03-majority/', 'zh/lessons/10-divergence/'];
const FLAGS = '--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync';

const site = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(`${tmpdir()}/raftlab-lighthouse-`);
// A process of its own: spawnSync would keep a server in this one from answering.
const server = spawn(process.execPath, [`${site}scripts/serve.mjs`, `${site}dist`], { env: { ...process.env, PORT: '0' }, stdio: ['ignore', 'pipe', 'inherit'] });
const url = await new Promise((done) => server.stdout.on('data', (d) => { const m = /http:\S+/.exec(String(d)); if (m) done(m[0]); }));

try {
  console.log('page                              as        performance accessibility best-practices  seo      FCP      LCP      TBT     CLS');
  for (const path of PAGES) {
    for (const how of ['phone', 'desktop']) {
      const out = `${folder}/report.json`;
      const args = ['--yes', `lighthouse@${VERSION}`, url + path, '--quiet', '--output=json', `--output-path=${out}`, `--chrome-flags=${FLAGS} --user-data-dir=${folder}/profile`];
      if (how === 'desktop') args.push('--preset=desktop');
      const r = spawnSync('npx', args, { encoding: 'utf8', env: { ...process.env, CHROME_PATH: process.env.CHROMIUM || '/usr/bin/chromium' } });
      if (r.status !== 0) throw new Error(`lighthouse ended with ${r.status}:\n${r.stderr}`);
      const report = JSON.parse(readFileSync(out, 'utf8'));
      const score = (c) => String(Math.round((report.categories[c]?.score ?? 0) * 100));
      const value = (a) => report.audits[a].displayValue.replaceAll(' ', ' ');
      console.log(`/${path}`.padEnd(33), how.padEnd(9), score('performance').padStart(11), score('accessibility').padStart(13), score('best-practices').padStart(14), score('seo').padStart(4),
        value('first-contentful-paint').padStart(8), value('largest-contentful-paint').padStart(8), value('total-blocking-time').padStart(8), value('cumulative-layout-shift').padStart(7));
      for (const a of Object.values(report.audits)) {
        const counts = report.categories.accessibility.auditRefs.concat(report.categories['best-practices'].auditRefs, report.categories.seo.auditRefs);
        if (a.score !== null && a.score < 1 && counts.some((c) => c.id === a.id && c.weight > 0)) console.log(`    ${a.id}: ${a.title}`);
      }
    }
  }
} finally {
  server.kill();
  rmSync(folder, { recursive: true, force: true });
}
