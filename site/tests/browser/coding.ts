// What the tests and the benchmark of the coding pages share.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { toZip } from '../../src/code/folder.ts';

export const root = fileURLToPath(new URL('../../..', import.meta.url));

/** A folder's files. */
export function folder(dir: string): Record<string, string> {
  const files: Record<string, string> = {};
  for (const f of readdirSync(dir, { recursive: true }) as string[]) {
    if (statSync(join(dir, f)).isFile()) files[f.replaceAll('\\', '/')] = readFileSync(join(dir, f), 'utf8');
  }
  return files;
}

/** Puts a folder in the place of the learner's, as the page itself keeps it; open the page afterwards. */
export async function keep(page: Page, files: Record<string, string>): Promise<void> {
  await page.evaluate((given) => new Promise<void>((done, fail) => {
    const open = indexedDB.open('raftlab-code', 1);
    open.onupgradeneeded = () => open.result.createObjectStore('folders');
    open.onerror = () => fail(open.error ?? new Error('IndexedDB'));
    open.onsuccess = () => {
      const tx = open.result.transaction('folders', 'readwrite');
      tx.objectStore('folders').put({ files: given, revision: 1 }, 'raft');
      tx.oncomplete = () => { open.result.close(); done(); };
      tx.onerror = () => fail(tx.error ?? new Error('IndexedDB'));
    };
  }), files);
}

/** Waits until the compiler is here and warm. */
export async function ready(page: Page): Promise<void> {
  await page.locator('.coding[data-tools=yes]').waitFor();
}

async function counter(page: Page, name: 'version' | 'ended'): Promise<number> {
  return Number(await page.locator('.coding').getAttribute(`data-${name}`));
}

/** Does something and waits until it has changed a counter of the page. */
async function counted(page: Page, name: 'version' | 'ended', act: () => Promise<unknown>): Promise<void> {
  const before = await counter(page, name);
  await act();
  await page.waitForFunction(([n, was]) => Number(document.querySelector<HTMLElement>('.coding')!.dataset[n as string]) > (was as number), [name, before] as const);
}

/** Opens a zip of other files, without loading everything anew. */
export async function use(page: Page, files: Record<string, string>): Promise<void> {
  const zip = join(tmpdir(), `raftlab-${process.pid}.zip`);
  writeFileSync(zip, toZip(files));
  await counted(page, 'version', () => page.locator('input[type=file]').setInputFiles(zip));
}

/** Drops a module compiled elsewhere and waits for its verdict. */
export async function drop(page: Page, file: string): Promise<string> {
  await counted(page, 'ended', () => page.locator('input[type=file]').setInputFiles(file));
  return page.locator('.verdict, .coding > .told.bad').first().innerText();
}

/** Presses Run and waits for how it ends: the verdict's text or the complaint's. */
export async function run(page: Page): Promise<string> {
  await counted(page, 'ended', () => page.getByRole('button', { name: 'Run', exact: true }).click());
  return page.locator('.verdict, .coding > .told.bad').first().innerText();
}

/** The files of an archive in txtar's form. */
export function txtar(file: string): Record<string, string> {
  const pieces = readFileSync(file, 'utf8').split(/^-- (.+) --\n/m);
  return Object.fromEntries(Array.from({ length: (pieces.length - 1) / 2 }, (_, i) => [pieces[2 * i + 1]!, pieces[2 * i + 2]!]));
}

/** The correct server with a planted bug; see grader/corpus. */
export function planted(correct: Record<string, string>, bug: string, from = 'bugs'): { files: Record<string, string>; part: string } {
  const text = readFileSync(`${root}grader/testdata/${from}/${bug}.txtar`, 'utf8');
  const pieces = text.split(/^-- (.+) --\n/m);
  const part = /^part: (\w+)$/m.exec(pieces[0]!)![1]!;
  const files = { ...correct };
  const edits = new Map<string, Record<string, string>>();
  for (let i = 1; i + 1 < pieces.length; i += 2) {
    const [n, what] = pieces[i]!.split('/') as [string, string];
    edits.set(n, { ...edits.get(n), [what]: pieces[i + 1]! });
  }
  for (const e of edits.values()) {
    const name = e['file']!.trim();
    if (files[name]!.split(e['old']!).length !== 2) throw new Error(`${bug}: the old text does not stand in ${name} exactly once`);
    files[name] = files[name]!.replace(e['old']!, () => e['new'] ?? '');
  }
  return { files, part };
}
