// The labs: their names and parts, and which of them a folder can be graded as:
// that on Raft always, those on top of it when their packages are there.

import type { Files, Text } from './api.ts';

export const LABS: Record<string, Text> = {
  raft: { en: 'Raft', zh: 'Raft' },
  kv: { en: 'Key/value service', zh: '键值服务' },
  lock: { en: 'Lock', zh: '锁' },
  kvraft: { en: 'Key/value service of the MIT course', zh: 'MIT 课程的键值服务' },
};

/** The parts of the labs that have pages here, in the order of the lab and of its handout. No two labs have a part of one name. */
export const PARTS: Record<string, readonly string[]> = {
  raft: ['election', 'agreement', 'persistence', 'partition', 'compaction'],
  kv: ['service', 'faults', 'snapshots'],
  lock: ['lock', 'leases'],
};

/** The file that a lab begins with. */
export const MAIN: Record<string, string> = { raft: 'raft/raft.go', kv: 'kv/server.go', lock: 'lock/lock.go' };

/** The labs of a folder, by name, in the order in which they are done. */
export function labsOf(files: Files): string[] {
  const has = (folder: string): boolean => Object.keys(files).some((n) => new RegExp(`(^|/)${folder}/[^/]+\\.go$`).test(n) && !n.endsWith('_test.go'));
  const labs = ['raft'];
  if (has('kv')) labs.push('kv');
  if (has('kv') && has('lock')) labs.push('lock');
  if (has('kvraft1?')) labs.push('kvraft');
  return labs;
}
