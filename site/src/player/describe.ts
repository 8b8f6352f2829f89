// Records as sentences: for the event list and for screen readers.

import type { Messages } from './messages.ts';
import type { Model } from './model.ts';
import { decodeRaftMessage } from './raftMessage.ts';
import { Kind, MsgKind, type TraceRecord } from './trace.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true });
const LONGEST = 40;
/** What a client asks and is told is shown at more length: the values are what matters. */
export const OPERATION = 160;

/** Bytes as a short text: as they are if they are text, else in hex. */
export function show(b: Uint8Array, most = LONGEST): string {
  let s: string;
  try {
    s = utf8.decode(b);
    if (/[\u0000-\u0008\u000e-\u001f]/.test(s)) throw new Error('binary');
  } catch {
    s = Array.from(b.subarray(0, most / 2), (x) => x.toString(16).padStart(2, '0')).join('');
    return b.length > most / 2 ? `${s}…` : s;
  }
  return s.length > most ? `${s.slice(0, most)}…` : s;
}

/** An entry's command, without the mark of the client that asked for it. */
export function showEntry(b: Uint8Array): string {
  return show(b).replace(/ #C\d+\.\d+$/, '');
}

/** S1, S2, ... for servers, C1, C2, ... for clients; from 0 where a test ran. */
export function nodeName(model: Pick<Model, 'servers' | 'graded'>, node: number): string {
  const first = model.graded ? 0 : 1;
  return node < model.servers ? `S${node + first}` : `C${node - model.servers + first}`;
}

/** A link's new state, as grader/sim writes it: "delay 80000-250000us loss 0.1". */
function linkText(m: Messages, state: string): string {
  return state.replace(/(\d+)-(\d+)us/g, (_, lo: string, hi: string) => `${Number(lo) / 1000}–${Number(hi) / 1000} ms`)
    .replace(/[a-z]+(?= [\d.])/g, (word) => m.link[word] ?? word);
}

/** A client's operation as text: "put x 1", or as a test's client would write it. */
export function operationText(model: Pick<Model, 'graded'>, o: { name: string; argument: Uint8Array }, most = LONGEST): string {
  return model.graded ? show(o.argument, most) : `${o.name} ${show(o.argument, most)}`.trimEnd();
}

export function milliseconds(t: number): string {
  return (t / 1e6).toFixed(t < 1e9 ? 2 : 1);
}

/** A message's name and its fields: the core's, or those that a report knows. */
export function messageText(method: string, body: Uint8Array, fields = ''): string {
  if (fields) return `${method} ${fields}`;
  const m = decodeRaftMessage(method, body);
  if (!m) return body.length > 0 && body.length <= LONGEST ? `${method} ${show(body)}` : method;
  const no = m.reject ? ' ✗' : '';
  switch (method) {
    case 'AppendEntries': {
      const n = m.entryTerms.length;
      const carried = n === 0 ? '' : n === 1 ? ` +[${m.index + 1}]` : ` +[${m.index + 1}–${m.index + n}]`;
      return `AppendEntries(T${m.term}, prev ${m.index}/T${m.logTerm}, commit ${m.commit}${carried})`;
    }
    case 'AppendEntriesReply':
      return `AppendEntriesReply(T${m.term}, ${m.index})${no}`;
    case 'RequestVote':
    case 'PreVote':
      return `${method}(T${m.term}, last ${m.index}/T${m.logTerm})`;
    default:
      return `${method}(T${m.term})${no}`;
  }
}

/** The term a record is about, or 0. */
export function termOf(r: TraceRecord): number {
  if (r.status) return r.status.term;
  if (r.kind === Kind.Send) return decodeRaftMessage(r.name, r.data)?.term ?? 0;
  if (r.kind === Kind.LogWrite) return r.entries?.at(-1)?.term ?? 0;
  return r.kind === Kind.Respond ? r.term : 0;
}

/** Whether a record has to do with one entry of the log. */
export function touchesEntry(r: TraceRecord, index: number, term: number): boolean {
  switch (r.kind) {
    case Kind.LogWrite: {
      const n = r.entries?.length ?? 0;
      return index >= r.index && (n === 0 || index >= r.index + n || r.entries![index - r.index]!.term === term);
    }
    case Kind.Apply:
      return r.index === index;
    case Kind.Respond:
      return r.index === index && r.term === term;
    case Kind.Send: {
      const m = decodeRaftMessage(r.name, r.data);
      if (!m) return false;
      if (r.name === 'AppendEntries') return m.entryTerms[index - m.index - 1] === term;
      return r.name === 'AppendEntriesReply' && !m.reject && m.index === index;
    }
    default:
      return false;
  }
}

/** One record as a sentence. `at` is its number, for what its mark says. */
export function describe(m: Messages, model: Model, r: TraceRecord, at: number): string {
  const n = r.node >= 0 ? nodeName(model, r.node) : '';
  const peer = r.peer >= 0 ? nodeName(model, r.peer) : '';
  const say = m.say;
  switch (r.kind) {
    case Kind.Boot: return say.boot(n, r.id);
    case Kind.Tick: return say.tick(n);
    case Kind.Receive: return say.receive(n, peer, r.name);
    case Kind.CallFailed: return say.callFailed(n, peer, r.name);
    case Kind.Request: return r.name === 'start' ? say.propose(n, model.run?.brief(at) || show(r.data)) : say.request(n, r.name, show(r.data));
    case Kind.Send: return say.send(n, peer, messageText(r.term === MsgKind.Reply && model.run ? `${r.name} reply` : r.name, r.data, model.run?.brief(at)));
    case Kind.Save:
    case Kind.WriteAhead: return say.save(n);
    case Kind.Apply: return say.apply(n, r.index, model.run?.brief(at) || showEntry(r.data));
    case Kind.ApplySnapshot: return say.applySnapshot(n, r.index);
    case Kind.Respond: return model.graded && !model.starts.has(r.id) ? say.answers(n) : model.run && !r.flag ? say.refused(n, '') : r.flag ? say.accepted(n, r.index, r.term) : say.refused(n, show(r.data));
    case Kind.Observe: {
      const st = r.status!;
      switch (model.markAt(at)?.kind) {
        case 'elected': return say.elected(n, st.term);
        case 'campaign': return say.campaign(n, st.term);
        case 'committed': return say.committed(n, st.commit);
      }
      return say.observe(n, m.roles[st.role] ?? '', st.term, st.commit);
    }
    case Kind.LogWrite:
      return r.entries ? say.logWrite(n, r.index, r.index + r.entries.length - 1) : say.logEmpty(n, r.index);
    case Kind.LogCompact: return say.logCompact(n, r.index);
    case Kind.Print: return say.print(n, show(r.data));
    case Kind.Note: return say.note(n, m.notes[r.name]?.(show(r.data)) ?? `${r.name} ${show(r.data)}`);
    case Kind.Fault: return say.fault(n, r.name);
    case Kind.Crash: return say.crash(n, r.flag);
    case Kind.Cut: return say.cut(n, peer);
    case Kind.Heal: return say.heal(n, peer);
    case Kind.Link: return say.link(n || say.anyNode, peer || say.anyNode, linkText(m, new TextDecoder().decode(r.data).slice(0, 200)));
    case Kind.Drop: return say.drop(n, peer, m.lost[r.name] ?? r.name);
    case Kind.Dup: return say.dup(n, peer);
    case Kind.Arm: {
      const [, when, effect] = /^(before|after) effect (\d+)/.exec(r.name) ?? [];
      return say.arm(n, when === 'before', m.effects[Number(effect)] ?? r.name);
    }
    case Kind.DiskSet: return say.diskSet(n);
    case Kind.Line: return say.line(r.name, show(r.data));
    case Kind.Invoke: return say.invoke(peer, operationText(model, { name: r.name, argument: r.data }, OPERATION));
    case Kind.Return: return say.returned(peer, show(r.data, OPERATION));
    case Kind.Violation: {
      const own = model.message;
      if (own) return say.violation(m.properties[r.name] ?? r.name, own);
      const text = new TextDecoder().decode(r.data);
      // Of a student's server no term or index is known.
      return say.violation(m.properties[r.name] ?? r.name, (model.graded ? undefined : m.broken[r.name]?.(n, peer, r.index, r.term)) ?? text);
    }
    case Kind.Phase: return say.phase(r.name);
    default: return say.other(r.kind);
  }
}
