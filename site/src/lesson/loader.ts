// Reads labs/lessons into a content collection: each lesson in each language as
// a list of parts, text and directives in turn, with what lesson.json says.

import { readFile } from 'node:fs/promises';
import type { Loader } from 'astro/loaders';
import { lessonNames } from './links.mjs';

const folder = new URL('../../../labs/lessons/', import.meta.url);
const DIRECTIVE = /^::([a-z0-9]+)(?:\{id=([a-z0-9-]+)\})?[ \t]*$/m;

export function lessonLoader(): Loader {
  return {
    name: 'raftlab-lessons',
    async load({ store, parseData, renderMarkdown, watcher, logger }) {
      const load = async (): Promise<void> => {
        store.clear();
        for (const name of lessonNames()) {
          const lesson: unknown = JSON.parse(await readFile(new URL(`${name}/lesson.json`, folder), 'utf8'));
          for (const lang of ['en', 'zh']) {
            const id = `${name}/${lang}`;
            const file = await readFile(new URL(`${id}.md`, folder), 'utf8');
            const [, front = '', body = ''] = /^---\n([\s\S]*?)\n---\n([\s\S]*)$/.exec(file) ?? [];
            const meta = Object.fromEntries(front.split('\n').map((l) => [l.slice(0, l.indexOf(':')), l.slice(l.indexOf(':') + 1).trim()]));
            // Split keeps what the groups caught: text, directive, id, text, ...
            const pieces = body.split(new RegExp(DIRECTIVE, 'gm'));
            const parts: unknown[] = [];
            for (let i = 0; i < pieces.length; i += 3) {
              if (pieces[i]!.trim() !== '') parts.push({ html: (await renderMarkdown(pieces[i]!)).html });
              if (pieces[i + 1] !== undefined) parts.push({ directive: pieces[i + 1], id: pieces[i + 2] ?? '' });
            }
            const data = await parseData({ id, data: { ...meta, minutes: Number(meta['minutes']), name, lang, parts, lesson } });
            store.set({ id, data });
          }
        }
        logger.info(`${store.keys().length} lesson texts`);
      };
      await load();
      watcher?.add(decodeURIComponent(folder.pathname));
      watcher?.on('change', (path) => { if (path.includes('/labs/lessons/')) void load(); });
    },
  };
}
