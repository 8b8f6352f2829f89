// The page that `grade view` writes: shows the run that stands in it.
import { mount } from 'svelte';
import { langOf, type Lang } from './messages.ts';
import { Model } from './model.ts';
import Report from './Report.svelte';
import { Run, type RunInfo } from './run.ts';
import { runTexts } from './runTexts.ts';
import { decodeTrace, TraceError } from './trace.ts';

/** What stands in the page under an id: base64 of gzip. */
async function unpack(id: string): Promise<Uint8Array> {
  const s = atob((document.getElementById(id)?.textContent ?? '').replace(/\s/g, ''));
  const packed = new Blob([Uint8Array.from(s, (c) => c.charCodeAt(0))]);
  return new Uint8Array(await new Response(packed.stream().pipeThrough(new DecompressionStream('gzip'))).arrayBuffer());
}

async function show(place: HTMLElement, lang: Lang): Promise<void> {
  const info = JSON.parse(new TextDecoder().decode(await unpack('raftlab-run'))) as RunInfo;
  const { header, records } = decodeTrace(await unpack('raftlab-trace'));
  const run = new Run(info, records);
  const model = new Model(header.servers, header.clients ?? 0, run, true, info.history);
  model.append(records);
  place.textContent = '';
  mount(Report, { target: place, props: { model, run, info, lang } });
}

const place = document.getElementById('raftlab-player');
if (place && document.getElementById('raftlab-trace')?.textContent?.trim()) {
  const lang = langOf(document.documentElement.lang);
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const theme = (): void => { document.documentElement.dataset['theme'] = dark.matches ? 'dark' : 'light'; };
  dark.addEventListener('change', theme);
  theme();
  if (typeof DecompressionStream === 'undefined') {
    place.textContent = runTexts(lang).oldBrowser;
  } else {
    show(place, lang).catch((e: unknown) => {
      place.textContent = e instanceof TraceError ? `trace: ${e.message}` : String(e);
      if (!(e instanceof TraceError)) throw e;
    });
  }
}
