package app_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"ringfence/internal/app/apptest"
	"ringfence/internal/archive/sound"
)

// way is how the calls of a telephone system reach the archive.
type way int

const (
	bySFTP way = iota
	byCollector
	byFolder
	ways
)

// fate is what becomes of a call's sound before anybody takes it in.
type fate int

const (
	kept    fate = iota
	damaged      // the file holds no sound: it must be named under "needs attention"
	lost         // the log names the call, and there is no file: it must be missing
)

// soakCall is one call as its telephone system knows it.
type soakCall struct {
	n       int
	way     way
	fate    fate
	at, end time.Time // by the telephone system's clock
	uid     string
	number  string
	path    string // in the folder of recordings
}

// wrong is by how much the clock of the telephone systems is wrong for a fifth of the day.
const wrong = -time.Hour

// callsOfADay are n calls of the 23 hours before now, in the order of their ends.
// The clock of the telephone systems steps back and, later, forward again.
func callsOfADay(now time.Time, n int) (all []*soakCall) {
	const hours = 22*time.Hour + 40*time.Minute
	begin := now.UTC().Add(-23 * time.Hour).Truncate(time.Second)
	for i := range n {
		at := begin.Add(time.Duration(i) * (hours / time.Duration(n)))
		if part := float64(i) / float64(n); part >= 0.4 && part < 0.6 {
			at = at.Add(wrong)
		}
		at = at.Truncate(time.Second)
		c := &soakCall{n: i, way: way(i % int(ways)), at: at, end: at.Add(time.Duration(20+i%40) * time.Second), number: fmt.Sprintf("07700%06d", i)}
		switch {
		case i%100 == 50:
			c.fate = damaged
		case i%100 == 75 && c.way != bySFTP: // nobody can miss what no log names
			c.fate = lost
		}
		c.uid = fmt.Sprintf("%d.%d", at.Unix(), i)
		switch stamp := at.Format("20060102-150405"); c.way {
		case bySFTP:
			c.path = fmt.Sprintf("%s-in-%s-204-c%06d.wav", stamp, c.number, i)
		default:
			c.path = fmt.Sprintf("%s/exten-201-%s-%s-%s.wav", at.Format("2006/01/02"), c.number, stamp, c.uid)
		}
		all = append(all, c)
	}
	return all
}

