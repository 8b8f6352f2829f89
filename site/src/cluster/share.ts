// Share links: a run as text in the URL's fragment, which no server sees.
//
//   #r1.<engine>.<hash, 16 hex digits>.<script, deflated, base64url>
//   #t1.<trace file, deflated, base64url>
//
// The script says what was done; the engine's version and the hash say whether
// the same run came of it. A trace is the run itself, with its own hash.

export interface Shared {
  engine: string;
  hash: string;
  script: string;
}

/** The engine of this page: Engine in wasm/cluster/session/script.go. */
export const ENGINE = '3';
const PREFIX = 'r1.';
const TRACE_PREFIX = 't1.';
/** A script or a trace beyond this is not from us. */
const MOST = 2 << 20;
/** Characters of a trace's link: mail, chat and every browser still take so many. */
export const LONGEST = 32_000;

export class LinkError extends Error {
  /** gone: no longer kept; offline: the Worker cannot be asked now. */
  readonly code: 'broken' | 'newer' | 'gone' | 'offline';
  constructor(code: LinkError['code']) {
    super(code);
    this.code = code;
  }
}

export async function encodeLink(s: Shared): Promise<string> {
  const packed = await pump(new TextEncoder().encode(s.script), new CompressionStream('deflate-raw'));
  return `${PREFIX}${s.engine}.${s.hash.slice(0, 16)}.${toBase64(packed)}`;
}

/** Reads a fragment, without its #. Null: it is no share link at all. */
export async function decodeLink(fragment: string): Promise<Shared | null> {
  if (!/^r\d+\./.test(fragment)) return null;
  if (!fragment.startsWith(PREFIX)) throw new LinkError('newer');
  const [, engine, hash, data] = fragment.split('.');
  if (!engine || !hash || !data || !/^[0-9a-f]{16}$/.test(hash)) throw new LinkError('broken');
  let script: string;
  try {
    script = new TextDecoder('utf-8', { fatal: true }).decode(await pump(fromBase64(data), new DecompressionStream('deflate-raw')));
  } catch {
    throw new LinkError('broken');
  }
  return { engine, hash, script };
}

/** The fragment that carries a trace file. Null: it does not fit into a link. */
export async function encodeTraceLink(trace: Uint8Array): Promise<string | null> {
  if (trace.length > MOST) return null;
  const link = TRACE_PREFIX + toBase64(await pump(trace, new CompressionStream('deflate-raw')));
  return link.length <= LONGEST ? link : null;
}

/** Reads the trace file in a fragment, without its #. Null: it is no such link. */
export async function decodeTraceLink(fragment: string): Promise<Uint8Array | null> {
  if (!/^t\d+\./.test(fragment)) return null;
  if (!fragment.startsWith(TRACE_PREFIX)) throw new LinkError('newer');
  try {
    return await pump(fromBase64(fragment.slice(TRACE_PREFIX.length)), new DecompressionStream('deflate-raw'));
  } catch {
    throw new LinkError('broken');
  }
}

async function pump(b: Uint8Array, through: CompressionStream | DecompressionStream): Promise<Uint8Array> {
  const reader = new Blob([b as BlobPart]).stream().pipeThrough(through).getReader();
  const parts: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.length;
    if (size > MOST) throw new Error('too long');
    parts.push(value);
  }
  const all = new Uint8Array(size);
  let at = 0;
  for (const p of parts) {
    all.set(p, at);
    at += p.length;
  }
  return all;
}

function toBase64(b: Uint8Array): string {
  let s = '';
  for (const byte of b) s += String.fromCharCode(byte);
  return btoa(s).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

function fromBase64(s: string): Uint8Array {
  return Uint8Array.from(atob(s.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
}
