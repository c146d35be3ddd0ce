package capture

import (
	"hash/maphash"
	"strconv"
	"strings"
	"time"
)

// cluster is all that the logs say of one call: rows of several channels and, after an attended transfer, of several linkedids.
type cluster struct {
	id       string // the oldest linkedid
	cel      []celEvent
	cdr      []cdrRow
	queue    []queueEvent
	keys     []string // uniqueids and linkedids that lead to it
	first    map[*logFile]mark
	last     int64 // of its latest row, ms
	dirty    bool
	absorbed []string
	given    uint64 // hash of what was last given
	done     bool
	ended    bool                // as of the last building
	dropped  bool                // more rows than a call can have
	seen     map[uint64]struct{} // hashes of its rows: a log that was copied together may hold one twice
}

// Bounds of what is kept. A call of more rows is no call but a loop in a dial plan.
const (
	maxRows = 20_000
	maxGone = 50_000
	// linger is how long an ended call waits for rows that come late: CDRs are written in batches (cdr.conf: batch, time=300).
	linger = 15 * time.Minute
	// lifetime is after how long without any row a call is given up.
	lifetime = 6 * time.Hour
	maxNames = 10_000
)

// joiner puts rows of all logs together into calls, by uniqueid and linkedid only: a caller can have two calls at once, and names of
// channels begin anew when the PBX does.
type joiner struct {
	byKey    map[string]*cluster
	all      map[*cluster]struct{}
	gone     map[string]struct{} // keys of calls that were forgotten, so that late rows do not bring them back
	goneList []string
	names    map[string]string // agent's name in queue_log → extension, as learnt
	newest   int64
	latest   uniqueID // the youngest channel
	restarts []int64
	have     [3]bool // which logs have given rows
}

func newJoiner() *joiner {
	return &joiner{byKey: map[string]*cluster{}, all: map[*cluster]struct{}{}, gone: map[string]struct{}{}, names: map[string]string{}}
}

// entry is one row of any log.
type entry struct {
	kind  logKind
	at    int64
	cel   celEvent
	cdr   cdrRow
	queue queueEvent
	file  *logFile
	from  mark
}

// add takes one row.
func (j *joiner) add(e *entry) {
	j.newest = max(j.newest, e.at)
	j.have[e.kind] = true
	var keys [3]string
	switch e.kind {
	case kindCEL:
		keys[0], keys[1] = e.cel.linked, e.cel.uid
		if e.cel.what == "ATTENDEDTRANSFER" {
			keys[2], _ = extraOf(e.cel.extra)["channel2_uniqueid"].(string)
		}
	case kindCDR:
		keys[0], keys[1] = e.cdr.linked, e.cdr.uid
	case kindQueue:
		if e.queue.what == "QUEUESTART" {
			j.restarted(e.at)
		}
		keys[0] = e.queue.uid
		if e.queue.what == "CONNECT" {
			keys[1] = e.queue.data[1]
		}
	}
	c := j.find(e, keys[:])
	if c == nil {
		return
	}
	if len(c.cel)+len(c.cdr)+len(c.queue) >= maxRows {
		c.dropped = true
		return
	}
	if h := e.hash(); c.has(h) {
		return
	}
	switch e.kind {
	case kindCEL:
		c.cel = append(c.cel, e.cel)
		j.learn(&e.cel)
	case kindCDR:
		c.addCDR(e.cdr)
	case kindQueue:
		c.queue = append(c.queue, e.queue)
	}
	c.last, c.dirty = max(c.last, e.at), true
	if _, ok := c.first[e.file]; !ok && e.file != nil {
		c.first[e.file] = e.from
	}
}

// hash tells rows of CEL and queue_log apart; CDRs are compared by what they mean.
func (e *entry) hash() uint64 {
	var h maphash.Hash
	h.SetSeed(rowSeed)
	write := func(fields ...string) {
		for _, f := range fields {
			h.WriteString(f)
			h.WriteByte(0)
		}
	}
	switch e.kind {
	case kindCDR:
		return 0
	case kindCEL:
		v := &e.cel
		write(v.what, v.uid, v.linked, v.channel, v.exten, v.app, v.data, v.peer, v.extra)
	case kindQueue:
		write(e.queue.what, e.queue.uid, e.queue.queue, e.queue.agent)
		write(e.queue.data[:]...)
	}
	write(strconv.FormatInt(e.at, 10))
	return h.Sum64() | 1
}

var rowSeed = maphash.MakeSeed()

// has notes a row and reports whether it was there before.
func (c *cluster) has(h uint64) bool {
	if _, ok := c.seen[h]; ok {
		return true
	}
	if h != 0 {
		if c.seen == nil {
			c.seen = map[uint64]struct{}{}
		}
		c.seen[h] = struct{}{}
	}
	return false
}

