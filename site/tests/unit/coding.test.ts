// The page's compiler and grader against the command's: the same bytes, the same
// verdicts, the same hashes.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Failed } from '../../src/code/api.ts';
import { units } from '../../src/code/columns.ts';
import { labsOf } from '../../src/code/labs.ts';
import { accept, FolderError, fromZip, toZip, validPath } from '../../src/code/folder.ts';
import { folder, planted, txtar } from '../browser/coding.ts';
import { root } from './engine.ts';
import { Cli, StudioInNode, verdict } from './studio.ts';

const correct = folder(`${root}grader/testdata/correct`);

describe('the page against the command', () => {
  let studio: StudioInNode;
  let cli: Cli;
  before(async () => {
    cli = new Cli();
    studio = await StudioInNode.load();
  });
  after(() => cli.close());

  const lang = 'en';
  for (const [name, files] of [['the correct server', correct], ['a checkout of the course', folder(`${root}grader/testdata/mit2025/src`)]] as const) {
    it(`${name}: the module is the same to the byte`, () => {
      const mine = studio.compile(files);
      const theirs = cli.build(cli.folder(files));
      assert.ok(Buffer.compare(mine, theirs) === 0, `the page's module has ${mine.length} bytes, the command's ${theirs.length}`);
    });
  }

  it('an import that is rare needs the other pack, and gives the same module', () => {
    const files = { ...correct, 'raft/more.go': 'package raft\n\nimport "encoding/json"\n\nfunc text(v any) string {\n\tb, _ := json.Marshal(v)\n\treturn string(b)\n}\n\nvar _ = text\n' };
    const plan = studio.api.plan(JSON.stringify(files));
    assert.ok(typeof plan !== 'string');
    assert.ok(studio.toolchain.needs(plan.commands).has('more'));
    assert.ok(Buffer.compare(studio.compile(files), cli.build(cli.folder(files))) === 0);
  });

  it('the correct server: the same verdict, points and hashes', () => {
    const wasm = studio.compile(correct);
    const order = { go: studio.manifest.go, files: correct, lang, parts: ['election'] };
    assert.deepEqual(verdict(studio.grade(wasm, order)), verdict(cli.json(cli.folder(correct), 'election')));
  });

  // One of each way to fail: safety, liveness, budget, death, endless loop.
  for (const [bug, run] of [
    ['vote-not-saved', ''], ['short-log-panics', ''], ['ticker-spins', '^election/initial$'],
    ['heartbeats-too-often', '^election/(initial|heartbeats)$'], ['start-locks-twice', '^agreement/basic$'],
  ] as const) {
    it(`${bug}: the same verdict, and the same words`, () => {
      const { files, part } = planted(correct, bug);
      const select = run ? { run } : { parts: [part] };
      const mine = studio.grade(studio.compile(files), { go: studio.manifest.go, files, lang, seeds: 2, ...select });
      const theirs = cli.json(cli.folder(files), '--seeds', '2', ...(run ? ['--run', run] : [part]));
      assert.equal(mine.status, 'failed');
      assert.deepEqual(verdict(mine), verdict(theirs));
    });
  }

  // The services on Raft: the module, the histories of the clients, and what cannot
  // be put in order.
  const service = { ...correct, ...folder(`${root}grader/testdata/correct-kv`) };
  const course = { ...folder(`${root}grader/testdata/mit2025/src`), ...Object.fromEntries(Object.entries(txtar(`${root}grader/testdata/kvraft/2025.txtar`)).map(([n, text]) => [n.replace(/^src\//, ''), text])) };
  for (const [lab, name, files, run, status] of [
    ['kv', 'the correct service', service, '^(service/concurrent|faults/old_leader|snapshots/restarts)$', 'passed'],
    ['kv', 'a service that answers reads on its own', planted(service, 'read-from-leaders-map', 'bugs-kv').files, '^faults/', 'failed'],
    ['kv', 'a service that forgets what it has done', planted(service, 'no-duplicate-detection', 'bugs-kv').files, '^faults/', 'failed'],
    ['lock', 'the correct lock', service, '(one|many|silent_holder)$', 'passed'],
    ['kvraft', "the course's service of 2025", course, '^(rsm/basic|service/old_leader)$', 'passed'],
  ] as const) {
    it(`${lab}: ${name}: the same verdict, and the same words`, () => {
      const mine = studio.grade(studio.compile(files, lab), { go: studio.manifest.go, lab, files, lang, seeds: 1, run });
      const theirs = cli.json(cli.folder(files), '--lab', lab, '--seeds', '1', '--run', run);
      assert.equal(mine.status, status);
      assert.ok(mine.parts.some((p) => p.tests.length > 0));
      assert.deepEqual(verdict(mine), verdict(theirs));
    });
  }

  // A folder that has no Raft: the service stands on the grader's own.
  const without = folder(`${root}grader/testdata/correct-kv`);
  for (const [lab, name, files, run, status] of [
    ['kv', 'the correct service', without, '^(service/concurrent|faults/old_leader|snapshots/restarts)$', 'passed'],
    ['kv', 'a service that answers reads on its own', planted(without, 'read-from-leaders-map', 'bugs-kv').files, '^faults/', 'failed'],
    ['lock', 'the correct lock', without, '^lock/one$', 'passed'],
  ] as const) {
    it(`${lab} on the grader's own Raft: ${name}: the same verdict, and the same words`, () => {
      assert.deepEqual(JSON.parse(studio.api.check(JSON.stringify(files), lab, 'core')), {});
      const mine = studio.grade(studio.compile(files, lab, 'core'), { go: studio.manifest.go, lab, raft: 'core', files, lang, seeds: 1, run });
      const theirs = cli.json(cli.folder(files), '--raft', 'core', '--lab', lab, '--seeds', '1', '--run', run);
      assert.equal(mine.status, status);
      assert.equal(mine.raft, 'core');
      assert.ok(mine.parts.some((p) => p.tests.length > 0));
      assert.deepEqual(verdict(mine), verdict(theirs));
    });
  }

  it('what only a Raft of one’s own has is told', () => {
    const files = { ...without, 'kv/more.go': 'package kv\n\nimport "raftlab.example/lab/raft"\n\nvar _ = raft.Extra\n' };
    const f = failed(studio.api.check(JSON.stringify(files), 'kv', 'core'));
    assert.match(f.problems![0]!.advice ?? '', /grader's own Raft/);
    assert.match(failed(studio.api.check(JSON.stringify(files), 'kv', 'nonsense')).error, /raft is one of/);
  });

  const failed = (text: string): Failed => JSON.parse(text) as Failed;
  const check = (more: Record<string, string>): Failed => failed(studio.api.check(JSON.stringify({ ...correct, ...more })));

  it('errors are found without compiling, at their places', () => {
    assert.equal(check({}).error, undefined);
    const type = check({ 'raft/x.go': 'package raft\n\nfunc f() int {\n\treturn "three"\n}\n' });
    assert.deepEqual([type.kind, type.problems![0]!.file, type.problems![0]!.line, type.problems![0]!.col], ['compile', 'raft/x.go', 4, 9]);
    const syntax = check({ 'raft/x.go': 'package raft\n\nfunc f( {\n' });
    assert.deepEqual([syntax.problems![0]!.file, syntax.problems![0]!.line], ['raft/x.go', 3]);
    const net = check({ 'raft/x.go': 'package raft\n\nimport "net"\n' });
    assert.equal(net.kind, 'refused');
    assert.match(net.problems![0]!.reason, /import "net" is not allowed/);
  });

  it('what the compiler says is what the checker says', () => {
    const files = { ...correct, 'raft/x.go': 'package raft\n\nfunc f() int {\n\treturn "three"\n}\n' };
    const plan = studio.api.plan(JSON.stringify(files));
    assert.ok(typeof plan !== 'string');
    let output = '';
    try {
      studio.toolchain.build(plan.commands);
    } catch (e) {
      output = (e as { output?: string }).output ?? String(e);
    }
    assert.deepEqual(failed(studio.api.explain(output)).problems, check({ 'raft/x.go': files['raft/x.go'] }).problems);
  });

  it("the lab's checks warn", () => {
    const found = (files: Record<string, string>) => (JSON.parse(studio.api.vet(JSON.stringify(files))) as { findings: { check: string; file: string }[] }).findings;
    assert.deepEqual(found(correct), []);
    const { files } = planted(correct, 'lock-held-during-call');
    assert.ok(found(files).some((f) => f.check === 'lockacross' && f.file.startsWith('raft/')), JSON.stringify(found(files)));
  });

  it('gofmt formats, and says where it cannot', () => {
    assert.equal((JSON.parse(studio.api.format('package  x\nvar  a=1')) as { text: string }).text, 'package x\n\nvar a = 1\n');
    assert.equal(failed(studio.api.format('package x\n\nfunc {')).problems![0]!.line, 3);
  });

  it('nonsense is answered with an error, and the grader goes on', () => {
    assert.match(failed(studio.api.open('{"lang":"en"}', new Uint8Array([1, 2, 3]))).error, /WebAssembly module/);
    assert.match(failed(studio.api.open('nonsense', new Uint8Array())).error, /order/);
    assert.equal(failed(studio.api.plan('{}') as string).kind, 'usage');
    assert.match(failed(studio.api.run(0) as string).error, /no module is open/);
    assert.match(failed(studio.api.result('[]')).error, /no module is open/);
    assert.equal(check({}).error, undefined);
  });
});

it('a folder is graded as what it holds', () => {
  assert.deepEqual(labsOf(correct), ['raft']);
  assert.deepEqual(labsOf({ ...correct, 'kv/kv_test.go': '', 'lock/lock.go': '' }), ['raft']);
  assert.deepEqual(labsOf({ ...correct, ...folder(`${root}grader/testdata/correct-kv`) }), ['raft', 'kv', 'lock']);
  assert.deepEqual(labsOf({ 'src/raft1/raft.go': '', 'src/kvraft1/server.go': '' }), ['raft', 'kvraft']);
});

describe('folders', () => {
  const trouble = (f: () => unknown): string => {
    try {
      f();
    } catch (e) {
      if (e instanceof FolderError) return e.trouble;
      throw e;
    }
    return '';
  };

  it('a zip holds the folder, and the same folder gives the same bytes', () => {
    assert.deepEqual(fromZip(toZip(correct)), correct);
    assert.deepEqual(toZip(correct), toZip({ ...correct }));
  });
  it('a zip of a folder in a folder is that folder', () => {
    assert.deepEqual(fromZip(toZip({ 'lab/go.mod': 'module x\n', 'lab/raft/raft.go': 'package raft\n' })), { 'go.mod': 'module x\n', 'raft/raft.go': 'package raft\n' });
    assert.deepEqual(fromZip(toZip({ 'raft/raft.go': 'package raft\n' })), { 'raft/raft.go': 'package raft\n' });
  });
  it('what cannot be taken is refused with its reason', () => {
    assert.equal(trouble(() => fromZip(new TextEncoder().encode('no zip'))), 'not-a-zip');
    assert.equal(trouble(() => fromZip(toZip({ 'README.md': 'x' }))), 'no-go');
    assert.equal(trouble(() => accept({ '../raft.go': 'package raft\n' })), 'bad-name');
    assert.equal(trouble(() => accept({ 'raft.go': 'x'.repeat(5 << 20) })), 'too-large');
    assert.equal(trouble(() => fromZip(toZip({ 'raft.go': 'x'.repeat(5 << 20) }))), 'too-large');
    assert.equal(trouble(() => accept(Object.fromEntries(Array.from({ length: 201 }, (_, i) => [`f${i}.go`, ''])))), 'too-many');
  });
  it('paths stay inside', () => {
    for (const p of ['a/../b.go', '/a.go', 'a//b.go', 'a\\b.go', 'a:b.go', './a.go', '']) assert.equal(validPath(p), false, p);
    assert.equal(validPath('raft/log.go'), true);
  });
});

it('columns count bytes, the editor counts UTF-16', () => {
  assert.equal(units('x := "日本"; y', 6), 6);
  assert.equal(units('x := "日本"; y', 12), 8);
  assert.equal(units('"😀" x', 5), 3);
  assert.equal(units('ab', 9), 2);
});
