// CodeMirror, set up for Go: one view, and for each file a state with its own
// history, so that undo never crosses from one file to another.

import { closeBrackets, closeBracketsKeymap, completeAnyWord } from '@codemirror/autocomplete';
import { autocompletion, completionKeymap } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap, indentWithTab, isolateHistory } from '@codemirror/commands';
import { go } from '@codemirror/lang-go';
import { bracketMatching, defaultHighlightStyle, HighlightStyle, indentOnInput, indentUnit, syntaxHighlighting } from '@codemirror/language';
import { lintGutter, lintKeymap, setDiagnostics, type Diagnostic } from '@codemirror/lint';
import { unifiedMergeView } from '@codemirror/merge';
import { highlightSelectionMatches, searchKeymap } from '@codemirror/search';
import { Compartment, EditorState, type Extension } from '@codemirror/state';
import { drawSelection, EditorView, highlightActiveLine, highlightActiveLineGutter, keymap, lineNumbers } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import type { Files, Finding, Problem } from './api.ts';
import { units } from './columns.ts';

const dark = HighlightStyle.define([
  { tag: tags.keyword, color: '#c792ea' },
  { tag: [tags.string, tags.character], color: '#c3e88d' },
  { tag: tags.number, color: '#f78c6c' },
  { tag: tags.comment, color: '#8b98ad' },
  { tag: [tags.typeName, tags.standard(tags.name)], color: '#82d2ff' },
  { tag: tags.function(tags.variableName), color: '#9ecbff' },
], { themeType: 'dark' });

const look = EditorView.theme({
  '&': { height: '100%', fontSize: '0.85rem', backgroundColor: 'var(--sl-color-bg)', color: 'var(--sl-color-text)' },
  '.cm-scroller': { fontFamily: 'var(--__sl-font-mono, ui-monospace, monospace)', lineHeight: '1.5' },
  '.cm-gutters': { backgroundColor: 'var(--sl-color-bg-nav)', color: 'var(--sl-color-gray-2)', border: 'none' },
  '.cm-activeLine, .cm-activeLineGutter': { backgroundColor: 'color-mix(in srgb, var(--sl-color-accent) 10%, transparent)' },
  '&.cm-focused': { outline: '2px solid var(--sl-color-accent)', outlineOffset: '-2px' },
  '.cm-cursor': { borderLeftColor: 'var(--sl-color-text)' },
  '.cm-tooltip': { backgroundColor: 'var(--sl-color-bg-nav)', color: 'var(--sl-color-text)', border: '1px solid var(--sl-color-gray-5)' },
  '.cm-panels': { backgroundColor: 'var(--sl-color-bg-nav)', color: 'var(--sl-color-text)' },
});

export interface Hooks {
  /** A file's text has changed. */
  changed(path: string, text: string): void;
  format(): void;
  run(): void;
}

export class Editor {
  readonly view: EditorView;
  private path = '';
  private readonly states = new Map<string, EditorState>();
  private readonly hooks: Hooks;
  private readonly theme = new Compartment();
  private readonly merge = new Compartment();
  private original: string | null = null;
  private readonly label: string;

  constructor(place: HTMLElement, label: string, hooks: Hooks) {
    this.hooks = hooks;
    this.label = label;
    this.view = new EditorView({ parent: place });
  }

