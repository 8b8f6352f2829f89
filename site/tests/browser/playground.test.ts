// The playground's actions, by mouse and by keyboard, and share links.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { native } from '../unit/engine.ts';
import { openSite, type Site } from './browser.ts';

let site: Site;
before(async () => { site = await openSite(); });
after(async () => { await site?.close(); });

const player = '.raftlab-player';

async function ready(path = 'playground/'): Promise<{ page: Page; errors: string[] }> {
  const opened = await site.open(path);
  await opened.page.waitForSelector(player);
  return opened;
}

/** Lets the cluster run to its next leader, and pauses there. */
async function toLeader(page: Page): Promise<string> {
  await page.selectOption('select[aria-label="Jump to the next…"]', 'elected');
  await page.waitForSelector('.node.leader');
  return (await page.getAttribute('.node.leader', 'data-node'))!;
}

const said = (page: Page): Promise<string | null> => page.textContent('.said');
async function saysNow(page: Page, text: string): Promise<void> {
  await page.waitForFunction((t) => document.querySelector('.said')?.textContent?.includes(t), text).catch(async () => {
    assert.fail(`expected "${text}", it says "${await said(page)}"`);
  });
}

async function select(page: Page, node: number): Promise<void> {
  await page.keyboard.press('Escape');
  await page.focus(`[data-node="${node}"]`);
  await page.keyboard.press('Enter');
}

test('everything that can be done to a server', async () => {
  const { page, errors } = await ready();
  const lead = Number(await toLeader(page));
  const other = (lead + 1) % 5;
  await select(page, lead);
  await page.getByRole('button', { name: 'Propose' }).click();
  await saysNow(page, 'propose');
  await page.selectOption('select[aria-label^="Crash between"]', 'save');
  await saysNow(page, 'write to disk');
  await page.getByRole('button', { name: 'Propose' }).click();
  await page.waitForSelector(`[data-node="${lead}"].down`);
  await page.getByRole('button', { name: 'Restart', exact: true }).click();
  await saysNow(page, 'restart');
  await select(page, other);
  for (const [button, says] of [['Time out', 'time out'], ['Cut outgoing', 'cut'], ['Heal its links', 'heal'], ['Cut incoming', 'cut all'], ['Isolate', 'cut'],
    ['Crash', 'crash'], ['Heal all links', 'heal all links']] as const) {
    await page.getByRole('button', { name: button, exact: true }).click();
    await saysNow(page, says);
  }
  assert.equal(await page.locator('line.cut').count(), 0);
  await page.getByRole('button', { name: 'Undo' }).click();
  await saysNow(page, 'Undone: heal all links');
  assert.ok(await page.locator('line.cut').count() > 0);
  assert.deepEqual(errors, []);
  await page.close();
});

test('clients work by themselves, and their histories show a stale read', async () => {
  const { page, errors } = await ready();
  await toLeader(page);
  await page.getByRole('tab', { name: 'Clients' }).click();
  await page.getByText('No client has asked for anything yet.').waitFor();
  await select(page, 5);
  await page.getByRole('button', { name: 'Let it work' }).click();
  await saysNow(page, 'works by itself');
  await page.getByRole('button', { name: 'Play' }).click();
  await page.waitForFunction(() => document.querySelectorAll('[role=tabpanel] ol li').length > 3);
  await page.getByRole('button', { name: 'Let it rest' }).click();
  await saysNow(page, 'works no more');
  assert.equal(await page.getByRole('button', { name: 'Let it work' }).count(), 1);
  await page.locator('[role=tabpanel] li').last().filter({ hasText: '→' }).waitFor(); // nothing is under way any more
  const history = await page.locator('[role=tabpanel] ol li').allTextContents();
  assert.ok(history.every((line) => /^ *C1 *(put [xy] c1|get [xy])/.test(line)), history.join('\n'));
  await page.keyboard.press('Escape');

  // A follower that lags answers by itself: the property breaks, and the operation is marked.
  await page.locator('summary', { hasText: 'Settings' }).click();
  await page.getByLabel('Reads').selectOption('any');
  await saysNow(page, 'by whoever is asked');
  const lead = Number(await page.getAttribute('.node.leader', 'data-node'));
  const behind = (lead + 1) % 5;
  await select(page, behind);
  await page.getByRole('button', { name: 'Cut incoming' }).click();
  await saysNow(page, 'cut all');
  await select(page, 5);
  const operate = async (op: string, server: number, shown: RegExp): Promise<void> => {
    await page.locator('label', { hasText: /^ask/ }).locator('select').selectOption(`S${server + 1}`);
    await page.getByRole('button', { name: op, exact: true }).click();
    await page.locator('[role=tabpanel] li').last().filter({ hasText: shown }).waitFor().catch(async () => assert.fail(`${op}: ${await said(page)}`));
  };
  await page.getByLabel('Value').first().fill('new');
  await operate('put', lead, /put x new → ok/);
  await operate('get', behind, /get x → /);
  await page.locator('.raftlab-player .broken').first().waitFor();
  assert.match((await page.locator('[role=tabpanel] li.broken').textContent())!, /get x.*✸/);
  assert.deepEqual(errors, []);
  await page.close();
});