// find gives the call of a row, making or merging calls where the row demands it; nil for a row that belongs to no call, or to one that
// was forgotten.
func (j *joiner) find(e *entry, keys []string) *cluster {
	var c *cluster
	for _, k := range keys {
		if k == "" {
			continue
		}
		if _, ok := j.gone[k]; ok {
			return nil
		}
		if other := j.byKey[k]; other != nil && other != c {
			if c == nil {
				c = other
			} else {
				c = j.merge(c, other)
			}
		}
	}
	for _, k := range keys {
		u, ok := parseUniqueID(k)
		if !ok {
			continue
		}
		if c == nil {
			c = &cluster{id: k, first: map[*logFile]mark{}}
			j.all[c] = struct{}{}
		}
		if j.byKey[k] == nil {
			j.byKey[k] = c
			c.keys = append(c.keys, k)
			j.born(u)
		}
		if older, ok := parseUniqueID(c.id); k != c.id && k == keys[0] && e.kind != kindQueue && (!ok || u.before(older)) {
			c.id = k
		}
	}
	return c
}

// merge makes one call of two; the older one stays.
func (j *joiner) merge(a, b *cluster) *cluster {
	ua, _ := parseUniqueID(a.id)
	ub, _ := parseUniqueID(b.id)
	if ub.before(ua) {
		a, b = b, a
	}
	a.cel, a.queue = append(a.cel, b.cel...), append(a.queue, b.queue...)
	for _, r := range b.cdr {
		a.addCDR(r)
	}
	for _, k := range b.keys {
		j.byKey[k] = a
	}
	a.keys = append(a.keys, b.keys...)
	for h := range b.seen {
		a.has(h)
	}
	a.absorbed = append(append(a.absorbed, b.id), b.absorbed...)
	for f, m := range b.first {
		if have, ok := a.first[f]; !ok || m.offset < have.offset {
			a.first[f] = m
		}
	}
	a.last, a.dirty, a.done = max(a.last, b.last), true, false
	delete(j.all, b)
	return a
}

// addCDR keeps a row once, though cdr-csv and cdr-custom both have it.
func (c *cluster) addCDR(r cdrRow) {
	for i := range c.cdr {
		o := &c.cdr[i]
		if o.uid == r.uid && o.dstChan == r.dstChan && o.channel == r.channel && abs(o.start-r.start) < 1500 && (o.sequence == r.sequence || o.sequence < 0 || r.sequence < 0) {
			if o.recording == "" {
				o.recording = r.recording
			}
			if o.linked == o.uid && r.linked != "" {
				o.linked = r.linked
			}
			if o.sequence < 0 {
				o.sequence = r.sequence
			}
			return
		}
	}
	c.cdr = append(c.cdr, r)
}

// born watches the numbers of channels: they only grow while a PBX runs. A younger channel with a smaller number, or with another system's
// name, means that it was started again in between.
func (j *joiner) born(u uniqueID) {
	l := j.latest
	switch {
	case l.epoch == 0:
	case u.system != l.system && u.epoch >= l.epoch, u.epoch > l.epoch+1 && u.number < l.number:
		j.restarted(u.epoch * 1000)
	case u.before(l):
		return
	}
	j.latest = u
}

func (j *joiner) restarted(at int64) {
	if n := len(j.restarts); n > 0 && j.restarts[n-1] >= at {
		return
	}
	j.restarts = append(j.restarts, at)
	if len(j.restarts) > 1000 {
		j.restarts = j.restarts[500:]
	}
	for c := range j.all { // what they end changes those that were open
		c.dirty = c.dirty || !c.ended
	}
}

// restartedAfter gives the first restart after an instant, or 0.
func (j *joiner) restartedAfter(ms int64) int64 {
	for _, r := range j.restarts {
		if r > ms {
			return r
		}
	}
	return 0
}

// learn remembers which extension an agent's name belongs to: queue_log has names only.
func (j *joiner) learn(ev *celEvent) {
	if ev.cidName == "" || ev.what != "ANSWER" && ev.what != "CHAN_START" {
		return
	}
	if peer, local := endpoint(ev.channel); !local && peer == ev.cidNum && extensionLike(peer) && len(j.names) < maxNames {
		j.names[ev.cidName] = peer
	}
}

// forget lets go of a call.
func (j *joiner) forget(c *cluster) {
	for _, k := range c.keys {
		delete(j.byKey, k)
		j.gone[k] = struct{}{}
		j.goneList = append(j.goneList, k)
	}
	if len(j.goneList) > maxGone {
		for _, k := range j.goneList[:maxGone/2] {
			delete(j.gone, k)
		}
		j.goneList = append([]string(nil), j.goneList[maxGone/2:]...)
	}
	delete(j.all, c)
}

// extensionOfAgent reads what queue_log calls an agent: a name that was learnt, or the interface itself.
func (j *joiner) extensionOfAgent(agent string) string {
	if e := j.names[agent]; e != "" {
		return e
	}
	if peer, _ := endpoint(agent); peer != "" {
		return peer
	}
	if extensionLike(agent) {
		return agent
	}
	return ""
}

// number reads a count of a log; what is none is 0.
func number(s string) int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}
