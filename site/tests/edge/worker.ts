// What to send to the Worker, and what it keeps.
import type { start } from '../../scripts/edge.mjs';
import { ENGINE } from '../../src/cluster/share.ts';
import { SCRIPT_TYPE, TRACE_TYPE } from '../../src/cluster/short.ts';
import { native } from '../unit/engine.ts';

export const SCRIPT = 'raftlab-cluster 1\nkind raft\nservers 3\nclients 1\nseed 7\nset loss 0.05\nat 900000000 crash S1\nat 900000000 propose S2 2 x y\nuntil 2000000000\n';

/** A run by its script and by its trace, with the hash that a native run has. */
export function sample(script = SCRIPT): { run: string; hash: string; trace: Uint8Array } {
  const { hash, trace } = native(script);
  return { run: `raftlab-run 1\nengine ${ENGINE}\nhash ${hash}\n${script}`, hash, trace };
}

export interface Sent {
  /** null leaves the Content-Type out. */
  type?: string | null;
  headers?: Record<string, string>;
}

export function send(url: string, body: string | Uint8Array, { type = SCRIPT_TYPE, headers = {} }: Sent = {}): Promise<Response> {
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
  return fetch(`${url}api/runs`, { method: 'POST', headers: { ...(type === null ? {} : { 'content-type': type }), ...headers }, body: bytes as BufferSource });
}

export type Edge = Awaited<ReturnType<typeof start>>;

/** The store itself. Miniflare's type of it needs types of Cloudflare's own. */
export interface Store {
  list(): Promise<{ keys: { name: string; expiration?: number }[] }>;
  get(key: string): Promise<string | null>;
  put(key: string, value: string, options: { expirationTtl: number }): Promise<void>;
}
export const store = async (e: Edge): Promise<Store> => await e.mf.getKVNamespace('RUNS') as unknown as Store;

export { SCRIPT_TYPE, TRACE_TYPE };
