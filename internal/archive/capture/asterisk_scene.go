package capture

import (
	"cmp"
	"slices"
	"strings"
)

// channel is one leg as CEL shows it.
type channel struct {
	uid, name string
	linked    string // the linkedid it began with
	context   string
	exten     string
	cidNum    string
	cidName   string
	dialledBy string // app of the channel that called it: AppDial, AppQueue; "" for one that called itself
	start     int64
	answer    int64
	end       int64
	bridged   int64 // first time it was connected with another
	cause     int64
	peer      string // endpoint
	local     bool
	outside   bool
	began     bool // its CHAN_START is there
}

// scene is a call as CEL shows it: its channels in the order of their birth, and what was done with them.
type scene struct {
	channels  []*channel
	byUID     map[string]*channel
	root      *channel // the one that began the call
	linked    []string
	transfers []transfer
	recorders []recorder
	queues    []stamped // names of queues as the dial plan entered them
	linkEnd   map[string]bool
	hungUpBy  string // channel that ended the call, as Asterisk says
	last      int64
	dials     int64 // when the root first dialled something else than a queue
}

type stamped struct {
	at   int64
	text string
}

type transfer struct {
	at       int64
	attended bool
	by       *channel
	to       string
	second   string // uniqueid of the transferring agent's other channel
}

// recorder is one start of MixMonitor.
type recorder struct {
	at          int64
	uid         string
	data        string
	conditional bool // option b: only while connected
}

// sceneOf reads the rows of CEL in the order of time; rows of one instant keep the order of the log.
func sceneOf(rows []celEvent) *scene {
	slices.SortStableFunc(rows, func(a, b celEvent) int { return cmp.Compare(a.at, b.at) })
	s := &scene{byUID: map[string]*channel{}, linkEnd: map[string]bool{}}
	for i := range rows {
		ev := &rows[i]
		s.last = max(s.last, ev.at)
		if !slices.Contains(s.linked, ev.linked) && ev.linked != "" {
			s.linked = append(s.linked, ev.linked)
		}
		c := s.channel(ev)
		s.apply(c, ev)
	}
	slices.SortStableFunc(s.channels, func(a, b *channel) int {
		ua, _ := parseUniqueID(a.uid)
		ub, _ := parseUniqueID(b.uid)
		if n := cmp.Compare(a.start, b.start); n != 0 && ua.epoch != ub.epoch {
			return n
		}
		return cmp.Compare(ua.number, ub.number)
	})
	s.findRoot()
	return s
}

// channel gives the leg of a row. The first row that is seen of it says where it began.
func (s *scene) channel(ev *celEvent) *channel {
	c := s.byUID[ev.uid]
	if c == nil {
		c = &channel{uid: ev.uid, name: ev.channel, linked: ev.linked, context: ev.context, exten: ev.exten, cidNum: ev.cidNum, cidName: ev.cidName, start: ev.at}
		c.peer, c.local = endpoint(ev.channel)
		if c.outside = outside(ev.channel, ev.context); !c.local && !extensionLike(c.peer) && extensionLike(ev.cidNum) && !c.outside {
			c.peer = ev.cidNum // a telephone whose name is no number
		}
		if u, ok := parseUniqueID(ev.uid); ok && ev.what != "CHAN_START" && u.epoch*1000 < c.start {
			c.start = u.epoch * 1000
		}
		s.byUID[ev.uid] = c
		s.channels = append(s.channels, c)
	}
	if c.cidNum == "" && c.answer == 0 {
		c.cidNum = ev.cidNum
	}
	if c.cidName == "" && c.answer == 0 {
		c.cidName = ev.cidName
	}
	return c
}

func (s *scene) apply(c *channel, ev *celEvent) {
	switch ev.what {
	case "CHAN_START":
		c.start, c.began = ev.at, true
	case "ANSWER":
		if c.answer == 0 {
			c.answer = ev.at
		}
		if ev.app == "AppDial" || ev.app == "AppQueue" || ev.app == "AppDial2" {
			c.dialledBy = ev.app
		}
	case "HANGUP":
		c.end = max(c.end, ev.at)
		extra := extraOf(ev.extra)
		if n, ok := extra["hangupcause"].(float64); ok {
			c.cause = int64(n)
		}
		if by, _ := extra["hangupsource"].(string); by != "" && s.hungUpBy == "" && !strings.HasPrefix(by, "dialplan") {
			s.hungUpBy = by
		}
	case "CHAN_END":
		c.end = max(c.end, ev.at)
	case "BRIDGE_ENTER":
		if c.bridged == 0 {
			c.bridged = ev.at
		}
	case "LINKEDID_END":
		s.linkEnd[ev.linked] = true
	case "APP_START":
		s.application(c, ev)
	case "BLINDTRANSFER":
		extra := extraOf(ev.extra)
		to, _ := extra["extension"].(string)
		s.transfers = append(s.transfers, transfer{at: ev.at, by: c, to: to})
	case "ATTENDEDTRANSFER":
		second, _ := extraOf(ev.extra)["channel2_uniqueid"].(string)
		s.transfers = append(s.transfers, transfer{at: ev.at, attended: true, by: c, second: second})
	}
	if ev.app == "AppDial" || ev.app == "AppQueue" {
		c.dialledBy = ev.app
	}
}

func (s *scene) application(c *channel, ev *celEvent) {
	switch strings.ToLower(ev.app) {
	case "queue":
		name, _, _ := strings.Cut(ev.data, ",")
		s.queues = append(s.queues, stamped{ev.at, name})
	case "mixmonitor", "monitor":
		parts := strings.SplitN(ev.data, ",", 3)
		s.recorders = append(s.recorders, recorder{at: ev.at, uid: c.uid, data: ev.data, conditional: len(parts) > 1 && strings.Contains(plainOptions(parts[1]), "b")})
	case "dial":
		if s.dials == 0 {
			s.dials = ev.at
		}
	}
}

// plainOptions are the letters of an application's options, without the arguments in brackets.
func plainOptions(s string) string {
	var b strings.Builder
	depth := 0
	for _, r := range s {
		switch {
		case r == '(':
			depth++
		case r == ')':
			depth--
		case depth == 0:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// findRoot finds the channel that began the call. One that exists only within the PBX began nothing: a call set up by a program
// (Originate) is that of the first real telephone.
func (s *scene) findRoot() {
	for _, c := range s.channels {
		if !c.local && (s.root == nil || c.uid == c.linked && s.root.uid != s.root.linked && c.start <= s.root.start) {
			s.root = c
		}
	}
	if s.root == nil && len(s.channels) > 0 {
		s.root = s.channels[0]
	}
}

// consultation reports that a channel belongs to a call of its own that was later joined to this one.
func (s *scene) consultation(c *channel) bool {
	return c != nil && s.root != nil && c.linked != s.root.linked && !s.root.local
}

// ended reports that every channel of the call has ended. A linkedid that is told to have ended has no channels left, though rows of theirs
// may have been lost.
func (s *scene) ended() bool {
	if len(s.channels) == 0 || s.root == nil {
		return false
	}
	for _, c := range s.channels {
		if c.end == 0 && !s.linkEnd[c.linked] && !s.linkEnd[s.root.linked] {
			return false
		}
	}
	return true
}

// endedAt is when the last telephone hung up.
func (s *scene) endedAt() int64 {
	var at int64
	for _, c := range s.channels {
		if !c.local {
			at = max(at, c.end)
		}
	}
	if at == 0 {
		return s.last
	}
	return at
}
