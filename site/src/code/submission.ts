// The file that an instructor gets: what was graded, how, and what came out.
// `grade verify` builds the files again, runs the same tests with the same
// seeds and compares.

import type { Files, Result } from './api.ts';
import type { Choice } from './studio.ts';

export interface Submission {
  format: 'raftlab-submission';
  version: 1;
  /** What was asked for; the rest of the tests was not run. */
  choice: Omit<Choice, 'lang'>;
  result: Result;
  files: Files;
}

export function submission(result: Result, files: Files, choice: Choice): string {
  const { lang: _, ...rest } = choice;
  return `${JSON.stringify({ format: 'raftlab-submission', version: 1, choice: rest, result, files }, null, 1)}\n`;
}
