// Every route of the Worker, every limit, bad input of each kind, in workerd.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { BUDGET, dist, modules, out, start, workerSize } from '../../scripts/edge.mjs';
import { headersOf, readHeaders } from '../../scripts/headers.mjs';
import { ENGINE } from '../../src/cluster/share.ts';
import { sample, send, SCRIPT, SCRIPT_TYPE, store, TRACE_TYPE, type Edge, type Sent } from './worker.ts';

const many = { WRITES: { namespace_id: '1', simple: { limit: 10_000, period: 60 as const } }, READS: { namespace_id: '2', simple: { limit: 10_000, period: 60 as const } } };
let edge: Edge;
const good = sample();
before(async () => { edge = await start({ limits: many }); });
after(async () => { await edge?.close(); });

const keys = async (e: Edge = edge): Promise<{ name: string; expiration?: number }[]> => (await (await store(e)).list()).keys;
const get = (path: string, init: RequestInit = {}): Promise<Response> => fetch(edge.url + path, { redirect: 'manual', ...init });

/** No browser runs, sniffs, frames or caches what is no kept run. */
function locked(r: Response): void {
  assert.match(r.headers.get('content-security-policy')!, /default-src 'none'.*sandbox/);
  assert.equal(r.headers.get('x-content-type-options'), 'nosniff');
  assert.equal(r.headers.get('cross-origin-resource-policy'), 'same-origin');
  assert.equal(r.headers.get('access-control-allow-origin'), null);
}

async function refused(r: Response, status: number, code: string, says: RegExp): Promise<void> {
  const text = await r.text();
  assert.equal(r.status, status, text);
  assert.equal(r.headers.get('content-type'), 'application/json');
  assert.equal(r.headers.get('cache-control'), 'no-store');
  locked(r);
  const body = JSON.parse(text) as { code: string; error: string };
  assert.equal(body.code, code);
  assert.match(body.error, says);
}

test('a run is kept under the name of its content, for its time, and given back as it was', async () => {
  for (const [type, body, kind, back] of [[SCRIPT_TYPE, good.run, 'r', Buffer.from(good.run)], [TRACE_TYPE, good.trace, 't', Buffer.from(good.trace)]] as const) {
    const first = await send(edge.url, body, { type });
    assert.equal(first.status, 201);
    locked(first);
    const told = await first.json() as { id: string; link: string; until: string };
    assert.match(told.id, new RegExp(`^${kind}[\\w-]{20}$`));
    assert.equal(told.link, `/s/${told.id}`);
    const again = await send(edge.url, body, { type });
    assert.equal(again.status, 200);
    assert.deepEqual(await again.json(), told, 'the same run has the same link');
    const key = (await keys()).find((k) => k.name === told.id)!;
    const days = (key.expiration! - Date.now() / 1000) / 86_400;
    assert.ok(Math.abs(days - edge.days) < 0.1, `${days} days`);
    assert.ok(Math.abs(Date.parse(told.until) / 1000 - key.expiration!) < 60, 'the page is told the truth');
    const r = await get(`api/runs/${told.id}`);
    assert.equal(r.status, 200);
    locked(r);
    assert.equal(r.headers.get('content-type'), type);
    assert.match(r.headers.get('content-disposition')!, /^attachment; filename="[rt][\w-]{20}\.(run|trace)"$/);
    assert.match(r.headers.get('cache-control')!, /immutable/);
    assert.deepEqual(Buffer.from(await r.arrayBuffer()), back);
    const head = await get(`api/runs/${told.id}`, { method: 'HEAD' });
    assert.equal(head.status, 200);
    assert.equal((await head.arrayBuffer()).byteLength, 0);
    const page = kind === 'r' ? 'playground' : 'run';
    for (const [language, folder] of [['en', ''], ['zh-CN,zh;q=0.9', 'zh/'], ['de,zh', '']] as const) {
      const s = await get(`s/${told.id}`, { headers: { 'accept-language': language } });
      assert.equal(s.status, 302);
      assert.equal(s.headers.get('location'), `/${folder}${page}/#s1.${told.id}`);
      locked(s);
    }
  }
});