test('messages in flight are dropped, delayed and doubled', async () => {
  const { page, errors } = await ready();
  await toLeader(page);
  const ids = await page.locator('.message').evaluateAll((all) => all.map((m) => (m as SVGElement).dataset['message']));
  assert.ok(ids.length >= 3, `${ids.length} messages under way`);
  for (const [i, button] of ['Drop', 'Delay', 'Duplicate'].entries()) {
    await page.keyboard.press('Escape');
    await page.locator(`[data-message="${ids[i]}"]`).dispatchEvent('click');
    await page.getByRole('button', { name: button, exact: true }).click();
    await saysNow(page, `${button.toLowerCase()} message ${ids[i]}`);
  }
  assert.equal(await page.locator(`[data-message="${ids[0]}"]`).count(), 0);
  assert.equal(await page.locator(`[data-message="${ids[2]}"] .copies`).count(), 1);
  assert.deepEqual(errors, []);
  await page.close();
});

test('dragging cuts a direction, and a line across the ring divides it', async () => {
  const { page, errors } = await ready();
  await toLeader(page);
  const centre = async (n: number): Promise<{ x: number; y: number }> => {
    const b = (await page.locator(`[data-node="${n}"] circle.body`).boundingBox())!;
    return { x: b.x + b.width / 2, y: b.y + b.height / 2 };
  };
  const drag = async (a: { x: number; y: number }, b: { x: number; y: number }): Promise<void> => {
    await page.mouse.move(a.x, a.y);
    await page.mouse.down();
    await page.mouse.move((a.x + b.x) / 2, (a.y + b.y) / 2);
    await page.mouse.move(b.x, b.y);
    await page.mouse.up();
  };
  await drag(await centre(0), await centre(1));
  await saysNow(page, 'cut S1 → S2');
  await drag(await centre(0), await centre(1));
  await saysNow(page, 'heal S1 → S2');
  const top = await centre(0);
  const left = await centre(4);
  await drag({ x: left.x - 50, y: (top.y + left.y) / 2 }, { x: top.x + (top.x - left.x) + 50, y: (top.y + left.y) / 2 });
  await saysNow(page, 'divide S1 | ');
  assert.equal(await page.locator('line.cut').count(), 5, 'S1 is cut off from four servers and the client');
  assert.deepEqual(errors, []);
  await page.close();
});

test('settings change while it runs, and a property breaks without persistence', async () => {
  const { page, errors } = await ready();
  await toLeader(page);
  await page.getByText('Settings', { exact: true }).click();
  for (const name of ['PreVote', 'CheckQuorum', 'Rule of section 5.4.2', 'Random timeouts', 'Persistence']) {
    await page.getByRole('checkbox', { name }).setChecked(false);
    await saysNow(page, ': off');
  }
  await page.getByRole('checkbox', { name: 'Random timeouts' }).setChecked(true);
  await page.getByRole('slider', { name: 'Election timeout, least' }).fill('200');
  await saysNow(page, 'Election timeout: 200–300');
  await page.getByRole('slider', { name: 'Loss of messages' }).fill('0.1');
  await saysNow(page, 'Loss of messages: 0.1');
  await page.getByRole('slider', { name: 'Loss of messages' }).fill('0');
  const lead = Number(await toLeader(page));
  await select(page, lead);
  await page.getByRole('button', { name: 'Propose' }).click();
  await page.selectOption('select[aria-label="Jump to the next…"]', 'committed');
  await page.waitForTimeout(500);
  // All of them forget; the next command stands where a committed one stood.
  for (let n = 0; n < 5; n++) {
    await select(page, n);
    await page.getByRole('button', { name: 'Crash', exact: true }).click();
    await page.waitForSelector(`[data-node="${n}"].down`);
    await page.getByRole('button', { name: 'Restart', exact: true }).click();
    await saysNow(page, `restart S${n + 1}`);
  }
  await page.focus(player);
  await toLeader(page);
  await select(page, Number(await page.getAttribute('.node.leader', 'data-node')));
  await page.getByRole('textbox', { name: 'Value' }).fill('other');
  await page.getByRole('button', { name: 'Propose' }).click();
  await page.selectOption('select[aria-label="Jump to the next…"]', 'broken');
  await page.waitForSelector('.broken');
  assert.match((await page.textContent('.broken'))!, /Property broken: .*, at [\d.]+ ms/);
  assert.deepEqual(errors, []);
  await page.close();
});

