package monitor_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/mail"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/trust/monitor"
)

func TestMain(m *testing.M) { placetest.Main(m) }

var who = actor.ForSystem("test")

// post is a mailbox that can be broken.
type post struct {
	mu    sync.Mutex
	mails []mail.Message
	fail  error
}

func (p *post) Send(_ context.Context, m mail.Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fail != nil {
		return p.fail
	}
	p.mails = append(p.mails, m)
	return nil
}

// world is one customer's place, a node above it, and a clock that tests move.
type world struct {
	*testing.T
	store  *place.Store
	s      *monitor.Service
	w      monitor.Where
	above  id.Node
	box    *post
	now    time.Time
	raised int
	ended  int
}

var start = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// tree is the table that Below walks: package org's, as far as it is needed.
var tree = place.Migrations{{Number: 100, Name: "nodes", SQL: `CREATE TABLE nodes (id {{id}} PRIMARY KEY, parent {{id}})`}}

func each(t *testing.T, fn func(w *world)) {
	placetestRun(t, func(t *testing.T, store *place.Store, w *world) {
		p := placetest.Customer(t, store)
		w.T, w.store, w.box, w.above, w.w = t, store, &post{}, id.New[id.Node](), monitor.In(p)
		w.s = monitor.New(monitor.Options{
			Store: store, Mail: w.box, Now: func() time.Time { return w.now }, URL: func() string { return "https://portal.example" },
			Name: func(context.Context, id.Node) string { return "Acme" },
			Admins: func(context.Context, monitor.Where) ([]monitor.Addressee, error) {
				return []monitor.Addressee{{Name: "Admin", Email: "admin@example.com"}}, nil
			},
			Above: func(tx *place.Tx, i id.Node) ([]id.Node, error) { // as package org asks
				return place.Rows[id.Node](tx, `WITH RECURSIVE up(id, parent) AS (
					SELECT id, parent FROM nodes WHERE id = ? UNION ALL SELECT n.id, n.parent FROM nodes n JOIN up ON n.id = up.parent)
					SELECT id FROM up WHERE id <> ?`, i, i)
			},
			Raised: func(*place.Tx, monitor.Alert) error { w.raised++; return nil },
			Ended:  func(*place.Tx, monitor.Alert) error { w.ended++; return nil },
		})
		w.no(store.Registry().Change(t.Context(), who, func(tx *place.Tx) error {
			tx.Record(place.Event{Code: "customer.created"})
			if _, err := tx.Exec(`INSERT INTO nodes (id) VALUES (?)`, w.above); err != nil {
				return err
			}
			_, err := tx.Exec(`INSERT INTO nodes (id, parent) VALUES (?, ?)`, p.Customer(), w.above)
			return err
		}))
		fn(w)
	})
}

func placetestRun(t *testing.T, fn func(*testing.T, *place.Store, *world)) {
	schemas := place.Schemas{Registry: append(tree, monitor.Migrations()...), Place: monitor.Migrations(), Housekeeping: monitor.Housekeeping()}
	for _, engine := range placetest.Engines {
		t.Run(engine.Name, func(t *testing.T) {
			w := &world{now: start}
			cfg := engine.Config(t)
			cfg.Now = func() time.Time { return w.now }
			fn(t, placetest.Open(t, cfg, schemas), w)
		})
	}
}

func (w *world) no(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) report(c ...monitor.Condition) { w.Helper(); w.no(w.s.Report(w.Context(), w.w, c...)) }

func (w *world) pass(d time.Duration) { w.Helper(); w.now = w.now.Add(d); w.no(w.s.Turn(w.Context())) }

func (w *world) open() []monitor.Alert {
	w.Helper()
	page, err := w.s.List(w.Context(), w.w, true, id.Alert{}, 100)
	w.no(err)
	return page.Alerts
}

func (w *world) mails(n int) []mail.Message {
	w.Helper()
	if len(w.box.mails) != n {
		for _, m := range w.box.mails {
			w.Log(m.To, m.Subject)
		}
		w.Fatalf("%d mails, want %d", len(w.box.mails), n)
	}
	return w.box.mails
}

var silent = monitor.Condition{Kind: monitor.SourceSilent, Subject: "src_1", Facts: map[string]string{"text": "usually 40 recordings, today 0", "calls": "0"}}

