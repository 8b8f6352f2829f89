// The shape of labs/lessons/*/lesson.json, as labs/lessons/FORMAT.md tells it.
// `go test ./labs/lessons` checks the files; here they are trusted.

export interface Text {
  en: string;
  zh: string;
}

export type Range = [number, number];

export interface Config {
  latencyMs?: Range;
  loss?: number;
  electionMs?: Range;
  heartbeatMs?: number;
  preVote?: boolean;
  checkQuorum?: boolean;
  persistence?: boolean;
  commitRule?: boolean;
  randomTimeouts?: boolean;
  maxPending?: number;
  reads?: string;
  policy?: string;
  variant?: string;
}

export interface Action {
  at: number;
  do: string;
  server?: string;
  between?: string;
  from?: string;
  to?: string;
  groups?: string[][];
  method?: string;
  ms?: number;
  value?: string | number | boolean | Range;
  times?: number;
  client?: string;
  op?: string;
  key?: string;
  name?: string;
}

export interface Scenario {
  kind: 'raft' | 'lock' | 'decider';
  servers: number;
  clients: number;
  seed?: number;
  exact?: boolean;
  speed?: number;
  config: Config;
  load?: { client: string; op: string; value?: string; everyMs: number }[];
  actions?: Action[];
}

/** A predicate: an event or a state with its keys. */
export interface Predicate {
  event?: string;
  state?: string;
  server?: string;
  between?: boolean;
  term?: number;
  value?: string;
  wasOn?: string;
  oldTerm?: boolean;
  servers?: number | 'all';
  client?: string;
  op?: string;
  result?: string;
  requests?: number;
  property?: string | string[];
  atLeast?: number;
  atMost?: number;
  is?: unknown;
  minority?: string;
  sizes?: number[];
  deaf?: string;
  mute?: string;
  from?: string;
  to?: string;
  conflict?: boolean;
  entries?: number;
  name?: string;
}

export interface Step extends Predicate {
  count?: number;
  forMs?: number;
  withinMs?: number;
  without?: Predicate[];
  while?: Predicate[];
}

export interface Task {
  id: string;
  title: Text;
  text: Text;
  hint: Text;
  scenario?: Partial<Scenario>;
  goal: { steps: Step[] };
  solution: Action[];
}

export interface Question {
  id: string;
  prompt: Text;
  choices: { text: Text; correct: boolean; why: Text }[];
}

export interface Lesson {
  scenario: Scenario;
  tasks: Task[];
  questions: Question[];
}

/**
 * The scenario of a task: each key replaces the lesson's; config's singly, but
 * for another kind of cluster, which has a configuration of its own.
 */
export function scenarioOf(lesson: Lesson, task: Task | undefined): Scenario {
  const patch = task?.scenario;
  if (!patch) return lesson.scenario;
  const base = (patch.kind ?? lesson.scenario.kind) === lesson.scenario.kind ? lesson.scenario.config : {};
  return { ...lesson.scenario, ...patch, config: { ...base, ...patch.config } };
}

/** The player's speed when a lesson does not say, in virtual seconds a second. */
export const SPEED = 0.25;

/** One setting as words: "electionMs 150 300". */
export function settingWords(name: string, value: unknown): string {
  return `${name} ${Array.isArray(value) ? value.join(' ') : String(value)}`;
}

/** The scenario as the head of a script; see wasm/cluster/session/script.go. */
export function scriptOf(s: Scenario): string {
  const lines = ['raftlab-cluster 1', `kind ${s.kind}`, `servers ${s.servers}`, `clients ${s.clients}`, `seed ${s.seed ?? 1}`];
  if (s.exact) lines.push('exact');
  // Both timeouts are set before what must stay below them.
  const names = Object.keys(s.config).sort((a, b) => Number(a === 'heartbeatMs') - Number(b === 'heartbeatMs'));
  for (const name of names) lines.push(`set ${settingWords(name, s.config[name as keyof Config])}`);
  for (const l of s.load ?? []) lines.push(`load ${l.client} ${l.op} ${l.everyMs}${l.value ? ` ${l.value}` : ''}`);
  return `${lines.join('\n')}\n`;
}

/** A lesson's action as a line of wasm/cluster/session/act.go. */
export function lineOf(a: Action): string {
  switch (a.do) {
    case 'crash': return `crash ${a.server}${a.between ? ` ${a.between}` : ''}`;
    case 'restart':
    case 'timeOut': return `${a.do} ${a.server}`;
    case 'cut':
    case 'heal': return `${a.do} ${a.from} ${a.to}`;
    case 'partition': return `partition ${a.groups!.map((g) => g.join(',')).join('/')}`;
    case 'healAll': return 'healAll';
    case 'drop': return `drop ${a.from} ${a.to}${a.method ? ` ${a.method}` : ''}`;
    case 'delay':
    case 'duplicate': return `${a.do} ${a.from} ${a.to} ${a.ms}${a.method ? ` ${a.method}` : ''}`;
    case 'propose': return `propose ${a.server} ${a.times ?? 1} ${a.value}`;
    case 'client': {
      const words = [a.key, a.value].filter((w) => w !== undefined).join(' ');
      return `client ${a.client} ${a.op} ${a.server ?? '-'} ${words}`.trimEnd();
    }
    case 'set': return `set ${settingWords(a.name!, a.value)}`;
    case 'wait': return 'wait';
    default: throw new Error(`unknown action ${a.do}`);
  }
}
