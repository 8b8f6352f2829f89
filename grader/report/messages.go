package report

// messages are all texts of this package in one language. A test sees to it
// that no language lacks one, and that their verbs agree.
type messages struct {
	comma string // between two things of one line

	// Progress.
	stageCheck, stageLibrary, stageSelfTest, stageBuild, stageCompile, stageTest, stageHunt string
	libraryNote                                                                             string
	failedSoFar                                                                             string // count

	// Words of a test's line.
	ok, fail, skip, ungraded string
	runs                     func(n int) string
	seedsFail                string // failing, all, the seeds
	runsFail                 string // failing, all
	runsLeft                 string // number

	// Kinds of failure, and what each means.
	safety, liveness, budget, fault, engine                          string
	safetyMeans, livenessMeans, budgetMeans, faultMeans, engineMeans string

	// A failure.
	at                                                                         string // time
	seedAt, onServer, onClient                                                 string // seed, time; its name
	expected, found, difference                                                string
	certain, certainAlways, certainLate                                        string // times and numbers of courses
	chain, history, events, testLine, yourCode, stack, output, evidence, again string
	hint, moreHints                                                            string // number; how many
	moreLines                                                                  string // count
	nothingPrinted                                                             string

	// Points.
	part, tests, points, total    string
	allPassed, someFailed, notSet string // points, of
	counts                        string // failed tests, all
	tookParts                     string
	showAll, showOne              string
	interrupted                   string // runs done, all
	recognised, leftOut           string // profile; file, reason
	onCore                        string
	absent                        string // in place of the number of tests
	early                         string // tests left out, part
	undecided                     string // runs, the first of them with its keys
	moduleIs, traceIs             string

	// Budgets.
	budgets, budgetName, used, limit, noBudgets string

	// The lab's tests.
	listHead string // lab, parts, tests, points

	// No verdict.
	buildUsage, buildRefused, buildCompile, buildSlow, buildToolchain, buildDetector, buildInternal string
	labBroken, noTests, engineFailed, cancelled, moreProblems                                       string
	labInOrder, labCoreFails                                                                        string
	engineAdvice                                                                                    string
}

var english = messages{
	comma: ", ",

	stageCheck:    "reading your files",
	stageLibrary:  "compiling Go's standard library for WebAssembly",
	stageSelfTest: "trying this Go release",
	stageBuild:    "compiling your code",
	stageCompile:  "translating to machine code",
	stageTest:     "testing",
	stageHunt:     "searching worlds",
	libraryNote:   "First run with this Go release: compiling the standard library for WebAssembly. Takes half a minute, once.",
	failedSoFar:   "%d failed",

	ok: "ok", fail: "FAIL", skip: "skip", ungraded: "?",
	runs: func(n int) string {
		if n == 1 {
			return "1 run"
		}
		return number(float64(n)) + " runs"
	},
	seedsFail: "%d of %d runs fail, with seed %s",
	runsFail:  "%d of %d runs fail",
	runsLeft:  "; %d more were not run, as the verdict is known",

	safety: "safety", liveness: "liveness", budget: "budget", fault: "fault", engine: "grader",
	safetyMeans:   "something happened that must never happen",
	livenessMeans: "something that must happen did not happen in time",
	budgetMeans:   "it works, but costs more than allowed",
	faultMeans:    "the program died, hung, or did not stop computing",
	engineMeans:   "the grader's own failure, not yours",

	at:     "at %s of virtual time",
	seedAt: "seed %d, at %s of virtual time", onServer: "on %s", onClient: "on %s",
	expected: "Expected", found: "Found", difference: "Difference",
	events: "What led there", testLine: "The test", yourCode: "Your code", stack: "Stack",
	output: "Printed by %s, the end", evidence: "Also seen", chain: "How it came about",
	history:       "The smallest part of the clients' history that shows it",
	certain:       "Certain from %s on: however the network went on, all %d courses tried ended so; from %s on, %d of them.",
	certainAlways: "Certain from the start: however the network went, all %d courses tried ended so.",
	certainLate:   "It could have gone well until the end: from %s on, only %d of %d other courses of the network ended so.", again: "Again",
	hint: "Hint %d", moreHints: "one more step: --hints %d", moreLines: "… lines left out: %d (--verbose)",
	nothingPrinted: "nothing",

	part: "part", tests: "tests", points: "points", total: "total",
	allPassed:   "PASSED  %s of %s points",
	someFailed:  "FAILED  %s of %s points",
	notSet:      "NOT GRADED  try again; no points are lost",
	counts:      "Failing: %d of %d tests (%s)",
	tookParts:   "build %s, compile %s, run %s",
	showAll:     "The other failures at full length: --verbose",
	showOne:     "One of them: %s",
	interrupted: "Interrupted after %d of %d runs. No verdict.",
	recognised:  "Recognised as %s",
	onCore:      "Graded on the grader's own Raft, not on one of the folder's",
	leftOut:     "Left out %s: %s",
	absent:      "not part of this year's lab",
	undecided:   "Not judged for Linearizability in %d runs: a history was too long to be searched for an order of its operations. The first: %s",
	early:       "%d tests crash servers and need what 2C or 3C asks for. They run with: grade %s",
	moduleIs:    "Built with %s, module %s",
	traceIs:     "Seed %d, tests %s, all runs %s",

	budgets: "Budgets", budgetName: "what is measured", used: "used", limit: "limit", noBudgets: "no test measured one",

	listHead: "Lab %s (parts: %d, tests: %d, points: %s)",

	buildUsage:     "Nothing to grade",
	buildRefused:   "Refused: the code breaks a rule of the lab",
	buildCompile:   "Does not build",
	buildSlow:      "Does not build in time",
	buildToolchain: "Go does not work on this machine",
	buildDetector:  "Go's race detector does not work on this machine",
	buildInternal:  "The grader failed while building",
	labBroken:      "The lab has a mistake",
	noTests:        "No test to run",
	engineFailed:   "The grader failed",
	cancelled:      "Interrupted",
	moreProblems:   "and %d more",
	labInOrder:     "The lab %s is in order: the consensus core passes it (tests: %d, points: %s).",
	labCoreFails:   "The lab %s cannot be right: the consensus core fails some of its tests (%d).",
	engineAdvice:   "This is not your code's fault, and no points are lost. Try again; if it happens again, report it with the command and this message.",
}