// An alert is told within a minute of its event, once, and ends by itself with
// how long it lasted.
func TestAnAlertsLife(t *testing.T) {
	each(t, func(w *world) {
		w.report(silent)
		w.report(silent)
		if got := w.open(); len(got) != 1 || w.raised != 1 {
			w.Fatalf("%+v, raised %d times", got, w.raised)
		}
		w.pass(20 * time.Second)
		m := w.mails(1)[0]
		if m.To != "admin@example.com" || !strings.Contains(m.Subject, "Urgent") || !strings.Contains(m.Text, "UTC. Usually 40 recordings") || !strings.Contains(m.Text, "/alerts") {
			w.Errorf("%+v", m)
		}
		w.pass(40 * time.Minute)
		w.mails(1)
		w.no(w.s.Clear(w.Context(), w.w, monitor.SourceSilent, "src_1"))
		w.no(w.s.Clear(w.Context(), w.w, monitor.SourceSilent, "src_1"))
		if len(w.open()) != 0 || w.ended != 1 {
			w.Fatalf("open %d, ended %d times", len(w.open()), w.ended)
		}
		page, err := w.s.List(w.Context(), w.w, false, id.Alert{}, 10)
		w.no(err)
		if got := page.Alerts[0].Lasted(); got != 40*time.Minute+20*time.Second {
			w.Errorf("lasted %v", got)
		}
		w.pass(20 * time.Second)
		if m := w.mails(2)[1]; !strings.Contains(m.Subject, "Over") || !strings.Contains(m.Text, "40 minutes") {
			w.Errorf("%+v", m)
		}
	})
}

// What comes and goes within the hold of its kind is one alert and one mail.
func TestFlappingIsFolded(t *testing.T) {
	each(t, func(w *world) {
		c := monitor.Condition{Kind: monitor.DiskFull, Subject: "data"}
		w.report(c)
		w.pass(30 * time.Second)
		for range 5 {
			w.no(w.s.Clear(w.Context(), w.w, c.Kind, c.Subject))
			w.pass(time.Minute)
			w.report(c)
			w.pass(time.Minute)
		}
		if got := w.open(); len(got) != 1 || got[0].Flaps != 5 || w.raised != 1 || w.ended != 0 {
			w.Fatalf("%+v, raised %d, ended %d", got, w.raised, w.ended)
		}
		w.mails(1)
		w.no(w.s.Clear(w.Context(), w.w, c.Kind, c.Subject))
		w.pass(6 * time.Minute)
		if len(w.open()) != 0 || w.ended != 1 {
			w.Fatal("it did not end by itself")
		}
	})
}

// A hundred alerts at once are one mail.
func TestAStormIsOneMail(t *testing.T) {
	each(t, func(w *world) {
		for i := range 100 {
			w.report(monitor.Condition{Kind: monitor.SourceSilent, Subject: fmt.Sprint("src_", i)})
		}
		w.pass(15 * time.Second)
		m := w.mails(1)[0]
		if !strings.HasPrefix(m.Subject, "100 alerts") || !strings.Contains(m.Text, "90 more") {
			w.Errorf("%s\n%s", m.Subject, m.Text)
		}
		for i := range 100 {
			w.report(monitor.Condition{Kind: monitor.FilesFailing, Subject: fmt.Sprint("src_", i)})
			w.pass(3 * time.Second)
		}
		w.mails(1) // warnings wait for the next mail
		w.pass(15 * time.Minute)
		w.mails(2)
	})
}

