// Texts of the panel under a live cluster and of the playground.

import type { Lang } from '../player/messages.ts';

const en = {
  loading: 'Starting the cluster…',
  noWasm: 'This browser does not run WebAssembly, or it is switched off. The texts can be read; a live cluster cannot be shown.',
  failed: (why: string) => `The cluster could not be started (${why}). Check the connection and reload the page.`,
  actionFailed: (why: string) => `Not done: ${why}`,
  nobody: 'Nobody answers to that name at present.',
  choose: 'Choose a server, a client or a message to act on it. Drag from one server to another to cut that direction; drag a line across the ring to divide it.',
  server: (name: string) => `Server ${name}`,
  client: (name: string) => `Client ${name}`,
  message: (text: string) => `Message ${text}`,
  messageGone: 'This message is not under way at this moment.',
  crash: 'Crash',
  crashAfter: 'Crash between two effects…',
  crashPoints: {
    'before save': 'just before its next write to disk', save: 'right after its next write to disk',
    'before send': 'just before its next message', send: 'right after its next message',
    'before apply': 'just before it applies an entry', apply: 'right after it has applied an entry',
  },
  restart: 'Restart',
  timeOut: 'Time out',
  isolate: 'Isolate',
  muffle: 'Cut outgoing',
  deafen: 'Cut incoming',
  heal: 'Heal its links',
  propose: 'Propose',
  value: 'Value',
  times: 'times',
  drop: 'Drop',
  delay: 'Delay',
  duplicate: 'Duplicate',
  ms: 'ms',
  operations: { put: 'put', get: 'get', lock: 'lock', unlock: 'unlock', job: 'job', read: 'read', request: 'request' } as Record<string, string>,
  key: 'Key',
  askFirst: 'ask',
  askAsKnown: 'as it knows',
  work: 'Let it work',
  rest: 'Let it rest',
  everyMs: 'pause, ms',
  waits: (op: string) => `waits for the answer to: ${op}`,
  network: 'Network',
  healAll: 'Heal all links',
  split: 'Divide',
  splitHelp: 'On one side:',
  cut: 'Cut',
  healOne: 'Heal',
  from: 'from',
  to: 'to',
  undo: 'Undo',
  undone: (line: string) => `Undone: ${line}`,
  redo: 'Redo',
  redone: (line: string) => `Done again: ${line}`,
  done: (line: string) => `Done: ${line}`,
  /** Actions of wasm/cluster/session/act.go in words. */
  verbs: {
    crash: 'crash', restart: 'restart', timeOut: 'time out', cut: 'cut', heal: 'heal', partition: 'divide', healAll: 'heal all links',
    dropMessage: 'drop message', delayMessage: 'delay message', duplicateMessage: 'duplicate message', drop: 'drop', delay: 'delay',
    duplicate: 'duplicate', propose: 'propose at', client: 'client', wait: 'wait', work: 'works by itself:', rest: 'works no more:',
  } as Record<string, string>,
  words: { all: 'all', true: 'on', false: 'off' } as Record<string, string>,
  forks: 'You are in the past: what you do now begins another history here. Undo brings this one back.',
  settings: 'Settings',
  set: {
    electionMs: 'Election timeout', heartbeatMs: 'Heartbeat', latencyMs: 'Delay of messages', loss: 'Loss of messages',
    preVote: 'PreVote', checkQuorum: 'CheckQuorum', persistence: 'Persistence', commitRule: 'Rule of section 5.4.2',
    randomTimeouts: 'Random timeouts', maxPending: 'Most uncommitted entries', reads: 'Reads', policy: 'Policy', variant: 'Service',
  } as Record<string, string>,
  choices: {
    log: 'through the log', index: 'by the leader, after asking a majority', leader: 'by the leader alone', any: 'by whoever is asked',
    waitForBoth: 'wait for both', goOnAlone: 'go on alone', mapreduce: 'MapReduce', gfs: 'GFS', vmft: 'VM fault tolerance',
  } as Record<string, string>,
  least: 'least',
  most: 'most',
  properties: 'Properties watched',
  holds: 'holds',
  broke: (ms: string) => `broke at ${ms} ms`,
  newCluster: 'New cluster',
  servers: 'Servers',
  clients: 'Clients',
  seed: 'Seed',
  share: 'Copy a link to this run',
  shared: 'The link is in the clipboard and in the address bar.',
  sharedBar: 'The link is in the address bar.',
  sharedShort: (copied: boolean, until: Date) => `The short link is ${copied ? 'in the clipboard and ' : ''}here, until ${until.toLocaleDateString('en', { dateStyle: 'long' })}; the link in the address bar has no end.`,
  fromLink: 'This run came from a link and replays exactly.',
  differs: 'This link was made by another version of raftlab: the run may differ from the one that was shared.',
  differsHash: 'This run differs from the one that was shared: the link was made by another version, or it was changed.',
  brokenLink: 'This link is damaged or incomplete. Here is a new cluster instead; ask for the link again.',
  goneLink: 'The run of this short link is not kept any more. Here is a new cluster instead; ask for the long link, which has no end.',
  offlineLink: 'The run of this short link cannot be fetched now. Here is a new cluster meanwhile; reload the page to try again.',
  newerLink: 'This link was made by a newer version of raftlab than this page. Reload the page to get the newest; here is a new cluster meanwhile.',
  tools: 'What can be done to the cluster',
  history: 'What was done',
  nothingDone: 'Nothing yet.',
};

