// Short links: runs kept by the Worker that may stand behind the site
// (wasm/edge). share.json says whether there is one, so that a plain static host
// is never asked for what it does not have.
//
//   #s1.<id>    the ID of a kept run, which the page fetches
//
// A run told by its script is kept as text: "raftlab-run 1", "engine E",
// "hash H" and the script, a line each.

import { LinkError, type Shared } from './share.ts';

const base = import.meta.env?.BASE_URL?.replace(/\/?$/, '/') ?? '/';
export const SCRIPT_TYPE = 'application/vnd.raftlab.run';
export const TRACE_TYPE = 'application/vnd.raftlab.trace';
/** Bytes that the Worker takes: MaxScript and MaxTrace in wasm/edge/share. */
const MOST = { [SCRIPT_TYPE]: 256 << 10, [TRACE_TYPE]: 1 << 20 };
const HEAD = 'raftlab-run 1';

/** A kept run: its short link, and until when it is kept. */
export interface Kept {
  link: string;
  until: Date;
}

/** The run as it is kept. */
export function toText(s: Shared): string {
  return `${HEAD}\nengine ${s.engine}\nhash ${s.hash}\n${s.script}`;
}

/** Reads a kept run. */
export function fromText(text: string): Shared {
  const [head, engine, hash, ...script] = text.split('\n');
  if (head !== HEAD) throw new LinkError(head?.startsWith('raftlab-run ') ? 'newer' : 'broken');
  if (!engine?.startsWith('engine ') || !/^hash [0-9a-f]{64}$/.test(hash ?? '')) throw new LinkError('broken');
  return { engine: engine.slice(7), hash: hash!.slice(5), script: script.join('\n') };
}

/** The ID in a fragment, without its #. Null: it is no short link. */
export function shortId(fragment: string): string | null {
  return /^s1\.([rt][\w-]{20})$/.exec(fragment)?.[1] ?? (fragment.startsWith('s1.') ? '' : null);
}

/** Where runs are kept; '' if nowhere, or if that cannot be found out now. */
export async function service(): Promise<string> {
  try {
    const r = await fetch(`${base}share.json`);
    const { runs } = await r.json() as { runs?: unknown };
    return typeof runs === 'string' ? runs : '';
  } catch {
    return '';
  }
}

/** Has a run kept. Null: there is no Worker, or it does not take it now. */
export async function keepRun(type: typeof SCRIPT_TYPE | typeof TRACE_TYPE, body: Uint8Array | string): Promise<Kept | null> {
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
  const runs = bytes.length <= MOST[type] ? await service() : '';
  if (!runs) return null;
  try {
    const r = await fetch(runs, { method: 'POST', headers: { 'content-type': type }, body: bytes as BufferSource, signal: AbortSignal.timeout(10_000) });
    if (!r.ok) return null;
    const { link, until } = await r.json() as { link: string; until: string };
    return { link: new URL(link, location.href).href, until: new Date(until) };
  } catch {
    return null; // no network: the long link does
  }
}

/** Fetches a kept run. 'gone': it is not, or no longer, kept. */
export async function fetchRun(id: string): Promise<{ type: string; bytes: Uint8Array }> {
  const runs = id ? await service() : '';
  if (!runs) throw new LinkError('broken');
  let r: Response;
  try {
    r = await fetch(`${runs}/${id}`, { signal: AbortSignal.timeout(30_000) });
  } catch {
    throw new LinkError('offline');
  }
  if (r.status === 404) throw new LinkError('gone');
  if (!r.ok) throw new LinkError('offline');
  return { type: r.headers.get('content-type') ?? '', bytes: new Uint8Array(await r.arrayBuffer()) };
}
