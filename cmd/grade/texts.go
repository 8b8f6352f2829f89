package main

import "strings"

// texts are what the command itself says in one language; the reports have
// their own, in grader/report. A test sees to it that none is missing.
type texts struct {
	short, long, examples string
	template              string
	builtin               map[string]string // cobra's own commands

	flagRun, flagSeed, flagSeeds, flagVerbose, flagHints, flagBudgets string
	flagWorkers, flagLab, flagJSON, flagLang, flagColor, flagHelp     string

	initShort, initLong, initDone   string // raft.go, cd command
	labIs                           string // lab, the others
	initDoneOn                      string // file of the lab, folders to copy, cd command, lab, its first part
	initFailed, notEmpty            string // error; folder, entry
	listShort                       string
	referenceShort, referenceLong   string
	labShort                        string
	labCheckShort, labCheckLong     string
	versionShort                    string
	exitCodesShort, exitCodesLong   string
	seeHelp                         string
	badChoice, badNumber            string // flag, choices, found; flag, least, most, found
	badPattern                      string // pattern, error
	noLab, noFolder                 string // folder
	ambiguous, isFile               string // word, folder, part; file, its folder
	neither, didYouMean, twoFolders string // word, parts, proposal; proposal; two folders
	emptyArg                        string
}

// usageTemplate is cobra's, shorter, with the headings left open.
const usageTemplate = `USAGE:{{if .Runnable}}
  {{.UseLine}}{{end}}{{if .HasAvailableSubCommands}}
  {{.CommandPath}} COMMAND{{end}}{{if .HasExample}}

EXAMPLES:
{{.Example}}{{end}}{{if .HasAvailableSubCommands}}

COMMANDS:{{range .Commands}}{{if (or .IsAvailableCommand (eq .Name "help"))}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}{{if .HasAvailableLocalFlags}}

FLAGS:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}{{if .HasAvailableInheritedFlags}}

GLOBALFLAGS:
{{.InheritedFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}{{if .HasHelpSubCommands}}

TOPICS:{{range .Commands}}{{if .IsAdditionalHelpTopicCommand}}
  {{$.CommandPath}} help {{.Name}}   {{.Short}}{{end}}{{end}}{{end}}
`

func template(usage, examples, commands, flags, global, topics string) string {
	return strings.NewReplacer("USAGE:", usage, "EXAMPLES:", examples, "COMMANDS:", commands, "GLOBALFLAGS:", global, "FLAGS:", flags,
		"TOPICS:", topics).Replace(usageTemplate)
}