test('the keyboard alone plays, steps, jumps, and changes speed and view', async () => {
  const { page, errors } = await ready();
  await page.focus(player);
  const clock = async (): Promise<number> => Number.parseFloat((await page.textContent('.clock'))!);
  await page.keyboard.press('Space'); // it was playing
  await page.waitForSelector('button[aria-label="Play"]');
  await page.keyboard.press('Shift+ArrowRight');
  await page.waitForFunction(() => document.querySelector('.raftlab-player > [aria-live]')?.textContent !== '');
  const t = await clock();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('ArrowLeft');
  assert.ok((await clock()) <= t);
  await page.keyboard.press('Home');
  assert.equal(await clock(), 0);
  await page.keyboard.press('End');
  assert.ok((await clock()) >= t);
  await page.keyboard.press(']');
  await page.waitForFunction(() => document.querySelector('.speed output')?.textContent === '0.16×');
  for (const [key, view] of [['e', 'events'], ['s', 'spacetime'], ['l', 'logs']] as const) {
    await page.keyboard.press(key);
    await page.waitForSelector(`[data-view=${view}][aria-selected=true]`);
  }
  await page.keyboard.press('2');
  await page.waitForSelector('[data-node="1"][aria-pressed=true]');
  await page.keyboard.press('?');
  await page.waitForSelector('.help');
  assert.deepEqual(errors, []);
  await page.close();
});

