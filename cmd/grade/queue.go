package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/raftlab/raftlab/grader/batch"
	"github.com/raftlab/raftlab/grader/batch/queue"
)

// queueTexts are what grade batch --queue and grade worker say in one language.
type queueTexts struct {
	short, long, examples string

	flagQueue, flagCreds, flagCA, flagCert, flagKey, flagPatience string
	flagWorkers, flagIdle, flagAckWait                            string

	needsQueue, noEnv, notBoth, certKey, badSpan string // -; variable; flag; -; flag, least, found

	connected, lost, crew, crewOthers, nobody string // server; server, error, patience; workers; workers, others, other; -
	took, tookAgain, finished, failed         string // key; key, tries; key, verdict; key, reason
	damaged, sent, idle, ready                string // error; -; time; slots, version, Go
	stopped                                   string

	// Of queue.Error.
	badAddress, unreachable, denied, noJetStream, unfit string // -; server, time; server; server; server
	otherGrader, noWorkers, onlyOthers                  string // server, theirs, ours; server, time; server, time, theirs, ours
}

var queueEnglish = queueTexts{
	short: "Grade what a queue holds",
	long: `worker grades what batches have sent to a queue: a NATS server with JetStream
(nats-server -js). Any number of workers on any number of machines share the work.
When one dies, its submission goes to another, and no result is lost or doubled.

Batch and workers must be the same grader with the same Go; a worker that finds
only work of another grader says so and ends. Whoever can write to the queue can
write grades: protect it with users and TLS.`,
	examples: `  grade worker --queue nats://10.0.0.5:4222
  QUEUE=tls://user:password@host:4222 grade worker --queue env:QUEUE --idle 10m
  grade batch submissions/ --out results/ --queue nats://10.0.0.5:4222`,
	flagQueue:    "the queue: `URL` nats://HOST:PORT or tls://, or env:NAME for a variable that holds it",
	flagCreds:    "the `FILE` with the queue's credentials (.creds)",
	flagCA:       "the `FILE` with the authorities that sign the queue's certificate",
	flagCert:     "the `FILE` with this end's certificate, for a queue that asks for one",
	flagKey:      "the `FILE` with its private key",
	flagPatience: "give up after `TIME` without the queue, a batch also without a worker",
	flagWorkers:  "`N` submissions side by side (default: one for each core)",
	flagIdle:     "end after `TIME` without work (default: never)",
	flagAckWait:  "a worker that is silent for `TIME` has lost its submission to another; the same on all",
	needsQueue:   "expected the queue: --queue nats://HOST:PORT",
	noEnv:        "--queue: expected the queue's address in the environment variable %s, which is empty",
	notBoth:      "%s has no meaning with --queue: the workers grade",
	certKey:      "expected --queue-cert and --queue-key, found one of them",
	badSpan:      "%s: expected a time of at least %v, found %v",
	connected:    "connected to %s",
	lost:         "%s does not answer (%v); it is tried for up to %v",
	crew:         "workers that answer: %d",
	crewOthers:   "workers that answer: %d, but %d of them are of another grader (%s) and take none of this work",
	nobody:       "no worker answers; start some: grade worker --queue URL",
	took:         "%.12s: begun",
	tookAgain:    "%.12s: begun, for the %d. time: a worker was lost",
	finished:     "%.12s: %s",
	failed:       "%.12s: left to another worker: %v",
	damaged:      "something in the queue cannot be read and is made anew: %v",
	sent:         "what was sent stays in the queue; the same command goes on from here",
	idle:         "no work for %v",
	ready:        "grading %d side by side, grader %s, %s",
	stopped:      "stopped; what was begun goes to another worker",
	badAddress:   "--queue: expected nats://HOST:PORT or tls://HOST:PORT, with user:password@ or token@ before the host if need be",
	unreachable:  "the queue at %s did not answer for %v",
	denied:       "the queue at %s refuses the connection",
	noJetStream:  "the server at %s runs without JetStream: start it with nats-server -js",
	unfit:        "the queue at %s is set up in another way than expected",
	otherGrader:  "all work in the queue at %s is for %s; this worker is %s.\nInstall the same grader and the same Go on both sides.",
	noWorkers:    "no worker answered at %s for %v: start some with grade worker --queue URL",
	onlyOthers:   "only workers of another grader answered at %s for %v: they are %s, this batch needs %s.\nInstall the same grader and the same Go on both sides.",
}

