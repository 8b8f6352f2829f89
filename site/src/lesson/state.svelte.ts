// The lesson that a page shows: its cluster, the task under way, what is solved.
// The page's islands (cluster, tasks, questions, progress) share the one `page`.
// It is touched in the browser only: on the server every page would share it.

import { ActionError, NoWasmError } from '../cluster/api.ts';
import { LiveSession, runActions, type Actor } from '../cluster/live.ts';
import { lineOf, scenarioOf, scriptOf, SPEED, type Action, type Lesson, type Task } from './format.ts';
import { Goal } from './goals.ts';
import { ProgressStore, type Progress } from './progress.ts';

/** A played solution takes so many seconds at most. */
const LONGEST_SHOW = 20;
/** Virtual ms before its first action at which it begins. */
const LEAD = 300;

/** Virtual ns after its last action in which a solution reaches its goal. */
const PATIENCE = 15e9;

/** Virtual ns after which every server has booted. */
const BOOTED = 100e6;

/** Thrown inside a played solution when it is not to go on. */
const over = Symbol('the solution is not played any more');

class LessonState {
  name = '';
  lesson: Lesson | null = null;
  /** The task that the cluster belongs to, or null: the lesson's own cluster. */
  task = $state.raw<Task | null>(null);
  /** The solution is being played. */
  showing = $state(false);
  /** Steps of the task's goal that have matched in this world. */
  steps = $state(0);
  session = $state.raw<LiveSession | null>(null);
  speed = $state(SPEED);
  /** The cluster plays as soon as it is there. */
  plays = $state(false);
  /** Why there is no cluster: 'no-wasm', or what went wrong. */
  failure = $state('');
  /** Why the solution could not be played to its end. */
  trouble = $state('');
  done = $state.raw<Progress>(new Set());
  /** False: the browser refuses to keep progress. */
  kept = $state(true);
  private store: ProgressStore | null = null;
  private goal: Goal | null = null;
  private fed = 0;
  private turn = 0;

  /** Says which lesson the page shows. */
  open(name: string, lesson: Lesson): void {
    this.name = name;
    this.lesson = lesson;
  }

  /** Makes the lesson's cluster, unless there is one. */
  async wake(): Promise<void> {
    if (this.session === null && this.turn === 0) await this.begin(null, false);
  }

  /**
   * Starts a new world: of a task, or of the lesson itself. With `show` its
   * solution is played.
   */
  async begin(task: Task | null, show: boolean): Promise<void> {
    const lesson = this.lesson;
    if (!lesson) return;
    const turn = ++this.turn;
    const scenario = scenarioOf(lesson, task ?? undefined);
    this.session?.close();
    this.session = null;
    this.task = task;
    this.showing = show;
    this.steps = 0;
    this.failure = '';
    this.trouble = '';
    this.goal = null;
    let session: LiveSession;
    try {
      session = await LiveSession.create(scriptOf(scenario));
      if (turn !== this.turn) return session.close();
      await runActions(actorOf(session), timed(scenario.actions ?? []));
      // Servers boot at slightly different times: what can be done to them begins then.
      while (session.model.end < BOOTED && !allUp(session)) await session.runTo(session.model.end + 1e6);
    } catch (e) {
      if (turn === this.turn) this.failure = e instanceof NoWasmError ? 'no-wasm' : e instanceof Error ? e.message : String(e);
      return;
    }
    if (turn !== this.turn) return session.close();
    session.seal();
    if (task) {
      this.judge(session, task, true);
      session.watch((forked) => this.judge(session, task, forked));
    }
    // A played solution begins shortly before its first action.
    if (show && task) await session.runTo(((task.solution[0]?.at ?? 0) - LEAD) * 1e6);
    if (turn !== this.turn) return session.close();
    const last = task?.solution.at(-1)?.at ?? 0;
    this.speed = show ? Math.max(scenario.speed ?? SPEED, (last - session.model.end / 1e6) / 1000 / LONGEST_SHOW) : (scenario.speed ?? SPEED);
    this.plays = show;
    this.session = session;
    if (show && task) await this.show(session, task);
  }

  /** Lets the goal see what is new, or everything where history has forked. */
  private judge(session: LiveSession, task: Task, anew: boolean): void {
    if (anew || !this.goal) {
      this.goal = new Goal(task.goal.steps, session.model.servers, session.model.clients, scenarioOf(this.lesson!, task).config);
      this.fed = session.model.first;
    }
    const { model } = session;
    this.goal.feed(model.records.slice(Math.max(0, this.fed - model.first)));
    this.fed = model.count;
    this.goal.settle(model.end);
    this.steps = this.goal.progress;
    if (this.goal.solved) this.finish(this.name, task.id);
  }

  /** Plays the solution along with the player, which the learner may pause. */
  private async show(session: LiveSession, task: Task): Promise<void> {
    const before = session.actions.length;
    let own = 0;
    const mine = (): boolean => session === this.session && session.actions.length === before + own;
    const actor: Actor = {
      get now() { return session.model.end; },
      runTo: (t) => new Promise((done, fail) => {
        session.limit = t;
        const look = (): boolean => {
          if (!mine()) fail(over);
          else if (session.model.end < t) return false;
          else done();
          return true;
        };
        if (look()) return;
        const stop = session.watch(() => {
          if (look()) stop();
        });
      }),
      act: async (line) => {
        own++;
        try {
          await session.act(line);
        } catch (e) {
          own--;
          throw e;
        }
      },
    };
    try {
      await runActions(actor, timed(task.solution));
      // Goals are reached by then, or soon after; then the world stands still.
      const end = session.model.end + PATIENCE;
      while (!this.goal?.solved && session.model.end < end) await actor.runTo(session.model.end + 1e8);
      this.plays = false;
    } catch (e) {
      if (e !== over && !(e instanceof ActionError)) throw e;
      if (e instanceof ActionError && session === this.session) this.trouble = e.message;
    } finally {
      session.limit = Infinity;
      if (session === this.session) this.showing = false;
    }
  }

  // ---- what is done ----

  private progress(): ProgressStore {
    this.store ??= new ProgressStore(() => localStorage);
    return this.store;
  }

  private showProgress(): void {
    const store = this.progress();
    this.done = store.done;
    this.kept = store.kept;
  }

  /** Whether a task or question of a lesson is done. */
  isDone(lesson: string, id: string): boolean {
    return this.done.has(`${lesson}/${id}`);
  }

  /** Reads what was kept, now that there is a browser, and goes on watching. */
  recall(): () => void {
    this.showProgress();
    const onstorage = (e: StorageEvent) => {
      if (!ProgressStore.concerns(e.key)) return;
      this.progress().load();
      this.showProgress();
    };
    addEventListener('storage', onstorage);
    return () => removeEventListener('storage', onstorage);
  }

  finish(lesson: string, id: string): void {
    this.learn(new Set([`${lesson}/${id}`]));
  }

  /** Takes in what was done; returns how much was new. */
  learn(news: Progress): number {
    const n = this.progress().add(news);
    this.showProgress();
    return n;
  }
}

function timed(actions: readonly Action[]): { at: number; line: string }[] {
  return actions.map((a) => ({ at: a.at, line: lineOf(a) }));
}

function allUp({ model }: LiveSession): boolean {
  return model.stateAfter(model.count).nodes.slice(0, model.servers).every((n) => n.up);
}

function actorOf(session: LiveSession): Actor {
  return {
    get now() { return session.model.end; },
    runTo: (t) => session.runTo(t),
    act: (line) => session.act(line),
  };
}

export const page = new LessonState();
