package export

// messages are this package's own words in one language.
type messages struct {
	graded, notGraded, notGradedWhy, notBuilt string

	feedback, of                   string // -; student
	points, late                   string // final, max; points, days
	part, tests, test, pointsHead  string
	total, ok, fail, skip, nograde string
	hidden                         string // number of tests
	hiddenTest                     string // number
	more                           string // number
	allPassed                      string // tests, points, max
	someFailed                     string // failed, tests, points, max
	repeat                         string
	students, student, verdict     string // number; -; -
	result                         string
	tooLong                        string
	annotationsMore                string // number
}

var english = messages{
	graded: "graded", notGraded: "not graded", notBuilt: "does not build",
	notGradedWhy: "The grader could not finish, which is nobody's fault: no points are lost. Grade again; if it happens again, tell whoever runs the course.",

	feedback: "Feedback", of: "Feedback for %s", points: "%s / %s points", late: "%s before %d late days",
	part: "Part", tests: "Tests", test: "Test", pointsHead: "Points", total: "total",
	ok: "ok", fail: "**FAIL**", skip: "skipped", nograde: "not graded",
	hidden:     "%d tests are shown after the deadline; their points count already.",
	hiddenTest: "hidden test %d",
	more:       "%d more failing tests, in brief in the table above.",
	allPassed:  "All %d tests pass: %s of %s points",
	someFailed: "%d of %d tests fail: %s of %s points",
	repeat:     "What was graded",
	students:   "%d submissions", student: "Student", verdict: "Verdict", result: "Result",
	tooLong:         "The rest is left out here: a summary may have 1 MiB. The results folder has all of it.",
	annotationsMore: "%d more: see the log, or the job's summary",
}

var chinese = messages{
	graded: "已评分", notGraded: "未评分", notBuilt: "不能构建",
	notGradedWhy: "评分器没能完成，这不是任何人的错：不扣分。请再评一次；若再次发生，请告诉课程负责人。",

	feedback: "评分反馈", of: "%s 的评分反馈", points: "%s / %s 分", late: "迟交之前 %s 分，迟交 %d 天",
	part: "部分", tests: "测试", test: "测试", pointsHead: "分数", total: "合计",
	ok: "通过", fail: "**失败**", skip: "未运行", nograde: "未评分",
	hidden:     "有 %d 项测试在截止时间之后才显示；它们的分数已计入。",
	hiddenTest: "隐藏的测试 %d",
	more:       "另有 %d 项未通过的测试，上表有其概要。",
	allPassed:  "%d 项测试全部通过：%s 分，满分 %s",
	someFailed: "%d 项未通过，共 %d 项：%s 分，满分 %s",
	repeat:     "评分的依据",
	students:   "%d 份提交", student: "学生", verdict: "结果", result: "说明",
	tooLong:         "其余从略：摘要至多 1 MiB。结果文件夹里有全部内容。",
	annotationsMore: "还有 %d 项：见日志或任务摘要",
}

func messagesIn(lang string) *messages {
	if lang == "zh" {
		return &chinese
	}
	return &english
}
