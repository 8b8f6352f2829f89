package phrase

// chineseVet are the findings of grader/vet.
var chineseVet = []pair{
	{"%s is held while waiting for the answer to an RPC: release it before the call", "等待 RPC 答复时持有 %s：请在调用之前释放"},
	{"%s is held while %s waits for the answer to an RPC: release it before the call, or start a goroutine", "%s 被持有，而 %s 在等待 RPC 的答复：请在调用之前释放，或另起 goroutine"},
	{"%s is held while waiting for the reader of %s: release it before the send", "%s 被持有，而这里要等 %s 的读者：请在发送之前释放"},
	{"%s, taken at line %d, may still be held at this return", "%s 在第 %s 行取得，在这个 return 处可能仍被持有"},
	{"field %s begins with a lower-case letter, but %s %s: it arrives as zero; give it a capital letter", "字段 %s 以小写字母开头，而 %s %s：它到达时是零值；请改成大写字母开头"},
	{"is sent", "会被发送"},
	{"is saved", "会被保存"},
	{"is registered to be sent", "被注册为要发送的类型"},
	{"%s is declared outside the loop, so every call in it uses the same one: make a new reply for each call", "%s 在循环之外声明，循环里的每次调用都用同一个：请为每次调用新建一个 reply"},
	{"%s is changed after the RPC at line %d without checking that the term is still the one of the call", "第 %[2]s 行的 RPC 之后修改了 %[1]s，却没有检查任期是否仍是调用时的任期"},
	{"%s is changed by %s after the RPC at line %d without checking that the term is still the one of the call", "第 %[3]s 行的 RPC 之后，%[2]s 修改了 %[1]s，却没有检查任期是否仍是调用时的任期"},
	{"this loop can turn without waiting: let each way round sleep, or wait for a channel or a condition", "这个循环可能不等待就一直转：让每一圈都睡眠，或等待通道或条件变量"},
	{"this timer never fires: the select has a default, so the loop makes a new one at once", "这个定时器永远不会到期：select 有 default，循环马上又新建一个"},
	{"this timer never fires: another of the same select fires after %s, and the loop makes both anew", "这个定时器永远不会到期：同一个 select 里另一个 %s 后就到期，循环把两个都重新建"},
	{"this loop waits for %s at a time: it does little else than make timers", "这个循环每次只等 %s：它几乎只是在建定时器"},
	{"%s shares its memory with %s, which may change while the message is encoded: copy it", "%s 与 %s 共用内存，消息编码时它可能变化：请复制"},
}
