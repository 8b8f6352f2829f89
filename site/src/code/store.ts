// Keeps the learner's folder in the browser. Two pages may have it open: the
// one that saves second is told, and nothing is overwritten unseen.

import type { Files } from './api.ts';

export interface Saved {
  files: Files;
  /** Counts the saves. */
  revision: number;
  /** The page that saved. */
  by?: string;
  /** Counts the changes that this page had made by then. */
  change?: number;
}

/** Another page has saved since this one last read. */
export class ConflictError extends Error {}

const NAME = 'raftlab-code';
const STORE = 'folders';
const KEY = 'raft';
/** This page among those that have the folder open. (randomUUID wants https.) */
const PAGE = `${Date.now()}-${Math.random()}`;

function open(): Promise<IDBDatabase> {
  return new Promise((done, fail) => {
    const r = indexedDB.open(NAME, 1);
    r.onupgradeneeded = () => r.result.createObjectStore(STORE);
    r.onsuccess = () => done(r.result);
    r.onerror = () => fail(r.error ?? new Error('IndexedDB'));
    r.onblocked = () => fail(new Error('IndexedDB is blocked by another page'));
  });
}

async function transact<T>(mode: IDBTransactionMode, work: (s: IDBObjectStore, done: (v: T) => void, tx: IDBTransaction) => void): Promise<T> {
  const db = await open();
  try {
    return await new Promise<T>((resolve, fail) => {
      const tx = db.transaction(STORE, mode);
      let value: T;
      work(tx.objectStore(STORE), (v) => { value = v; }, tx);
      tx.oncomplete = () => resolve(value);
      tx.onerror = () => fail(tx.error ?? new Error('IndexedDB'));
      tx.onabort = () => fail(tx.error ?? new ConflictError('saved elsewhere'));
    });
  } finally {
    db.close();
  }
}

/**
 * Notes what a page that is being closed could not save any more: the database
 * may not answer in time, this store does.
 */
export function leave(files: Files, revision: number, change: number): void {
  try {
    localStorage.setItem(NAME, JSON.stringify({ files, revision, by: PAGE, change } satisfies Saved));
  } catch {
    // It is full or closed; the database may still make it.
  }
}

/**
 * Whether what a page noted when it was closed is newer than what is saved:
 * nobody has saved since, or that page itself, but files of before. It may have
 * saved newer ones as well, when the browser's "back" has brought it to life
 * again; so its changes are counted, and not its saves alone.
 */
export function newer(note: Saved, saved: Saved | undefined): boolean {
  if (saved?.by !== undefined && saved.by === note.by) return (note.change ?? 0) > (saved.change ?? 0);
  return (saved?.revision ?? 0) === note.revision;
}

/** What the last page left behind, if it is newer than what is saved. */
function left(saved: Saved | undefined): Files | undefined {
  const text = localStorage.getItem(NAME);
  if (!text) return undefined;
  localStorage.removeItem(NAME);
  const note = JSON.parse(text) as Saved;
  return newer(note, saved) ? note.files : undefined;
}

export async function load(): Promise<Saved | undefined> {
  const saved = await transact<Saved | undefined>('readonly', (s, done) => {
    const r = s.get(KEY) as IDBRequest<Saved | undefined>;
    r.onsuccess = () => done(r.result);
  });
  const files = left(saved);
  return files ? { files, revision: await save(files, saved?.revision ?? 0, 0) } : saved;
}

/**
 * Saves files, with this page's changes so far, as the revision after
 * `revision`; returns the new one.
 */
export function save(files: Files, revision: number, change: number): Promise<number> {
  return transact<number>('readwrite', (s, done, tx) => {
    const r = s.get(KEY) as IDBRequest<Saved | undefined>;
    r.onsuccess = () => {
      if ((r.result?.revision ?? 0) !== revision) {
        tx.abort();
        return;
      }
      s.put({ files, revision: revision + 1, by: PAGE, change } satisfies Saved, KEY);
      done(revision + 1);
    };
  });
}
