package phrase

// chineseBatch are the sentences of the feedback of grader/batch.
var chineseBatch = []pair{
	{"(%s before %d late days)", "（迟交之前 %s 分，迟交 %s 天）"},
	{"%d tests are shown after the deadline; their points count already.", "有 %s 项测试在截止时间之后才显示；它们的分数已计入。"},
}