var chinese = messages{
	comma: "，",

	stageCheck:    "读取代码",
	stageLibrary:  "为 WebAssembly 编译 Go 标准库",
	stageSelfTest: "检验这个 Go 版本",
	stageBuild:    "编译你的代码",
	stageCompile:  "翻译成机器码",
	stageTest:     "测试",
	stageHunt:     "搜索世界",
	libraryNote:   "首次使用这个 Go 版本：正在为 WebAssembly 编译标准库，约需半分钟，只有这一次。",
	failedSoFar:   "%d 项失败",

	ok: "通过", fail: "失败", skip: "跳过", ungraded: "未评",
	runs:      func(n int) string { return number(float64(n)) + " 次" },
	seedsFail: "%[2]d 次运行中 %[1]d 次失败，种子 %[3]s",
	runsFail:  "%[2]d 次运行中 %[1]d 次失败",
	runsLeft:  "；结论已定，另外 %d 次没有运行",

	safety: "安全性", liveness: "活性", budget: "预算", fault: "故障", engine: "评分器",
	safetyMeans:   "发生了绝不允许发生的事",
	livenessMeans: "应当发生的事没有及时发生",
	budgetMeans:   "结果正确，但代价超出限度",
	faultMeans:    "程序崩溃、卡死，或者停不下来",
	engineMeans:   "评分器自身出错，不是你的问题",

	at:     "虚拟时间 %s",
	seedAt: "种子 %d，虚拟时间 %s", onServer: "服务器 %s", onClient: "客户端 %s",
	expected: "应为", found: "实为", difference: "差异",
	events: "经过", testLine: "测试所在行", yourCode: "你的代码", stack: "调用栈",
	output: "%s 的输出（末尾）", evidence: "另外看到", chain: "来龙去脉",
	history:       "能说明问题的最小一段客户端历史",
	certain:       "从 %s 起已成定局：不管网络此后怎样，试过的 %d 种走向都是这个结局；从 %s 起则是其中 %d 种。",
	certainAlways: "从一开始就已成定局：不管网络怎样，试过的 %d 种走向都是这个结局。",
	certainLate:   "直到最后都还可能没事：从 %s 起，网络的另外 %[3]d 种走向中只有 %[2]d 种是这个结局。", again: "重现",
	hint: "提示 %d", moreHints: "再进一步：--hints %d", moreLines: "…… 省略 %d 行（--verbose）",
	nothingPrinted: "无",

	part: "部分", tests: "测试", points: "得分", total: "合计",
	allPassed:   "通过  %s 分（满分 %s）",
	someFailed:  "未通过  %s 分（满分 %s）",
	notSet:      "未能评分  请重试；不扣分",
	counts:      "%[2]d 项测试中 %[1]d 项失败（%[3]s）",
	tookParts:   "构建 %s，翻译 %s，运行 %s",
	showAll:     "完整显示其余失败：--verbose",
	showOne:     "只看其中一项：%s",
	interrupted: "已中断：共 %[2]d 次运行，完成 %[1]d 次。没有结论。",
	recognised:  "识别为 %s",
	onCore:      "用评分器自己的 Raft 评分，而不是文件夹里的",
	leftOut:     "未编译 %s：%s",
	absent:      "不属于这一年的实验",
	undecided:   "有 %d 次运行没有判断线性一致性：某个键的历史太长，无法搜索操作的顺序。第一个：%s",
	early:       "有 %d 项测试会让服务器崩溃，需要先完成 2C 或 3C。运行它们：grade %s",
	moduleIs:    "由 %s 构建，模块 %s",
	traceIs:     "种子 %d，测试 %s，全部运行 %s",

	budgets: "预算", budgetName: "度量", used: "实际", limit: "上限", noBudgets: "没有测试度量预算",

	listHead: "实验 %s：%d 个部分，%d 项测试，共 %s 分",

	buildUsage:     "没有可评分的内容",
	buildRefused:   "拒绝：代码违反了实验的规则",
	buildCompile:   "无法构建",
	buildSlow:      "构建超时",
	buildToolchain: "这台机器上的 Go 不能用",
	buildDetector:  "这台机器上 Go 的竞争检测器不能用",
	buildInternal:  "评分器在构建时出错",
	labBroken:      "实验文件有错",
	noTests:        "没有要运行的测试",
	engineFailed:   "评分器出错",
	cancelled:      "已中断",
	moreProblems:   "还有 %d 处",
	labInOrder:     "实验 %s 没有问题：%d 项测试，共 %s 分；共识核心全部通过。",
	labCoreFails:   "实验 %s 不可能正确：共识核心有 %d 项测试不通过。",
	engineAdvice:   "这不是你代码的问题，也不扣分。请重试；若再次出现，请附上命令和这条信息报告给我们。",
}

func messagesIn(lang string) *messages {
	if lang == "zh" {
		return &chinese
	}
	return &english
}
