// The file that an instructor gets: the Result as grade --json prints it, with
// the graded files in it. `grade verify` builds them again, runs the same tests
// with the same seeds and compares. grader.ParseSubmission reads it.

import type { Files, Result } from './api.ts';

export function submission(result: Result, files: Files): string {
  return `${JSON.stringify({ ...result, files }, null, 1)}\n`;
}
