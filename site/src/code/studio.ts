// Checks, compiles and grades: the workers behind the coding pages.

import type { Decoded } from '../player/run.ts';
import { GraderError, type Command, type Failure, type Files, type Finding, type Lab, type Order, type Outcome, type Problem, type Result, type Run } from './api.ts';
import { GraderWorker } from './grader.ts';
import { loadPack, loadStock, loadTools, type Progress, type Stock, type Tools } from './load.ts';
import { Cancelled, Refused, Remote } from './remote.ts';

/** What a grading tells while it runs. */
export interface Watch {
  stage(stage: 'wait' | 'download' | 'check' | 'compile' | 'prepare' | 'run'): void;
  progress(done: number, total: number): void;
  runs(runs: Run[]): void;
  outcome(index: number, outcome: Outcome, trace: Uint8Array | undefined): void;
}

export interface Verdict {
  result: Result;
  outcomes: Outcome[];
  /** What was graded. */
  wasm: Uint8Array;
  /** Wall ms of the stages. */
  time: { compile: number; prepare: number; run: number; total: number };
}

/** What is to be graded: a folder, or a module compiled elsewhere. */
export type Subject = { files: Files } | { wasm: Uint8Array };

export type Choice = Pick<Order, 'lab' | 'raft' | 'parts' | 'run' | 'seed' | 'seeds' | 'lang'>;

export class Studio {
  private readonly stock: Stock;
  private readonly editor: GraderWorker;
  private readonly graders: GraderWorker[] = [];
  private compiler: Remote | undefined;
  private tools: Promise<Tools> | undefined;
  private readonly extra = new Map<string, Uint8Array>();
  private compilerReady: Promise<unknown> = Promise.resolve();
  private running = false;
  /** Workers that a grading may use. */
  private readonly width: number;

  private constructor(stock: Stock) {
    this.stock = stock;
    this.editor = new GraderWorker(stock, stock);
    this.width = Math.max(1, Math.min(navigator.hardwareConcurrency || 2, 6));
  }

  /** Fetches what is needed to write. */
  static async open(progress: Progress): Promise<Studio> {
    return new Studio(await loadStock(progress));
  }

  get go(): string { return this.stock.manifest.go; }

  lab(name: string): Promise<Lab> { return this.editor.json<Lab>('lab', name); }

  /** The grader's sentences in a language. */
  private async said(lang: string, list: string[]): Promise<string[]> {
    return lang === 'en' ? list : this.editor.json<string[]>('said', lang, JSON.stringify(list));
  }

  /** A failure as it is shown; the verdict keeps it in English. */
  async shown(f: Failure, lang: string): Promise<Failure> {
    const { message, expected = '', found = '', so = '', evidence = [], chain = [] } = f;
    const s = await this.said(lang, [message, expected, found, so, ...evidence, ...chain.map((c) => c.what)]);
    return {
      ...f, message: s[0]!, expected: s[1]!, found: s[2]!, so: s[3]!,
      evidence: s.slice(4, 4 + evidence.length), chain: chain.map((c, i) => ({ ...c, what: s[4 + evidence.length + i]! })),
    };
  }

  async problemsIn(lang: string, list: Problem[]): Promise<Problem[]> {
    const s = await this.said(lang, list.flatMap((p) => [p.reason, p.advice ?? '']));
    return list.map((p, i) => ({ ...p, reason: s[2 * i]!, advice: s[2 * i + 1]! }));
  }

  /** What is wrong with a folder, as far as the types tell. */
  async check(files: Files, lab: string, raft: string): Promise<Problem[]> {
    try {
      await this.editor.json('check', JSON.stringify(files), lab, raft);
      return [];
    } catch (e) {
      if (e instanceof GraderError && e.failed.problems) return e.failed.problems;
      throw e;
    }
  }

  /** What the lab's checks suspect in a folder that compiles. */
  async vet(files: Files, lab: string, raft: string): Promise<Finding[]> {
    return (await this.editor.json<{ findings: Finding[] }>('vet', JSON.stringify(files), lab, raft)).findings;
  }

  /** What a run's messages, disks and commands hold. */
  decode(trace: Uint8Array): Promise<Decoded> { return this.editor.json<Decoded>('decoded', trace); }

  /** gofmt; throws a GraderError with the place if the text does not parse. */
  async format(text: string): Promise<string> {
    return (await this.editor.json<{ text: string }>('format', text)).text;
  }

  /** Fetches the compiler and the linker, once. */
  loadTools(progress: Progress): Promise<Tools> {
    return this.tools ??= loadTools(this.stock, progress).catch((e: unknown) => {
      this.tools = undefined;
      throw e;
    });
  }