  private extensions(path: string): Extension[] {
    return [
      lineNumbers(), highlightActiveLineGutter(), lintGutter(), history(), drawSelection(), indentOnInput(), bracketMatching(), closeBrackets(),
      highlightActiveLine(), highlightSelectionMatches(), EditorState.tabSize.of(4), indentUnit.of('\t'),
      autocompletion({ override: path.endsWith('.go') ? [completeAnyWord] : [] }),
      path.endsWith('.go') ? go() : [],
      keymap.of([
        { key: 'Mod-Enter', run: () => { this.hooks.run(); return true; } },
        { key: 'Mod-s', run: () => { this.hooks.format(); return true; } },
        { key: 'Shift-Alt-f', run: () => { this.hooks.format(); return true; } },
        ...closeBracketsKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap, ...completionKeymap, ...lintKeymap, indentWithTab,
      ]),
      EditorView.contentAttributes.of({ 'aria-label': `${this.label}: ${path}`, tabindex: '0' }),
      this.theme.of(this.colours()), this.merge.of([]), look,
      EditorView.updateListener.of((u) => { if (u.docChanged && path === this.path) this.hooks.changed(path, u.state.doc.toString()); }),
    ];
  }

  private colours(): Extension {
    const isDark = document.documentElement.dataset['theme'] === 'dark';
    return [EditorView.theme({}, { dark: isDark }), syntaxHighlighting(isDark ? dark : defaultHighlightStyle, { fallback: true })];
  }

  /** After the page has changed between light and dark. */
  recolour(): void {
    this.view.dispatch({ effects: this.theme.reconfigure(this.colours()) });
  }

  /** Shows a file; its history is kept. */
  show(path: string, text: string): void {
    if (this.path) this.states.set(this.path, this.view.state);
    this.path = path;
    let state = this.states.get(path);
    if (!state || state.doc.toString() !== text) state = EditorState.create({ doc: text, extensions: this.extensions(path) });
    this.view.setState(state);
    this.recolour();
    if (this.original !== null) this.compare(this.original);
  }

  /** Forgets files that are gone. */
  keep(files: Files): void {
    for (const p of this.states.keys()) if (!(p in files)) this.states.delete(p);
    if (!(this.path in files)) this.path = '';
  }

  /** Shows what differs from a text, or with null no longer. */
  compare(original: string | null): void {
    this.original = original;
    this.view.dispatch({ effects: this.merge.reconfigure(original === null ? [] : unifiedMergeView({ original, mergeControls: true })) });
  }

  /** Replaces the text, as one step of undo, where it differs. */
  replace(text: string): void {
    const old = this.view.state.doc.toString();
    if (old === text) return;
    let from = 0;
    while (from < old.length && old[from] === text[from]) from++;
    let end = 0;
    while (end < Math.min(old.length, text.length) - from && old[old.length - 1 - end] === text[text.length - 1 - end]) end++;
    this.view.dispatch({ changes: { from, to: old.length - end, insert: text.slice(from, text.length - end) }, annotations: isolateHistory.of('full') });
  }

  /** Marks the problems and findings of the file shown. */
  mark(problems: Problem[], findings: Finding[]): void {
    const { doc } = this.view.state;
    const place = (at: number, col: number): { from: number; to: number } => {
      const line = doc.line(at);
      const from = line.from + Math.min(units(line.text, col - 1), line.length);
      const word = /^[\p{L}\p{N}_]+/u.exec(line.text.slice(from - line.from))?.[0].length ?? 1;
      return { from, to: Math.min(from + Math.max(word, 1), line.to) };
    };
    const marks: Diagnostic[] = [
      ...problems.filter((p) => p.line && p.line <= doc.lines)
        .map((p): Diagnostic => ({ ...place(p.line!, p.col ?? 1), severity: 'error', message: p.reason + (p.advice ? `\n${p.advice}` : '') })),
      ...findings.filter((f) => f.line <= doc.lines)
        .map((f): Diagnostic => ({ ...place(f.line, f.col), severity: 'warning', message: f.message, source: f.check })),
    ];
    this.view.dispatch(setDiagnostics(this.view.state, marks));
  }

  go(line: number): void {
    const { doc } = this.view.state;
    const at = doc.line(Math.min(Math.max(line, 1), doc.lines));
    this.view.dispatch({ selection: { anchor: at.from }, effects: EditorView.scrollIntoView(at.from, { y: 'center' }) });
    this.view.focus();
  }

  close(): void { this.view.destroy(); }
}
