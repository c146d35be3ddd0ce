package capture

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What the fixtures do not hold: each scenario is played on the small PBX, and its one call must read as the line says:
// direction caller>dialled queue disposition [agents] [files].
func TestScenarios(t *testing.T) {
	type world struct {
		*pbx
		t    *testing.T
		dir  string
		from time.Time
	}
	file := func(w world, l *leg, name string, b []byte) {
		put(w.t, w.dir, fmt.Sprintf("2024/11/22/%s-%s-%s", strings.TrimSuffix(name, filepath.Ext(name)), w.from.Format("20060102-150405"), l.uid)+filepath.Ext(name), b)
	}
	for _, s := range []struct {
		name string
		play func(w world)
		want string
	}{
		{"the number outside is busy", func(w world) {
			a := w.ring("PJSIP/212", "212", "Jack Mills", "02079460123", "from-internal", nil)
			a.num, a.title = "01614960500", "Northgate"
			a.run("Dial", "PJSIP/02079460123@trunk,40,T")
			b := w.ring("PJSIP/trunk", "", "", "s", "from-trunk", a)
			w.wait(time.Second)
			b.hangUp(17, "")
			a.hangUp(17, "")
			a.cdr("01614960500", "02079460123", b, "Dial", "x", "BUSY", time.Time{})
			b.last()
			file(w, a, "out-02079460123-212.wav", wav(1, 0))
		}, "outbound 212>02079460123 null unanswered [212 Jack Mills caller] [empty 0 mono-mix]"},
		{"a ring group, the second telephone answers", func(w world) {
			in := w.ring("PJSIP/trunk", "01614960152", "", "01614960520", "from-trunk", nil)
			in.run("Dial", "PJSIP/201&PJSIP/202")
			a := w.ring("PJSIP/201", "201", "Priya Shah", "s", "from-internal", in)
			b := w.ring("PJSIP/202", "202", "Marcus Bell", "s", "from-internal", in)
			w.wait(3 * time.Second)
			b.app = "AppDial"
			b.answer()
			in.answer()
			answered := w.at
			talk(in, b)
			a.hangUp(26, "")
			w.wait(9 * time.Second)
			in.hangUp(16, in.name)
			b.hangUp(16, in.name)
			in.cdr("01614960152", "01614960520", a, "Dial", "x", "NO ANSWER", time.Time{})
			in.cdr("01614960152", "01614960520", b, "Dial", "x", "ANSWERED", answered)
			b.last()
			file(w, in, "rg-600-01614960152.wav", wav(1, 9))
		}, "inbound 01614960152>01614960520 null answered [201 Priya Shah no_answer, 202 Marcus Bell answered] [complete 9 mono-mix]"},
		{"one-touch recording, named by the second and the parties", func(w world) {
			in := w.direct("01614960152", "01614960516", "209", "Aisha Khan", 30)
			put(w.t, w.dir, fmt.Sprintf("auto-%d-01614960152-209.wav", in.born.Unix()+10), wav(1, 12))
			put(w.t, w.dir, fmt.Sprintf("auto-%d-01614960999-209.wav", in.born.Unix()-4000), wav(1, 12))
		}, "inbound 01614960152>01614960516 null answered [209 Aisha Khan answered] [complete 12 mono-mix]"},
		{"recorded on demand on the agent's channel", func(w world) {
			in := w.direct("01614960152", "01614960516", "209", "Aisha Khan", 30)
			agent := &leg{uid: fmt.Sprintf("%d.%d", w.from.Unix(), 1)}
			file(w, agent, "ondemand-209-01614960152.sln", make([]byte, 16000*8))
			file(w, in, "exten-209-01614960152.raw", make([]byte, 32000*20))
		}, "inbound 01614960152>01614960516 null answered [209 Aisha Khan answered] [complete 20 stereo-sides, complete 8 mono-mix]"},
		{"both sides apart", func(w world) {
			in := w.direct("01614960152", "01614960516", "209", "Aisha Khan", 5)
			base := fmt.Sprintf("exten-209-01614960152-%s-%s", w.from.Format("20060102-150405"), in.uid)
			put(w.t, w.dir, base+"-in.wav", wav(1, 5))
			put(w.t, w.dir, base+"-out.wav", wav(1, 5))
		}, "inbound 01614960152>01614960516 null answered [209 Aisha Khan answered] [complete 5 caller, complete 5 agent]"},
		{"an outbound call is passed on blindly", func(w world) {
			a := w.ring("PJSIP/212", "212", "Jack Mills", "02079460123", "from-internal", nil)
			a.run("Dial", "PJSIP/02079460123@trunk")
			b := w.ring("PJSIP/trunk", "02079460123", "", "s", "from-trunk", a)
			w.wait(2 * time.Second)
			b.answer()
			a.answer()
			talk(a, b)
			w.wait(4 * time.Second)
			a.event("BLINDTRANSFER", `{"extension":"217","context":"from-internal-xfer","transferee_channel_uniqueid":"`+b.uid+`"}`)
			a.hangUp(16, "")
			a.cdr("01614960500", "02079460123", b, "Dial", "x", "ANSWERED", w.at)
			c := w.ring("PJSIP/217", "217", "Tom Barker", "s", "from-internal", a)
			w.wait(time.Second)
			c.answer()
			talk(b, c)
			w.wait(10 * time.Second)
			b.hangUp(16, b.name)
			c.hangUp(16, b.name)
			c.last()
		}, "outbound 212>02079460123 null answered [212 Jack Mills caller, 217 Tom Barker answered transfer_target] []"},
		{"an internal call nobody takes", func(w world) {
			a := w.ring("PJSIP/212", "212", "Jack Mills", "211", "from-internal", nil)
			a.run("Dial", "PJSIP/211")
			b := w.ring("PJSIP/211", "211", "Leroy Brown", "s", "from-internal", a)
			w.wait(15 * time.Second)
			b.hangUp(0, "")
			a.hangUp(19, "")
			a.cdr("212", "211", b, "Dial", "x", "NO ANSWER", time.Time{})
			b.last()
		}, "internal 212>211 null unanswered [211 Leroy Brown no_answer] []"},
		{"the caller gives up while a telephone rings", func(w world) {
			in := w.ring("PJSIP/trunk", "01614960152", "", "01614960511", "from-trunk", nil)
			in.run("Dial", "PJSIP/211")
			b := w.ring("PJSIP/211", "211", "Leroy Brown", "s", "from-internal", in)
			w.wait(6 * time.Second)
			in.hangUp(0, in.name)
			b.hangUp(0, "")
			in.cdr("01614960152", "01614960511", b, "Dial", "x", "NO ANSWER", time.Time{})
			b.last()
		}, "inbound 01614960152>01614960511 null abandoned [211 Leroy Brown no_answer] []"},
		{"the number is withheld but the trunk passes it on", func(w world) {
			in := w.queued("care", "07700900077", "01614960506", "209", "Aisha Khan", 2*time.Second, 9*time.Second)
			for i := range w.rows[kindCEL] {
				w.rows[kindCEL][i].text = strings.ReplaceAll(w.rows[kindCEL][i].text, `"","07700900077"`, `"Anonymous","07700900077"`)
			}
			file(w, in, "q-care-07700900077.wav", wav(1, 9))
		}, "inbound (withheld)>01614960506 care answered [209 Aisha Khan answered] [complete 9 mono-mix]"},
		{"an agent's telephone is busy", func(w world) {
			in := w.ring("PJSIP/trunk", "01614960152", "", "01614960516", "from-trunk", nil)
			in.run("Queue", "care,t")
			w.queue(in.uid, "care", "NONE", "ENTERQUEUE", "", "01614960152", "1")
			b := w.ring("PJSIP/209", "209", "Aisha Khan", "s", "from-internal", in)
			b.hangUp(17, "")
			w.queue(in.uid, "care", "Aisha Khan", "RINGNOANSWER", "0")
			w.wait(8 * time.Second)
			w.queue(in.uid, "care", "NONE", "EXITWITHTIMEOUT", "1", "1", "8")
			in.hangUp(16, "")
			in.cdr("01614960152", "01614960516", b, "Queue", "care", "BUSY", time.Time{})
			in.last()
		}, "inbound 01614960152>01614960516 care unanswered [209 Aisha Khan busy] []"},
		{"set up by a program", func(w world) {
			a := w.ring("PJSIP/212", "212", "Jack Mills", "s", "from-internal", nil)
			w.wait(time.Second)
			a.app = "AppDial2"
			a.answer()
			a.exten = "02079460123"
			a.run("Dial", "PJSIP/02079460123@trunk")
			b := w.ring("PJSIP/trunk", "02079460123", "", "s", "from-trunk", a)
			w.wait(time.Second)
			b.answer()
			talk(a, b)
			w.wait(5 * time.Second)
			b.hangUp(16, b.name)
			a.hangUp(16, b.name)
			a.cdr("212", "02079460123", b, "Dial", "x", "ANSWERED", w.at)
			a.last()
		}, "outbound 212>02079460123 null answered [212 Jack Mills caller] []"},
		{"killed while GSM was written, and started again", func(w world) {
			in := w.ring("PJSIP/trunk", "01614960152", "", "01614960516", "from-trunk", nil)
			in.answer()
			b := w.ring("PJSIP/209", "209", "Aisha Khan", "s", "from-internal", in)
			w.wait(time.Second)
			b.answer()
			talk(in, b)
			file(w, in, "q-care-01614960152.WAV", gsmOpen(100))
			w.wait(time.Minute)
			w.queue("NONE", "NONE", "NONE", "QUEUESTART", "")
		}, "inbound 01614960152>01614960516 care answered [209 Aisha Khan answered] [truncated 4 mono-mix]"},
		{"killed, and nobody else called since, though the logs went on", func(w world) {
			in := w.ring("PJSIP/trunk", "01614960152", "", "01614960516", "from-trunk", nil)
			in.run("MixMonitor", fmt.Sprintf("2024/11/22/q-care-01614960152-%s-%s.WAV,", w.from.Format("20060102-150405"), in.uid))
			in.answer()
			b := w.ring("PJSIP/209", "209", "Aisha Khan", "s", "from-internal", in)
			b.answer()
			talk(in, b)
			file(w, in, "q-care-01614960152.WAV", gsmOpen(100))
			w.wait(10 * time.Minute)
			w.queue("NONE", "NONE", "NONE", "CONFIGRELOAD", "")
		}, "inbound 01614960152>01614960516 care answered [209 Aisha Khan answered] [truncated 4 mono-mix]"},
		{"stopped and not yet ended", func(w world) {
			in := w.ring("PJSIP/trunk", "01614960152", "", "01614960516", "from-trunk", nil)
			in.answer()
			b := w.ring("PJSIP/209", "209", "Aisha Khan", "s", "from-internal", in)
			b.answer()
			talk(in, b)
			file(w, in, "q-care-01614960152.wav", wav(1, 7))
		}, "inbound 01614960152>01614960516 care answered [209 Aisha Khan answered] [partial 7 mono-mix]"},
	} {
		t.Run(s.name, func(t *testing.T) {
			from := time.Date(2024, 11, 22, 9, 0, 0, 0, time.UTC)
			w := world{pbx: newPBX(from), t: t, dir: t.TempDir(), from: from}
			w.number = 0
			s.play(w)
			logs := t.TempDir()
			w.write(t, logs)
			lines := dryRun(t, Options{Folder: w.dir, Logs: logs})
			var known []line
			for _, l := range lines {
				if len(l.Sources) > 1 || l.Sources[0] != "file" {
					known = append(known, l)
				}
			}
			if len(known) != 1 {
				t.Fatalf("%d calls: %+v", len(known), known)
			}
			if got := inWords(known[0]); got != s.want {
				t.Errorf("\n got %s\nwant %s", got, s.want)
			}
		})
	}
}

