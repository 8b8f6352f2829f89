// The learner's folder: what is in it, which file is shown, and that it is kept.

import type { Files } from './api.ts';
import { ConflictError, leave, load, save } from './store.ts';

/** Real ms after a change before it is saved. */
const PAUSE = 400;

export class Project {
  readonly skeleton: Files;
  /** The file that is shown first. */
  private readonly main: string;
  files = $state.raw<Files>({});
  shown = $state('');
  /** Counts changes, so that what was graded can be told from what is there. */
  version = $state(0);
  /** '' all is saved; 'busy'; 'failed' the browser keeps nothing; 'conflict'. */
  saving = $state<'' | 'busy' | 'failed' | 'conflict'>('');
  private revision = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** The last save that was asked for. */
  private last: Promise<void> = Promise.resolve();

  constructor(skeleton: Files, main: string) {
    this.skeleton = skeleton;
    this.main = main;
    this.files = skeleton;
    this.shown = this.first();
  }

  /** Reads what was kept; keeps the skeleton if there is nothing. */
  async open(): Promise<void> {
    try {
      const saved = await load();
      if (saved) {
        this.revision = saved.revision;
        if (this.version === 0) this.files = saved.files; // nobody was faster
      }
    } catch {
      this.saving = 'failed';
    }
    if (!(this.shown in this.files)) this.shown = this.first();
  }

  /** The file to begin with. */
  first(): string {
    return this.names()[0] ?? '';
  }

  /** Names: the main file first, or where there is none raft.go; then the server's own files. */
  names(): string[] {
    const main = (n: string): number => n.endsWith(this.main) ? 2 : n.endsWith('raft.go') ? 1 : 0;
    const rank = (n: string): number => /(^|\/)(labrpc|labgob|raftapi|kvapi|tester1?)\//.test(n) || n.endsWith('_test.go') || n.endsWith('.md') ? 1 : 0;
    return Object.keys(this.files).sort((a, b) => rank(a) - rank(b) || main(b) - main(a) || (a < b ? -1 : 1));
  }

  write(path: string, text: string): void {
    if (this.files[path] === text) return;
    this.files = { ...this.files, [path]: text };
    this.touched();
  }

  remove(path: string): void {
    const { [path]: _, ...rest } = this.files;
    this.files = rest;
    if (this.shown === path) this.shown = this.first();
    this.touched();
  }

  /** Puts another folder in the place of this one; returns what undoes it. */
  replace(files: Files): () => void {
    const { files: old, shown } = this;
    this.files = files;
    if (!(this.shown in files)) this.shown = this.first();
    this.touched();
    return () => {
      this.files = old;
      this.shown = shown;
      this.touched();
    };
  }

  private touched(): void {
    this.version++;
    if (this.saving === 'conflict') return;
    this.saving = 'busy';
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.flush(), PAUSE);
  }

  /**
   * Saves now. One save at a time: a second one that began with the same
   * revision would take the first for another page's.
   */
  flush(): Promise<void> {
    clearTimeout(this.timer);
    this.last = this.last.then(() => this.save());
    return this.last;
  }

  private async save(): Promise<void> {
    if (this.saving !== 'busy' && this.saving !== 'failed') return;
    const { version } = this;
    try {
      this.revision = await save(this.files, this.revision, version);
      if (this.version === version) this.saving = ''; // else the change in between has its own save to come
    } catch (e) {
      this.saving = e instanceof ConflictError ? 'conflict' : 'failed';
    }
  }

  /** The page is being closed: what is not yet saved is noted at once. */
  leave(): void {
    if (this.saving === '' || this.saving === 'conflict' || this.version === 0) return;
    leave(this.files, this.revision, this.version);
    void this.flush();
  }

  /** After a conflict: takes what the other page saved, or overwrites it. */
  async settle(take: boolean): Promise<void> {
    const saved = await load().catch(() => undefined);
    if (saved) this.revision = saved.revision;
    if (take && saved) {
      this.files = saved.files;
      this.version++;
      if (!(this.shown in this.files)) this.shown = this.first();
      this.saving = '';
    } else {
      this.saving = 'busy';
      await this.flush();
    }
  }
}
