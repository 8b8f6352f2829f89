// docs/deploy/nginx.conf with a real nginx, where there is one: the headers of
// _headers, the types, the compressed copies, and the page in Chromium.
import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, before, test } from 'node:test';
import { headersOf, readHeaders } from '../../scripts/headers.mjs';
import { openSite } from './browser.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const dist = join(root, 'site/dist');
const nginx = ['/usr/sbin/nginx', '/usr/local/sbin/nginx', '/usr/bin/nginx'].find(existsSync);
const skip = nginx && existsSync('/etc/nginx/mime.types') ? false : 'there is no nginx here: sh .ci/nginx';
const packer = '/usr/lib/nginx/modules/ngx_http_brotli_static_module.so';
const packs = existsSync(packer);

let folder = '';
let server: ChildProcess | undefined;
let url = '';

/** The file as it stands in the docs, but for what names a machine: port, certificate, folders. */
function here(port: number): string {
  const change = (text: string, from: RegExp, to: string): string => {
    assert.match(text, from);
    return text.replace(from, to);
  };
  let text = readFileSync(join(root, 'docs/deploy/nginx.conf'), 'utf8');
  text = change(text, /listen 443 ssl;/, `listen 127.0.0.1:${port};`);
  text = change(text, /^ *ssl_certificate.*\n^ *ssl_certificate_key.*\n/m, '');
  text = change(text, /root \/srv\/raftlab;/, `root ${dist};`);
  text = change(text, /include \/etc\/nginx\/raftlab-headers.conf;/, `include ${folder}/raftlab-headers.conf;`);
  return packs ? text : change(text, /^ *location \/toolchain\/ \{\n *brotli_static on;\n *\}\n/m, '');
}

before(async () => {
  if (skip) return;
  folder = mkdtempSync(`${tmpdir()}/raftlab-nginx-`);
  const headers = spawnSync(process.execPath, ['scripts/headers.mjs', 'nginx', 'dist'], { cwd: join(root, 'site'), encoding: 'utf8' });
  assert.equal(headers.status, 0, headers.stderr);
  writeFileSync(`${folder}/raftlab-headers.conf`, headers.stdout);
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  url = `http://127.0.0.1:${port}/`;
  writeFileSync(`${folder}/main.conf`, `${process.getuid?.() === 0 ? 'user root;\n' : ''}daemon off;\nworker_processes 1;\npid ${folder}/pid;\nerror_log stderr;\n`
    + `${packs ? `load_module ${packer};\n` : ''}events {}\nhttp {\n`
    + ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((t) => `${t}_temp_path ${folder}/${t};\n`).join('')
    + `access_log off;\ninclude /etc/nginx/mime.types;\ndefault_type application/octet-stream;\n${here(port)}}\n`);
  server = spawn(nginx!, ['-c', `${folder}/main.conf`, '-p', folder], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  server.stderr!.on('data', (d: Buffer) => { said += d.toString(); });
  for (let i = 0; ; i++) {
    if (await fetch(url).then(() => true, () => false)) break;
    if (i === 100 || server.exitCode !== null) throw new Error(`nginx does not answer: ${said}`);
    await new Promise((go) => setTimeout(go, 100));
  }
});
after(async () => {
  if (!server) return;
  const ended = once(server, 'exit');
  server.kill('SIGTERM');
  await ended;
  rmSync(folder, { recursive: true, force: true });
});

test('nginx sends the headers, the types and the compressed copies', { skip }, async () => {
  const all = readHeaders(readFileSync(join(dist, '_headers'), 'utf8'));
  const asset = `_astro/${readdirSync(join(dist, '_astro')).find((f) => f.endsWith('.js'))!}`;
  for (const [path, status, type] of [['', 200, 'text/html'], ['zh/playground/', 200, 'text/html'], ['sw.js', 200, 'application/javascript'], [asset, 200, 'application/javascript'],
    ['wasm/cluster.wasm', 200, 'application/wasm'], ['toolchain/go/manifest.json', 200, 'application/json'], ['nothing/here', 404, 'text/html'], ['_astro/none.js', 404, 'text/html']] as const) {
    const r = await fetch(url + path);
    assert.equal(r.status, status, path);
    assert.equal(r.headers.get('content-type'), type, path);
    // What is not found is the page that says so, and is kept no longer than that.
    const wanted = headersOf(all, status === 404 ? '/404.html' : `/${path}`);
    for (const [name, value] of Object.entries({ 'cache-control': 'no-cache', ...wanted })) assert.equal(r.headers.get(name), value, `${path}: ${name}`);
    if (status === 404) assert.match(await r.text(), /<html/);
    else await r.arrayBuffer();
  }
  assert.match((await fetch(url + asset)).headers.get('cache-control')!, /immutable/);
  const moved = await fetch(`${url}playground`, { redirect: 'manual' });
  assert.deepEqual([moved.status, moved.headers.get('location')], [301, '/playground/']);
  for (const [path, encoding] of [['wasm/cluster.wasm', 'gzip'], ...(packs ? [['toolchain/go/compile.wasm', 'br'], ['toolchain/go/objects.pack', 'br']] : [])]) {
    const r = await fetch(url + path!, { headers: { 'accept-encoding': 'br, gzip' } });
    assert.equal(r.headers.get('content-encoding'), encoding, path);
    await r.arrayBuffer();
  }
});

test('the page works behind nginx, and nothing breaks its policy', { skip }, async () => {
  const site = await openSite({ serviceWorkers: 'block' }, url);
  try {
    const { page, errors } = await site.open('playground/');
    await page.waitForSelector('.raftlab-player .node');
    await page.selectOption('.controls select', 'elected');
    await page.waitForSelector('.node.leader');
    assert.deepEqual(errors, []);
  } finally {
    await site.close();
  }
});