test('what says the same has the same link', async () => {
  const { id } = await (await send(edge.url, good.run)).json() as { id: string };
  const script = SCRIPT.replace('kind raft\nservers 3\n', 'servers 3\nkind raft\n') + '\n\n';
  const other = await send(edge.url, good.run.replace(SCRIPT, script), { type: `${SCRIPT_TYPE}; charset=utf-8` });
  assert.equal(((await other.json()) as { id: string }).id, id);
});

test('a run that is shared again after half its time is kept anew', async () => {
  const run = sample(SCRIPT.replace('seed 7', 'seed 8')).run;
  const { id } = await (await send(edge.url, run)).json() as { id: string };
  const kv = await store(edge);
  const soon = Math.floor(Date.now() / 1000) - Math.floor(edge.days * 0.6 * 86_400);
  const value = (await kv.get(id))!;
  await kv.put(id, value.replace(/^kept 1 \d+/, `kept 1 ${soon}`), { expirationTtl: 3600 });
  assert.equal((await send(edge.url, run)).status, 200);
  const key = (await keys()).find((k) => k.name === id)!;
  assert.ok(key.expiration! - Date.now() / 1000 > (edge.days - 1) * 86_400);
});

test('what is not kept, and what is no route', async () => {
  const none = `r${'A'.repeat(20)}`;
  for (const path of [`api/runs/${none}`, `s/${none}`]) await refused(await get(path), 404, 'gone', /180 days/);
  for (const path of [`api/runs/r${'A'.repeat(19)}%`, 's/%ff', 's/%']) {
    const r = await get(path);
    assert.equal(r.status, 404);
    assert.equal(((await r.json()) as { code: string }).code, 'id');
  }
  for (const id of ['', 'x', `${none}A`, `q${'A'.repeat(20)}`, `${none}/x`, '%00', '..%2f..%2fx', 'r%2e'.padEnd(30, 'A')]) {
    await refused(await get(`api/runs/${id}`), 404, 'id', /r or t and 20/);
    if (id) await refused(await get(`s/${id}`), 404, 'id', /r or t and 20/);
  }
  for (const path of ['api/', 'api/x', 'api/Runs', 'api//runs']) await refused(await get(path), 404, 'no-route', /POST \/api\/runs/);
});

test('methods that are not a route’s', async () => {
  for (const [path, method, allow] of [['api/runs', 'GET', 'POST'], ['api/runs', 'PUT', 'POST'], ['api/runs', 'OPTIONS', 'POST'],
    ['api/runs/x', 'POST', 'GET, HEAD'], ['api/runs/x', 'DELETE', 'GET, HEAD'], ['s/x', 'POST', 'GET, HEAD'], ['s/x', 'PATCH', 'GET, HEAD']] as const) {
    const r = await get(path, { method });
    assert.equal(r.headers.get('allow'), allow);
    await refused(r, 405, 'method', /expected/);
  }
});

const bytes = (...parts: (string | Uint8Array)[]): Uint8Array => Buffer.concat(parts.map((p) => Buffer.from(p as Uint8Array)));
const changed = (b: Uint8Array, at: number, to: number): Uint8Array => { const c = Uint8Array.from(b); c[at < 0 ? c.length + at : at] = to; return c; };