func inWords(l line) string {
	caller := l.Caller
	if l.Withheld {
		caller = "(withheld)"
	}
	var agents, files []string
	for _, a := range l.Agents {
		agents = append(agents, strings.TrimSpace(strings.Join([]string{a.Extension, a.Name, a.Outcome, a.Role}, " ")))
	}
	for _, f := range l.Recordings {
		files = append(files, fmt.Sprintf("%s %v %s", f.State, f.Seconds, f.Layout))
	}
	return fmt.Sprintf("%s %s>%s %s %s [%s] [%s]", l.Direction, caller, l.Dialled, text(l.Queue), l.Disposition, strings.Join(agents, ", "), strings.Join(files, ", "))
}

// gsmOpen is a WAV49 file that was not closed, with so many blocks of silence and half a one.
func gsmOpen(blocks int) []byte {
	b := []byte("RIFF\x00\x00\x00\x00WAVEfmt \x14\x00\x00\x00\x31\x00\x01\x00\x40\x1f\x00\x00\x59\x06\x00\x00\x41\x00\x00\x00\x02\x00\x40\x01fact\x04\x00\x00\x00\x00\x00\x00\x00data\x00\x00\x00\x00")
	return append(b, make([]byte, blocks*65+30)...)
}

// Two calls of one caller at the same time, through the same queue, stay two.
func TestParallelCallsOfOneCaller(t *testing.T) {
	from := time.Date(2024, 11, 22, 9, 0, 0, 0, time.UTC)
	p := newPBX(from)
	dir, logs := t.TempDir(), t.TempDir()
	var uids []string
	for i, ext := range []string{"204", "209"} {
		p.at = from.Add(time.Duration(i) * time.Second)
		in := p.queued("care", "01614960152", "01614960516", ext, "Agent "+ext, 4*time.Second, time.Duration(20+i)*time.Second)
		uids = append(uids, in.uid)
		put(t, dir, fmt.Sprintf("q-care-01614960152-20241122-090000-%s.wav", in.uid), wav(1, float64(20+i)))
	}
	p.write(t, logs)
	lines := dryRun(t, Options{Folder: dir, Logs: logs})
	for i, uid := range uids {
		l := of(t, lines, uid)
		if len(l.Agents) != 1 || l.Agents[0].Extension != []string{"204", "209"}[i] || len(l.Recordings) != 1 || l.Recordings[0].Seconds != float64(20+i) {
			t.Errorf("%s: %+v", uid, l)
		}
	}
	if len(lines) != 2 {
		t.Errorf("%d calls", len(lines))
	}
}

