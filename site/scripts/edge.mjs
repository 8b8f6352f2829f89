// The Worker and the site as Cloudflare gets them, in bin/edge/:
// `node scripts/edge.mjs build` writes them, `node scripts/edge.mjs dev` runs them
// in workerd on this machine. Tests import `start`.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, linkSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const root = fileURLToPath(new URL('../../', import.meta.url));
export const dist = join(root, 'site/dist');
export const out = join(root, 'bin/edge');
/** Cloudflare takes no larger file. */
const LARGEST = 24 << 20;
/** What a Worker may weigh, compressed, by our own budget. */
export const BUDGET = 2e6;

const go = (args, env = {}) => execFileSync('go', args, { cwd: root, env: { ...process.env, GOTOOLCHAIN: 'local', ...env }, stdio: ['ignore', 'inherit', 'inherit'] });

/** Builds a Go package into a Worker's folder; `entry` is its first module. */
export function buildWorker(folder, pkg, entry) {
  // The generator empties the folder.
  go(['run', 'github.com/syumai/workers/cmd/workers-assets-gen', '-mode=go', '-o', folder]);
  go(['build', '-trimpath', '-ldflags=-s -w', '-o', join(folder, 'app.wasm'), pkg], { GOOS: 'js', GOARCH: 'wasm' });
  if (entry) cpSync(join(root, entry), join(folder, 'entry.mjs'));
}

/** Bytes of a Worker's modules, compressed as Cloudflare counts them. */
export function workerSize(folder) {
  return readdirSync(folder).filter((f) => /\.(mjs|js|wasm)$/.test(f)).reduce((n, f) => n + gzipSync(readFileSync(join(folder, f)), { level: 9 }).length, 0);
}

/**
 * Puts the built site together for Cloudflare: it compresses by itself, so the
 * compressed copies stay behind; files that are too large come in parts, which
 * the toolchain's manifest names; share.json says that runs can be kept.
 */
function assemble(to) {
  if (!existsSync(join(dist, 'index.html'))) throw new Error('site/dist is missing: run `make site` first');
  rmSync(to, { recursive: true, force: true });
  const manifestFile = join(dist, 'toolchain/go/manifest.json');
  const manifest = JSON.parse(readFileSync(manifestFile, 'utf8'));
  const sizes = JSON.parse(readFileSync(join(dist, 'toolchain/sizes.json'), 'utf8'));
  for (const f of readdirSync(dist, { recursive: true, withFileTypes: true })) {
    const path = join(f.parentPath, f.name).slice(dist.length + 1);
    if (!f.isFile() || path.endsWith('.br')) continue;
    mkdirSync(dirname(join(to, path)), { recursive: true });
    const piece = Object.values(manifest.files).find((p) => p.parts.length === 1 && path === `toolchain/go/${p.parts[0]}`);
    if (!piece || piece.bytes <= LARGEST) {
      linkSync(join(dist, path), join(to, path));
      continue;
    }
    const whole = readFileSync(join(dist, path));
    const { packed } = sizes.files[`go/${f.name}`];
    delete sizes.files[`go/${f.name}`];
    piece.parts = [];
    for (let at = 0; at < whole.length; at += LARGEST) {
      const part = whole.subarray(at, at + LARGEST);
      const name = `${f.name}-${piece.parts.length}.part`;
      writeFileSync(join(to, 'toolchain/go', name), part);
      piece.parts.push(name);
      sizes.files[`go/${name}`] = { bytes: part.length, packed: Math.round((packed * part.length) / whole.length) };
    }
  }
  replace(join(to, 'toolchain/go/manifest.json'), JSON.stringify(manifest));
  replace(join(to, 'toolchain/sizes.json'), JSON.stringify(sizes));
  replace(join(to, 'share.json'), '{"runs": "/api/runs"}\n');
}

/** Writes a file anew, so that the one it was linked to stays as it is. */
function replace(file, text) {
  rmSync(file, { force: true });
  writeFileSync(file, text);
}

