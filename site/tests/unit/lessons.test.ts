// Every task of every lesson is solved by its own solution, and by nothing.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { runActions } from '../../src/cluster/live.ts';
import { lineOf, scenarioOf, scriptOf, type Lesson } from '../../src/lesson/format.ts';
import { Goal } from '../../src/lesson/goals.ts';
import { Engine, root } from './engine.ts';

const folder = `${root}labs/lessons/`;
const names = readdirSync(folder).filter((n) => /^\d\d-/.test(n)).sort();
const engine = await Engine.load();

for (const name of names) {
  const lesson = JSON.parse(readFileSync(`${folder}${name}/lesson.json`, 'utf8')) as Lesson;
  for (const task of lesson.tasks) {
    test(`${name}: ${task.id}`, async () => {
      const scenario = scenarioOf(lesson, task);
      const goal = new Goal(task.goal.steps, scenario.servers, scenario.clients, scenario.config);
      engine.now = 0;
      engine.onrecords = (records, now) => {
        goal.feed(records);
        goal.settle(now);
      };
      engine.create(scriptOf(scenario));
      const prepared = (scenario.actions ?? []).map((a) => ({ at: a.at, line: lineOf(a) }));
      await runActions(engine, prepared);
      assert.equal(goal.solved, false, 'solved before anything was done');
      await runActions(engine, task.solution.map((a) => ({ at: a.at, line: lineOf(a) })));
      const end = engine.now + 15e9;
      while (!goal.solved && engine.now < end) await engine.runTo(engine.now + 1e8);
      assert.ok(goal.solved, `stuck at step ${goal.progress + 1} of ${task.goal.steps.length}: ${JSON.stringify(task.goal.steps[goal.progress])}`);
    });
  }
}
