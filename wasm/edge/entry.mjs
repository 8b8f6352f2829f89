// The Worker's front door. The platform serves the page's files by itself; what
// it has no file for comes here, and only the routes that Go answers start Go,
// because each request starts an instance of its own. ASSETS knows the 404 page.
import go from './worker.mjs';

export default {
  fetch(request, env, ctx) {
    const url = new URL(request.url);
    if (!/^\/(api|s)\//.test(url.pathname)) return env.ASSETS.fetch(request);
    try {
      decodeURI(url.pathname); // github.com/syumai/workers fails on what is no address to Go
    } catch {
      return Response.json({ code: 'id', error: `no ID of a run: the address has a % that begins no character` },
        { status: 404, headers: { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' } });
    }
    return go.fetch(request, env, ctx);
  },
};
