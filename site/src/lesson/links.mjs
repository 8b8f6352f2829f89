// The lessons as links for the sidebar: read from labs/lessons, where they live.
import { existsSync, readdirSync, readFileSync } from 'node:fs';

const folder = new URL('../../../labs/lessons/', import.meta.url);

function title(name, lang) {
  const front = readFileSync(new URL(`${name}/${lang}.md`, folder), 'utf8');
  const line = /^title:\s*(.+)$/m.exec(front);
  if (!line) throw new Error(`labs/lessons/${name}/${lang}.md: expected a line "title: ..." in the front matter`);
  return line[1].trim().replace(/^(["'])(.*)\1$/, '$2');
}

/** Names of the lessons that have both texts, in order. */
export function lessonNames() {
  return readdirSync(folder, { withFileTypes: true })
    .filter((d) => d.isDirectory() && ['en.md', 'zh.md', 'lesson.json'].every((f) => existsSync(new URL(`${d.name}/${f}`, folder))))
    .map((d) => d.name)
    .sort();
}

export function lessonLinks() {
  return lessonNames().map((name) => ({
    label: title(name, 'en'),
    translations: { 'zh-CN': title(name, 'zh') },
    link: `/lessons/${name}/`,
  }));
}
