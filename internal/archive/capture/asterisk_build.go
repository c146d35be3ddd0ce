package capture

import (
	"cmp"
	"slices"
	"strings"
)

// builder makes a Call of what is known of one cluster and its files.
type builder struct {
	j      *joiner
	c      *cluster
	s      *scene
	root   *cdrRow // the row of the channel that began the call
	files  []*soundFile
	list   []attempt
	call   Call
	queued int64 // when the caller first entered a queue
}

// build joins all that the logs and the files say of a call.
func (j *joiner) build(c *cluster, files []*soundFile) Call {
	b := &builder{j: j, c: c, s: sceneOf(c.cel), files: files}
	slices.SortStableFunc(c.queue, func(x, y queueEvent) int { return cmp.Compare(x.at, y.at) })
	slices.SortStableFunc(c.cdr, func(x, y cdrRow) int {
		if n := cmp.Compare(x.sequence, y.sequence); n != 0 {
			return n
		}
		return cmp.Compare(x.start, y.start)
	})
	b.call = Call{ID: c.id, Absorbed: slices.Clone(c.absorbed), Agents: []Agent{}, Legs: []Leg{}, Events: []Event{}, Files: []File{}, UniqueIDs: []string{}, LinkedIDs: []string{}, Sources: []string{}}
	for i := range c.cdr {
		if r := &c.cdr[i]; r.linked == c.id && (b.root == nil || r.uid == c.id && b.root.uid != c.id) {
			b.root = r
		}
	}
	if b.root == nil && len(c.cdr) > 0 {
		b.root = &c.cdr[0]
	}
	b.identity()
	b.telephones()
	b.parties()
	b.times()
	b.outcome()
	b.story()
	b.legs()
	b.sounds()
	c.ended = b.call.Ended
	return b.call
}

// identity lists the channels and where the call is known from.
func (b *builder) identity() {
	call := &b.call
	add := func(list *[]string, id string) {
		if id != "" && !slices.Contains(*list, id) {
			*list = append(*list, id)
		}
	}
	for _, l := range b.s.linked {
		add(&call.LinkedIDs, l)
	}
	for _, ch := range b.s.channels {
		add(&call.UniqueIDs, ch.uid)
	}
	for _, r := range b.c.cdr {
		add(&call.LinkedIDs, r.linked)
		add(&call.UniqueIDs, r.uid)
	}
	for _, q := range b.c.queue {
		add(&call.UniqueIDs, q.uid)
		if q.what == "CONNECT" {
			add(&call.UniqueIDs, q.data[1])
		}
	}
	for _, f := range b.files {
		add(&call.UniqueIDs, f.name.uid)
	}
	add(&call.LinkedIDs, b.c.id)
	for name, have := range map[string]bool{"cel": len(b.c.cel) > 0, "cdr": len(b.c.cdr) > 0, "queue_log": len(b.c.queue) > 0, "file": len(b.files) > 0} {
		if have {
			call.Sources = append(call.Sources, name)
		}
	}
	slices.Sort(call.Sources)
}

// telephones gathers who rang.
func (b *builder) telephones() {
	if len(b.s.channels) > 0 {
		b.list = b.s.attempts()
	} else {
		b.list = attemptsOfCDR(b.c.cdr, b.root)
	}
	b.list = b.j.mergeQueue(b.list, b.c.queue)
	for i := range b.list {
		if a := &b.list[i]; a.name == a.ext {
			a.name = ""
		}
	}
}

// parties says which way the call went, who made it and what was dialled.
func (b *builder) parties() {
	call := &b.call
	var channelName, context, num, name, exten string
	switch {
	case b.s.root != nil:
		r := b.s.root
		channelName, context, num, name, exten = r.name, r.context, r.cidNum, r.cidName, r.exten
	case b.root != nil:
		r := b.root
		channelName, context, num, exten = r.channel, r.context, r.src, r.dst
		name, _ = splitCallerID(r.clid)
		if transferContext(context) && outside(channelName, "") {
			context, exten = "", "" // after a blind transfer the number dialled is in no row any more
		}
	}
	if channelName == "" {
		b.partiesOfLesser()
		return
	}
	if b.root != nil && name == "" {
		name, _ = splitCallerID(b.root.clid)
	}
	if outside(channelName, context) {
		call.Direction = Inbound
		if num == "" && b.root != nil {
			num = b.root.src
		}
		call.Caller, call.CallerName, call.Withheld = party(num, name)
	} else {
		ext, _ := endpoint(channelName)
		if b.s.root != nil {
			ext = b.s.root.peer
		}
		call.Caller, call.CallerName = ext, name
		if num != ext && !(b.s.root != nil && b.s.root.began) {
			call.CallerName = "" // the name that goes with the number shown outside is not the person's
		}
		call.Direction = b.fromInside(exten)
	}
	call.Dialled = b.dialled(exten)
	call.Queue = Name(b.queue())
}