var queueChinese = queueTexts{
	short: "为队列里的提交评分",
	long: `worker 为各批次送到队列里的提交评分。队列是带 JetStream 的 NATS 服务器
（nats-server -js）。任意多台机器上的任意多个 worker 分担工作；其中一个死掉时，它的
提交会交给别的 worker，结果不会丢失，也不会重复。

批次和 worker 必须是同一个评分器、同一个 Go；只找到别的评分器的工作时，worker 会说明
并结束。能写队列的人就能写成绩：请用用户和 TLS 保护它。`,
	examples: `  grade worker --queue nats://10.0.0.5:4222
  QUEUE=tls://user:password@host:4222 grade worker --queue env:QUEUE --idle 10m
  grade batch submissions/ --out results/ --queue nats://10.0.0.5:4222`,
	flagQueue:    "队列的 `URL`：nats://HOST:PORT 或 tls://，或用 env:NAME 指出存放它的环境变量",
	flagCreds:    "队列的凭据文件 `FILE`（.creds）",
	flagCA:       "签发队列证书的机构的文件 `FILE`",
	flagCert:     "本端证书的文件 `FILE`，用于要求证书的队列",
	flagKey:      "本端私钥的文件 `FILE`",
	flagPatience: "队列 `TIME` 没有应答就放弃；批次在没有 worker 时也是如此",
	flagWorkers:  "同时评 `N` 份提交（默认每个核一份）",
	flagIdle:     "`TIME` 没有工作就结束（默认不结束）",
	flagAckWait:  "沉默 `TIME` 的 worker 会失去它的提交，由别的 worker 接手；各处应相同",
	needsQueue:   "应给出队列：--queue nats://HOST:PORT",
	noEnv:        "--queue：队列的地址应在环境变量 %s 里，但它是空的",
	notBoth:      "有 --queue 时 %s 没有意义：由 worker 评分",
	certKey:      "应同时给出 --queue-cert 和 --queue-key，只找到其中一个",
	badSpan:      "%s：应为至少 %v 的时间，实为 %v",
	connected:    "已连接 %s",
	lost:         "%s 没有应答（%v）；最多再试 %v",
	crew:         "有应答的 worker：%d",
	crewOthers:   "有应答的 worker：%d，但其中 %d 个属于别的评分器（%s），不接这里的工作",
	nobody:       "没有 worker 应答；请启动：grade worker --queue URL",
	took:         "%.12s：开始",
	tookAgain:    "%.12s：第 %d 次开始：丢失过 worker",
	finished:     "%.12s：%s",
	failed:       "%.12s：留给别的 worker：%v",
	damaged:      "队列里有无法读取的内容，将重新生成：%v",
	sent:         "已送出的工作留在队列里；再运行同一条命令就会从这里继续",
	idle:         "%v 没有工作",
	ready:        "同时评 %d 份，评分器 %s，%s",
	stopped:      "已停止；已开始的工作交给别的 worker",
	badAddress:   "--queue：应为 nats://HOST:PORT 或 tls://HOST:PORT，需要时在主机前加 user:password@ 或 token@",
	unreachable:  "%s 的队列 %v 没有应答",
	denied:       "%s 的队列拒绝连接",
	noJetStream:  "%s 的服务器没有 JetStream：请用 nats-server -js 启动",
	unfit:        "%s 的队列的设置与预期不同",
	otherGrader:  "%s 的队列里全是 %s 的工作；这个 worker 是 %s。\n请在两边安装同一个评分器和同一个 Go。",
	noWorkers:    "%s 上 %v 没有 worker 应答：请用 grade worker --queue URL 启动",
	onlyOthers:   "%s 上 %v 只有别的评分器的 worker 应答：它们是 %s，这个批次需要 %s。\n请在两边安装同一个评分器和同一个 Go。",
}

