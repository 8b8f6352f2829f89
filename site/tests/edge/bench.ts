// What a dynamic route costs beside a hello-world Worker in Go, in the same run:
// `make bench-edge`. Requests alternate, and each is compared with the hello world
// of its own round, so that what else the machine does meets both.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BUDGET, buildWorker, modules, out, start, workerSize } from '../../scripts/edge.mjs';
import { sample, send } from './worker.ts';

const ROUNDS = Number(process.env['ROUNDS'] ?? 200);
const MOST = 2;
const folder = join(mkdtempSync(`${tmpdir()}/raftlab-hello-`), 'worker');
buildWorker(folder, './wasm/edge/testdata/hello');
const { Miniflare } = await import('miniflare');
const hello = new Miniflare({ host: '127.0.0.1', port: 0, cf: false, telemetry: { enabled: false }, compatibilityDate: '2026-07-01',
  modules: modules(folder, 'worker.mjs') as never, modulesRoot: folder });
const open = { simple: { limit: 1_000_000, period: 60 as const } };
const edge = await start({ limits: { WRITES: { namespace_id: '1', ...open }, READS: { namespace_id: '2', ...open } } });
const run = sample().run;
const { id, link } = await (await send(edge.url, run)).json() as { id: string; link: string };
const routes: Record<string, () => Promise<Response>> = {
  'hello world': () => fetch(helloURL),
  'GET /s/ID': () => fetch(edge.url.slice(0, -1) + link, { redirect: 'manual' }),
  'GET /api/runs/ID': () => fetch(`${edge.url}api/runs/${id}`),
  'POST /api/runs': () => send(edge.url, run),
  'a file': () => fetch(`${edge.url}share.json`),
};
const helloURL = (await hello.ready).href;
const times = new Map(Object.keys(routes).map((r) => [r, [] as number[]]));
for (let i = 0; i < ROUNDS + 20; i++) {
  for (const [name, ask] of Object.entries(routes)) {
    const t = performance.now();
    const r = await ask();
    await r.arrayBuffer();
    if (r.status >= 400) throw new Error(`${name}: ${r.status}`);
    if (i >= 20) times.get(name)!.push(performance.now() - t);
  }
}
const p50 = (list: number[]): number => list.sort((a, b) => a - b)[list.length >> 1]!;
const base = times.get('hello world')!;
let worst = 0;
for (const [name, list] of times) {
  const ratio = p50(list.map((t, i) => t / base[i]!));
  if (name !== 'a file') worst = Math.max(worst, ratio);
  console.log(`  ${name.padEnd(18)} p50 ${p50([...list]).toFixed(1).padStart(6)} ms, ${ratio.toFixed(2)} times hello world in pairs (p50)`);
}
const size = workerSize(`${out}/worker`);
console.log(`the Worker: ${(size / 1e6).toFixed(2)} MB gzip, at most ${BUDGET / 1e6}; hello world ${(workerSize(folder) / 1e6).toFixed(2)}; slowest dynamic route ${worst.toFixed(2)} times hello world, at most ${MOST}`);
await edge.close();
await hello.dispose();
rmSync(join(folder, '..'), { recursive: true });
process.exit(worst <= MOST && size <= BUDGET ? 0 : 1);
