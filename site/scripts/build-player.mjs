// Builds the player for reports: one HTML page without a single reference to
// another file, into which the CLI writes a trace. It is committed, so that
// building `grade` needs Go only; its first line carries the hash of the
// sources, and `--check` says whether it is fresh.
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { svelte } from '@sveltejs/vite-plugin-svelte';

const site = fileURLToPath(new URL('..', import.meta.url));
const out = `${site}../grader/report/player/player.html`;

/** SHA-256 over the names and contents of the player's sources. */
export function sourceHash() {
  const sum = createHash('sha256');
  const folder = `${site}src/player/`;
  for (const name of readdirSync(folder).sort()) sum.update(`${name}\0`).update(readFileSync(folder + name)).update('\0');
  return sum.digest('hex');
}

if (process.argv.includes('--check')) {
  const first = readFileSync(out, 'utf8').slice(0, 200);
  if (!first.includes(sourceHash())) {
    console.error('grader/report/player/player.html is older than site/src/player: run `npm run player` in site/');
    process.exit(1);
  }
  process.exit(0);
}

const result = await build({
  root: site,
  configFile: false,
  logLevel: 'warn',
  publicDir: false,
  plugins: [svelte({ configFile: false, emitCss: false, compilerOptions: { css: 'injected' } })],
  build: {
    write: false,
    cssCodeSplit: false,
    lib: { entry: `${site}src/player/embed.ts`, formats: ['iife'], name: 'raftlabPlayer' },
  },
});
const files = (Array.isArray(result) ? result[0] : result).output;
const js = files.filter((f) => f.type === 'chunk').map((f) => f.code).join('\n');
const css = files.filter((f) => f.type === 'asset' && f.fileName.endsWith('.css')).map((f) => f.source).join('\n');
const shell = readFileSync(`${site}src/player/embed.html`, 'utf8');
// A function as replacement: `$` in the code means nothing then.
const page = shell
  .replace('/*HASH*/', () => sourceHash())
  .replace('/*CSS*/', () => css)
  .replace('/*JS*/', () => js.replaceAll('</script', '<\\/script'));
mkdirSync(`${site}../grader/report/player`, { recursive: true });
writeFileSync(out, page);
console.log(`${out}: ${page.length} bytes`);
