// What the learner has done, kept in the browser and exported as a file.

const KEY = 'raftlab-progress';
const VERSION = 1;
/** A file beyond this is not ours. */
const MOST = 100_000;

/** "lesson/task-or-question" of everything done. */
export type Progress = Set<string>;

interface File {
  raftlab: 'progress';
  version: number;
  done: string[];
}

/** A text that is no progress of ours. `code` picks the message shown. */
export class ProgressError extends Error {
  readonly code: 'foreign' | 'newer' | 'damaged';
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
  if (text.length > MOST) throw new ProgressError('foreign');
  let file: Partial<File>;
  try {
    file = JSON.parse(text) as Partial<File>;
  } catch {
    // Ours, cut short or changed by hand, still says so at its beginning.
    throw new ProgressError(/^\s*\{\s*"raftlab"\s*:\s*"progress"/.test(text) ? 'damaged' : 'foreign');
  }
  if (file === null || typeof file !== 'object' || file.raftlab !== 'progress') throw new ProgressError('foreign');
  const { version, done } = file;
  if (typeof version !== 'number' || !(version >= 1)) throw new ProgressError('damaged');
  if (version > VERSION) throw new ProgressError('newer');
  if (!Array.isArray(done) || !done.every((d) => typeof d === 'string' && /^[a-z0-9-]+\/[a-z0-9-]+$/.test(d))) {
    throw new ProgressError('damaged');
  }
  return new Set(done);
}

/** What of the browser's storage is used. */
export type Keeper = Pick<Storage, 'getItem' | 'setItem'>;

/**
 * Progress in the browser's storage. Where that is refused, it goes on in memory
 * and `kept` says so. What another tab has done meanwhile is not lost.
 */
export class ProgressStore {
  done: Progress = new Set();
  kept = true;
  private readonly keeper: () => Keeper;

  /** The keeper is asked for each time: even to name localStorage may throw. */
  constructor(keeper: () => Keeper) {
    this.keeper = keeper;
    this.load();
  }

  /** Takes in what is kept. */
  load(): void {
    try {
      const text = this.keeper().getItem(KEY);
      if (text !== null) this.done = new Set([...this.done, ...decodeProgress(text)]);
    } catch (e) {
      // What is not ours is left alone until something new is to be kept.
      if (!(e instanceof ProgressError)) this.kept = false;
    }
  }

  /** Adds and keeps; returns how much was new. */
  add(news: Progress): number {
    this.load();
    const before = this.done.size;
    this.done = new Set([...this.done, ...news]);
    if (this.done.size > before) {
      try {
        this.keeper().setItem(KEY, encodeProgress(this.done));
      } catch {
        this.kept = false;
      }
    }
    return this.done.size - before;
  }

  /** Whether a storage event with this key is about progress. */
  static concerns(key: string | null): boolean {
    return key === null || key === KEY;
  }
}
