// The player in a report: shows the trace that stands in the page as base64.
import { mount } from 'svelte';
import { langOf } from './messages.ts';
import { Model } from './model.ts';
import Player from './Player.svelte';
import { decodeTrace, TraceError } from './trace.ts';

function bytes(base64: string): Uint8Array {
  const s = atob(base64.replace(/\s/g, ''));
  return Uint8Array.from(s, (c) => c.charCodeAt(0));
}

/** Shows the trace in `place`; opens shortly before the property broke. */
export function show(place: HTMLElement, trace: string): void {
  const lang = langOf(document.documentElement.lang === 'en' ? navigator.language : document.documentElement.lang);
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const theme = () => { document.documentElement.dataset['theme'] = dark.matches ? 'dark' : 'light'; };
  dark.addEventListener('change', theme);
  theme();
  try {
    const { header, records } = decodeTrace(bytes(trace));
    const model = new Model(header.servers, header.clients ?? 0);
    model.append(records);
    const broken = model.marks.find((k) => k.kind === 'broken');
    mount(Player, {
      target: place,
      props: { model, lang, time: broken?.t ?? 0, at: broken ? broken.at + 1 : 0, view: 'events' },
    });
  } catch (e) {
    if (!(e instanceof TraceError)) throw e;
    place.textContent = `trace: ${e.message}`;
  }
}

const place = document.getElementById('raftlab-player');
const trace = document.getElementById('raftlab-trace')?.textContent?.trim();
if (place && trace) show(place, trace);