test('bad input of each kind is told what was expected, and nothing of it is kept', async () => {
  const before = await keys();
  const hash = 'a'.repeat(64);
  const text = (script: string, head = `raftlab-run 1\nengine ${ENGINE}\nhash ${hash}\n`): string => head + script;
  const T: Sent = { type: TRACE_TYPE };
  const cases: [string, string | Uint8Array, Sent, number, string, RegExp][] = [
    ['no type', good.run, { type: null }, 415, 'type', /expected Content-Type/],
    ['text', good.run, { type: 'text/plain' }, 415, 'type', /text\/plain/],
    ['html', good.run, { type: 'text/html' }, 415, 'type', /text\/html/],
    ['a form', good.run, { type: 'application/x-www-form-urlencoded' }, 415, 'type', /form/],
    ['a broken type', good.run, { type: `${SCRIPT_TYPE}; ;=` }, 415, 'type', /expected/],
    ['packed', gzipSync(good.run), { headers: { 'content-encoding': 'gzip' } }, 415, 'encoding', /no Content-Encoding/],
    ['another site', good.run, { headers: { origin: 'https://evil.example' } }, 403, 'origin', /evil\.example/],
    ['no site', good.run, { headers: { origin: 'null' } }, 403, 'origin', /null/],
    ['nothing', '', {}, 422, 'content', /line 1: expected "raftlab-run 1"/],
    ['html as a run', '<script>alert(1)</script>', {}, 422, 'content', /line 1/],
    ['another version', good.run.replace('raftlab-run 1', 'raftlab-run 2'), {}, 422, 'content', /line 1/],
    ['another engine', good.run.replace(`engine ${ENGINE}`, 'engine 0'), {}, 422, 'content', /line 2/],
    ['no hash', good.run.replace(/hash .*\n/, ''), {}, 422, 'content', /line 3/],
    ['a short hash', good.run.replace(/hash .*\n/, 'hash abc\n'), {}, 422, 'content', /line 3/],
    ['no script', text(''), {}, 422, 'content', /expected raftlab-cluster 1/],
    ['a newer script', text('raftlab-cluster 2\n'), {}, 422, 'content', /version/],
    ['an unknown word', text('raftlab-cluster 1\nfly\n'), {}, 422, 'content', /line 2: unknown word "fly"/],
    ['an unknown action', text('raftlab-cluster 1\nat 1 <img src=x onerror=alert(1)>\n'), {}, 422, 'content', /unknown action/],
    ['an unknown server', text('raftlab-cluster 1\nservers 3\nat 1 crash S4\n'), {}, 422, 'content', /unknown name "S4"/],
    ['an unknown setting', text('raftlab-cluster 1\nset speed 3\n'), {}, 422, 'content', /unknown setting/],
    ['a setting out of range', text('raftlab-cluster 1\nset loss NaN\n'), {}, 422, 'content', /loss/],
    ['ten servers', text('raftlab-cluster 1\nservers 10\n'), {}, 422, 'content', /1 to 9/],
    ['a year', text('raftlab-cluster 1\nuntil 31536000000000000\n'), {}, 422, 'content', /a day at most/],
    ['going back', text('raftlab-cluster 1\nat 5 wait\nat 4 wait\n'), {}, 422, 'content', /order of time/],
    ['no UTF-8', bytes(text('raftlab-cluster 1\nat 1 propose S1 1 '), [0xff, 0xfe] as unknown as Uint8Array, '\n'), {}, 422, 'content', /UTF-8/],
    ['control characters', text('raftlab-cluster 1\nat 1 propose S1 1 \u0007\n'), {}, 422, 'content', /control character/],
    ['a long line', text(`raftlab-cluster 1\nat 1 propose S1 1 ${'x'.repeat(5000)}\n`), {}, 422, 'content', /at most 4096/],
    ['a trace as a run', good.trace, {}, 422, 'content', /line 1/],
    ['a run as a trace', good.run, T, 422, 'content', /does not begin with RAFTLAB/],
    ['half a trace', good.trace.subarray(0, good.trace.length >> 1), T, 422, 'content', /record|byte/],
    ['a changed record', changed(good.trace, good.trace.length >> 1, 0x7f), T, 422, 'content', /trace/],
    ['a changed hash', changed(good.trace, -1, good.trace.at(-1)! ^ 1), T, 422, 'content', /damaged/],
    ['bytes after the end', bytes(good.trace, 'more'), T, 422, 'content', /hash of 32 bytes/],
    ['a trace of another version', changed(good.trace, 7, 9), T, 422, 'content', /version 9/],
    ['a header that is no JSON', changed(good.trace, 10, 0), T, 422, 'content', /header/],
    ['a huge number of servers', bytes(good.trace.subarray(0, 8), ...header('{"servers":1000000,"seed":1}'), records()), T, 422, 'content', /1 to 64 nodes/],
    ['no servers', bytes(good.trace.subarray(0, 8), ...header('{"seed":1}'), records()), T, 422, 'content', /1 to 64 nodes/],
    ['records of nodes that are none', bytes(good.trace.subarray(0, 8), ...header('{"servers":1}'), records()), T, 422, 'content', /header tells of 1 nodes/],
    ['a fat header', bytes(good.trace.subarray(0, 8), ...header(`{"servers":3,"clients":1,"lab":"${'x'.repeat(70_000)}"}`), records()), T, 422, 'content', /at most 65536/],
  ];
  for (const [name, body, sent, status, code, says] of cases) {
    await refused(await send(edge.url, body, sent), status, code, says).catch((e: unknown) => { throw new Error(`${name}: ${String(e)}`); });
  }
  assert.deepEqual(await keys(), before);
});

