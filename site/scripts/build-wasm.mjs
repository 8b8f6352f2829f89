// Builds the live cluster and puts it, with the Go release's own loader, into
// public/wasm/. Go must be installed. The compressed copies are for hosts that
// serve them, and to know the size.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants } from 'node:zlib';

const root = fileURLToPath(new URL('../..', import.meta.url));
const out = `${root}site/public/wasm/`;
mkdirSync(out, { recursive: true });
const env = { ...process.env, GOOS: 'js', GOARCH: 'wasm', GOTOOLCHAIN: 'local' };
execFileSync('go', ['build', '-trimpath', '-ldflags=-s -w', '-o', `${out}cluster.wasm`, './wasm/cluster'], { cwd: root, env, stdio: 'inherit' });
const goroot = execFileSync('go', ['env', 'GOROOT'], { encoding: 'utf8' }).trim();
copyFileSync(`${goroot}/lib/wasm/wasm_exec.js`, `${out}wasm_exec.js`);
const raw = readFileSync(`${out}cluster.wasm`);
if (process.argv.includes('--size')) {
  const packed = brotliCompressSync(raw, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 24, [constants.BROTLI_PARAM_SIZE_HINT]: raw.length } });
  writeFileSync(`${out}cluster.wasm.br`, packed);
  console.log(`cluster.wasm: ${raw.length} bytes, brotli ${packed.length}`);
}