// A title never shows a number that was withheld; the path must stay what it is on disk.
func TestTitlesHideWithheldNumbers(t *testing.T) {
	dir, logs := t.TempDir(), t.TempDir()
	p := newPBX(time.Date(2024, 11, 22, 9, 0, 0, 0, time.UTC))
	in := p.direct("07700900077", "01614960506", "209", "Aisha Khan", 5)
	for i := range p.rows[kindCEL] {
		p.rows[kindCEL][i].text = strings.ReplaceAll(p.rows[kindCEL][i].text, `"","07700900077"`, `"Withheld","07700900077"`)
	}
	p.write(t, logs)
	name := "exten-209-07700900077-20241122-090000-" + in.uid + ".wav"
	put(t, dir, name, wav(1, 5))
	profile, err := New(Options{Profile: "asterisk", Folder: dir, Logs: logs, DryRun: true})
	if err != nil {
		t.Fatal(err)
	}
	b, err := profile.Poll(t.Context(), time.Now())
	if err != nil || len(b.Calls) != 1 {
		t.Fatalf("%+v, %v", b, err)
	}
	c := b.Calls[0]
	if f := c.Files[0]; c.Caller != "" || f.Path != name || strings.Contains(f.TitleHidden, "07700900077") || !strings.Contains(f.TitleHidden, "withheld") {
		t.Errorf("%+v", f)
	}
	if ready, _ := Items(c); len(ready) != 1 || ready[0].Files[0].Path != name || ready[0].Files[0].Shown != c.Files[0].TitleHidden {
		t.Errorf("the archive is given %+v", ready)
	}
	for _, e := range c.Events {
		if strings.Contains(e.Detail, "07700900077") {
			t.Errorf("%+v", e)
		}
	}
}