/** A trace's header with its length before it. */
function header(json: string): Uint8Array[] {
  const n: number[] = [];
  let left = Buffer.byteLength(json);
  for (; left > 127; left >>= 7) n.push((left & 127) | 128);
  return [Uint8Array.from([...n, left]), Buffer.from(json)];
}

/** The sample's records and hash. */
function records(): Uint8Array {
  let n = 0, at = 8;
  for (let shift = 0; ; shift += 7) {
    const b = good.trace[at++]!;
    n |= (b & 127) << shift;
    if (b < 128) break;
  }
  return good.trace.subarray(at + n);
}

test('unknown fields of a trace’s header say nothing, and are not kept', async () => {
  const own = bytes(good.trace.subarray(0, 8), ...header('{"servers":3,"clients":1,"seed":7,"payload":"<script>alert(1)</script>"}'), records());
  const r = await send(edge.url, own, { type: TRACE_TYPE });
  assert.equal(r.status, 201);
  const { id } = await r.json() as { id: string };
  const back = Buffer.from(await (await get(`api/runs/${id}`)).arrayBuffer());
  assert.ok(!back.includes('alert'));
  assert.deepEqual(back.subarray(-32), Buffer.from(good.trace.subarray(-32)));
});

test('size limits, with and without a length before', async () => {
  const before = await keys();
  const big = `raftlab-run 1\nengine ${ENGINE}\nhash ${'a'.repeat(64)}\nraftlab-cluster 1\n${'set loss 0.1\n'.repeat(22_000)}`;
  await refused(await send(edge.url, big), 413, 'size', /262144/);
  await refused(await send(edge.url, Buffer.alloc((1 << 20) + 1), { type: TRACE_TYPE }), 413, 'size', /1048576/);
  const stream = new ReadableStream({ pull(c) { c.enqueue(Buffer.alloc(65_536)); if (++sent === 64) c.close(); } });
  let sent = 0;
  await refused(await fetch(`${edge.url}api/runs`, { method: 'POST', headers: { 'content-type': TRACE_TYPE }, body: stream, duplex: 'half' } as RequestInit), 413, 'size', /1048576/);
  // A small file of tiny records must not ask for much memory.
  const tiny = bytes(good.trace.subarray(0, 8), ...header('{"servers":1}'), Buffer.alloc(1_000_000, Buffer.from([48, 0, 0])));
  await refused(await send(edge.url, tiny, { type: TRACE_TYPE }), 422, 'content', /trace/);
  assert.deepEqual(await keys(), before);
});

test('a trace of nearly 1 MB is kept', async () => {
  const long = sample(SCRIPT.replace('until 2000000000', 'until 60000000000').replace('servers 3', 'servers 5'));
  assert.ok(long.trace.length > 500_000 && long.trace.length < 1 << 20, `${long.trace.length} bytes`);
  assert.equal((await send(edge.url, long.trace, { type: TRACE_TYPE })).status, 201);
});

