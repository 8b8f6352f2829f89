// A learner who only watches solves no task.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { runActions } from '../../src/cluster/live.ts';
import { lineOf, scenarioOf, scriptOf, type Lesson } from '../../src/lesson/format.ts';
import { Goal } from '../../src/lesson/goals.ts';
import { Engine, root } from './engine.ts';

const folder = `${root}labs/lessons/`;
const engine = await Engine.load();

for (const name of readdirSync(folder).filter((n) => /^\d\d-/.test(n)).sort()) {
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
      await runActions(engine, (scenario.actions ?? []).map((a) => ({ at: a.at, line: lineOf(a) })));
      while (engine.now < 60e9) await engine.runTo(engine.now + 1e9);
      assert.equal(goal.solvedAt, null);
    });
  }
}