// Who is told: by kind and severity, in quiet hours only of what is urgent, and
// after a delay only of what nobody has acknowledged.
func TestContacts(t *testing.T) {
	each(t, func(w *world) {
		for _, c := range []monitor.Contact{
			{Name: "All", Email: "all@example.com"},
			{Name: "Quiet", Email: "quiet@example.com", QuietFrom: 11 * 60, QuietTo: 14 * 60, Zone: "UTC"},
			{Name: "Boss", Email: "boss@example.com", After: 30 * time.Minute, UrgentOnly: true},
			{Name: "Files", Email: "files@example.com", Kinds: []monitor.Kind{monitor.FilesFailing}},
		} {
			_, err := w.s.AddContact(w.Context(), w.w, who, c)
			w.no(err)
		}
		told := func() string {
			out := ""
			for _, m := range w.box.mails {
				out += strings.TrimSuffix(m.To, "@example.com") + " "
			}
			w.box.mails = nil
			return out
		}
		w.report(monitor.Condition{Kind: monitor.FilesFailing, Subject: "files"})
		w.pass(15 * time.Second)
		if got := told(); got != "all files " {
			w.Errorf("a warning in quiet hours told %s", got)
		}
		w.pass(2*time.Hour + time.Minute)
		if got := told(); got != "quiet " {
			w.Errorf("after quiet hours: %s", got)
		}
		w.pass(time.Minute)
		w.report(silent)
		w.pass(15 * time.Second)
		if got := told(); got != "all quiet " {
			w.Errorf("an urgent alert told %s", got)
		}
		w.pass(31 * time.Minute)
		if got := told(); got != "boss " {
			w.Errorf("unacknowledged for half an hour: %s", got)
		}
		second := silent
		second.Subject = "src_2"
		w.report(second)
		w.pass(15 * time.Second)
		told()
		for _, a := range w.open() {
			if a.Subject == "src_2" {
				w.no(w.s.Acknowledge(w.Context(), w.w, who, a.ID, "on it"))
			}
		}
		w.pass(2 * time.Hour)
		if got := told(); got != "" {
			w.Errorf("acknowledged, and yet told %s", got)
		}
	})
}

// A snoozed alert is told again when its time is over and it still holds.
func TestSnooze(t *testing.T) {
	each(t, func(w *world) {
		w.report(silent)
		a := w.open()[0]
		w.no(w.s.Snooze(w.Context(), w.w, who, a.ID, w.now.Add(2*time.Hour), "later"))
		w.pass(time.Hour)
		w.mails(0)
		w.pass(61 * time.Minute)
		w.pass(15 * time.Second)
		w.mails(1)
		_, story, err := w.s.Read(w.Context(), w.w, a.ID)
		w.no(err)
		var what []string
		for _, h := range story {
			what = append(what, h.What)
			if h.What == "snoozed" && h.Note != "later" {
				w.Errorf("the note is %q", h.Note)
			}
		}
		if got := strings.Join(what, " "); got != "raised snoozed awake told" {
			w.Error(got)
		}
		if err := w.s.Snooze(w.Context(), w.w, who, a.ID, w.now.AddDate(0, 3, 0), ""); err == nil {
			w.Error("snoozed for three months")
		}
	})
}

// A mail that cannot be sent is an alert itself, is tried again, and arrives.
func TestAMailThatCannotBeSent(t *testing.T) {
	each(t, func(w *world) {
		w.box.fail = errors.New("the relay is away")
		w.report(silent)
		w.pass(15 * time.Second)
		kinds := map[monitor.Kind]bool{}
		for _, a := range w.open() {
			kinds[a.Kind] = true
		}
		if !kinds[monitor.MailFailing] || !kinds[monitor.SourceSilent] {
			w.Fatalf("%v", kinds)
		}
		w.box.fail = nil
		w.pass(2 * time.Minute)
		w.mails(1)
		for _, a := range w.open() {
			if a.Kind == monitor.MailFailing {
				w.Error("mail works again, and the alert stands")
			}
		}
	})
}

// Those above see kinds and figures, and a contact of theirs is told; nothing of
// the subject goes up.
func TestBelow(t *testing.T) {
	each(t, func(w *world) {
		up := w.s.Node(w.above)
		_, err := w.s.AddContact(w.Context(), up, who, monitor.Contact{Name: "Reseller", Email: "noc@example.com", Below: true})
		w.no(err)
		w.report(silent)
		all, err := w.s.Below(w.Context(), w.above, 10)
		w.no(err)
		if len(all) != 1 || all[0].Kind != monitor.SourceSilent || all[0].Subject != "" || all[0].Facts["calls"] != "0" || all[0].Facts["text"] != "" {
			w.Fatalf("%+v", all)
		}
		w.pass(15 * time.Second)
		to := map[string]string{}
		for _, m := range w.box.mails {
			to[m.To] = m.Text
		}
		if text, ok := to["noc@example.com"]; !ok || strings.Contains(text, "sually 40") {
			w.Errorf("%v", to)
		}
		w.no(w.s.Clear(w.Context(), w.w, monitor.SourceSilent, "src_1"))
		if all, err = w.s.Below(w.Context(), w.above, 10); err != nil || len(all) != 0 {
			w.Errorf("%v, %v", all, err)
		}
	})
}