func queueTextsIn(lang string) *queueTexts {
	if lang == "zh" {
		return &queueChinese
	}
	return &queueEnglish
}

// queueFlags say where a queue is.
type queueFlags struct {
	url, creds, ca, cert, key string
	patience                  time.Duration
}

func (c *cli) queueFlags(cmd *cobra.Command, f *queueFlags) {
	t, fl := queueTextsIn(c.lang), cmd.Flags()
	fl.StringVar(&f.url, "queue", "", t.flagQueue)
	fl.StringVar(&f.creds, "queue-creds", "", t.flagCreds)
	fl.StringVar(&f.ca, "queue-ca", "", t.flagCA)
	fl.StringVar(&f.cert, "queue-cert", "", t.flagCert)
	fl.StringVar(&f.key, "queue-key", "", t.flagKey)
	fl.DurationVar(&f.patience, "patience", queue.DefaultPatience, t.flagPatience)
}

// options reads where the queue is; its events go to tell.
func (c *cli) queueOptions(f *queueFlags, tell func(queue.Event)) (queue.Options, error) {
	t := queueTextsIn(c.lang)
	url := f.url
	if name, ok := strings.CutPrefix(url, "env:"); ok {
		if url = strings.TrimSpace(os.Getenv(name)); url == "" {
			return queue.Options{}, fmt.Errorf(t.noEnv, name)
		}
	}
	switch _, err := queue.Address(url); {
	case err != nil:
		return queue.Options{}, errors.New(t.badAddress)
	case (f.cert == "") != (f.key == ""):
		return queue.Options{}, errors.New(t.certKey)
	case f.patience < time.Second:
		return queue.Options{}, fmt.Errorf(t.badSpan, "--patience", time.Second, f.patience)
	}
	return queue.Options{URL: url, Creds: f.creds, CA: f.ca, Cert: f.cert, Key: f.key, Patience: f.patience, Tell: tell}, nil
}

// queueEvent is an event as a line, "" for none.
func (c *cli) queueEvent(e queue.Event, patience time.Duration) string {
	t := queueTextsIn(c.lang)
	verdict := batchTextsIn(c.lang).verdicts[batch.Verdict(e.Verdict)]
	var line string
	switch e.Kind {
	case queue.Connected:
		line = fmt.Sprintf(t.connected, e.Server)
	case queue.Lost:
		line = fmt.Sprintf(t.lost, e.Server, e.Err, patience)
	case queue.Damaged:
		line = fmt.Sprintf(t.damaged, e.Err)
	case queue.Crew:
		switch {
		case e.Workers == 0:
			line = t.nobody
		case e.Others > 0:
			line = fmt.Sprintf(t.crewOthers, e.Workers, e.Others, e.Other)
		default:
			line = fmt.Sprintf(t.crew, e.Workers)
		}
	case queue.Took:
		line = fmt.Sprintf(t.took, e.Key)
		if e.Tries > 1 {
			line = fmt.Sprintf(t.tookAgain, e.Key, e.Tries)
		}
	case queue.Finished:
		line = fmt.Sprintf(t.finished, e.Key, verdict)
		if e.Err != nil {
			line = fmt.Sprintf(t.failed, e.Key, e.Err)
		}
	}
	return printable(line)
}

