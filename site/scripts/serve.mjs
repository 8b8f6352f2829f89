// Serves a folder of static files on this machine only, as any static host
// would, with brotli for what compresses and the headers that the folder's _headers
// asks for. `node scripts/serve.mjs dist` says
// where and runs until it is stopped; tests import `serve`.
import { createReadStream, existsSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, resolve, sep } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';
import { headersOf, readHeaders } from './headers.mjs';

const TYPES = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8', '.json': 'application/json', '.svg': 'image/svg+xml', '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json', '.woff2': 'font/woff2', '.png': 'image/png', '.ico': 'image/x-icon',
};
const PLAIN = new Set(['.woff2', '.png', '.ico', '.pf_meta', '.pf_index', '.pf_fragment']);

/** Starts the server on a free port; returns its address and a way to end it. */
export async function serve(folder, port = 0) {
  const root = resolve(folder);
  const packed = new Map();
  const asked = existsSync(join(root, '_headers')) ? readHeaders(readFileSync(join(root, '_headers'), 'utf8')) : [];
  const server = createServer((req, res) => {
    const path = decodeURIComponent(new URL(req.url, 'http://localhost').pathname);
    let file = join(root, path);
    if (file !== root && !file.startsWith(root + sep)) return void res.writeHead(403).end();
    if (existsSync(file) && statSync(file).isDirectory()) file = join(file, 'index.html');
    if (!existsSync(file)) {
      res.writeHead(404, { 'content-type': TYPES['.html'], ...headersOf(asked, path) });
      return void res.end(existsSync(join(root, '404.html')) ? readFileSync(join(root, '404.html')) : 'not found');
    }
    const ext = extname(file);
    const { mtimeMs, size } = statSync(file);
    const etag = `"${mtimeMs.toString(36)}-${size.toString(36)}"`;
    const head = { 'content-type': TYPES[ext] ?? 'application/octet-stream', 'cache-control': 'no-cache', etag, ...headersOf(asked, path) };
    if (req.headers['if-none-match'] === etag) return void res.writeHead(304, head).end();
    if (!PLAIN.has(ext) && /\bbr\b/.test(req.headers['accept-encoding'] ?? '')) {
      if (existsSync(`${file}.br`)) { // big files are compressed beforehand
        res.writeHead(200, { ...head, 'content-encoding': 'br', vary: 'accept-encoding', 'content-length': statSync(`${file}.br`).size });
        return void createReadStream(`${file}.br`).pipe(res);
      }
      let b = packed.get(file);
      if (b?.mtimeMs !== mtimeMs) {
        const body = brotliCompressSync(readFileSync(file), { params: { [constants.BROTLI_PARAM_QUALITY]: ext === '.wasm' ? 5 : 9 } });
        packed.set(file, (b = { mtimeMs, body }));
      }
      res.writeHead(200, { ...head, 'content-encoding': 'br', vary: 'accept-encoding', 'content-length': b.body.length });
      return void res.end(b.body);
    }
    res.writeHead(200, head);
    createReadStream(file).pipe(res);
  });
  await new Promise((done, fail) => server.once('error', fail).listen(port, '127.0.0.1', done));
  return { url: `http://127.0.0.1:${server.address().port}/`, close: () => { server.closeAllConnections(); server.close(); } };
}

if (process.argv[1] && import.meta.filename === resolve(process.argv[1])) {
  const s = await serve(process.argv[2] ?? 'dist', Number(process.env.PORT ?? 4321));
  console.log(`raftlab is at ${s.url} (Ctrl+C ends it)`);
}
