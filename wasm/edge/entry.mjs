// The Worker's front door. The platform serves the page's files by itself; what
// it has no file for comes here, and only the routes that Go answers start Go,
// because each request starts an instance of its own. ASSETS knows the 404 page.
import go from './worker.mjs';

/** Go refuses a run of so many bytes: more of a body is of no use to it (MaxTrace in share/run.go). */
const KEPT = (1 << 20) + 1;
/** After so many bytes nobody listens any more. */
const PATIENCE = 16 << 20;

const refuse = (status, code, error) => Response.json({ code, error },
  { status, headers: { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' } });

/**
 * Hears a request out and keeps the beginning of its body. workerd closes the
 * connection of who is answered in the middle of a large body, so that the
 * answer may be lost, and with it the next request on the same connection.
 */
async function heard(request) {
  if (!request.body) return request;
  const reader = request.body.getReader();
  const parts = [];
  let kept = 0;
  for (let all = 0; all < PATIENCE;) {
    const { done, value } = await reader.read();
    if (done) break;
    all += value.length;
    const part = value.subarray(0, KEPT - kept);
    if (part.length) parts.push(part);
    kept += part.length;
  }
  void reader.cancel().catch(() => undefined);
  // In one piece: for Go each piece is a turn of the event loop.
  const body = new Uint8Array(kept);
  let at = 0;
  for (const part of parts) {
    body.set(part, at);
    at += part.length;
  }
  return new Request(request, { body: new ReadableStream({ start(c) { if (kept) c.enqueue(body); c.close(); } }) });
}

// github.com/syumai/workers waits for Go to say that it is ready, and then for its
// answer. If Go dies before, neither comes, and workerd ends the request with a
// 500: so whoever waits is told that Go has ended.
const waiting = new WeakMap();
const { run } = Go.prototype;
Go.prototype.run = function (instance, context) {
  const ended = (why) => waiting.get(context.ctx)?.(why);
  const over = run.call(this, instance, context);
  over.then(() => ended(new Error('Go has ended')), ended);
  return over;
};

/** Lets Go answer. Throws if it cannot, or ends before it has. */
function answer(request, env, ctx) {
  return new Promise((resolve, reject) => {
    waiting.set(ctx, reject);
    go.fetch(request, env, ctx).then(resolve, reject);
  });
}

export default {
  async fetch(request, env, ctx) {
    let whole;
    try {
      whole = await heard(request);
    } catch {
      return refuse(400, 'body', 'the body broke off');
    }
    const { pathname } = new URL(request.url);
    if (!/^\/(api|s)\//.test(pathname)) return env.ASSETS.fetch(whole);
    try {
      decodeURI(pathname); // github.com/syumai/workers fails on what is no address to Go
    } catch {
      return refuse(404, 'id', 'no ID of a run: the address has a % that begins no character');
    }
    try {
      return await answer(whole, env, ctx);
    } catch (e) {
      console.error(`edge: Go does not answer: ${e}`);
      return refuse(503, 'busy', 'the service has no room for this request now: try again, or use the link that carries the run in its fragment');
    }
  },
};
