// The headers that every host should send with the site, worked out from the
// built files: an Astro integration writes them to dist/_headers, which Netlify
// and Cloudflare read; `node scripts/headers.mjs nginx dist` prints them for nginx.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const YEAR = 'public, max-age=31536000, immutable';
/** Folders whose files have their content's hash in their names. */
const HASHED = ['_astro/', 'pagefind/fragment/', 'pagefind/index/'];
/** Cloudflare cuts longer lines off. */
const LONGEST = 2000;

/** Hashes of the scripts that stand in the pages themselves. */
function inlineScripts(dist) {
  const found = new Set();
  for (const f of readdirSync(dist, { recursive: true, withFileTypes: true })) {
    if (!f.isFile() || !f.name.endsWith('.html')) continue;
    const page = readFileSync(join(f.parentPath, f.name), 'utf8');
    for (const [, attributes, code] of page.matchAll(/<script\b([^>]*)>([\s\S]*?)<\/script>/gi)) {
      if (/\ssrc\s*=/i.test(attributes) || /type\s*=\s*["']?application\/(ld\+)?json/i.test(attributes)) continue;
      found.add(`'sha256-${createHash('sha256').update(code).digest('base64')}'`);
    }
    const handler = /<[a-z][^<>]*\son[a-z]+\s*=\s*["'][^"']*["']/i.exec(page.replace(/<script\b[\s\S]*?<\/script>/gi, ''));
    if (handler) throw new Error(`${f.name}: a script in an attribute, which the policy forbids: ${handler[0].slice(0, 120)}`);
  }
  return [...found].sort();
}

/** The rules: a path, which may end in *, and its headers. The first holds for all. */
export function rules(dist, base = '/') {
  const policy = [
    "default-src 'none'",
    // wasm-unsafe-eval: to compile WebAssembly, nothing else.
    `script-src 'self' 'wasm-unsafe-eval' ${inlineScripts(dist).join(' ')}`,
    "style-src 'self' 'unsafe-inline'", // positions of what is drawn are style attributes
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "worker-src 'self'",
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  return [
    [`${base}*`, [
      ['Content-Security-Policy', policy],
      ['X-Content-Type-Options', 'nosniff'],
      ['Referrer-Policy', 'strict-origin-when-cross-origin'],
      ['Cross-Origin-Opener-Policy', 'same-origin'],
      ['Permissions-Policy', 'camera=(), geolocation=(), microphone=()'],
    ]],
    ...HASHED.map((folder) => [`${base}${folder}*`, [['Cache-Control', YEAR]]]),
  ];
}

/** The rules as Netlify and Cloudflare read them. */
export function headersFile(all) {
  const lines = all.flatMap(([path, headers]) => [path, ...headers.map(([name, value]) => `  ${name}: ${value}`)]);
  const long = lines.find((l) => l.length > LONGEST);
  if (long) throw new Error(`_headers: a line of ${long.length} characters, ${LONGEST} at most: ${long.slice(0, 60)}…`);
  return lines.join('\n') + '\n';
}

/** Reads such a file; hosts of other kinds need it, and so do tests. */
export function readHeaders(text) {
  const all = [];
  for (const line of text.split('\n')) {
    if (/^\S/.test(line)) all.push([line.trim(), []]);
    const at = line.indexOf(':');
    if (/^\s/.test(line) && at > 0) all.at(-1)[1].push([line.slice(0, at).trim(), line.slice(at + 1).trim()]);
  }
  return all;
}

/** The headers of a path, by the rules. */
export function headersOf(all, path) {
  const mine = all.filter(([rule]) => (rule.endsWith('*') ? path.startsWith(rule.slice(0, -1)) : path === rule));
  return Object.fromEntries(mine.flatMap(([, headers]) => headers.map(([name, value]) => [name.toLowerCase(), value])));
}

/**
 * The rules for nginx, to be included in a server, or in the location of a
 * sub-folder. add_header is inherited only where no other stands.
 */
function nginx(all) {
  const [[, everywhere], ...more] = all;
  const add = (headers, indent = '') => headers.map(([name, value]) => `${indent}add_header ${name} "${value}" always;\n`).join('');
  return add([...everywhere, ['Cache-Control', 'no-cache']])
    + more.map(([path, headers]) => `location ${path.slice(0, -1)} {\n${add([...everywhere, ...headers], '    ')}}\n`).join('');
}

export default function headers(base) {
  return {
    name: 'raftlab-headers',
    hooks: {
      'astro:build:done': ({ dir }) => {
        const dist = fileURLToPath(dir);
        writeFileSync(join(dist, '_headers'), headersFile(rules(dist, base)));
      },
    },
  };
}

if (process.argv[1] && import.meta.filename === resolve(process.argv[1])) {
  const [, , form, dist = 'dist'] = process.argv;
  if (form !== 'nginx') throw new Error('usage: node scripts/headers.mjs nginx [DIST]');
  console.log(nginx(readHeaders(readFileSync(join(dist, '_headers'), 'utf8'))));
}
