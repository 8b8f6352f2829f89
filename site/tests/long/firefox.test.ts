// One test graded in Firefox, driven by WebDriver BiDi: the same hash as the
// command's. Skipped where there is no Firefox.
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { serve } from '../../scripts/serve.mjs';
import { folder, root } from '../browser/coding.ts';
import { Cli } from '../unit/studio.ts';

const firefox = [process.env['FIREFOX'], '/usr/bin/firefox-esr', '/usr/bin/firefox'].find((p) => p && existsSync(p));

/** A page in Firefox. */
class Firefox {
  private next = 0;
  private readonly waiting = new Map<number, { done(v: unknown): void; fail(e: Error): void }>();
  private readonly process: ChildProcess;
  private readonly socket: WebSocket;
  private readonly profile: string;
  private context = '';

  private constructor(process: ChildProcess, socket: WebSocket, profile: string) {
    this.process = process;
    this.socket = socket;
    this.profile = profile;
    socket.onmessage = (e) => {
      const m = JSON.parse(String(e.data)) as { id?: number; type: string; result?: unknown; message?: string };
      const w = this.waiting.get(m.id ?? -1);
      if (!w) return;
      this.waiting.delete(m.id!);
      if (m.type === 'success') w.done(m.result);
      else w.fail(new Error(m.message));
    };
  }

  static async start(): Promise<Firefox> {
    const profile = mkdtempSync(`${tmpdir()}/raftlab-firefox-`);
    const process = spawn(firefox!, ['--headless', '--no-remote', '--profile', profile, '--remote-debugging-port', '0'], { stdio: ['ignore', 'ignore', 'pipe'] });
    const url = await new Promise<string>((done, fail) => {
      let said = '';
      process.stderr!.on('data', (b) => {
        const m = /WebDriver BiDi listening on (ws:\/\/\S+)/.exec(said += String(b));
        if (m) done(m[1]!);
      });
      process.on('exit', () => fail(new Error(`Firefox ended:\n${said}`)));
    });
    const socket = new WebSocket(`${url}/session`);
    await new Promise((done, fail) => { socket.onopen = done; socket.onerror = fail; });
    const f = new Firefox(process, socket, profile);
    await f.send('session.new', { capabilities: {} });
    const tree = await f.send<{ contexts: { context: string }[] }>('browsingContext.getTree', {});
    f.context = tree.contexts[0]!.context;
    return f;
  }

  private send<T>(method: string, params: unknown): Promise<T> {
    const id = ++this.next;
    return new Promise<T>((done, fail) => {
      this.waiting.set(id, { done: done as (v: unknown) => void, fail });
      this.socket.send(JSON.stringify({ id, method, params }));
    });
  }

  async go(url: string): Promise<void> {
    await this.send('browsingContext.navigate', { context: this.context, url, wait: 'complete' });
  }

  /** Evaluates a promise of a string in the page. */
  async text(code: string): Promise<string> {
    const r = await this.send<{ type: string; result?: { value: string }; exceptionDetails?: { text: string } }>('script.evaluate', {
      expression: code, target: { context: this.context }, awaitPromise: true,
    });
    if (r.type !== 'success') throw new Error(r.exceptionDetails?.text);
    return r.result!.value;
  }

  async close(): Promise<void> {
    const ended = new Promise((done) => this.process.on('exit', done));
    this.socket.close();
    this.process.kill();
    await ended;
    rmSync(this.profile, { recursive: true, force: true });
  }
}

test('Firefox grades as the command does', { skip: firefox ? false : 'there is no Firefox', timeout: 400_000 }, async () => {
  const correct = folder(`${root}grader/testdata/correct`);
  const cli = new Cli();
  const server = await serve(fileURLToPath(new URL('../../dist', import.meta.url)));
  const browser = await Firefox.start();
  try {
    await browser.go(`${server.url}code/election/`);
    await browser.text(`new Promise((done, fail) => {
      const open = indexedDB.open('raftlab-code', 1);
      open.onupgradeneeded = () => open.result.createObjectStore('folders');
      open.onerror = () => fail(open.error);
      open.onsuccess = () => {
        const tx = open.result.transaction('folders', 'readwrite');
        tx.objectStore('folders').put({ files: ${JSON.stringify(correct)}, revision: 1 }, 'raft');
        tx.oncomplete = () => { open.result.close(); done('kept'); };
      };
    })`);
    await browser.go(`${server.url}code/election/`);
    const until = (condition: string): string => `new Promise((done) => { const look = () => (${condition}) ? done('') : setTimeout(look, 50); look(); })`;
    await browser.text(until(`document.querySelector('.coding[data-tools=yes]')`));
    // What would be saved as a file is kept for this test to read.
    const text = await browser.text(`(async () => {
      let blob; const make = URL.createObjectURL; URL.createObjectURL = (b) => { blob = b; return make.call(URL, b); };
      const select = document.querySelector('.runbar select.what');
      select.value = 'part'; select.dispatchEvent(new Event('change', { bubbles: true }));
      const begin = performance.now();
      document.querySelector('.runbar .main').click();
      await ${until(`document.querySelector('.verdict, .coding > .told.bad')`)};
      const seconds = (performance.now() - begin) / 1000;
      if (!document.querySelector('.verdict')) throw new Error(document.querySelector('.told.bad').innerText);
      document.querySelector('.results .actions button').click();
      return JSON.stringify({ seconds, agent: navigator.userAgent, saved: await blob.text() });
    })()`);
    const { seconds, agent, saved } = JSON.parse(text) as { seconds: number; agent: string; saved: string };
    const mine = JSON.parse(saved) as { hash: string; module: string; status: string };
    const theirs = cli.json(cli.folder(correct), 'election');
    assert.deepEqual([mine.status, mine.hash, mine.module], [theirs.status, theirs.hash, theirs.module]);
    console.log(`${/Firefox\/[\d.]+/.exec(agent)?.[0]}: the election part in ${seconds.toFixed(1)} s, ${mine.hash.slice(0, 12)}`);
  } finally {
    await browser.close();
    server.close();
    cli.close();
  }
});
