// The labs' texts and skeletons, read when the site is built.
import { readFile } from 'node:fs/promises';
import type { Loader } from 'astro/loaders';
import type { Files } from './api.ts';
import { PARTS } from './labs.ts';

const labs = new URL('../../../labs/', import.meta.url);

/** A section of the handout: a part's, or one that concerns all parts. */
export interface Section {
  part: string;
  title: string;
  html: string;
}

/** What a lab's pages show in one language, and what its skeleton adds to that of the labs below. */
export interface Handout {
  /** What stands before the first section. */
  intro: string;
  sections: Section[];
  skeleton: Files;
}

/** Reads the handouts; entry ids are "raft-en", "kv-zh" and so on. */
export function handoutLoader(): Loader {
  return {
    name: 'raftlab-handout',
    async load({ store, parseData, renderMarkdown }) {
      store.clear();
      for (const [lab, parts] of Object.entries(PARTS)) {
        const files = await skeleton(lab);
        for (const lang of ['en', 'zh']) {
          const [start, ...rest] = (await readFile(new URL(`${lab}/handout/${lang}.md`, labs), 'utf8')).split(/^## /m);
          const render = async (text: string): Promise<string> => linked((await renderMarkdown(text)).html);
          const sections: Section[] = [];
          let n = 0;
          for (const text of rest) {
            const head = text.slice(0, text.indexOf('\n'));
            const isPart = /^(Part \d|第.部分)/.test(head);
            sections.push({
              part: isPart ? parts[n++] ?? '' : '', title: isPart ? head.replace(/^(Part \d+: |第.部分：)/, '') : head,
              html: await render(text.slice(head.length + 1)),
            });
          }
          if (n !== parts.length) throw new Error(`labs/${lab}/handout/${lang}.md: want ${parts.length} parts, found ${n}`);
          const data: Handout = { intro: await render(start!.replace(/^# .*\n/, '')), sections, skeleton: files };
          const id = `${lab}-${lang}`;
          store.set({ id, data: await parseData({ id, data: { ...data } }) });
        }
      }
    },
  };
}

/** A link to another lab's handout leads to that lab's pages here. */
function linked(html: string): string {
  return html.replace(/href="\.\.\/\.\.\/(\w+)\/handout\/\w+\.md(#[^"]*)?"/g, (all, lab: string) => (PARTS[lab] ? `href="../${PARTS[lab][0]!}/"` : all));
}

/** The files of a lab's skeleton.txtar. */
async function skeleton(lab: string): Promise<Files> {
  const pieces = (await readFile(new URL(`${lab}/skeleton.txtar`, labs), 'utf8')).split(/^-- (.+) --\n/m);
  const files: Files = {};
  for (let i = 1; i + 1 < pieces.length; i += 2) files[pieces[i]!] = pieces[i + 1]!;
  return files;
}
