// Hostile requests to the Worker in workerd, of fixed seed: none is answered
// with 5xx or not at all, and nothing of them is kept. `make edge-hostile` sends
// 1000, `make test-edge` a slice.
//
// What is no HTTP is answered by the engine, before any Worker is asked; its
// answers may be 5xx. So such requests go to a control as well, a Worker that
// answers 200 to everything: only a 5xx that the control's engine gives too is
// the engine's.
import assert from 'node:assert/strict';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { start } from '../../scripts/edge.mjs';
import { sample, SCRIPT_TYPE, send, store, TRACE_TYPE } from './worker.ts';

const COUNT = Number(process.env['COUNT'] ?? 100);
const AT_ONCE = 4;
const good = sample();
let edge: Awaited<ReturnType<typeof start>>;
let control: import('miniflare').Miniflare;
let controlURL: URL;
// Connections are used again, as browsers do: a request that is answered too
// early would otherwise harm only itself.
const agent = new Agent({ keepAlive: true });

/** The engine tells of each broken request, at length. */
const silent = (...streams: import('node:stream').Readable[]): void => { for (const s of streams) s.resume(); };

before(async () => {
  const open = { simple: { limit: 1_000_000, period: 60 as const } };
  // Only so that every request reaches the readers: routes.test.ts tests the limits.
  edge = await start({ stdio: silent, limits: { WRITES: { namespace_id: '1', ...open }, READS: { namespace_id: '2', ...open } } });
  const { Miniflare, Log, LogLevel } = await import('miniflare');
  control = new Miniflare({ host: '127.0.0.1', port: 0, cf: false, telemetry: { enabled: false }, compatibilityDate: '2026-07-01', log: new Log(LogLevel.NONE),
    handleRuntimeStdio: silent,
    modules: true, script: 'export default { fetch: () => new Response("reached") }' });
  controlURL = await control.ready;
});
after(async () => {
  agent.destroy();
  await edge?.close();
  await control?.dispose();
});

let state = 42;
/** Numbers below n, the same in each run (mulberry32). */
function random(n: number): number {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) % n;
}
const pick = <T>(list: readonly T[]): T => list[random(list.length)]!;
const noise = (n: number): Buffer => Buffer.from(Array.from({ length: n }, () => random(256)));
const bad = ['<script>alert(1)</script>', '../../etc/passwd', "' OR 1=1 --", '{{7*7}}', '%00', '\u202e', '💥', 'A'.repeat(3000), '\\', '${jndi:ldap://x}', '\r\nSet-Cookie: a=b', '__proto__'];
const none = `r${'A'.repeat(20)}`;

interface Hostile {
  method?: string;
  path: string;
  headers?: Record<string, string>;
  body?: Buffer;
  /** On a connection of its own. */
  alone?: boolean;
  /** Sent in many pieces without a length. */
  chunked?: boolean;
  /** Sent as it is, in place of all else. */
  raw?: string;
}
const post = (body: string | Uint8Array, type: string = SCRIPT_TYPE, more: Partial<Hostile> = {}): Hostile => ({
  method: 'POST', path: '/api/runs', ...more, headers: { 'content-type': type, ...more.headers }, body: Buffer.from(body as Uint8Array) });

/** A trace with a byte changed in what its hash covers, or cut short. */
function brokenTrace(): Uint8Array {
  const from = good.trace.length >> 2; // past the header
  if (random(3) === 0) return good.trace.subarray(0, random(good.trace.length));
  const t = Uint8Array.from(good.trace);
  const at = from + random(t.length - from);
  t[at] = t[at]! ^ (1 + random(255));
  return t;
}

/** A script with a line that cannot be, put in anywhere after its first lines. */
function brokenRun(): string {
  const lines = good.run.split('\n');
  const line = pick(['fly', `at 1 ${pick(bad)}`, 'at -1 wait', 'servers 99', 'set x 1', 'load S1 x 1', 'until 1e9', 'at 1 crash S99', `kind ${pick(bad)}`, '\u0000', 'raftlab-cluster 1', `hash ${pick(bad)}`,
    'at 1 work S1 5', 'at 1 work C1 -1', 'at 1 work C1 1e3', 'at 1 client S1 put - k v', 'at 1 client C1 fly - k', 'at 1 crash C1', 'at 1 partition S1,,S2', 'at 1 set electionMs NaN 1', 'at 1 propose S1 99999 x', 'at 1 wait\r', '\ufeffwait']);
  lines.splice(5 + random(lines.length - 6), 0, line);
  return lines.join('\n');
}

interface Kind {
  make: () => Hostile;
  /** What it may be answered; 0: the connection is closed. Without: anything below 500. */
  answers?: readonly number[];
  /** No HTTP: the engine may answer it in the Worker's place. */
  engine?: boolean;
}

