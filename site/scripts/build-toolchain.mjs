// Puts into public/toolchain/ what the pages need on which Go is written: the
// grader, Go's compiler and linker and the standard library's archives, each
// also compressed, and sizes.json. Go must be installed. What is there already
// is not built again.
//
// QUALITY=11 compresses for a release, in about two minutes; the default is 5.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { brotliCompress, constants } from 'node:zlib';

const root = fileURLToPath(new URL('../..', import.meta.url));
const out = `${root}site/public/toolchain/`;
const quality = Number(process.env.QUALITY ?? 5);
mkdirSync(out, { recursive: true });
const go = (args, env = {}) => execFileSync('go', args, { cwd: root, env: { ...process.env, GOTOOLCHAIN: 'local', ...env }, stdio: ['ignore', 'inherit', 'inherit'] });
go(['run', './wasm/toolchain', '-o', `${out}go`]);
go(['build', '-trimpath', '-ldflags=-s -w', '-o', `${out}grader.wasm`, './wasm/grader'], { GOOS: 'js', GOARCH: 'wasm' });

const files = readdirSync(out, { recursive: true }).map((f) => f.replaceAll('\\', '/')).filter((f) => /\.(wasm|pack|json)$/.test(f) && f !== 'sizes.json').sort();
for (const f of readdirSync(out, { recursive: true })) {
  if (f.endsWith('.br') && !existsSync(out + f.slice(0, -3))) rmSync(out + f);
}
const sum = createHash('sha256');
const sizes = {};
const old = existsSync(`${out}sizes.json`) ? JSON.parse(readFileSync(`${out}sizes.json`, 'utf8')) : {};
await Promise.all(files.map(async (f) => {
  const raw = readFileSync(out + f);
  const hash = createHash('sha256').update(raw).digest('hex');
  const known = old.files?.[f];
  if (!(known?.hash === hash && old.quality >= quality && existsSync(`${out}${f}.br`))) {
    writeFileSync(`${out}${f}.br`, await promisify(brotliCompress)(raw, {
      params: { [constants.BROTLI_PARAM_QUALITY]: quality, [constants.BROTLI_PARAM_LGWIN]: quality > 9 ? 24 : 22, [constants.BROTLI_PARAM_SIZE_HINT]: raw.length },
    }));
  }
  sizes[f] = { bytes: raw.length, packed: statSync(`${out}${f}.br`).size, hash };
}));
for (const f of files) sum.update(`${f} ${sizes[f].hash}\n`);
writeFileSync(`${out}sizes.json`, JSON.stringify({ key: sum.digest('hex').slice(0, 16), quality, files: sizes }));
let total = 0;
for (const f of files) {
  total += f.includes('more') ? 0 : sizes[f].packed;
  if (process.argv.includes('--size')) console.log(`${f}: ${sizes[f].bytes} bytes, brotli ${sizes[f].packed}`);
}
console.log(`toolchain: ${(total / 1e6).toFixed(1)} MB with brotli ${quality}, without what is fetched on demand`);