test('rate limits, as deployed', async () => {
  // Fewer reads than are deployed, or a slow machine needs more than the limit's minute for them.
  const strict = await start({ limits: { READS: { namespace_id: '2', simple: { limit: 10, period: 60 } } } });
  try {
    const writes = strict.limits['WRITES']!.simple.limit;
    const answers: number[] = [];
    for (let i = 0; i < writes + 5; i++) {
      const r = await send(strict.url, 'rubbish', { headers: { 'cf-connecting-ip': '192.0.2.1' } });
      answers.push(r.status);
      if (r.status === 429) {
        assert.equal(r.headers.get('retry-after'), '60');
        await refused(r, 429, 'rate', /a minute/);
      } else {
        await r.arrayBuffer();
      }
    }
    assert.deepEqual([...new Set(answers)], [422, 429]);
    // A minute of the limit's clock may end in between.
    assert.ok(answers.filter((a) => a === 422).length >= writes, answers.join(' '));
    let stopped = 0;
    for (let i = 0; i < 25; i++) {
      const r = await fetch(`${strict.url}api/runs/r${'A'.repeat(20)}`);
      await r.arrayBuffer();
      if (r.status === 429) stopped++;
      else assert.equal(r.status, 404);
    }
    assert.ok(stopped > 0);
    assert.deepEqual(await keys(strict), []);
  } finally {
    await strict.close();
  }
});

test('files come from the platform with the headers of _headers', async () => {
  const all = readHeaders(readFileSync(`${out}/site/_headers`, 'utf8'));
  const asset = `_astro/${readdirSync(`${out}/site/_astro`).find((f) => f.endsWith('.js'))!}`;
  for (const path of ['', 'playground/', 'zh/playground/', 'sw.js', 'share.json', 'wasm/cluster.wasm', asset]) {
    const r = await get(path, { headers: { 'accept-encoding': 'br' } });
    assert.equal(r.status, 200, path);
    assert.ok(r.headers.get('etag'), 'the platform’s own');
    for (const [name, value] of Object.entries(headersOf(all, `/${path}`))) assert.equal(r.headers.get(name), value, `${path}: ${name}`);
    await r.arrayBuffer();
  }
  assert.match((await get(asset)).headers.get('cache-control')!, /max-age=31536000, immutable/);
  assert.match((await get('')).headers.get('cache-control')!, /max-age=0/);
  const policy = (await get('')).headers.get('content-security-policy')!;
  assert.ok(!/script-src[^;]*unsafe-inline/.test(policy) && policy.includes("'wasm-unsafe-eval'") && policy.includes("'sha256-"));
  for (const path of ['_headers', 'nothing', 'wp-login.php', 'api', 's']) {
    const r = await get(path);
    assert.equal(r.status, 404);
    assert.match(await r.text(), /<html/, `${path}: the site’s own page`);
  }
  const packed = await get('wasm/cluster.wasm', { headers: { 'accept-encoding': 'br' } });
  assert.equal(packed.headers.get('content-type'), 'application/wasm');
  assert.equal(packed.headers.get('content-encoding'), 'br');
});

test('no file of the site, and nothing that is no route, passes through Go', async () => {
  // The Worker's entry as it is, and in Go's place a module that says when it is asked.
  const worker = modules(`${out}/worker`).filter((m) => m.path.endsWith('/entry.mjs'));
  const told = await start({ worker: [...worker, { type: 'ESModule', path: `${out}/worker/worker.mjs`, contents: 'globalThis.Go = class { async run() {} }; export default { fetch: async () => new Response("Go is asked", { status: 418 }) }' }] });
  try {
    const ask = async (path: string, init: RequestInit = {}): Promise<number> => {
      const r = await fetch(told.url + path, { redirect: 'manual', ...init });
      await r.arrayBuffer();
      return r.status;
    };
    for (const path of ['api/runs', 'api/x', 's/x']) assert.equal(await ask(path), 418, path);
    const files = (readdirSync(`${out}/site`, { recursive: true, withFileTypes: true })).filter((f) => f.isFile()).map((f) => `${f.parentPath}/${f.name}`.slice(`${out}/site/`.length));
    assert.ok(files.length > 150, `${files.length} files`);
    for (const f of files) {
      const status = await ask(f, { method: statSync(`${out}/site/${f}`).size > 1 << 20 ? 'HEAD' : 'GET' });
      // The platform keeps _headers to itself and leads a page's file to its folder.
      assert.ok(f === '_headers' ? status === 404 : f.endsWith('.html') ? status === 200 || status === 307 : status === 200, `${f}: ${status}`);
      if (f.endsWith('/index.html')) assert.equal(await ask(f.slice(0, -'index.html'.length)), 200, f);
    }
    for (const path of ['', 'nothing', 'wp-login.php', 'api', 's', 'apis/x', 'S/x', 'playground/x?api=/api/runs']) assert.notEqual(await ask(path), 418, path);
  } finally {
    await told.close();
  }
});