// fromInside tells outbound from internal calls by the first telephone that was called.
func (b *builder) fromInside(exten string) Direction {
	for _, a := range b.list {
		if a.role != "" || a.consulted {
			continue
		}
		if a.outside {
			return Outbound
		}
		return Internal
	}
	if b.root != nil && b.root.dstChan != "" && outside(b.root.dstChan, "") || len(exten) > 6 && digits(exten) {
		return Outbound
	}
	for _, f := range b.files {
		if f.name.kind == "out" {
			return Outbound
		}
	}
	return Internal
}

// dialled finds the number that the caller dialled where the first channel does not say it: set up by a program, or known from files only.
func (b *builder) dialled(exten string) string {
	if digits(exten) || strings.HasPrefix(exten, "*") {
		return exten
	}
	if exten != "" && exten != "s" && exten != "h" && exten != "i" && exten != "t" {
		return exten
	}
	if b.s.root != nil {
		for i := range b.c.cel {
			if ev := &b.c.cel[i]; ev.uid == b.s.root.uid && digits(ev.exten) && (ev.what == "APP_START" || ev.what == "CHAN_START" || ev.what == "ANSWER") {
				return ev.exten
			}
		}
	}
	for _, f := range b.files {
		switch f.name.kind {
		case "out", "internal", "ondemand":
			return f.name.first
		}
	}
	if b.call.Direction != Inbound {
		if len(b.list) > 0 && b.list[0].outside {
			return b.list[0].number
		}
		if len(b.list) > 0 {
			return b.list[0].ext
		}
	}
	return ""
}

// queue names the queue that answered, or the last one that the caller waited in.
func (b *builder) queue() string {
	entered, answered := "", ""
	for _, q := range b.c.queue {
		switch q.what {
		case "ENTERQUEUE":
			entered = q.queue
			if b.queued == 0 {
				b.queued = q.at
			}
		case "CONNECT":
			if answered == "" {
				answered = q.queue
			}
		}
		if entered == "" && q.queue != "NONE" {
			entered = q.queue
		}
	}
	if answered != "" {
		entered = answered
	}
	for _, q := range b.s.queues {
		if b.queued == 0 || abs(q.at-b.queued) < 1500 {
			b.queued = q.at
		}
		if len(b.c.queue) == 0 {
			entered = q.text
		}
	}
	if entered == "" && len(b.s.channels) == 0 {
		for _, r := range b.c.cdr {
			if r.app == "Queue" {
				entered, _, _ = strings.Cut(r.data, ",")
			}
		}
	}
	if entered == "" {
		for _, f := range b.files {
			if f.name.kind == "q" {
				entered = f.name.first
			}
		}
	}
	return entered
}

// partiesOfLesser is for calls of which neither CEL nor CDR is there.
func (b *builder) partiesOfLesser() {
	call := &b.call
	call.Direction = Inbound
	for _, q := range b.c.queue {
		if q.what == "ENTERQUEUE" {
			call.Caller, call.CallerName, call.Withheld = party(q.data[1], "")
		}
	}
	for _, f := range b.files {
		n := f.name
		if n.kind == "" || call.Caller != "" || call.Withheld {
			continue
		}
		switch {
		case n.kind == "out":
			call.Direction, call.Caller, call.Dialled = Outbound, n.second, n.first
		case n.kind == "internal":
			call.Direction, call.Caller, call.Dialled = Internal, n.second, n.first
		case n.kind == "ondemand" || n.kind == "auto":
			call.Dialled = n.first
			call.Caller, _, call.Withheld = party(n.second, "")
			switch {
			case extensionLike(n.second) && extensionLike(n.first):
				call.Direction = Internal
			case extensionLike(n.second):
				call.Direction = Outbound
			}
		default:
			call.Caller, _, call.Withheld = party(n.second, "")
			if n.kind == "in" {
				call.Dialled = n.first
			}
		}
		b.agentOfName(n)
	}
	call.Queue = Name(b.queue())
}

// agentOfName takes the telephone from a file's name when nothing else names one.
func (b *builder) agentOfName(n fileName) {
	if len(b.list) > 0 {
		return
	}
	ext, outcome := "", OutcomeAnswered
	switch n.kind {
	case "exten", "internal", "ondemand":
		ext = n.first
	case "out":
		return
	}
	if b.loudest() == 0 {
		outcome = OutcomeNoAnswer
	}
	if extensionLike(ext) {
		b.list = append(b.list, attempt{ext: ext, outcome: outcome})
	}
}

// loudest is the longest sound of the call, in seconds.
func (b *builder) loudest() float64 {
	longest := 0.0
	for _, f := range b.files {
		longest = max(longest, f.sound.Seconds)
	}
	return longest
}
