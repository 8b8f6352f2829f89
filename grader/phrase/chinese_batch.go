package phrase

// chineseBatch are the sentences of the feedback of grader/batch: verdicts, why a
// submission could not be taken in, how its grading ended.
var chineseBatch = []pair{
	{"(%s before %d late days)", "（迟交之前 %s 分，迟交 %s 天）"},
	{"%d tests are shown after the deadline; their points count already.", "有 %s 项测试在截止时间之后才显示；它们的分数已计入。"},

	{"graded", "已评分"},
	{"nothing there", "没有提交"},
	{"unreadable", "无法读取"},
	{"too big", "太大"},
	{"refused", "被拒绝"},
	{"does not build", "不能构建"},
	{"slow build", "编译太慢"},
	{"too slow", "太慢"},
	{"out of memory", "内存用尽"},
	{"crashed", "崩溃"},
	{"not graded", "未评分"},
	{"nothing was handed in", "没有交任何东西"},

	{"Hand in the folder with your Go files again, as a plain zip or tar.gz.", "请把装有 Go 文件的文件夹重新打成普通的 zip 或 tar.gz 再交。"},
	{"Leave out what was generated, and everything but your server.", "请去掉生成的文件，以及服务器之外的一切。"},
	{"Leave out generated code.", "请去掉生成的代码。"},
	{"Make the archive with a program that writes / between folders.", "请用以 / 分隔文件夹的程序来打包。"},
	{"Mend the roster or the folder, and run the batch again.", "请改正名单或文件夹，再运行一次批次。"},

	{"it holds more than %d files and folders, the limit", "其中的文件和文件夹超过上限 %s 个"},
	{"its Go files have more than %d bytes, the limit", "其中的 Go 文件超过上限 %s 字节"},
	{"the archive has %d bytes; the limit is %d", "压缩包有 %s 字节；上限为 %s"},
	{"the archive unpacks to more than %d bytes, the limit", "压缩包解开后超过上限 %s 字节"},
	{"the name %s is longer than %d bytes or deeper than %d folders", "名字 %s 长于 %s 字节，或深于 %s 层文件夹"},
	{"the name %s is not text", "名字 %s 不是文本"},
	{"the name %s has a backslash or a drive letter", "名字 %s 含有反斜杠或盘符"},
	{"the name %s leads out of the submission", "名字 %s 指到了提交之外"},
	{"it holds two files named %s", "其中有两个名为 %s 的文件"},
	{"%s is a file and a folder", "%s 既是文件又是文件夹"},
	{"%s cannot be read: %v", "%s 无法读取：%s"},
	{"%s cannot be unpacked: %v", "%s 无法解开：%s"},
	{"it cannot be unpacked: %v", "无法解开：%s"},
	{"it is neither a folder nor a file", "它既不是文件夹也不是文件"},
	{"it is neither a folder nor a zip, tar or tar.gz", "它既不是文件夹，也不是 zip、tar 或 tar.gz"},
	{"it is not a zip: %v", "它不是 zip：%s"},
	{"it is not a tar.gz: %v", "它不是 tar.gz：%s"},
	{"it is not a tar archive, or it is cut off: %v", "它不是 tar，或被截断了：%s"},

	{"the grading took more than %d s, the limit", "评分超过了 %s 秒的限度"},
	{"the grading used more than %d s of processor time, the limit", "评分用的处理器时间超过了 %s 秒的限度"},
	{"the grading needed more than %d MiB, the limit", "评分需要的内存超过了 %s MiB 的限度"},
	{"the grading's process died: %s", "评分的进程崩溃了：%s"},
	{"the grading's process was killed: %s", "评分的进程被杀掉了：%s"},
	{"the grading's process failed: %v", "评分的进程失败了：%s"},
	{"the grading was broken off", "评分被中断"},
	{"no temporary folder can be made: %s", "无法建立临时文件夹：%s"},

	{"not run: the runs before it used up the %d million loops that a submission may do in all", "没有运行：前面的运行用完了一份提交总共可做的 %s 百万次循环"},
}