// queueError says in the reader's language what kept a queue from being used: it
// is no failure of the grader.
func (c *cli) queueError(err error) error {
	var e *queue.Error
	if !errors.As(err, &e) {
		return noVerdict{err}
	}
	t := queueTextsIn(c.lang)
	said := ""
	switch e.Kind {
	case queue.BadAddress:
		return errors.New(t.badAddress)
	case queue.Unreachable:
		said = fmt.Sprintf(t.unreachable, e.Server, e.Waited)
	case queue.Denied:
		said = fmt.Sprintf(t.denied, e.Server)
	case queue.NoJetStream:
		said = fmt.Sprintf(t.noJetStream, e.Server)
	case queue.Unfit:
		said = fmt.Sprintf(t.unfit, e.Server)
	case queue.OtherGrader:
		said = fmt.Sprintf(t.otherGrader, e.Server, e.Theirs, e.Ours)
	case queue.NoWorkers:
		said = fmt.Sprintf(t.noWorkers, e.Server, e.Waited)
	case queue.OnlyOthers:
		said = fmt.Sprintf(t.onlyOthers, e.Server, e.Waited, e.Theirs, e.Ours)
	}
	if e.Err != nil && e.Kind != queue.NoJetStream {
		said += ": " + e.Err.Error()
	}
	if c.json {
		return noVerdict{errors.New(said)}
	}
	fmt.Fprintf(c.stderr, "grade: %s\n", said)
	return exitWith(exitInternal)
}

func (c *cli) workerCommand() *cobra.Command {
	t := queueTextsIn(c.lang)
	var f queueFlags
	var workers int
	var idle, ackWait time.Duration
	var cache string
	cmd := &cobra.Command{
		Use: "worker --queue URL", Short: t.short, Long: t.long, Example: t.examples, Args: c.args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case f.url == "":
				return errors.New(t.needsQueue)
			case workers < 0 || workers > maxWorkers:
				return fmt.Errorf(c.t.badNumber, "--workers", 1, maxWorkers, workers)
			case idle < 0:
				return fmt.Errorf(t.badSpan, "--idle", time.Duration(0), idle)
			case ackWait < time.Second:
				return fmt.Errorf(t.badSpan, "--ack-wait", time.Second, ackWait)
			}
			w := &queue.Worker{Slots: workers, Idle: idle, AckWait: ackWait, GoCache: cache}
			return c.worker(cmd.Context(), &f, w)
		},
	}
	c.queueFlags(cmd, &f)
	fl := cmd.Flags()
	fl.IntVar(&workers, "workers", 0, t.flagWorkers)
	fl.DurationVar(&idle, "idle", 0, t.flagIdle)
	fl.DurationVar(&ackWait, "ack-wait", queue.DefaultAckWait, t.flagAckWait)
	fl.StringVar(&cache, "cache", "", batchTextsIn(c.lang).flagCache)
	fl.SortFlags = false
	return cmd
}

func (c *cli) worker(ctx context.Context, f *queueFlags, w *queue.Worker) error {
	t := queueTextsIn(c.lang)
	// Who stops machines sends SIGTERM: what was begun goes to another at once.
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM)
	defer stop()
	say := lines{w: c.stderr}
	if memory, _ := batch.Unlimited(); memory {
		fmt.Fprintln(c.stderr, batchTextsIn(c.lang).unlimited)
	}
	var err error
	if w.Options, err = c.queueOptions(f, func(e queue.Event) { say.say(c.queueEvent(e, f.patience)) }); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return noVerdict{err}
	}
	w.Command = []string{self, gradingName}
	if w.GoCache != "" {
		if w.GoCache, err = filepath.Abs(w.GoCache); err != nil {
			return noVerdict{err}
		}
	}
	if w.Slots == 0 {
		w.Slots = runtime.GOMAXPROCS(0)
	}
	say.say(batchTextsIn(c.lang).prepare)
	if w.GoRelease, err = batch.Prepare(ctx, w.Command, w.GoCache, true); err != nil {
		return noVerdict{err}
	}
	say.say(fmt.Sprintf(t.ready, w.Slots, batch.Version(), w.GoRelease))
	switch err := w.Work(ctx); {
	case err == nil:
		say.say(fmt.Sprintf(t.idle, w.Idle))
		return nil
	case errors.Is(err, context.Canceled):
		say.say(t.stopped)
		return exitWith(exitInterrupted)
	default:
		return c.queueError(err)
	}
}

// lines writes a line at a time, whoever calls.
type lines struct {
	w  io.Writer
	mu sync.Mutex
}

func (l *lines) say(s string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s != "" {
		fmt.Fprintln(l.w, s)
	}
}
