// A learner's folder as zip files, and the limits that the grader has too.

import { strFromU8, strToU8, unzipSync, zipSync, type Zippable } from 'fflate';
import type { Files } from './api.ts';

/** Bytes of text in all: the grader's limit for Go files. */
export const MAX_SIZE = 4 << 20;
const MAX_FILES = 200;

/** Why files could not be taken, for messages.ts. */
export type Trouble = 'not-a-zip' | 'too-many' | 'too-large' | 'no-go' | 'bad-name';

export class FolderError extends Error {
  readonly trouble: Trouble;
  constructor(trouble: Trouble) {
    super(trouble);
    this.trouble = trouble;
  }
}

/** What of a folder is the learner's: text that is read by people or by Go. */
function kept(path: string): boolean {
  const parts = path.split('/');
  if (parts.some((p) => p === 'node_modules' || p === '__MACOSX' || p.startsWith('.'))) return false;
  return /\.(go|md|txt)$/.test(path) || parts.at(-1) === 'go.mod';
}

export function validPath(path: string): boolean {
  return path.length < 200 && path.split('/').every((p) => p !== '' && p !== '.' && p !== '..' && !/[\\:*?"<>|\p{Cc}]/u.test(p));
}

/** Drops a folder that everything lies in. */
function hoist(files: Files): Files {
  const names = Object.keys(files);
  const top = names[0]?.split('/')[0] ?? '';
  if (names.some((n) => !n.startsWith(`${top}/`)) || names.some((n) => n === `${top}/raft.go`)) return files;
  return Object.fromEntries(names.map((n) => [n.slice(top.length + 1), files[n]!]));
}

/** Checks a folder that comes from outside. */
export function accept(files: Files): Files {
  const names = Object.keys(files);
  if (names.length > MAX_FILES) throw new FolderError('too-many');
  if (names.some((n) => !validPath(n))) throw new FolderError('bad-name');
  if (!names.some((n) => n.endsWith('.go'))) throw new FolderError('no-go');
  if (Object.values(files).reduce((n, t) => n + t.length, 0) > MAX_SIZE) throw new FolderError('too-large');
  return hoist(files);
}

export function fromZip(bytes: Uint8Array): Files {
  const files: Files = {};
  let total = 0;
  let unpacked: Record<string, Uint8Array>;
  try {
    // Sizes are looked at before anything is unpacked.
    unpacked = unzipSync(bytes, {
      filter: (f) => {
        if (f.name.endsWith('/') || !kept(f.name)) return false;
        if ((total += f.originalSize) > MAX_SIZE) throw new FolderError('too-large');
        return true;
      },
    });
  } catch (e) {
    if (e instanceof FolderError) throw e;
    throw new FolderError('not-a-zip');
  }
  for (const [name, data] of Object.entries(unpacked)) files[name] = strFromU8(data);
  return accept(files);
}

/** The folder as a zip that unpacks to what `grade` takes. */
export function toZip(files: Files): Uint8Array<ArrayBuffer> {
  const z: Zippable = {};
  // The same folder gives the same bytes.
  for (const name of Object.keys(files).sort()) z[name] = [strToU8(files[name]!), { mtime: '1980-01-01T00:00:00', level: 9 }];
  return zipSync(z) as Uint8Array<ArrayBuffer>;
}

export function download(name: string, data: Uint8Array<ArrayBuffer> | string, type: string): void {
  const url = URL.createObjectURL(new Blob([data], { type }));
  const a = document.createElement('a');
  a.href = url;
  a.download = name;
  a.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
