// An Astro integration that makes the site work offline after the first visit:
// it writes sw.js, a service worker that keeps one build's files, all or none.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Kept from the start; what is not here is kept once it was used. */
const FIRST = /\.(html|css|js|svg|wasm)$/;
/** The Go toolchain is big and only for those who write code. */
const LATER = /^(pagefind|toolchain)\//;

export default function offline(base) {
  return {
    name: 'raftlab-offline',
    hooks: {
      'astro:build:done': ({ dir }) => {
        const root = fileURLToPath(dir);
        const files = readdirSync(root, { recursive: true, withFileTypes: true })
          .filter((f) => f.isFile() && f.name !== 'sw.js' && f.name !== '_headers')
          .map((f) => `${f.parentPath}/${f.name}`.slice(root.length).replace(/^\//, ''))
          .sort();
        const sum = createHash('sha256');
        for (const f of files) sum.update(f).update(readFileSync(`${root}/${f}`));
        // What is big is kept apart, as long as it stays the same.
        const sizes = `${root}/toolchain/sizes.json`;
        const big = existsSync(sizes) ? JSON.parse(readFileSync(sizes, 'utf8')).key : 'none';
        const first = files.filter((f) => FIRST.test(f) && !LATER.test(f)).map((f) => base + f.replace(/(^|\/)index\.html$/, '$1'));
        const code = readFileSync(new URL('./sw.js', import.meta.url), 'utf8')
          .replace("'BUILD'", JSON.stringify(sum.digest('hex').slice(0, 16)))
          .replace("'BIG'", JSON.stringify(big))
          .replace('[/* FIRST */]', JSON.stringify(first));
        writeFileSync(`${root}/sw.js`, code);
      },
    },
  };
}