func TestConsultationIsNotHeardByTheCustomer(t *testing.T) {
	lines := dryRun(t, Options{Folder: filepath.Join(fixtures, "monitor"), Logs: fixtures})
	l := of(t, lines, "1795325805.2")
	var story, legs []string
	for _, e := range l.Events {
		story = append(story, strings.TrimSpace(e.What+" "+e.By+" "+e.To))
	}
	for _, g := range l.Legs {
		legs = append(legs, strings.TrimSpace(g.Party+" "+g.Extension+" "+g.Role))
	}
	if s := strings.Join(story, ", "); s != "queue_entered, recording_started, hold 204, consultation 204 217, recording_started, attended_transfer 204 217" {
		t.Errorf("story: %s", s)
	}
	if s := strings.Join(legs, ", "); s != "customer  caller, agent 204 called, agent 217 consultation, agent 217 transfer_target" {
		t.Errorf("legs: %s", s)
	}
	for _, r := range l.Recordings {
		if consulted := strings.Contains(r.File, "internal-"); r.Heard == consulted || consulted && r.Parties[0] != "both" {
			t.Errorf("%+v", r)
		}
	}
}

// A trunk or a telephone may send a name in Latin-1: it is shown, not thrown away.
func TestNamesOfPeopleInAnotherEncoding(t *testing.T) {
	logs := t.TempDir()
	p := newPBX(time.Date(2024, 11, 22, 9, 0, 0, 0, time.UTC))
	p.queued("care", "01614960152", "01614960516", "209", "Zo\xeb \xc5ngstr\xf6m", time.Second, 5*time.Second)
	p.write(t, logs)
	l := dryRun(t, Options{Folder: t.TempDir(), Logs: logs})[0]
	if len(l.Agents) != 1 || l.Agents[0].Name != "Zoë Ångström" {
		t.Errorf("%+v", l.Agents)
	}
}