// A detector's conditions end when it finds them no more; it is asked again when
// it wanted to be.
func TestDetectors(t *testing.T) {
	each(t, func(w *world) {
		holds := true
		w.s.Detect(monitor.Detector{Kinds: []monitor.Kind{monitor.SourceSilent}, Look: func(_ context.Context, _ monitor.Where, _ time.Time) (all []monitor.Condition, again time.Time, err error) {
			if holds {
				all = append(all, silent)
			}
			return all, again, nil
		}})
		w.pass(time.Second)
		if len(w.open()) != 1 {
			w.Fatal("nothing was raised")
		}
		holds = false
		w.pass(time.Minute)
		if len(w.open()) != 0 {
			w.Error("it did not end")
		}
	})
}

// What happens twice is usual; one outage is not.
func TestRhythm(t *testing.T) {
	each(t, func(w *world) {
		seen := start
		step := func(d time.Duration) time.Duration {
			seen = seen.Add(d)
			usual, err := w.s.Rhythm(w.Context(), w.w, "dev_1", seen)
			w.no(err)
			return usual
		}
		for range 5 {
			step(time.Minute)
		}
		if got := step(10 * time.Hour); got != 0 {
			w.Errorf("after one outage, %v is usual", got)
		}
		step(time.Minute)
		if got := step(9 * time.Hour); got != 9*time.Hour {
			w.Errorf("after the second night, %v is usual", got)
		}
	})
}

// What a kind is raised by is told in the table of kinds.
func TestEachKindIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../../../docs/alerts.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range monitor.Rules {
		if !strings.Contains(string(text), "\n| "+string(r.Kind)+" |") {
			t.Errorf("docs/alerts.md has no row for %s", r.Kind)
		}
	}
}

// What is committed without an event wakes the looking by its topic; what has
// nothing to do with alerts does not.
func TestConditionsAreLookedAtSoon(t *testing.T) {
	s := monitor.New(monitor.Options{})
	for _, c := range []struct {
		commit place.Commit
		soon   bool
	}{
		{place.Commit{Topics: []string{"recordings"}}, false},
		{place.Commit{Topics: []string{"jobs", place.Conditions}}, true},
		{place.Commit{Events: []place.Recorded{{Code: "file.needs-attention"}}}, true},
		{place.Commit{Events: []place.Recorded{{Code: "recording.opened"}}}, false},
	} {
		c.commit.Customer = id.New[id.Customer]()
		s.Committed(c.commit)
		if s.Dirty(c.commit.Customer) != c.soon {
			t.Errorf("%+v: looked at soon: %v", c.commit, !c.soon)
		}
	}
}

// Who leaves between the reading of an alert and its way up is not written down
// again, and nobody above is told of what is gone.
func TestAnAlertOfOneWhoLeaves(t *testing.T) {
	each(t, func(w *world) {
		w.report(silent)
		count := func(table string) int {
			t.Helper()
			var n int
			w.no(w.store.Registry().View(w.Context(), func(tx *place.Tx) (err error) {
				n, err = place.Row[int](tx, `SELECT count(*) FROM `+table)
				return err
			}))
			return n
		}
		_, err := w.s.AddContact(w.Context(), w.s.Node(w.above), who, monitor.Contact{Name: "Reseller", Email: "noc@example.com", Below: true})
		w.no(err)
		w.no(w.store.Registry().Keep(w.Context(), func(tx *place.Tx) error { // as a crash between the two leaves it
			_, err := tx.Exec(`DELETE FROM alerts_below`)
			return err
		}))
		asked := 0
		s := monitor.New(monitor.Options{
			Store: w.store, Mail: w.box, Now: func() time.Time { return w.now },
			Above: func(*place.Tx, id.Node) ([]id.Node, error) {
				asked++
				return []id.Node{w.above}, w.store.Destroy(w.Context(), w.w.Place.Customer())
			},
		})
		_ = s.Turn(w.Context()) // the place is gone in the middle of it
		if alerts, mails := count("alerts_below"), count("alert_mails"); asked != 1 || alerts != 0 || mails != 0 {
			t.Errorf("asked %d times; %d alerts and %d mails of one who has left", asked, alerts, mails)
		}
	})
}