export function build() {
  mkdirSync(out, { recursive: true });
  buildWorker(join(out, 'worker'), './wasm/edge', 'wasm/edge/entry.mjs');
  assemble(join(out, 'site'));
}

/** What Miniflare calls a Worker's modules, the entry first. */
export function modules(folder, entry = 'entry.mjs') {
  const files = readdirSync(folder).filter((f) => /\.(mjs|js|wasm)$/.test(f));
  return [entry, ...files.filter((f) => f !== entry)].map((f) => ({
    type: f.endsWith('.wasm') ? 'CompiledWasm' : 'ESModule', path: join(folder, f), contents: f.endsWith('.wasm') ? readFileSync(join(folder, f)) : readFileSync(join(folder, f), 'utf8'),
  }));
}

/** The settings of wasm/edge/wrangler.toml that a local run needs as well. */
function settings() {
  const text = readFileSync(join(root, 'wasm/edge/wrangler.toml'), 'utf8');
  const limits = [...text.matchAll(/name = "(\w+)"\nnamespace_id = "(\d+)"\nsimple = \{ limit = (\d+), period = (\d+) \}/g)];
  return {
    compatibilityDate: /compatibility_date = "([\d-]+)"/.exec(text)[1],
    notFound: /not_found_handling = "([\w-]+)"/.exec(text)[1],
    html: /html_handling = "([\w-]+)"/.exec(text)[1],
    first: JSON.parse(/run_worker_first = (\[.*\])/.exec(text)[1]),
    days: Number(/LIFETIME_DAYS = (\d+)/.exec(text)[1]),
    limits: Object.fromEntries(limits.map(([, name, id, limit, period]) => [name, { namespace_id: id, simple: { limit: Number(limit), period: Number(period) } }])),
  };
}

const through = (stdout, stderr) => {
  stdout.pipe(process.stdout);
  stderr.pipe(process.stderr);
};

/**
 * Runs the Worker with the site in workerd, on this machine only and without
 * asking anyone else. `limits`: rate limits that differ from the deployed ones;
 * `stdio`: what becomes of that which workerd writes; `worker`: other modules.
 */
export async function start({ port = 0, persist = false, limits = {}, stdio = through, worker = modules(join(out, 'worker')) } = {}) {
  const { Miniflare, Log, LogLevel } = await import('miniflare');
  const s = settings();
  const mf = new Miniflare({
    host: '127.0.0.1', port, cf: false, telemetry: { enabled: false }, log: new Log(LogLevel.ERROR), handleRuntimeStdio: stdio,
    compatibilityDate: s.compatibilityDate,
    modules: worker, modulesRoot: join(out, 'worker'),
    kvNamespaces: ['RUNS'], kvPersist: persist,
    ratelimits: { ...s.limits, ...limits },
    bindings: { LIFETIME_DAYS: s.days },
    assets: {
      directory: join(out, 'site'), binding: 'ASSETS',
      routerConfig: { has_user_worker: true, static_routing: { user_worker: s.first } },
      assetConfig: { has_static_routing: true, html_handling: s.html, not_found_handling: s.notFound },
    },
  });
  const url = (await mf.ready).href;
  return { url, mf, days: s.days, limits: s.limits, close: () => mf.dispose() };
}

if (process.argv[1] && import.meta.filename === resolve(process.argv[1])) {
  const [, , what] = process.argv;
  if (what === 'build') {
    build();
    const size = workerSize(join(out, 'worker'));
    console.log(`edge: the Worker is ${(size / 1e6).toFixed(2)} MB compressed with gzip (at most ${BUDGET / 1e6}), bin/edge/site has the files`);
    if (size > BUDGET) process.exit(1);
  } else if (what === 'dev') {
    const s = await start({ port: Number(process.env.PORT ?? 8787), persist: join(out, 'state') });
    console.log(`raftlab is at ${s.url} in workerd; shared runs stay in bin/edge/state (Ctrl+C ends it)`);
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => void s.close().then(() => process.exit(0)));
  } else {
    throw new Error('usage: node scripts/edge.mjs build|dev');
  }
}
