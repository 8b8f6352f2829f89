// What the learner has done, kept in the browser and exported as a file.

const KEY = 'raftlab-progress';
const VERSION = 1;

/** "lesson/task-or-question" of everything done. */
export type Progress = Set<string>;

interface File {
  raftlab: 'progress';
  version: number;
  done: string[];
}

export class ProgressError extends Error {
  readonly code: 'foreign' | 'newer';
  constructor(code: ProgressError['code']) {
    super(code);
    this.code = code;
  }
}

export function encodeProgress(p: Progress): string {
  const file: File = { raftlab: 'progress', version: VERSION, done: [...p].sort() };
  return `${JSON.stringify(file, null, 1)}\n`;
}

export function decodeProgress(text: string): Progress {
  let file: Partial<File>;
  try {
    file = JSON.parse(text) as Partial<File>;
  } catch {
    throw new ProgressError('foreign');
  }
  if (file === null || typeof file !== 'object' || file.raftlab !== 'progress') throw new ProgressError('foreign');
  if (typeof file.version !== 'number' || file.version > VERSION) throw new ProgressError('newer');
  if (!Array.isArray(file.done) || !file.done.every((d) => typeof d === 'string' && /^[a-z0-9-]+\/[a-z0-9-]+$/.test(d))) {
    throw new ProgressError('foreign');
  }
  return new Set(file.done);
}

/** Reads what is kept. `kept` false: this browser keeps nothing for the page. */
export function loadProgress(): { progress: Progress; kept: boolean } {
  try {
    const text = localStorage.getItem(KEY);
    return { progress: text ? decodeProgress(text) : new Set(), kept: true };
  } catch (e) {
    // What is not ours is left alone until something new is to be kept.
    return { progress: new Set(), kept: e instanceof ProgressError };
  }
}

/** Keeps it; false: the browser refuses. */
export function saveProgress(p: Progress): boolean {
  try {
    localStorage.setItem(KEY, encodeProgress(p));
    return true;
  } catch {
    return false;
  }
}