var english = texts{
	short: "Grade a Raft: what works, what breaks, and how many points that is",
	long: `grade runs the Raft in a folder as a cluster under a virtual clock, and says
what works, what breaks, and how many points that is. The same code with the
same seeds gets the same verdict on every machine.

PART is a part of the lab, by its name or its number in the course (election,
3A): see grade list. DIR is a folder that grade init wrote, or a checkout of
MIT's 6.824 or 6.5840 of any year from 2020; without it, the current folder.`,
	examples: `  grade init mylab                  write a skeleton that compiles
  grade                             grade the current folder
  grade election                    one part of the lab
  grade 3A 3B ~/6.5840              two parts, on a checkout of the MIT lab
  grade --run rejoin                the tests whose name matches
  grade --run agreement/rejoin --seed 7 --seeds 1 -v
                                    one run again, told at full length
  grade --seeds 20                  twenty worlds for each test: before you hand in
  grade --json > result.json        for programs`,
	template: template("Usage:", "Examples:", "Commands:", "Flags:", "Flags of all commands:", "More help:"),
	builtin: map[string]string{
		"help":       "Help about a command",
		"completion": "Print a script that completes parts, tests and flags in your shell",
	},

	flagRun:     "only the tests whose PART/NAME matches `REGEXP`",
	flagSeed:    "seed `N` of the first run of each test (default 1)",
	flagSeeds:   "`N` runs of each test (default: its own number)",
	flagVerbose: "every failure at full length, and the budgets",
	flagHints:   "give away `N` steps of hints",
	flagBudgets: "show each limit that was measured: used and allowed",
	flagWorkers: "`N` worlds side by side (default: one for each core)",
	flagLab:     "the lab in folder `DIR`, not the built-in one",
	flagJSON:    "print JSON, and nothing else",
	flagLang:    "language, `en|zh` (default: the system's)",
	flagColor:   "colours, `auto|always|never`",

	flagHelp: "this help",

	initShort: "Write the lab's skeleton into a folder",
	initLong: `init writes the skeleton of the lab into DIR, or into the current folder: Go
code that compiles, and that gopls and go vet accept without a network. It never
overwrites: the folder must be empty, but for files whose name begins with a dot.`,
	initDone:   "Your server goes into %s. Begin with the election:\n\n%s    grade election\n",
	labIs:      "Grading the lab %s, which the folder holds; for %s: --lab\n",
	initDoneOn: "Your code goes into %s. First copy what you have from the labs before over %s. Then begin:\n\n%s    grade --lab %s %s\n",
	initFailed: "cannot write the skeleton: %v",
	notEmpty:   "%s is not empty (it holds %s), and nothing is ever overwritten; name a new folder: grade init mylab",
	listShort:  "List the lab's parts, tests and points",

	referenceShort: "Run the tests on raftlab's own consensus core",
	referenceLong: `reference runs the lab's tests on raftlab's own consensus core in place of a
student's server. It passes; so it shows whether a test of your own is sound.`,
	labShort:      "Work on a lab of your own",
	labCheckShort: "Check a lab: does it load, and does the consensus core pass it?",
	labCheckLong: `check reads the lab in DIR and runs each of its tests once on the consensus core.
A test that the core fails is wrong. docs/write-a-test.md explains the rest.`,
	versionShort:   "Print the version",
	exitCodesShort: "What the exit codes mean",
	exitCodesLong: `The exit code says how it ended:

    0   all tests passed
    1   at least one test failed
    2   wrong usage: a flag, a part, a folder or a lab that cannot be used
    3   the code does not build: it was refused, or it does not compile
    4   the grader's or the machine's own failure: no points are lost
  130   interrupted`,
	seeHelp:    "See: grade --help",
	badChoice:  "%s: expected one of %s, found %q",
	badNumber:  "%s: expected a number from %d to %d, found %d",
	badPattern: "--run: %q is not a regular expression: %v",
	noLab:      "%s: expected a folder with a lab (a lab.star), found none",
	noFolder:   "reference grades the consensus core and takes no folder, found %s",
	ambiguous:  "%s is a part of the lab and a folder: write %s for the folder, or --run ^%s/ for the part",
	isFile:     "%s is a file: name its folder, %s",
	neither:    "%s is neither a part of the lab (%s) nor a folder%s",
	didYouMean: "; did you mean: grade %s",
	twoFolders: "one folder at a time: found %s and %s",
	emptyArg:   "expected a part or a folder, found an empty word",
}

