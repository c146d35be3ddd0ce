package capture

import (
	"path"
	"regexp"
	"strings"
	"time"
)

// fileName is what the name of a recording says, as FreePBX-like dial plans give them:
// `<what>-<two parts>-<date>-<time>-<uniqueid>[-rx|-tx|-in|-out]`. Parts may hold dashes, so that it is read from its end.
type fileName struct {
	kind   string // "q", "out", "internal", "exten", "rg", "ondemand", "in", "auto"…; "" for a name of another form
	first  string // queue, number dialled, extension called, ring group
	second string // caller, or for out the extension that called
	wall   int64  // date and time as if UTC, ms; 0 when there is none
	epoch  int64  // of a name made by one-touch recording: seconds UTC
	both   string // its two parties, whose names may hold dashes
	uid    string
	side   string // "rx", "tx", "in", "out"
	group  string // the name without side and ending
}

var (
	stampedName = regexp.MustCompile(`^(.*?)-?(\d{8})-(\d{6})(?:-(.*))?$`)
	sideSuffix  = regexp.MustCompile(`(?i)-(rx|tx|in|out)$`)
	touchedName = regexp.MustCompile(`^auto-(\d{9,11})-(.+)$`)
	uidInName   = regexp.MustCompile(`(?:^|-)(\d{9,11}\.\d{1,10})(?:-|$)`)
)

// parseFileName reads a name; what it does not say stays empty. It never fails: a name is a hint and no proof.
func parseFileName(p string) fileName {
	base := path.Base(p)
	base = strings.TrimSuffix(base, path.Ext(base))
	var n fileName
	if m := sideSuffix.FindStringSubmatch(base); m != nil {
		n.side = strings.ToLower(m[1])
		base = base[:len(base)-len(m[0])]
	}
	n.group = path.Join(path.Dir(p), base)
	if m := touchedName.FindStringSubmatch(base); m != nil {
		n.kind, n.both = "auto", m[2]
		n.second, n.first, _ = strings.Cut(m[2], "-")
		if at := uidInName.FindStringSubmatch(m[2]); at != nil {
			n.uid = at[1]
		}
		if u, ok := parseUniqueID(m[1] + ".0"); ok {
			n.epoch = u.epoch
		}
		return n
	}
	m := stampedName.FindStringSubmatch(base)
	if m == nil {
		if at := uidInName.FindStringSubmatch(base); at != nil {
			n.uid = at[1]
		}
		return n
	}
	if t, err := time.Parse("20060102150405", m[2]+m[3]); err == nil {
		n.wall = t.UnixMilli()
	}
	n.uid = uidOf(m[4])
	kind, rest, _ := strings.Cut(m[1], "-")
	n.kind = strings.ToLower(kind)
	if i := strings.LastIndexByte(rest, '-'); i >= 0 {
		n.first, n.second = rest[:i], rest[i+1:]
	} else {
		n.first = rest
	}
	return n
}

// uidOf takes the uniqueid, with the system's name before it, from the end of a name; a counter after it is left off.
func uidOf(s string) string {
	at := uidInName.FindStringSubmatchIndex(s)
	if at == nil {
		return ""
	}
	return s[:at[3]]
}

// anonymous are the words that stand where a number would be when the caller withheld it.
var anonymous = map[string]bool{
	"anonymous": true, "withheld": true, "private": true, "restricted": true, "blocked": true, "hidden": true, "private number": true,
	"withheld number": true, "number withheld": true, "anonymous caller": true, "private caller": true, "caller id withheld": true,
	"restricted number": true, "id withheld": true, "no caller id": true, "anonymous.invalid": true, "anonym": true, "secret": true,
}

var unknown = map[string]bool{"": true, "unknown": true, "unavailable": true, "asterisk": true, "<unknown>": true, "s": true, "not available": true}

// party is the caller as logs show it. Withheld holds when either number or name says so: a trunk may pass on the number of a caller who
// asked for it not to be shown.
func party(number, name string) (shown, title string, withheld bool) {
	number, name = strings.TrimSpace(number), strings.TrimSpace(name)
	n, t := strings.ToLower(number), strings.ToLower(name)
	if anonymous[n] || anonymous[t] {
		if !anonymous[t] {
			name = "" // the name of someone who did not want to be known
		}
		return "", name, true
	}
	if unknown[n] {
		number = ""
	}
	if unknown[t] || name == number {
		name = ""
	}
	return number, name, false
}

// splitCallerID takes `"Name" <number>` apart.
func splitCallerID(clid string) (name, number string) {
	open := strings.LastIndexByte(clid, '<')
	if open < 0 || !strings.HasSuffix(clid, ">") {
		return "", clid
	}
	return strings.Trim(strings.TrimSpace(clid[:open]), `"`), clid[open+1 : len(clid)-1]
}

// endpoint is who is behind a channel's name: PJSIP/204-0000000a is 204, Local/204@from-queue-00000000;1 is 204 through the dial plan.
func endpoint(channel string) (peer string, local bool) {
	tech, rest, ok := strings.Cut(channel, "/")
	if !ok {
		return "", false
	}
	if tech == "Local" {
		peer, _, _ = strings.Cut(rest, "@")
		return peer, true
	}
	if i := strings.LastIndexByte(rest, '-'); i > 0 {
		rest = rest[:i]
	}
	rest, _, _ = strings.Cut(rest, "@")
	return rest, false
}

// digits reports that a text is a number as it is dialled.
func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == "" || len(s) > 1 && s[0] == '+' && strings.Trim(s[1:], "0123456789") == ""
}

// extensionLike reports a number as short as those of telephones in one house.
func extensionLike(s string) bool { return digits(s) && s[0] != '+' && len(s) >= 2 && len(s) <= 6 }

// outsideContexts are the parts of the dial plan in which calls from outside begin.
var outsideContexts = []string{"from-trunk", "from-pstn", "from-did", "ext-did", "from-sip-external", "from-dahdi", "from-zaptel", "from-outside", "incoming", "inbound", "from-carrier", "from-provider"}

// outside reports that a channel leads out of the house. The context in which it began says most, then its name.
func outside(channel, context string) bool {
	for _, c := range outsideContexts {
		if strings.HasPrefix(context, c) {
			return true
		}
	}
	peer, local := endpoint(channel)
	if local || extensionLike(peer) {
		return false
	}
	if strings.HasPrefix(context, "from-internal") || strings.HasPrefix(context, "from-queue") {
		return false
	}
	return true
}
