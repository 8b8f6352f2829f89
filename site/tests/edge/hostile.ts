// 1000 hostile requests to the Worker in workerd, of fixed seed: `make
// edge-hostile`. None may be answered with 5xx or not at all, and nothing of
// them may be kept.
import { connect } from 'node:net';
import { start } from '../../scripts/edge.mjs';
import { sample, send, SCRIPT_TYPE, TRACE_TYPE } from './worker.ts';

const COUNT = Number(process.env['COUNT'] ?? 1000);
const good = sample();
const open = { simple: { limit: 1_000_000, period: 60 as const } };
// Only so that every request reaches the readers: routes.test.ts tests the limits.
const edge = await start({ limits: { WRITES: { namespace_id: '1', ...open }, READS: { namespace_id: '2', ...open } } });

let state = 42;
/** Numbers below n, the same in each run (a linear congruential generator). */
const random = (n: number): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) % n;
const pick = <T>(list: readonly T[]): T => list[random(list.length)]!;
const noise = (n: number): Uint8Array => Uint8Array.from({ length: n }, () => random(256));
const bad = ['<script>alert(1)</script>', '../../etc/passwd', "' OR 1=1 --", '{{7*7}}', '%00', '\u202e', '💥', 'A'.repeat(3000), '\\', '${jndi:ldap://x}', '\r\nSet-Cookie: a=b', '__proto__'];

/** A trace with a byte changed in what its hash covers, or cut short. */
function brokenTrace(): Uint8Array {
  const from = good.trace.length >> 2; // past the header
  if (random(3) === 0) return good.trace.subarray(0, random(good.trace.length));
  const t = Uint8Array.from(good.trace);
  const at = from + random(t.length - from);
  t[at] = t[at]! ^ (1 + random(255));
  return t;
}

/** A script with a line that cannot be, put in anywhere after its head. */
function brokenRun(): string {
  const lines = good.run.split('\n');
  const line = pick(['fly', `at 1 ${pick(bad)}`, 'at -1 wait', 'servers 99', 'set x 1', 'load S1 x 1', 'until 1e9', 'at 1 crash S99', `kind ${pick(bad)}`, '\u0000', 'raftlab-cluster 1', `hash ${pick(bad)}`]);
  lines.splice(4 + random(lines.length - 5), 0, line);
  return lines.join('\n');
}

function raw(text: string): Promise<number> {
  const { hostname, port } = new URL(edge.url);
  return new Promise((done) => {
    let got = '';
    const c = connect(Number(port), hostname, () => { c.write(text, 'latin1'); setTimeout(() => c.end(), 50); });
    c.on('data', (d) => { got += d.toString('latin1'); });
    c.on('error', () => done(0));
    c.on('close', () => done(Number(/^HTTP\/1\.1 (\d+)/.exec(got)?.[1] ?? 0)));
  });
}

const get = async (path: string, init: RequestInit = {}): Promise<number> => {
  const r = await fetch(edge.url + path, { redirect: 'manual', ...init });
  await r.arrayBuffer();
  return r.status;
};
const post = async (...args: Parameters<typeof send> extends [string, ...infer R] ? R : never): Promise<number> => {
  const r = await send(edge.url, ...args);
  await r.arrayBuffer();
  return r.status;
};