export type BenchMessages = typeof en;

const zh: BenchMessages = {
  loading: '正在启动集群……',
  noWasm: '这个浏览器不支持 WebAssembly，或者已被关闭。文字可以阅读，但无法显示运行中的集群。',
  failed: (why) => `集群无法启动（${why}）。请检查网络连接，然后重新加载页面。`,
  actionFailed: (why) => `没有执行：${why}`,
  nobody: '目前没有服务器符合这个名称。',
  choose: '选中一台服务器、一个客户端或一条消息来操作它。从一台服务器拖到另一台，可切断该方向；在环上拖一条线，可把它分成两半。',
  server: (name) => `服务器 ${name}`,
  client: (name) => `客户端 ${name}`,
  message: (text) => `消息 ${text}`,
  messageGone: '这条消息此刻不在途中。',
  crash: '崩溃',
  crashAfter: '在两个效果之间崩溃……',
  crashPoints: {
    'before save': '下一次写磁盘之前', save: '下一次写磁盘之后',
    'before send': '下一次发送消息之前', send: '下一次发送消息之后',
    'before apply': '应用条目之前', apply: '应用条目之后',
  },
  restart: '重启',
  timeOut: '超时',
  isolate: '隔离',
  muffle: '切断发出方向',
  deafen: '切断接收方向',
  heal: '恢复它的链路',
  propose: '提议',
  value: '值',
  times: '次',
  drop: '丢弃',
  delay: '延迟',
  duplicate: '复制',
  ms: '毫秒',
  operations: { put: 'put', get: 'get', lock: 'lock', unlock: 'unlock', job: 'job', read: 'read', request: 'request' },
  key: '键',
  askFirst: '先问',
  askAsKnown: '它所知道的',
  work: '让它自己操作',
  rest: '让它停下',
  everyMs: '间隔毫秒',
  waits: (op) => `正在等待回答：${op}`,
  network: '网络',
  healAll: '恢复所有链路',
  split: '分区',
  splitHelp: '在一边：',
  cut: '切断',
  healOne: '恢复',
  from: '从',
  to: '到',
  undo: '撤销',
  undone: (line) => `已撤销：${line}`,
  redo: '重做',
  redone: (line) => `已重做：${line}`,
  done: (line) => `已执行：${line}`,
  verbs: {
    crash: '崩溃', restart: '重启', timeOut: '超时', cut: '切断', heal: '恢复', partition: '分区', healAll: '恢复所有链路',
    dropMessage: '丢弃消息', delayMessage: '延迟消息', duplicateMessage: '复制消息', drop: '丢弃', delay: '延迟',
    duplicate: '复制', propose: '提议于', client: '客户端', wait: '等待', work: '自己操作：', rest: '不再操作：',
  },
  words: { all: '所有', true: '开', false: '关' },
  forks: '你在过去：现在的操作会从这里开始另一段历史。撤销可以回到现在这一段。',
  settings: '设置',
  set: {
    electionMs: '选举超时', heartbeatMs: '心跳间隔', latencyMs: '消息延迟', loss: '消息丢失率',
    preVote: 'PreVote（预投票）', checkQuorum: 'CheckQuorum（检查多数）', persistence: '持久化', commitRule: '5.4.2 节的规则',
    randomTimeouts: '随机超时', maxPending: '未提交条目上限', reads: '读操作', policy: '策略', variant: '服务',
  },
  choices: {
    log: '经过日志', index: '由领导者回答，先问过多数', leader: '由领导者独自回答', any: '问到谁就由谁回答',
    waitForBoth: '等两台都回答', goOnAlone: '跳过沉默者', mapreduce: 'MapReduce', gfs: 'GFS', vmft: '虚拟机容错',
  },
  least: '最小',
  most: '最大',
  properties: '正在监视的性质',
  holds: '成立',
  broke: (ms) => `在 ${ms} 毫秒被破坏`,
  newCluster: '新集群',
  servers: '服务器',
  clients: '客户端',
  seed: '种子',
  share: '复制这次运行的链接',
  shared: '链接已在剪贴板和地址栏中。',
  sharedBar: '链接已在地址栏中。',
  sharedShort: (copied: boolean, until: Date) => `短链接${copied ? '已在剪贴板中，也' : ''}在这里，有效期至 ${until.toLocaleDateString('zh-CN', { dateStyle: 'long' })}；地址栏中的链接长期有效。`,
  fromLink: '这次运行来自链接，并且完全重现。',
  differs: '这个链接由另一个版本的 raftlab 生成：运行可能与分享时不同。',
  differsHash: '这次运行与分享时不同：链接由另一个版本生成，或者被改动过。',
  brokenLink: '这个链接已损坏或不完整。这里先给你一个新集群；请重新索取链接。',
  goneLink: '这个短链接对应的运行已不再保存。这里先给你一个新集群；请索取长期有效的长链接。',
  offlineLink: '现在无法取得这个短链接对应的运行。这里先给你一个新集群；请重新加载页面再试。',
  newerLink: '这个链接由比本页更新的 raftlab 版本生成。请重新加载页面以获得最新版本；这里先给你一个新集群。',
  tools: '可以对集群做的操作',
  history: '做过的操作',
  nothingDone: '还没有。',
};

