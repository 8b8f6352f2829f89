// What wasm/grader and the compiler say and are told. The Go side is
// wasm/grader/main.go; names are those of the Go structs' JSON.

import type { HistoryLine } from '../player/run.ts';

/** A folder: path with slashes → text. */
export type Files = Record<string, string>;

/** A text by language. */
export type Text = { en?: string; zh?: string };

export interface Place {
  file: string;
  at: number;
  size: number;
}

/** wasm/toolchain's manifest.json. */
export interface Manifest {
  go: string;
  key: string;
  files: Record<string, { parts: string[]; bytes: number }>;
  export: Record<string, Place>;
  objects: Record<string, Place>;
  kit: Record<string, Place>;
}

/** One run of the compiler or the linker. */
export interface Command {
  tool: string;
  args: string[];
  files: Record<string, Uint8Array>;
  imports: string[];
  package: string;
  out: string;
  key: string;
}

export interface Problem {
  file?: string;
  line?: number;
  /** In bytes, from 1. */
  col?: number;
  reason: string;
  advice?: string;
}

/** What one of the lab's checks (grade vet) suspects. */
export interface Finding {
  check: string;
  file: string;
  line: number;
  col: number;
  message: string;
}

/** What a function of the grader answers when it fails. */
export interface Failed {
  error: string;
  cause: 'usage' | 'build' | 'internal' | 'interrupt';
  kind?: string;
  problems?: Problem[];
}

export interface LabTest {
  name: string;
  title: Text;
  points: number;
  servers: number;
  seeds: number;
}

export interface LabPart {
  name: string;
  also?: string[];
  title: Text;
  points: number;
  tests: LabTest[];
}

export interface Lab {
  lab: string;
  title: Text;
  labHash: string;
  parts: LabPart[];
}

export interface Run {
  part: string;
  test: string;
  seed: number;
}

export type Status = 'passed' | 'failed' | 'skipped' | 'not graded';

export interface RunResult {
  seed: number;
  status: Status;
  hash: string;
  /** ns of virtual time. */
  virtual: number;
  rpcs: number;
  budgets?: { name: string; used: number; limit: number; unit: string }[];
}

export interface Failure {
  kind: 'safety' | 'liveness' | 'budget' | 'fault' | 'engine';
  property: string;
  section: string;
  seed: number;
  time: number;
  server: number;
  message: string;
  expected?: string;
  found?: string;
  test?: string;
  source?: string;
  code?: string;
  stack?: string;
  output?: string;
  hints?: Text[];
  replay?: string;
  evidence?: string[];
  /** The smallest part of what clients did and were told that shows it. */
  history?: HistoryLine[];
  /** How the property came to break, oldest first; so: what follows. */
  chain?: { time: number; what: string }[];
  so?: string;
}

export interface Outcome {
  run: RunResult;
  failure?: Failure;
}

export interface TestResult {
  name: string;
  part: string;
  title: Text;
  status: Status;
  points: number;
  max: number;
  runs: RunResult[];
  failure?: Failure;
}

export interface Result {
  format: number;
  grader: string;
  lab: string;
  labHash: string;
  go?: string;
  module?: string;
  profile?: string;
  /** "core" if the service stood on the grader's own Raft. */
  raft?: string;
  seed: number;
  seeds: number;
  status: Status;
  points: number;
  max: number;
  hash: string;
  parts: { name: string; also?: string[]; title: Text; status: Status; points: number; max: number; tests: TestResult[] }[];
}

/** What grader.open is told besides the module. */
export interface Order {
  go: string;
  /** By name; the Raft lab if it is left out. */
  lab?: string;
  /** What a service stands on: "core", or the folder's own if it is left out. */
  raft?: string;
  files?: Files;
  parts?: string[];
  run?: string;
  seed?: number;
  seeds?: number;
  lang: string;
}

/** A failure of the grader or of a build, as an exception. */
export class GraderError extends Error {
  readonly failed: Failed;
  constructor(failed: Failed) {
    super(failed.error);
    this.failed = failed;
  }
}
