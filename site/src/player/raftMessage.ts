// Bodies of the consensus core's messages: the encoding, version 1, of
// raft/codec.go. Of a student's server nothing is decoded here.

export interface RaftMessage {
  term: number;
  reject: boolean;
  /** lastLogIndex, prevLogIndex, matched or refused index. */
  index: number;
  logTerm: number;
  commit: number;
  /** Of AppendEntries: the terms of the entries carried. */
  entryTerms: number[];
}

const VERSION = 1;

/** Decodes a body, or returns null if it is none of the core's messages. */
export function decodeRaftMessage(method: string, b: Uint8Array): RaftMessage | null {
  if (b.length < 8 || b[0] !== VERSION) return null;
  let p = 3;
  const num = (): number => {
    let value = 0;
    let scale = 1;
    while (p < b.length) {
      const byte = b[p++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    return value;
  };
  num(); // from
  num(); // to
  const m: RaftMessage = {
    reject: (b[2]! & 1) !== 0, term: num(), index: num(), logTerm: num(), commit: 0, entryTerms: [],
  };
  if (method === 'AppendEntries') {
    m.commit = num();
    num(); // round
    const count = num();
    let term = m.logTerm;
    for (let i = 0; i < count && p < b.length; i++) {
      term += num();
      m.entryTerms.push(term);
      p += Math.floor(num() / 4);
    }
  }
  return m;
}
