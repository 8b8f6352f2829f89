// Share links, progress files, and the page's wasm against the native program.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deflateRawSync } from 'node:zlib';
import { decodeLink, decodeTraceLink, encodeLink, encodeTraceLink, LinkError, LONGEST } from '../../src/cluster/share.ts';
import { Engine, native } from './engine.ts';

const engine = await Engine.load();

async function code(fragment: string): Promise<string> {
  try {
    return (await decodeLink(fragment)) === null ? 'none' : 'read';
  } catch (e) {
    return e instanceof LinkError ? e.code : String(e);
  }
}

test('a link gives back what was put in', async () => {
  const shared = { engine: '1', hash: '0123456789abcdef', script: 'raftlab-cluster 1\nkind raft\n第一\n' };
  assert.deepEqual(await decodeLink(await encodeLink(shared)), shared);
});

test('bad and newer links are told apart', async () => {
  const good = await encodeLink({ engine: '1', hash: '0123456789abcdef', script: 'x'.repeat(500) });
  assert.equal(await code(''), 'none');
  assert.equal(await code('a-heading'), 'none');
  assert.equal(await code(good.slice(0, -8)), 'broken');
  assert.equal(await code('r1.1.0123456789abcdef.%%%'), 'broken');
  assert.equal(await code('r1.1.xyz.AAAA'), 'broken');
  assert.equal(await code('r2.whatever'), 'newer');
  const bomb = await encodeLink({ engine: '1', hash: '0123456789abcdef', script: 'x'.repeat(3 << 20) });
  assert.equal(await code(bomb), 'broken');
});

test('a link carries a trace that fits, and no other', async () => {
  const { trace } = native('raftlab-cluster 1\nkind raft\nservers 3\nseed 1\nuntil 1000000000\n');
  const link = (await encodeTraceLink(trace))!;
  assert.deepEqual(await decodeTraceLink(link), trace);
  assert.equal(await decodeTraceLink('s1.tAAAA'), null);
  const refused = (fragment: string): Promise<string> => decodeTraceLink(fragment).then(() => 'read', (e: unknown) => (e instanceof LinkError ? e.code : String(e)));
  assert.equal(await refused(link.slice(0, -8)), 'broken');
  assert.equal(await refused('t1.%'), 'broken');
  assert.equal(await refused('t2.AAAA'), 'newer');
  const noise = Uint8Array.from({ length: LONGEST }, (_, i) => (i * i * 2654435761) >>> 13);
  assert.equal(await encodeTraceLink(noise), null);
  assert.equal(await encodeTraceLink(new Uint8Array(3 << 20)), null, 'it would be small, but nobody would read it');
  const bomb = Buffer.from(deflateRawSync(new Uint8Array(3 << 20))).toString('base64url');
  assert.equal(await refused(`t1.${bomb}`), 'broken');
});

test('a run in the page’s engine, its script replayed natively: the same hash', async () => {
  engine.now = 0;
  engine.create('raftlab-cluster 1\nkind raft\nservers 7\nclients 2\nseed 99\nset loss 0.05\n');
  await engine.runTo(1.5e9);
  for (const line of ['propose leader 5 v', 'client C1 put - k 1', 'crash leader send', 'set electionMs 200 400', 'client C2 get - k',
    'restart down1', 'partition S1,S2,C1/rest', 'timeOut S7', 'healAll', 'set persistence false', 'propose leader 1 w']) {
    try {
      await engine.act(line);
    } catch (e) {
      assert.equal(String(e), 'Error: nobody');
    }
    await engine.runTo(engine.now + 4e8);
  }
  await engine.runTo(engine.now + 5e9);
  const hash = engine.hash();
  assert.equal(native(engine.script()).hash, hash);
  const t = engine.now;
  engine.rewind(2e9, 99);
  assert.equal(engine.now, 2e9);
  assert.notEqual(engine.hash(), hash);
  assert.ok(t > 2e9);
});