export function benchMessages(lang: Lang): BenchMessages {
  return lang === 'zh' ? zh : en;
}

/** An action's line in the reader's language. */
export function actionText(m: BenchMessages, line: string): string {
  const [verb = '', ...rest] = line.split(' ');
  const word = (w: string): string => m.words[w] ?? w;
  switch (verb) {
    case 'work': return rest[1] === '0' ? `${m.verbs['rest']} ${rest[0]}` : `${m.verbs['work']} ${rest[0]} (${rest[1]} ${m.ms})`;
    case 'set': return `${m.set[rest[0]!] ?? rest[0]}: ${rest.slice(1).map((w) => m.choices[w] ?? word(w)).join('–')}`;
    case 'cut':
    case 'heal': return `${m.verbs[verb]} ${word(rest[0] ?? '')} → ${word(rest[1] ?? '')}`;
    case 'partition': return `${m.verbs[verb]} ${(rest[0] ?? '').split('/').join(' | ')}`;
    case 'crash': {
      const point = rest.slice(1).join(' ') as keyof BenchMessages['crashPoints'];
      return `${m.verbs[verb]} ${rest[0]}${point ? `, ${m.crashPoints[point] ?? point}` : ''}`;
    }
    case 'delayMessage':
    case 'duplicateMessage': return `${m.verbs[verb]} ${rest[0]}, ${rest[1]} ${m.ms}`;
    case 'propose': return `${m.verbs[verb]} ${rest[0]}: ${rest.slice(2).join(' ')}${rest[1] === '1' ? '' : ` ×${rest[1]}`}`;
    default: return [m.verbs[verb] ?? verb, ...rest.filter((w) => w !== '-').map(word)].join(' ');
  }
}
