package phrase

// chineseService are the sentences about services on Raft and their clients.
var chineseService = []pair{
	{"each operation takes effect at one moment between its call and its return", "每个操作都在调用与返回之间的某一时刻生效"},
	{"a token above %d", "大于 %s 的令牌"},
	{"version %d or a later one", "版本 %s 或更新的版本"},
	{"%q stands twice in %q, though one Append was asked for", "%s 在 %s 中出现两次，而 Append 只请求了一次"},
	{"%q is missing from %q, though its Append had returned before client %d asked", "%s 不在 %s 中，而它的 Append 在客户端 %s 询问之前已经返回"},
	{"client %d got the lock %q with the token %d, but %d was given out before", "客户端 %s 得到锁 %s 的令牌是 %s，而此前已发出过 %s"},
	{"client %d's %s has not returned for %d ms", "客户端 %s 的 %s 已有 %s 毫秒没有返回"},
	{"a value with %q in it", "含有 %s 的值"},
	{"a value with %q in it once", "只含一次 %s 的值"},
	{"no order of the operations on %q explains what the clients saw", "对 %s 的操作没有任何一种顺序能解释客户端所见"},
	{"client %d waits until client %d has released the lock, or its lease is over", "客户端 %s 等到客户端 %s 释放锁，或其租约到期"},
	{"an answer, as soon as a majority of the servers can be reached", "只要能联系到多数服务器，就应得到回答"},
	{"client %d read version %d of %q, though version %d was there before it asked", "客户端 %s 读到版本 %s 的 %s，而在它询问之前已有版本 %s"},
	{"clients %d and %d hold the lock %q at the same time", "客户端 %s 和 %s 同时持有锁 %s"},
	{"expected a package in the folder %s of the module, found none", "模块的文件夹 %s 中应有一个包，但没有找到"},
	{"Name the folder that holds %s/ and raft/.", "请指定包含 %s/ 和 raft/ 的文件夹。"},
	{"package %s has no func %s; the grader needs it", "包 %s 没有函数 %s；评分器需要它"},
}
