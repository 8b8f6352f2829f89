// What the islands of one lesson page share: the cluster, the task under way and
// the learner's progress. A page has one lesson, so this is a module's state.

import { LiveSession, runActions } from '../cluster/live.ts';
import { lineOf, scenarioOf, scriptOf, SPEED, type Lesson, type Task } from './format.ts';
import { Goal } from './goals.ts';
import { loadProgress, saveProgress, type Progress } from './progress.ts';

class LessonState {
  name = '';
  lesson: Lesson | null = null;
  session = $state.raw<LiveSession | null>(null);
  /** The task whose cluster is shown; undefined: the lesson's own. */
  task = $state.raw<Task | undefined>(undefined);
  speed = $state(SPEED);
  /** Steps of the task's goal that have matched. */
  steps = $state(0);
  failure = $state.raw<unknown>(null);
  solving = $state(false);
  progress = $state.raw<Progress>(new Set());
  kept = $state(true);
  /** What was just solved, for the live region. */
  news = $state.raw<Task | null>(null);

  private goal: Goal | null = null;
  /** Records that the goal has seen. */
  private seen = 0;

  /** Called by every island; the first one counts. */
  init(name: string, lesson: Lesson): void {
    if (this.name === name) return;
    this.name = name;
    this.lesson = lesson;
    const { progress, kept } = loadProgress();
    this.progress = progress;
    this.kept = kept;
  }

  done(id: string): boolean {
    return this.progress.has(`${this.name}/${id}`);
  }

  finish(id: string): void {
    if (!this.done(id)) this.replace(new Set(this.progress).add(`${this.name}/${id}`));
  }

  replace(p: Progress): void {
    this.progress = p;
    this.kept = saveProgress(p);
  }

  /** Begins a new cluster: the task's, or the lesson's own. */
  async begin(task?: Task): Promise<void> {
    const lesson = this.lesson!;
    const scenario = scenarioOf(lesson, task);
    try {
      const session = await LiveSession.create(scriptOf(scenario));
      await runActions(actor(session), (scenario.actions ?? []).map((a) => ({ at: a.at, line: lineOf(a) })));
      this.session?.close();
      this.task = task;
      this.speed = scenario.speed ?? SPEED;
      this.failure = null;
      this.newGoal(session);
      session.watch((forked) => this.look(session, forked));
      this.session = session;
      this.look(session, false);
    } catch (e) {
      this.failure = e;
    }
  }

  /** Begins the task and does what its solution says. */
  async solve(task: Task): Promise<void> {
    this.solving = true;
    try {
      await this.begin(task);
      const session = this.session;
      if (!session || this.task !== task) return;
      await runActions(actor(session), task.solution.map((a) => ({ at: a.at, line: lineOf(a) })));
      // A solution ends with the goal reached, or soon after.
      const end = session.model.end + 15e9;
      while (this.goal && !this.goal.solved && session.model.end < end) await session.runTo(session.model.end + 1e8);
    } finally {
      this.solving = false;
    }
  }

  private newGoal(session: LiveSession): void {
    const { kind: _, ...rest } = session.head;
    this.goal = this.task
      ? new Goal(this.task.goal.steps, rest.servers, rest.clients, scenarioOf(this.lesson!, this.task).config)
      : null;
    this.seen = 0;
    this.steps = 0;
  }

  private look(session: LiveSession, forked: boolean): void {
    if (forked) this.newGoal(session);
    const { goal, task } = this;
    if (!goal || !task) return;
    const model = session.model;
    if (this.seen >= model.first) goal.feed(model.records.slice(this.seen - model.first));
    this.seen = model.count;
    goal.settle(model.end);
    this.steps = goal.progress;
    if (goal.solved && this.news !== task) {
      this.news = task;
      this.finish(task.id);
    }
  }
}

function actor(session: LiveSession) {
  return {
    get now() { return session.model.end; },
    runTo: (t: number) => session.runTo(t),
    act: (line: string) => session.act(line),
  };
}

export const state = new LessonState();
