package capture

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// pbx writes the logs of calls as an Asterisk would, in its time zone, for what the fixtures do not hold.
type pbx struct {
	zone   *time.Location
	cdrUTC bool // usegmtime=yes
	skew   time.Duration
	system string
	at     time.Time
	number int
	names  int
	rows   [3][]stampedRow // by logKind
}

type stampedRow struct {
	at   time.Time
	text string
}

// leg is a channel in the making.
type leg struct {
	p                                    *pbx
	uid, linked, name, num, title, exten string
	context                              string
	born                                 time.Time
	app, data                            string
}

func newPBX(at time.Time) *pbx { return &pbx{zone: time.UTC, at: at} }

func (p *pbx) wait(d time.Duration) { p.at = p.at.Add(d) }

func (p *pbx) add(k logKind, text string) { p.rows[k] = append(p.rows[k], stampedRow{p.at, text}) }

func quote(fields ...string) string {
	var out []string
	for _, f := range fields {
		out = append(out, `"`+strings.ReplaceAll(f, `"`, `""`)+`"`)
	}
	return strings.Join(out, ",")
}

// ring begins a channel; linked is nil for one that begins a call.
func (p *pbx) ring(peer, num, title, exten, context string, linked *leg) *leg {
	l := &leg{p: p, num: num, title: title, exten: exten, context: context, born: p.at}
	l.uid = fmt.Sprintf("%d.%d", p.at.Add(p.skew).Unix(), p.number)
	if p.system != "" {
		l.uid = p.system + "-" + l.uid
	}
	p.number++
	l.name = fmt.Sprintf("%s-%08x", peer, p.names)
	p.names++
	l.linked = l.uid
	if linked != nil {
		l.linked = linked.linked
	}
	l.event("CHAN_START", "")
	return l
}

func (l *leg) event(what, extra string) {
	l.p.add(kindCEL, quote(what, l.p.at.In(l.p.zone).Format("2006-01-02 15:04:05.000"), l.title, l.num, l.exten, l.context, l.name, l.app, l.data, l.uid, l.linked, "", extra))
}

func (l *leg) run(app, data string) {
	l.app, l.data = app, data
	l.event("APP_START", "")
}

func (l *leg) answer() { l.event("ANSWER", "") }

// talk connects two legs.
func talk(a, b *leg) {
	a.event("BRIDGE_ENTER", `{"bridge_id":"x"}`)
	b.event("BRIDGE_ENTER", `{"bridge_id":"x"}`)
}

func (l *leg) hangUp(cause int, by string) {
	l.event("HANGUP", fmt.Sprintf(`{"hangupcause":%d,"hangupsource":"%s","dialstatus":""}`, cause, by))
	l.event("CHAN_END", "")
}

func (l *leg) last() { l.event("LINKEDID_END", "") }

// cdr writes the row of a leg that ends now.
func (l *leg) cdr(src, dst string, to *leg, app, data, disposition string, answered time.Time) {
	zone := l.p.zone
	if l.p.cdrUTC {
		zone = time.UTC
	}
	stamp := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.In(zone).Format("2006-01-02 15:04:05")
	}
	name := ""
	if to != nil {
		name = to.name
	}
	billed := 0
	if !answered.IsZero() {
		billed = int(l.p.at.Sub(answered).Seconds())
	}
	l.p.add(kindCDR, quote("", src, dst, l.context, fmt.Sprintf("%q <%s>", l.title, src), l.name, name, app, data, stamp(l.born), stamp(answered), stamp(l.p.at))+
		fmt.Sprintf(`,%d,%d,"%s","DOCUMENTATION","%s","","","%s",%d`, int(l.p.at.Unix()-l.born.Unix()), billed, disposition, l.uid, l.linked, l.p.number))
}

func (p *pbx) queue(uid, queue, agent, what string, data ...string) {
	p.add(kindQueue, strings.Join(append([]string{fmt.Sprint(p.at.Add(p.skew).Unix()), uid, queue, agent, what}, data...), "|"))
}

// text gives a log in the order of time.
func (p *pbx) text(k logKind) string {
	slices.SortStableFunc(p.rows[k], func(a, b stampedRow) int { return cmp.Compare(a.at.UnixNano(), b.at.UnixNano()) })
	var b strings.Builder
	for _, r := range p.rows[k] {
		b.WriteString(r.text)
		b.WriteByte('\n')
	}
	return b.String()
}

// write leaves the logs in a folder as Asterisk does.
func (p *pbx) write(t testing.TB, dir string) {
	t.Helper()
	for k, name := range map[logKind]string{kindCEL: "cel-custom/Master.csv", kindCDR: "cdr-csv/Master.csv", kindQueue: "queue_log"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(p.text(k)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// direct is a call from outside to one telephone, answered after two seconds.
func (p *pbx) direct(caller, did, ext, name string, seconds int) *leg {
	in := p.ring("PJSIP/trunk", caller, "", did, "from-trunk", nil)
	in.run("Dial", "PJSIP/"+ext)
	out := p.ring("PJSIP/"+ext, ext, name, "s", "from-internal", in)
	p.wait(2 * time.Second)
	out.app, out.data = "AppDial", "(Outgoing Line)"
	out.answer()
	in.answer()
	answered := p.at
	talk(in, out)
	p.wait(time.Duration(seconds) * time.Second)
	in.hangUp(16, in.name)
	out.hangUp(16, in.name)
	in.cdr(caller, did, out, "Dial", "PJSIP/"+ext, "ANSWERED", answered)
	out.last()
	return in
}

// queued is a call through a queue to a member on a Local channel: two CDR rows, some fifteen CEL rows.
func (p *pbx) queued(queue, caller, did, ext, name string, waits, talks time.Duration) *leg {
	in := p.ring("PJSIP/trunk", caller, "", did, "from-trunk", nil)
	in.app = "Answer"
	in.answer()
	in.run("MixMonitor", "x.wav,b")
	in.run("Queue", queue+",t")
	p.queue(in.uid, queue, "NONE", "ENTERQUEUE", "", caller, "1")
	local := p.ring("Local/"+ext+"@from-queue", "", "", ext, "from-queue", in)
	inner := p.ring("Local/"+ext+"@from-queue", "", "", ext, "from-queue", in)
	inner.name, local.name = local.name+";2", local.name+";1"
	inner.run("Dial", "PJSIP/"+ext)
	out := p.ring("PJSIP/"+ext, ext, name, "s", "from-internal", in)
	p.wait(waits)
	out.app = "AppDial"
	out.answer()
	inner.answer()
	answered := p.at
	p.queue(in.uid, queue, name, "CONNECT", fmt.Sprint(int(waits.Seconds())), local.uid, fmt.Sprint(int(waits.Seconds())))
	talk(inner, out)
	talk(in, local)
	p.wait(talks)
	for _, l := range []*leg{in, local, inner, out} {
		l.hangUp(16, in.name)
	}
	in.cdr(caller, did, local, "Queue", queue+",t", "ANSWERED", in.born)
	inner.cdr(caller, ext, out, "Dial", "PJSIP/"+ext, "ANSWERED", answered)
	p.queue(in.uid, queue, name, "COMPLETECALLER", "1", fmt.Sprint(int(talks.Seconds())), "1")
	out.last()
	return in
}