test('without a mouse: a message in flight, a partition, one direction of a link, and the events spoken', async () => {
  const { page, errors } = await ready();
  await toLeader(page);
  const press = async (name: string): Promise<void> => {
    await page.getByRole('button', { name, exact: true }).focus();
    await page.keyboard.press('Enter');
  };
  await page.focus(player);
  await page.keyboard.press('m');
  const first = await page.getAttribute('.message.selected', 'data-message');
  await page.keyboard.press('m');
  const id = await page.getAttribute('.message.selected', 'data-message');
  assert.notEqual(id, first);
  assert.match((await page.textContent(`${player} > [aria-live]`))!, /S\d → S\d \w+\(T\d/, 'the message is spoken');
  await press('Drop');
  await saysNow(page, `drop message ${id}`);
  await page.getByText('Network', { exact: true }).focus();
  await page.keyboard.press('Enter');
  for (const n of ['S1', 'S2']) await page.getByRole('checkbox', { name: n }).focus().then(() => page.keyboard.press('Space'));
  await press('Divide');
  await saysNow(page, 'divide S1,S2 | S3,S4,S5,C1');
  await page.getByRole('combobox', { name: 'from' }).focus();
  await page.keyboard.press('ArrowDown');
  await page.getByRole('combobox', { name: 'to', exact: true }).focus();
  await page.keyboard.press('ArrowUp');
  await press('Cut');
  await saysNow(page, 'cut S2 → S1');
  await page.focus(player);
  await page.keyboard.press('Shift+ArrowRight');
  await page.waitForFunction((p) => /S\d|entry/i.test(document.querySelector(`${p} > [aria-live]`)?.textContent ?? ''), player);
  assert.deepEqual(errors, []);
  await page.close();
});

test('a crash falls between the two effects that were chosen', async () => {
  const { page, errors } = await ready();
  const lead = Number(await toLeader(page));
  for (const [point, last] of [['before send', 'answer'], ['save', 'save'], ['before save', 'request'], ['send', 'send']] as const) {
    await select(page, lead);
    await page.selectOption('select[aria-label^="Crash between"]', point);
    await saysNow(page, point.startsWith('before') ? 'just before' : 'right after');
    await page.getByRole('button', { name: 'Propose' }).click();
    await page.waitForSelector(`[data-node="${lead}"].down`);
    await page.focus(player);
    await page.keyboard.press('e');
    await page.selectOption('.filter select', 'all');
    const events = await page.locator('[role=tabpanel] li').allTextContents();
    const before = events[events.findLastIndex((e) => e.includes('in the middle of a step')) - 1]!;
    const says = { save: /saves to its disk|writes entr/, request: /is asked to replicate/, answer: /accepts/, send: /sends/ }[last];
    assert.match(before, says, `${point}: ${events.slice(-4).join(' | ')}`);
    await page.getByRole('button', { name: 'Undo' }).click();
    await saysNow(page, 'Undone: propose');
    await page.waitForSelector(`[data-node="${lead}"].leader`);
    await page.getByRole('button', { name: 'Undo' }).click();
    await saysNow(page, 'Undone: crash');
  }
  assert.deepEqual(errors, []);
  await page.close();
});

test('acting in the past begins another history; undo brings the first one back, redo the second', async () => {
  const { page, errors } = await ready();
  const lead = await toLeader(page);
  await page.focus(player);
  await page.keyboard.press('End');
  const end = await page.textContent('.clock');
  await page.keyboard.press('Home');
  await page.waitForSelector('.fork');
  await select(page, Number(lead));
  await page.keyboard.press('Shift+ArrowRight');
  await page.getByRole('button', { name: 'Crash', exact: true }).click();
  await saysNow(page, 'crash');
  await page.waitForSelector(`[data-node="${lead}"].down`);
  assert.equal(await page.locator('.fork').count(), 0, 'this is the present now');
  const other = await toLeader(page);
  assert.notEqual(other, lead);
  await page.focus(player);
  await page.keyboard.press('End');
  const later = await page.textContent('.clock');
  await page.getByRole('button', { name: 'Undo' }).click();
  await saysNow(page, 'Undone: crash');
  await page.waitForSelector('.fork');
  await page.focus(player);
  await page.keyboard.press('End');
  await page.waitForSelector(`[data-node="${lead}"].leader`);
  assert.equal(await page.textContent('.clock'), end);
  await page.getByRole('button', { name: 'Redo' }).click();
  await saysNow(page, 'Done again: crash');
  await page.focus(player);
  await page.keyboard.press('End');
  await page.waitForSelector(`[data-node="${other}"].leader`);
  assert.equal(await page.textContent('.clock'), later);
  await page.getByText('What was done (1)').click();
  assert.match((await page.textContent('.history'))!, /ms crash S\d/);
  assert.deepEqual(errors, []);
  await page.close();
});

test('the slowest and the fastest speed; following an entry and a term', async () => {
  const { page, errors } = await ready();
  const lead = Number(await toLeader(page));
  await select(page, lead);
  await page.getByRole('button', { name: 'Propose' }).click();
  await page.selectOption('select[aria-label="Jump to the next…"]', 'committed');
  await page.focus('.speed input');
  await page.keyboard.press('Home');
  assert.equal(await page.textContent('.speed output'), '0.01×');
  await page.keyboard.press('End');
  assert.equal(await page.textContent('.speed output'), '100×');
  await page.locator('td button[aria-label*="entry 1"]').first().click();
  await page.waitForSelector('.following:has-text("Following entry 1")');
  await page.focus(player);
  await page.keyboard.press('e');
  const lines = await page.locator('[role=tabpanel] li').allTextContents();
  assert.ok(lines.length > 5 && lines.every((l) => /entr(y|ies)|index|AppendEntries|committed|applies/i.test(l)), lines.join('\n'));
  await page.getByRole('button', { name: 'Stop following' }).click();
  await page.getByRole('button', { name: 'Follow term 1' }).click();
  await page.waitForSelector('.following:has-text("Following term 1")');
  assert.deepEqual(errors, []);
  await page.close();
});

test('reduced motion: messages rest at the middle of their way', async () => {
  const { page, errors } = await ready();
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await toLeader(page);
  // Each stays where it is, whatever the time.
  const places = (): Promise<[string, string][]> => page.locator('.message').evaluateAll((all) => all.map((m) => [(m as SVGElement).dataset['message']!, m.getAttribute('transform')!]));
  const before = new Map(await places());
  await page.focus(player);
  await page.keyboard.press('ArrowRight');
  const same = (await places()).filter(([id]) => before.has(id));
  assert.ok(same.length >= 3, `${same.length} messages under way before and after`);
  for (const [id, place] of same) assert.equal(place, before.get(id));
  assert.deepEqual(errors, []);
  await page.close();
});

test('a share link replays to the hash of a native run', async () => {
  const { page, errors } = await ready();
  const lead = Number(await toLeader(page));
  await select(page, lead);
  await page.getByRole('button', { name: 'Propose' }).click();
  await page.getByRole('button', { name: 'Crash', exact: true }).click();
  await saysNow(page, 'crash');
  await toLeader(page);
  await page.getByRole('button', { name: /link to this run/ }).click();
  await page.waitForFunction(() => location.hash.startsWith('#r1.'));
  const link = new URL(page.url()).hash;
  const { decodeLink } = await import('../../src/cluster/share.ts');
  const shared = (await decodeLink(link.slice(1)))!;
  assert.equal(native(shared.script).hash.slice(0, 16), shared.hash);
  const again = await ready(`playground/${link}`);
  await again.page.waitForSelector('.notice:has-text("replays exactly")');
  assert.ok(await again.page.locator('.node.down').count() === 1);
  assert.deepEqual([...errors, ...again.errors], []);
  await page.close();
  await again.page.close();
});

test('a link that cannot be kept says so, and a cluster is there all the same', async () => {
  const { encodeLink, ENGINE } = await import('../../src/cluster/share.ts');
  const script = 'raftlab-cluster 1\nkind raft\nservers 3\nclients 1\nseed 1\nuntil 1000000\n';
  const { hash } = native(script);
  const links: [string, string][] = [
    ['r1.1.0123456789abcdef.AAAA', 'damaged'],
    ['r9.what', 'newer version'],
    [await encodeLink({ engine: ENGINE, hash, script: 'nonsense' }), 'damaged'],
    [await encodeLink({ engine: ENGINE, hash, script: script.replace('cluster 1', 'cluster 2') }), 'damaged'],
    [await encodeLink({ engine: ENGINE, hash, script: `${script}at 5 crash S9\n` }), 'damaged'],
    [await encodeLink({ engine: ENGINE, hash, script }), 'replays exactly'],
    [await encodeLink({ engine: '0', hash, script }), 'another version'],
    [await encodeLink({ engine: ENGINE, hash: '0123456789abcdef', script }), 'differs from the one that was shared'],
  ];
  for (const [link, text] of links) {
    const { page, errors } = await ready(`playground/#${link}`);
    await page.waitForSelector(`.notice:has-text("${text}")`);
    assert.deepEqual(errors, []);
    await page.close();
  }
});

test('one and nine servers', async () => {
  const { page, errors } = await ready();
  await page.getByText('New cluster', { exact: true }).first().click();
  for (const n of [1, 9]) {
    await page.getByRole('spinbutton', { name: 'Servers' }).fill(String(n));
    await page.getByRole('button', { name: 'New cluster' }).click();
    await page.waitForFunction((k) => document.querySelectorAll('.node:not(.client)').length === k, n);
    await toLeader(page);
    if (n === 1) await page.getByText('New cluster', { exact: true }).first().click();
  }
  assert.deepEqual(errors, []);
  await page.close();
});

test('without WebAssembly the page says so', async () => {
  const page = await site.context.newPage();
  await page.addInitScript('delete globalThis.WebAssembly');
  await page.goto(`${site.url}playground/`);
  await page.waitForSelector('[role=alert]:has-text("WebAssembly")');
  await page.close();
});

test('offline after the first visit', async () => {
  const page = await site.context.newPage();
  await page.goto(`${site.url}playground/`);
  await page.waitForFunction(async () => (await navigator.serviceWorker.ready).active?.state === 'activated');
  await page.context().setOffline(true);
  try {
    await page.goto(`${site.url}zh/playground/`);
    await page.waitForSelector(player);
    await page.waitForSelector('.node:not(.down)');
  } finally {
    await page.context().setOffline(false);
    await page.close();
  }
});
