// The lab's texts and skeleton, read when the site is built.
import { readFile } from 'node:fs/promises';
import type { Loader } from 'astro/loaders';
import type { Files } from './api.ts';

const lab = new URL('../../../labs/raft/', import.meta.url);

/** The parts, in the order of the lab and of the handout. */
export const PARTS = ['election', 'agreement', 'persistence', 'partition', 'compaction'] as const;

/** A section of the handout: a part's, or one that concerns all parts. */
export interface Section {
  part: string;
  title: string;
  html: string;
}

/** Reads the handout of each language, "en" and "zh", as a list of sections, and the skeleton. */
export function handoutLoader(): Loader {
  return {
    name: 'raftlab-handout',
    async load({ store, parseData, renderMarkdown }) {
      store.clear();
      for (const lang of ['en', 'zh']) {
        const sections: Section[] = [];
        let parts = 0;
        for (const text of (await readFile(new URL(`handout/${lang}.md`, lab), 'utf8')).split(/^## /m).slice(1)) {
          const head = text.slice(0, text.indexOf('\n'));
          const { html } = await renderMarkdown(text.slice(head.length + 1));
          const isPart = /^(Part \d|第.部分)/.test(head);
          sections.push({ part: isPart ? PARTS[parts++] ?? '' : '', title: isPart ? head.replace(/^(Part \d+: |第.部分：)/, '') : head, html });
        }
        if (parts !== PARTS.length) throw new Error(`labs/raft/handout/${lang}.md: want ${PARTS.length} parts, found ${parts}`);
        store.set({ id: lang, data: await parseData({ id: lang, data: { sections, skeleton: await skeleton() } }) });
      }
    },
  };
}

/** What a learner begins with: the files of the lab's skeleton.txtar. */
async function skeleton(): Promise<Files> {
  const pieces = (await readFile(new URL('skeleton.txtar', lab), 'utf8')).split(/^-- (.+) --\n/m);
  const files: Files = {};
  for (let i = 1; i + 1 < pieces.length; i += 2) files[pieces[i]!] = pieces[i + 1]!;
  return files;
}
