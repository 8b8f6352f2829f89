// How the player names and draws things that more than one view shows.

/** Colours of terms: safe for the colour-blind (after Okabe and Ito). */
const TERM_COLOURS = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00', '#f0e442', '#999999'];
const DARK_TEXT_ON = new Set(['#e69f00', '#56b4e9', '#f0e442', '#999999', '#cc79a7', '#009e73', '#d55e00']);

export function termColour(term: number): string {
  return TERM_COLOURS[(term - 1 + TERM_COLOURS.length) % TERM_COLOURS.length]!;
}

/** Black or white, whichever reads better on the term's colour. */
export function onTermColour(term: number): string {
  return DARK_TEXT_ON.has(termColour(term)) ? '#000' : '#fff';
}

/** Stands at an operation that belongs to the smallest history that shows how a property broke. */
export const WITNESS = '◆';

/** The letter in a message's disc. */
export function messageLetter(method: string, entries: number): string {
  if (method.startsWith('AppendEntries')) return entries > 0 ? 'A' : 'H';
  if (method.startsWith('RequestVote')) return 'V';
  if (method.startsWith('PreVote')) return 'P';
  if (method.startsWith('InstallSnapshot')) return 'S';
  if (method.startsWith('TimeoutNow')) return 'T';
  const name = method.slice(method.lastIndexOf('.') + 1);
  return (name[0] ?? '?').toUpperCase();
}

/** Where a node stands on the ring's drawing. */
export interface Place {
  x: number;
  y: number;
}

/** The drawing's measures: what is seen of it begins at `left`. */
export const RING = { left: 50, width: 500, centre: 300, radius: 178, node: 38 } as const;

/** Clients in one row, and how far below it the next one is. */
const ROW = 10;
const BELOW = 58;

export function ringHeight(clients: number): number {
  return clients > 0 ? 610 + BELOW * (Math.ceil(clients / ROW) - 1) : 515;
}

/** How far apart clients stand. */
export function clientGap(clients: number): number {
  return Math.min(165, 500 / Math.min(clients, ROW));
}

export function places(servers: number, clients: number): Place[] {
  const all: Place[] = [];
  const cy = 248;
  for (let i = 0; i < servers; i++) {
    // Two servers stand side by side; else the first is at the top.
    const turn = servers === 2 ? -Math.PI : -Math.PI / 2;
    const angle = turn + (2 * Math.PI * i) / servers;
    const r = servers === 1 ? 0 : RING.radius;
    all.push({ x: RING.centre + r * Math.cos(angle), y: cy + r * Math.sin(angle) });
  }
  for (let i = 0; i < clients; i++) {
    const row = Math.floor(i / ROW);
    const inRow = Math.min(ROW, clients - row * ROW);
    all.push({ x: RING.centre + ((i % ROW) - (inRow - 1) / 2) * clientGap(clients), y: 560 + BELOW * row });
  }
  return all;
}
