// The site's service worker; scripts/offline.mjs fills in the three constants.
const BUILD = 'BUILD';
const BIG = 'BIG';
const FIRST = [/* FIRST */];

const name = `raftlab-${BUILD}`;
const bigName = `raftlab-big-${BIG}`;

self.addEventListener('install', (e) => {
  e.waitUntil(
    caches.open(name).then((c) => c.addAll(FIRST.map((f) => new Request(f, { cache: 'no-cache' })))).then(() => self.skipWaiting()),
  );
});

self.addEventListener('activate', (e) => {
  e.waitUntil(
    caches.keys()
      .then((all) => Promise.all(all.filter((n) => n.startsWith('raftlab-') && n !== name && n !== bigName).map((n) => caches.delete(n))))
      .then(() => self.clients.claim()),
  );
});

// From the kept build first; else from the net, and kept. A page of a newer
// build comes with its own worker, so files of two builds never mix.
self.addEventListener('fetch', (e) => {
  const url = new URL(e.request.url);
  if (e.request.method !== 'GET' || url.origin !== self.location.origin) return;
  // Left to the browser: it keeps machine code only for what it fetched itself.
  if (url.search === '?net') return;
  // Where a Worker keeps shared runs: no files of this build.
  if (/^\/(api|s)\//.test(url.pathname)) return;
  e.respondWith((async () => {
    const cache = await caches.open(url.pathname.includes('/toolchain/') ? bigName : name);
    const kept = await cache.match(e.request, { ignoreSearch: true });
    if (kept) return kept;
    const fresh = await fetch(e.request);
    // A full disk costs the next visit time, not this one the file.
    if (fresh.ok && fresh.type === 'basic') e.waitUntil(cache.put(e.request, fresh.clone()).catch(() => undefined));
    return fresh;
  })());
});