test('when Go cannot start, or dies over a request, the answer is 503 "busy", at once, and files are served all the same', async () => {
  const string = (s: string): number[] => [s.length, ...Buffer.from(s)];
  const section = (id: number, ...content: number[]): number[] => [id, content.length, ...content];
  const wasm = (...sections: number[][]): Uint8Array => Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...sections.flat()]);
  for (const [what, module] of [
    // As where there is no memory for it: no instance can be made.
    ['no instance', wasm(section(1, 1, 0x60, 0, 0), section(2, 1, ...string('nobody'), ...string('there'), 0, 0))],
    // An instance with the memory and the function that Go's loader asks for, which dies in it.
    ['a trap', wasm(section(1, 1, 0x60, 2, 0x7f, 0x7f, 0), section(3, 1, 0), section(5, 1, 0, 1), section(7, 2, ...string('mem'), 2, 0, ...string('run'), 0, 0), section(10, 1, 3, 0, 0, 0x0b))],
  ] as const) {
    const worker = modules(`${out}/worker`).map((m) => (m.type === 'CompiledWasm' ? { ...m, contents: Buffer.from(module) } : m));
    let said = '';
    const broken = await start({ worker, stdio: (stdout, stderr) => { for (const s of [stdout, stderr]) s.on('data', (d: unknown) => { said += String(d); }); } });
    try {
      for (const [path, init] of [['api/runs', { method: 'POST', body: good.run, headers: { 'content-type': SCRIPT_TYPE } }], [`api/runs/r${'A'.repeat(20)}`, {}], [`s/r${'A'.repeat(20)}`, { redirect: 'manual' }]] as const) {
        const r = await fetch(broken.url + path, { ...init, signal: AbortSignal.timeout(10_000) });
        assert.equal(r.status, 503, `${what}: ${path}`);
        assert.equal(r.headers.get('cache-control'), 'no-store');
        assert.equal(r.headers.get('x-content-type-options'), 'nosniff');
        const { code, error } = await r.json() as { code: string; error: string };
        assert.equal(code, 'busy', what);
        assert.match(error, /try again, or use the link that carries the run/);
      }
      assert.equal((await fetch(broken.url)).status, 200, `${what}: the page`);
      assert.match(said, /edge: Go does not answer/, what);
      assert.deepEqual(await keys(broken), []);
    } finally {
      await broken.close();
    }
  }
});

test('the Worker weighs no more than its budget, the files are no more and no larger than Cloudflare takes', () => {
  const size = workerSize(`${out}/worker`);
  assert.ok(size <= BUDGET, `${size} bytes`);
  const files = readdirSync(`${out}/site`, { recursive: true, withFileTypes: true }).filter((f) => f.isFile());
  assert.ok(files.length <= 20_000, `${files.length} files`);
  for (const f of files) assert.ok(statSync(`${f.parentPath}/${f.name}`).size <= 25 << 20, f.name);
  // What was cut comes together again.
  interface Pieces { files: Record<string, { parts: string[]; bytes: number }> }
  const read = (folder: string): Pieces => JSON.parse(readFileSync(`${folder}/toolchain/go/manifest.json`, 'utf8')) as Pieces;
  const [whole, cut] = [read(dist), read(`${out}/site`)];
  assert.ok(Object.values(cut.files).some((f) => f.parts.length > 1), 'something is cut');
  for (const [name, { parts }] of Object.entries(cut.files)) {
    const together = (folder: string, names: string[]): Buffer => Buffer.concat(names.map((p) => readFileSync(`${folder}/toolchain/go/${p}`)));
    assert.ok(together(`${out}/site`, parts).equals(together(dist, whole.files[name]!.parts)), name);
  }
});