var chinese = texts{
	short: "为 Raft 评分：哪些正确，哪些出错，得多少分",
	long: `grade 把文件夹里的 Raft 作为一个集群在虚拟时钟下运行，告诉你哪些正确、哪些
出错、得多少分。同样的代码和种子，在任何机器上结论都相同。

PART 是实验的一个部分，用名字或课程里的编号（election、3A），见 grade list。
DIR 是 grade init 生成的文件夹，或 2020 年以来任何一年 MIT 6.824 / 6.5840 的代码
仓库；省略则为当前文件夹。`,
	examples: `  grade init mylab                  生成一个能编译的骨架
  grade                             为当前文件夹评分
  grade election                    只测一个部分
  grade 3A 3B ~/6.5840              在 MIT 实验的代码仓库上测两个部分
  grade --run rejoin                名字匹配的测试
  grade --run agreement/rejoin --seed 7 --seeds 1 -v
                                    重现一次运行，完整显示
  grade --seeds 20                  每项测试跑二十个世界：交作业之前
  grade --json > result.json        供程序读取`,
	template: template("用法：", "示例：", "命令：", "选项：", "通用选项：", "更多帮助："),
	builtin: map[string]string{
		"help":       "显示某个命令的帮助",
		"completion": "输出 shell 补全脚本，可补全部分、测试和选项",
	},

	flagRun:     "只运行“部分/名字”匹配 `REGEXP` 的测试",
	flagSeed:    "每项测试第一次运行的种子 `N`（默认 1）",
	flagSeeds:   "每项测试运行 `N` 次（默认由测试决定）",
	flagVerbose: "完整显示每个失败，以及各项预算",
	flagHints:   "给出 `N` 步提示",
	flagBudgets: "显示所度量的每项限度：实际与上限",
	flagWorkers: "同时运行 `N` 个世界（默认每个核一个）",
	flagLab:     "使用文件夹 `DIR` 里的实验，而不是内置的",
	flagJSON:    "只输出 JSON",
	flagLang:    "语言，`en|zh`（默认跟随系统）",
	flagColor:   "颜色，`auto|always|never`",

	flagHelp: "显示这份帮助",

	initShort: "把实验的骨架写入文件夹",
	initLong: `init 把实验的骨架写入 DIR（省略则为当前文件夹）：能编译的 Go 代码，gopls 和
go vet 不联网也能接受。绝不覆盖文件：文件夹必须是空的，名字以点开头的文件除外。`,
	initDone:   "你的服务器写在 %s 里。从选举开始：\n\n%s    grade election\n",
	labIs:      "按这个文件夹里的实验 %s 评分；要评 %s，请用 --lab\n",
	initDoneOn: "你的代码写在 %s 里。先把前面实验里写好的东西复制过来，覆盖 %s。然后开始：\n\n%s    grade --lab %s %s\n",
	initFailed: "无法写入骨架：%v",
	notEmpty:   "%s 不是空的（里面有 %s），而 grade 绝不覆盖文件；请给一个新文件夹：grade init mylab",
	listShort:  "列出实验的部分、测试和分值",

	referenceShort: "用 raftlab 自己的共识核心运行测试",
	referenceLong: `reference 用 raftlab 自己的共识核心代替学生的服务器来运行实验的测试。它能全部
通过，因此可以用来检验你自己写的测试是否正确。`,
	labShort:      "编写你自己的实验",
	labCheckShort: "检查一个实验：能否读入，共识核心能否通过？",
	labCheckLong: `check 读入 DIR 里的实验，并在共识核心上把每项测试运行一次。核心通不过的测试是
错的。其余见 docs/write-a-test.md。`,
	versionShort:   "显示版本",
	exitCodesShort: "退出码的含义",
	exitCodesLong: `退出码说明结果如何：

    0   全部测试通过
    1   至少一项测试失败
    2   用法有误：选项、部分、文件夹或实验不能用
    3   代码无法构建：被拒绝，或不能编译
    4   评分器或机器自身的故障：不扣分
  130   被中断`,
	seeHelp:    "参见：grade --help",
	badChoice:  "%s：应为 %s 之一，实为 %q",
	badNumber:  "%s：应为 %d 到 %d 之间的数，实为 %d",
	badPattern: "--run：%q 不是正则表达式：%v",
	noLab:      "%s：应为一个实验文件夹（含 lab.star），但没有找到",
	noFolder:   "reference 评的是共识核心，不需要文件夹，却给了 %s",
	ambiguous:  "%s 既是实验的部分，又是文件夹：指文件夹请写 %s，指部分请写 --run ^%s/",
	isFile:     "%s 是文件：请给出它所在的文件夹 %s",
	neither:    "%s 既不是实验的部分（%s），也不是文件夹%s",
	didYouMean: "；是不是想写：grade %s",
	twoFolders: "一次只能评一个文件夹，却给了 %s 和 %s",
	emptyArg:   "应为部分或文件夹，实为空字符串",
}

func textsIn(lang string) *texts {
	if lang == "zh" {
		return &chinese
	}
	return &english
}