const kinds: Record<string, () => Promise<number>> = {
  'a broken trace': () => post(brokenTrace(), { type: TRACE_TYPE }),
  'a broken run': () => post(brokenRun()),
  'noise as a trace': () => post(noise(random(4000)), { type: TRACE_TYPE }),
  'noise after the magic': () => post(Buffer.concat([Buffer.from('RAFTLAB\x01'), noise(random(4000))]), { type: TRACE_TYPE }),
  'noise as a run': () => post(noise(random(4000))),
  'a wrong type': () => post(good.run, { type: pick(['text/html', 'image/svg+xml', 'application/javascript', 'multipart/form-data; boundary=x', 'application/json', TRACE_TYPE, '/', ';', 'a'.repeat(500)]) }),
  'another site': () => post(good.run, { headers: { origin: pick(['null', 'https://evil.example', 'http://127.0.0.1', 'x', 'https://127.0.0.1:1@evil.example']) } }),
  'too large': () => post(random(2) ? Buffer.alloc((1 << 20) + 1 + random(1 << 20)) : good.run + 'until 5\n'.repeat(40_000), { type: random(2) ? TRACE_TYPE : SCRIPT_TYPE }),
  'a huge count': () => post(Buffer.concat([Buffer.from('RAFTLAB\x01\x0d{"servers":1}'), Buffer.from([pick([1, 16, 23]), 0, 0x80 | random(128), 0x10]), Buffer.from([0xff, 0xff, 0xff, 0xff, 0x7f]), noise(40)]), { type: TRACE_TYPE }),
  'a million tiny records': () => post(Buffer.concat([Buffer.from('RAFTLAB\x01\x0d{"servers":1}'), Buffer.alloc(600_000 + random(300_000), Buffer.from([48, 0, 0]))]), { type: TRACE_TYPE }),
  'deep JSON': () => post(Buffer.concat([Buffer.from('RAFTLAB\x01\xa0\x9c\x01', 'latin1'), Buffer.alloc(20_000, '{"extra":'), noise(99)]), { type: TRACE_TYPE }),
  'an odd ID': () => get(pick(['s/', 'api/runs/']) + pick([encodeURIComponent(pick(bad)), '%', '%ff%fe', '%2e%2e%2f', `r${'A'.repeat(random(60))}`, `r${'%41'.repeat(20)}`])),
  'an odd route': () => get(pick(['api/', 's/', 'api/runs', '']) + pick(['../x', '//x', encodeURIComponent(pick(bad)), '?' + encodeURIComponent(pick(bad)), '.env', 'wp-login.php', '%5c..%5c'])),
  'an odd method': () => get(pick(['api/runs', 's/x', `api/runs/r${'A'.repeat(20)}`, 'playground/']), { method: pick(['PUT', 'DELETE', 'PATCH', 'OPTIONS', 'PROPFIND', 'BREW']) }),
  'odd headers': () => get(`s/r${'A'.repeat(20)}`, { headers: { 'accept-language': 'zh,'.repeat(random(500) + 1), 'x-forwarded-for': 'x'.repeat(random(4000)), range: 'bytes=9-1', 'if-none-match': '*', 'cf-connecting-ip': pick(['', '::1', 'x'.repeat(2000)]) } }),
  'broken HTTP': () => raw(pick(['GET /s/x', 'GET /s/\x00 HTTP/1.1\r\nHost: x\r\n\r\n', 'POST /api/runs HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n',
    `POST /api/runs HTTP/1.1\r\nHost: x\r\nContent-Type: ${SCRIPT_TYPE}\r\nContent-Length: 50\r\n\r\nshort`, 'POST /api/runs HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n', 'X'.repeat(9000),
    'GET /s/x HTTP/1.1\r\nHost: a b\r\n\r\n', 'GET http://[::1/ HTTP/1.1\r\nHost: x\r\n\r\n'])),
};

const names = Object.keys(kinds);
const seen = new Map<string, Map<number, number>>();
let wrong = 0;
for (let i = 0; i < COUNT; i++) {
  const name = names[i % names.length]!;
  let status: number;
  try {
    status = await Promise.race([kinds[name]!(), new Promise<never>((_, fail) => { setTimeout(() => fail(new Error('no answer in 30 s')), 30_000).unref(); })]);
  } catch (e) {
    status = -1;
    console.error(`${name}: ${String(e)} ${String((e as Error).cause ?? '')}`);
  }
  // Broken HTTP may be answered by closing the connection (0).
  if (status >= 500 || status < 0 || status === 201 || (status === 0 && name !== 'broken HTTP')) {
    wrong++;
    console.error(`request ${i}, ${name}: ${status}`);
  }
  const row = seen.get(name) ?? new Map<number, number>();
  seen.set(name, row.set(status, (row.get(status) ?? 0) + 1));
}
const kv = await edge.mf.getKVNamespace('RUNS') as unknown as { list(): Promise<{ keys: unknown[] }> };
const kept = (await kv.list()).keys.length;
// What is good is still taken: the refusals above are of this Worker, alive.
const alive = await post(good.run);
for (const [name, row] of seen) console.log(`  ${name.padEnd(26)} ${[...row].sort().map(([s, n]) => `${s === 0 ? 'closed' : s}: ${n}`).join(', ')}`);
console.log(`${COUNT} hostile requests: ${wrong} answered wrongly, ${kept} kept; a good one after them: ${alive}`);
await edge.close();
process.exit(wrong === 0 && kept === 0 && alive === 201 ? 0 : 1);