  private async startCompiler(tools: Tools): Promise<Remote> {
    if (!this.compiler) {
      this.compiler = new Remote(new Worker(new URL('./compiler-worker.ts', import.meta.url), { type: 'module', name: 'compiler' }));
      const packs = { ...tools.packs, ...Object.fromEntries(this.extra) };
      this.compilerReady = this.compiler.call({ op: 'start', manifest: this.stock.manifest, tools: tools.tools, packs });
    }
    await this.compilerReady;
    return this.compiler;
  }

  /**
   * Compiles a folder for a lab, on the Raft of that name. Throws a GraderError that names the problems if the
   * compiler refuses it.
   */
  async compile(files: Files, lab: string, raft: string, watch: Pick<Watch, 'stage' | 'progress'>): Promise<Uint8Array> {
    watch.stage('download');
    const tools = await this.loadTools(watch.progress);
    watch.stage('check');
    const { commands } = await this.editor.object<{ commands: Command[] }>('plan', JSON.stringify(files), lab, raft);
    const compiler = await this.startCompiler(tools);
    for (const imp of commands.at(-1)!.imports) {
      const pack = this.stock.manifest.objects[imp]?.file;
      if (pack && !(pack in tools.packs) && !this.extra.has(pack)) {
        watch.stage('download');
        const bytes = await loadPack(this.stock, pack, watch.progress);
        this.extra.set(pack, bytes);
        await compiler.call({ op: 'pack', name: pack, bytes });
      }
    }
    watch.stage('compile');
    try {
      return await compiler.call<Uint8Array>({ op: 'build', commands }, (p) => watch.progress(p.done, p.total));
    } catch (e) {
      if (e instanceof Refused) await this.editor.json('explain', e.output);
      throw e;
    }
  }

  /** Grades; only one grading runs at a time. */
  async grade(subject: Subject, choice: Choice, watch: Watch): Promise<Verdict> {
    if (this.running) throw new Error('a grading is running');
    this.running = true;
    try {
      return await this.doGrade(subject, choice, watch);
    } finally {
      this.running = false;
    }
  }

  private async doGrade(subject: Subject, choice: Choice, watch: Watch): Promise<Verdict> {
    const begin = performance.now();
    const first = this.grader(0); // starts while the compiler works
    const wasm = 'wasm' in subject ? subject.wasm : await this.compile(subject.files, choice.lab ?? '', choice.raft ?? '', watch);
    const compiled = performance.now();
    watch.stage('prepare');
    const order: Order = { ...choice, go: 'files' in subject ? this.go : '', ...('files' in subject ? { files: subject.files } : {}) };
    const opened = await first.open(order, wasm);
    watch.runs(opened.runs);
    const prepared = performance.now();
    watch.stage('run');
    const outcomes: Outcome[] = new Array<Outcome>(opened.runs.length);
    let next = 0;
    let done = 0;
    watch.progress(0, opened.runs.length);
    const work = async (n: number): Promise<void> => {
      const g = this.grader(n);
      if (n > 0) await g.open(order, wasm, { hash: opened.module, module: opened.compiled });
      while (next < outcomes.length) {
        const i = next++;
        const r = await g.object<{ outcome: string; trace?: Uint8Array }>('run', i);
        outcomes[i] = JSON.parse(r.outcome) as Outcome;
        watch.outcome(i, outcomes[i], r.trace);
        watch.progress(++done, outcomes.length);
      }
    };
    const width = Math.min(this.width, outcomes.length);
    await Promise.all(Array.from({ length: width }, (_, n) => work(n)));
    const result = await first.json<Result>('result', JSON.stringify(outcomes));
    const end = performance.now();
    return { result, outcomes, wasm, time: { compile: compiled - begin, prepare: prepared - compiled, run: end - prepared, total: end - begin } };
  }

  private grader(n: number): GraderWorker {
    return this.graders[n] ??= new GraderWorker(this.stock, this.stock);
  }

  /**
   * Compiles and runs once, unseen, so that the browser has made fast code by
   * the time somebody waits for it.
   */
  async warm(files: Files, lang: string): Promise<void> {
    const quiet = { stage: () => undefined, progress: () => undefined };
    try {
      const wasm = await this.compile(files, '', '', quiet);
      if (!this.running) await this.grader(0).open({ go: this.go, files, lang, run: '^election/initial$', seeds: 1 }, wasm);
    } catch (e) {
      if (!(e instanceof Cancelled || e instanceof GraderError)) throw e;
    }
  }

  /** Ends what is under way: whoever waits for it gets Cancelled. */
  cancel(): void {
    for (const g of this.graders) g.remote.end();
    this.graders.length = 0;
    this.compiler?.end();
    this.compiler = undefined;
  }

  close(): void {
    this.cancel();
    this.editor.remote.end();
  }
}