// samples are the call's own: noise that no other call has.
func (c *soakCall) samples() []byte {
	r := rand.New(rand.NewPCG(uint64(c.n), 4))
	b := make([]byte, 2*(1000+r.IntN(3000)))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// content is the file.
func (c *soakCall) content() []byte {
	if c.fate == damaged {
		return fmt.Appendf(nil, "not a sound, but a page of text that says so, number %d\n", c.n)
	}
	b := c.samples()
	return append(sound.WAVHeader(1, 8000, int64(len(b)/2)), b...)
}

// telephoneSystem is an Asterisk's folder of recordings with its log.
type telephoneSystem struct {
	sound, logs string
	rows        int64
}

func newTelephoneSystem(dir string) (*telephoneSystem, error) {
	s := &telephoneSystem{sound: filepath.Join(dir, "monitor"), logs: filepath.Join(dir, "logs")}
	return s, errors.Join(os.MkdirAll(s.sound, 0o755), os.MkdirAll(filepath.Join(s.logs, "cdr-csv"), 0o755))
}

func (s *telephoneSystem) log() string { return filepath.Join(s.logs, "cdr-csv", "Master.csv") }

// record writes the call's sound, as it grows, and then its line.
func (s *telephoneSystem) record(c *soakCall) error {
	if c.fate != lost {
		at := filepath.Join(s.sound, filepath.FromSlash(c.path))
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			return err
		}
		f, err := os.Create(at)
		if err != nil {
			return err
		}
		b := c.content()
		_, err = f.Write(b[:len(b)/2])
		if err == nil {
			_, err = f.Write(b[len(b)/2:])
		}
		if err = errors.Join(err, f.Close(), os.Chtimes(at, c.end, c.end)); err != nil {
			return err
		}
	}
	const form = "2006-01-02 15:04:05"
	took := int(c.end.Sub(c.at).Seconds())
	line := fmt.Sprintf(`"","%s","201","ext-did","""%s"" <%s>","PJSIP/trunk-%08x","PJSIP/201-%08x","Dial","PJSIP/201,15,tT","%s","%s","%s",%d,%d,"ANSWERED","DOCUMENTATION","%s","","","%s",%d`+"\n",
		c.number, c.number, c.number, c.n, c.n, c.at.Format(form), c.at.Add(time.Second).Format(form), c.end.Format(form), took, took-1, c.uid, c.uid, s.rows)
	s.rows++
	f, err := os.OpenFile(s.log(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, line)
	return errors.Join(err, f.Close())
}

// rotate gives the log another name, as logrotate does; the next line makes a new one.
func (s *telephoneSystem) rotate() error {
	if err := s.shift(); err != nil {
		return err
	}
	return os.Rename(s.log(), s.log()+".1")
}

// rotateByCopy copies the log and empties it (copytruncate).
func (s *telephoneSystem) rotateByCopy() error {
	if err := s.shift(); err != nil {
		return err
	}
	b, err := os.ReadFile(s.log())
	if err == nil {
		err = os.WriteFile(s.log()+".1", b, 0o644)
	}
	if err == nil {
		err = os.Truncate(s.log(), 0)
	}
	return err
}

func (s *telephoneSystem) shift() error {
	err := os.Rename(s.log()+".1", s.log()+".2")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// account holds what is in the archive against what happened.
func (d *soakDay) account() {
	d.Helper()
	held := d.listed()
	attention := d.attention()
	for _, c := range d.calls {
		name := path.Base(c.path)
		n := len(held[name])
		delete(held, name)
		reason, named := attention[name]
		delete(attention, name)
		switch {
		case c.fate == kept && n == 1 && !named:
		case c.fate == damaged && n == 0 && reason != "":
		case c.fate == lost && n == 0 && !named:
		default:
			d.Errorf("call %d (way %d, fate %d, %s): captured %d times, needs attention: %v %q", c.n, c.way, c.fate, name, n, named, reason)
		}
	}
	for name, ids := range held {
		d.Errorf("nobody sent %s: %v", name, ids)
	}
	for name, reason := range attention {
		d.Errorf("needs attention, and was never a call: %s: %s", name, reason)
	}
	d.covered()
}

// listed are all recordings by the name of their file.
func (d *soakDay) listed() map[string][]string {
	d.Helper()
	all := map[string][]string{}
	for cursor, pages := "", 0; pages == 0 || cursor != ""; pages++ {
		var page struct {
			Items []apptest.Listed
			Next  string `json:"next_cursor"`
		}
		d.cora.Must(200, "GET", "/api/v1/customers/"+d.customer+"/recordings?limit=200&cursor="+cursor, nil, &page)
		for _, r := range page.Items {
			all[path.Base(r.FileName)] = append(all[path.Base(r.FileName)], r.ID)
		}
		cursor = page.Next
	}
	d.sounds(all)
	return all
}

// sounds hears some: what was sent is what is heard.
func (d *soakDay) sounds(all map[string][]string) {
	d.Helper()
	for i := 0; i < len(d.calls); i += max(1, len(d.calls)/40) {
		c := d.calls[i]
		ids := all[path.Base(c.path)]
		if c.fate != kept || len(ids) == 0 {
			continue
		}
		var opened struct {
			SoundURL string `json:"sound_url"`
		}
		d.sam.Must(201, "POST", "/api/v1/customers/"+d.customer+"/recordings/"+ids[0]+"/openings", map[string]string{"what": "listen"}, &opened)
		d.sam.Must(200, "GET", opened.SoundURL, nil, nil)
		if got := []byte(d.sam.Answer); len(got) < 44 || !slices.Equal(got[44:], c.samples()) {
			d.Errorf("call %d sounds otherwise: %d bytes", c.n, len(got))
		}
	}
}

// attention is what somebody was told of, by file.
func (d *soakDay) attention() map[string]string {
	d.Helper()
	var page struct {
		Items []struct{ File, Reason string }
	}
	d.cora.Must(200, "GET", "/api/v1/customers/"+d.customer+"/attention", nil, &page)
	all := map[string]string{}
	for _, a := range page.Items {
		all[path.Base(a.File)] = a.Reason
	}
	return all
}

// full is from how many calls on the day is held to all that it promises.
const full = 5000

// counts are calls as the archive counts them.
type counts struct{ Named, Captured, Excused, Missing, Erased, Unnamed, Waiting int }

// covered asks the count of calls: each that a log names is captured or missing.
func (d *soakDay) covered() {
	d.Helper()
	var want, got counts
	for _, c := range d.calls {
		switch {
		case c.way == bySFTP:
			continue
		case c.fate == kept:
			want.Captured++
		default:
			want.Missing++
		}
		want.Named++
	}
	for end := time.Now().Add(4 * time.Minute); got != want && time.Now().Before(end); time.Sleep(time.Second) {
		got = d.counted()
		if *soakCalls < full && got.Waiting > 0 { // what is told late is missing two minutes after: make test does not wait for it
			got.Missing, got.Waiting = got.Missing+got.Waiting, 0
		}
	}
	if got == want {
		d.Logf("each call that a log names is accounted for: %+v", got)
		return
	}
	d.Errorf("calls are counted %+v, want %+v", got, want)
	unsent, _ := filepath.Glob(filepath.Join(d.dir, "box", "expected", "*"))
	d.Logf("not sent by the collector: %d batches of what its logs name", len(unsent))
	for _, w := range []way{byCollector, byFolder} {
		seen := d.stated(d.sources[w])
		var forgotten []int
		for _, c := range d.calls {
			if c.way == w && !seen[c.at.Unix()] {
				forgotten = append(forgotten, c.n)
			}
		}
		d.Errorf("way %d: no expectation of the calls %v", w, forgotten)
	}
}

func (d *soakDay) counted() (all counts) {
	d.Helper()
	var o struct {
		Days []struct {
			Source string `json:"source_id"`
			Counts counts
		}
	}
	d.cora.Must(200, "GET", "/api/v1/customers/"+d.customer+"/coverage", nil, &o)
	for _, x := range o.Days {
		if x.Source == d.sources[bySFTP] {
			continue
		}
		all.Named += x.Counts.Named
		all.Captured += x.Counts.Captured
		all.Excused += x.Counts.Excused
		all.Missing += x.Counts.Missing
		all.Erased += x.Counts.Erased
		all.Unnamed += x.Counts.Unnamed
		all.Waiting += x.Counts.Waiting
	}
	return all
}

// stated are the beginnings of the calls of a source that are expected, however they stand.
func (d *soakDay) stated(source string) map[int64]bool {
	d.Helper()
	seen := map[int64]bool{}
	for _, state := range []string{"captured", "missing", "waiting", "unnamed", "excused"} {
		for cursor := ""; ; {
			var page struct {
				Items []struct {
					Started             time.Time `json:"started_at"`
					Caller, Disposition string
				}
				Next *string
			}
			d.cora.Must(200, "GET", "/api/v1/customers/"+d.customer+"/coverage/calls?limit=500&state="+state+"&source="+source+"&cursor="+cursor, nil, &page)
			for _, x := range page.Items {
				if state != "captured" {
					d.Logf("%s: %s, %s", state, x.Caller, x.Disposition)
				}
				seen[x.Started.Unix()] = true
			}
			if page.Next == nil || *page.Next == "" {
				break
			}
			cursor = *page.Next
		}
	}
	return seen
}