const kinds: Record<string, Kind> = {
  'a broken trace': { make: () => post(brokenTrace(), TRACE_TYPE), answers: [422] },
  'a broken run': { make: () => post(brokenRun()), answers: [422] },
  'noise as a trace': { make: () => post(noise(random(4000)), TRACE_TYPE), answers: [422] },
  'noise after the magic': { make: () => post(Buffer.concat([Buffer.from('RAFTLAB\x01'), noise(random(4000))]), TRACE_TYPE), answers: [422] },
  'noise as a run': { make: () => post(pick([noise(random(4000)), Buffer.from(good.run, 'utf16le'), Buffer.from(`\ufeff${good.run}`), Buffer.from(good.run.replaceAll('\n', '\r\n')), gzipSync(good.run)])), answers: [422] },
  'a wrong type': { make: () => post(good.run, pick(['text/html', 'image/svg+xml', 'application/javascript', 'multipart/form-data; boundary=x', 'application/json', TRACE_TYPE, '/', ';', 'a'.repeat(500)])), answers: [415, 422] },
  'a wrong encoding': { make: () => post(gzipSync(good.run), SCRIPT_TYPE, { headers: { 'content-encoding': pick(['gzip', 'br', 'deflate, gzip', 'x']) } }), answers: [415] },
  'another site': { make: () => post(good.run, SCRIPT_TYPE, { headers: { origin: pick(['null', 'https://evil.example', 'http://127.0.0.1', 'x', 'https://127.0.0.1:1@evil.example']) } }), answers: [403] },
  'too large': { make: () => post(random(2) ? Buffer.alloc((1 << 20) + 1 + random(1 << 20)) : good.run + 'until 5\n'.repeat(150_000), pick([TRACE_TYPE, SCRIPT_TYPE]), { chunked: random(2) === 0 }), answers: [413] },
  // Whoever sends much more than the Worker listens to loses the connection, and need not hear the answer.
  'far too large': { make: () => post(Buffer.alloc(24 << 20), TRACE_TYPE, { alone: true, chunked: random(2) === 0 }), answers: [413, 0] },
  'large at a wrong place': { make: () => post(Buffer.alloc(400_000 + random(400_000)), pick(['text/html', SCRIPT_TYPE]), { path: pick(['/api/runs/x', '/s/x', '/api/nothing', '/api/%ff']), method: pick(['POST', 'PUT', 'PATCH', 'DELETE']) }), answers: [404, 405] },
  // The files answer at once, without the Worker and without listening: here too the connection is lost.
  'large to the files': { make: () => post(Buffer.alloc(400_000 + random(400_000)), 'text/html', { path: pick(['/nothing', '/playground/', '/sw.js']), method: pick(['POST', 'PUT', 'DELETE']), alone: true }), answers: [405, 0] },
  'a huge count': { make: () => post(Buffer.concat([Buffer.from('RAFTLAB\x01\x0d{"servers":1}'), Buffer.from([pick([1, 16, 23]), 0, 0x80 | random(128), 0x10]), Buffer.from([0xff, 0xff, 0xff, 0xff, 0x7f]), noise(40)]), TRACE_TYPE), answers: [422] },
  'a million tiny records': { make: () => post(Buffer.concat([Buffer.from('RAFTLAB\x01\x0d{"servers":1}'), Buffer.alloc(600_000 + random(300_000), Buffer.from([48, 0, 0]))]), TRACE_TYPE), answers: [422] },
  'deep JSON': { make: () => post(Buffer.concat([Buffer.from('RAFTLAB\x01\xa0\x9c\x01', 'latin1'), Buffer.alloc(20_000, '{"extra":'), noise(99)]), TRACE_TYPE), answers: [422] },
  'an odd ID': { make: () => ({ path: pick(['/s/', '/api/runs/']) + pick([encodeURIComponent(pick(bad)), '%', '%ff%fe', '%2e%2e%2f', `r${'A'.repeat(random(60))}`, `r${'%41'.repeat(20)}`, none]) }), answers: [404] },
  'an odd route': { make: () => ({ path: pick(['/api/', '/s/', '/api/runs', '/']) + pick(['../x', '//x', encodeURIComponent(pick(bad)), `?${encodeURIComponent(pick(bad))}`, '.env', 'wp-login.php', '%5c..%5c']) }), answers: [200, 301, 302, 307, 308, 404, 405] },
  'an odd method': { make: () => ({ path: pick(['/api/runs', '/s/x', `/api/runs/${none}`, '/playground/']), method: pick(['PUT', 'DELETE', 'PATCH', 'OPTIONS', 'PROPFIND']) }), answers: [405] },
  'odd headers': { make: () => ({ path: `/s/${none}`, headers: { 'accept-language': 'zh,'.repeat(random(500) + 1), 'x-forwarded-for': 'x'.repeat(random(4000)), range: 'bytes=9-1', 'if-none-match': '*', 'cf-connecting-ip': pick(['', '::1', 'x'.repeat(2000)]) } }), answers: [404] },
  'broken HTTP': { engine: true, make: () => ({ path: '', raw: pick(['GET /s/x', 'GET /s/\x00 HTTP/1.1\r\nHost: x\r\n\r\n', 'POST /api/runs HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n',
    `POST /api/runs HTTP/1.1\r\nHost: x\r\nContent-Type: ${SCRIPT_TYPE}\r\nContent-Length: 50\r\n\r\nshort`, 'POST /api/runs HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n', 'X'.repeat(9000),
    'GET /s/x HTTP/1.1\r\nHost: a b\r\n\r\n', 'GET http://[::1/ HTTP/1.1\r\nHost: x\r\n\r\n', 'BREW /api/runs HTTP/1.1\r\nHost: x\r\n\r\n', `GET /s/${'A'.repeat(70_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
    `POST /api/runs HTTP/1.1\r\nHost: x\r\nContent-Type: ${SCRIPT_TYPE}\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /s/x HTTP/1.1\r\nHost: x\r\n\r\n`]) }) },
};

/** The status of the answer, 0 if the connection was closed before one. */
function ask(to: URL, h: Hostile): Promise<number> {
  return new Promise((done, fail) => {
    const late = setTimeout(() => fail(new Error('no answer in 30 s')), 30_000);
    const end = (status: number): void => { clearTimeout(late); done(status); };
    if (h.raw !== undefined) {
      let got = '';
      const c = connect(Number(to.port), to.hostname, () => { c.write(h.raw!, 'latin1'); setTimeout(() => c.end(), 50); });
      c.on('data', (d) => { got += d.toString('latin1'); });
      c.on('error', () => undefined); // close follows
      c.on('close', () => end(Number(/^HTTP\/1\.1 (\d+)/.exec(got)?.[1] ?? 0)));
      return;
    }
    const length = h.body && !h.chunked ? { 'content-length': String(h.body.length) } : {};
    const r = request({ agent: h.alone ? false : agent, host: to.hostname, port: to.port, path: h.path, method: h.method ?? 'GET', headers: { ...h.headers, ...length } });
    r.on('response', (answer) => {
      answer.on('end', () => end(answer.statusCode!));
      answer.on('error', () => end(0));
      answer.resume();
    });
    r.on('error', () => end(0));
    for (let at = 0; h.chunked && at < h.body!.length; at += 65_536) r.write(h.body!.subarray(at, at + 65_536));
    r.end(h.chunked ? undefined : h.body);
  });
}

test(`${COUNT} hostile requests: no 5xx, nothing kept`, { timeout: 60_000 + COUNT * 1000 }, async (t) => {
  const names = Object.keys(kinds);
  const seen = new Map(names.map((n) => [n, new Map<string, number>()]));
  const wrong: string[] = [];
  let next = 0;
  const one = async (): Promise<void> => {
    while (next < COUNT) {
      const i = next++;
      const name = names[i % names.length]!;
      const { make, answers, engine } = kinds[name]!;
      const h = make(); // at once, so that the order of answers changes no request
      const status = await ask(new URL(edge.url), h);
      let said = status === 0 ? 'closed' : String(status);
      if (engine && status >= 500 && (await ask(controlURL, h)) === status) said += ' by the engine';
      else if (answers ? !answers.includes(status) : status >= 500) wrong.push(`request ${i}, ${name}: ${said}, expected ${answers?.join(' or ') ?? 'below 500'}: ${h.method ?? 'GET'} ${h.path} ${(h.raw ?? (h.body ?? '').toString().slice(0, 600))}`);
      const row = seen.get(name)!;
      row.set(said, (row.get(said) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
  for (const [name, row] of seen) t.diagnostic(`${name.padEnd(24)} ${[...row].sort().map(([s, n]) => `${s}: ${n}`).join(', ')}`);
  assert.deepEqual(wrong, []);
  assert.deepEqual((await (await store(edge)).list()).keys, [], 'nothing is kept');
  // What is good is still taken: the refusals above are of this Worker, alive.
  const alive = await send(edge.url, good.run);
  assert.equal(alive.status, 201);
  const { id } = await alive.json() as { id: string };
  assert.equal(await (await fetch(`${edge.url}api/runs/${id}`)).text(), good.run);
});
