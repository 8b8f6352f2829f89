// The little Markdown that the texts of lesson.json use.

export interface Piece {
  kind: 'text' | 'code' | 'em' | 'strong';
  text: string;
}

/** Splits a text at `code`, *emphasis* and **strong emphasis**. */
export function pieces(text: string): Piece[] {
  const out: Piece[] = [];
  for (const part of text.split(/(`[^`]+`|\*\*[^*]+\*\*|\*[^*]+\*)/)) {
    if (part === '') continue;
    if (part.length > 2 && part.startsWith('`') && part.endsWith('`')) out.push({ kind: 'code', text: part.slice(1, -1) });
    else if (part.length > 4 && part.startsWith('**') && part.endsWith('**')) out.push({ kind: 'strong', text: part.slice(2, -2) });
    else if (part.length > 2 && part.startsWith('*') && part.endsWith('*')) out.push({ kind: 'em', text: part.slice(1, -1) });
    else out.push({ kind: 'text', text: part });
  }
  return out;
}

/** A part of a lesson's page: a stretch of its text, or what a directive puts there. */
export type Part = { kind: 'html'; html: string } | { kind: 'cluster' | 'figure16' } | { kind: 'task' | 'question'; id: string };

/** Cuts a lesson's rendered text at its directives; see labs/lessons/FORMAT.md. */
export function partsOf(html: string): Part[] {
  const parts: Part[] = [];
  const directive = /<p>::(cluster|figure16|(task|question)\{id=([a-z0-9-]+)\})<\/p>/g;
  let end = 0;
  for (const d of html.matchAll(directive)) {
    parts.push({ kind: 'html', html: html.slice(end, d.index) });
    end = d.index + d[0].length;
    if (d[2]) parts.push({ kind: d[2] as 'task' | 'question', id: d[3]! });
    else parts.push({ kind: d[1] as 'cluster' | 'figure16' });
  }
  parts.push({ kind: 'html', html: html.slice(end) });
  const rest = parts.find((p) => p.kind === 'html' && /<p>::/.test(p.html));
  if (rest) throw new Error(`a directive that is not known: ${(rest as { html: string }).html.match(/<p>::[^<]*/)![0].slice(3)}`);
  return parts;
}
