package departure_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"ringfence/internal/archive/collect"
	"ringfence/internal/archive/recording"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/insight/search"
	"ringfence/internal/platform/blob"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/paper"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/trust/approval"
	"ringfence/internal/trust/departure"
	"ringfence/internal/trust/destruction"
)

// leaver is a customer with two administrators, and a clock.
type leaver struct {
	*home
	p         *place.Place
	first     actor.Actor
	second    actor.Actor
	approvals *approval.Service
	now       time.Time
	cut       string
	steps     []string
	one       bool // place for objects
	boxes     *collect.Server
	silent    bool // nobody says what lies in the watched folder
	rooms     map[id.Customer]bool
}

var errCut = errors.New("cut off")

func newLeaver(t *testing.T, cfg place.Config) *leaver {
	t.Helper()
	l := &leaver{now: time.Now(), first: person(), second: person(), rooms: map[id.Customer]bool{}}
	cfg.Now = func() time.Time { return l.now }
	l.home = leavingHome(t, cfg)
	w, _ := l.settled(t)
	l.p = w.Place
	l.rooms[l.p.Customer()] = true
	l.approvals = approval.New(approval.Options{})
	var err error
	l.boxes, err = collect.NewServer(collect.ServerOptions{Store: l.store, Keys: l.keys, Recordings: l.home.service, Staging: t.TempDir(), Now: func() time.Time { return l.now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.boxes.Stop)
	return l
}

func leavingHome(t *testing.T, cfg place.Config) *home {
	t.Helper()
	more := schemas()
	more.Place = slices.Concat(more.Place, approval.Migrations(), destruction.Migrations(), departure.Migrations(), collect.Migrations())
	more.Housekeeping = append(more.Housekeeping, collect.Housekeeping...)
	more.Registry = append(more.Registry, departure.RegistryMigrations()...)
	return homeWith(t, cfg, more)
}

func person() actor.Actor {
	return actor.ForPerson(id.New[id.Person](), id.New[id.Session](), "192.0.2.7")
}

// service is the service as after a start of the server.
func (l *leaver) service(t *testing.T) *departure.Service {
	t.Helper()
	certs := destruction.New(destruction.Options{
		Store: l.store, Now: func() time.Time { return l.now },
		Sign: func(_ context.Context, text []byte) ([]byte, error) { return l.key.SignText(text) },
		Paper: func(_ context.Context, pdf []byte, title string, at time.Time) ([]byte, error) {
			return l.key.Sign(pdf, title, at)
		},
	})
	return departure.New(departure.Options{
		Store: l.store, Keys: l.keys, Objects: l.objects, Recordings: l.home.service, Approvals: l.approvals, Certificates: certs, Boxes: l.boxes, TwoKeys: true, TwoObjects: !l.one,
		Name:   func(context.Context, id.Node) string { return "Acme" },
		Forget: func(*place.Tx, id.Customer) (id.Node, error) { return above, nil },
		Vacate: func(c id.Customer) error {
			if _, err := l.store.Place(t.Context(), c); err == nil {
				t.Error("the rooms go while the place is there: they could be opened again")
			}
			delete(l.rooms, c)
			return nil
		},
		Step: func(name string) {
			l.steps = append(l.steps, name)
			if name == l.cut {
				panic(errCut)
			}
		},
	})
}

var above = id.New[id.Node]()

func (l *leaver) ask(t *testing.T, s *departure.Service) {
	t.Helper()
	if err := s.Ask(t.Context(), l.p, l.first, 2, "we leave"); err != nil {
		t.Fatal(err)
	}
}

func (l *leaver) approve(t *testing.T, s *departure.Service) {
	t.Helper()
	st, err := s.Standing(t.Context(), l.p)
	if err != nil || st.Asked == nil {
		t.Fatalf("%+v, %v", st, err)
	}
	if _, err := l.approvals.Approve(t.Context(), l.p, l.second, st.Asked.ID, approval.Decision{May: func(access.Act) bool { return true }, Confirm: 2}); err != nil {
		t.Fatal(err)
	}
}

// turn runs until the customer has gone or a step cuts it off.
func (l *leaver) turn(t *testing.T, s *departure.Service) (done bool, err error) {
	t.Helper()
	defer func() {
		if r := recover(); r != nil {
			err = errCut
		}
	}()
	if done, err = s.Turn(t.Context(), l.p); done || err != nil || l.silent {
		return done, err
	}
	if a, err := s.Asking(t.Context(), l.p); err != nil || a == nil {
		return false, err
	}
	l.look(t, recording.Leftover{})
	return s.Turn(t.Context(), l.p)
}

// Nobody leaves before a second person has agreed and 72 hours have passed; then
// nothing is left but the certificate.
func TestACustomerLeaves(t *testing.T) {
	for _, engine := range placetest.Engines {
		t.Run(engine.Name, func(t *testing.T) {
			l := newLeaver(t, engine.Config(t))
			s := l.service(t)
			if err := s.Ask(t.Context(), l.p, l.first, 3, "we leave"); !fault.Is(err, fault.Invalid) {
				t.Errorf("with a wrong count: %v", err)
			}
			l.ask(t, s)
			never := func(when string) {
				t.Helper()
				if done, err := l.turn(t, s); done || err != nil {
					t.Fatalf("%s: gone %v, %v", when, done, err)
				}
			}
			l.now = l.now.Add(73 * time.Hour)
			never("without a second person")
			l.now = l.now.Add(-2 * time.Hour)
			l.approve(t, s)
			never("an hour too early")
			l.now = l.now.Add(2 * time.Hour)
			if done, err := l.turn(t, s); !done || err != nil {
				t.Fatalf("it was not carried out: %v", err)
			}
			l.gone(t, s)
		})
	}
}

// Only of files that this server has deleted itself it is said that they have gone.
// With the customer's place goes whatever a collector could be asked by; what was
// never verified was not deleted; and nothing is while there is one place only.
func TestLeavingClaimsNoMoreThanIsKnown(t *testing.T) {
	for name, c := range map[string]struct {
		kind, more         string
		one                bool
		unknown, remaining int
	}{
		"a collector":       {kind: "collector", unknown: 2},
		"deleted here":      {kind: "folder"},
		"never verified":    {kind: "folder", more: `UPDATE recordings SET verified_at = NULL`, unknown: 2},
		"one place":         {kind: "folder", one: true, remaining: 2},
		"a drop, one place": {kind: "drop", one: true},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLeaver(t, place.Config{Dir: t.TempDir()})
			l.one = c.one
			got := l.leaves(t, `UPDATE sources SET kind = '`+c.kind+`', after_capture = 'delete'`, c.more)
			if got.Unknown != c.unknown || got.Remaining != c.remaining {
				t.Errorf("%+v", got)
			}
		})
	}
}

// leaves has the customer gone after some changes, and gives what the certificate counts.
func (l *leaver) leaves(t *testing.T, changes ...string) destruction.Total {
	t.Helper()
	s := l.service(t)
	if err := l.p.Change(t.Context(), l.first, func(tx *place.Tx) error {
		tx.Record(place.Event{Code: "source.changed"})
		for _, one := range changes {
			if one == "" {
				continue
			}
			if _, err := tx.Exec(one); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	l.ask(t, s)
	l.approve(t, s)
	l.now = l.now.Add(73 * time.Hour)
	if done, err := l.turn(t, s); !done || err != nil {
		t.Fatal(done, err)
	}
	all, err := s.Departed(t.Context(), above)
	if err != nil {
		t.Fatal(err)
	}
	file, err := s.Document(t.Context(), above, all[0].Certificate, false)
	if err != nil {
		t.Fatal(err)
	}
	c, _, err := destruction.Verify(file)
	if err != nil {
		t.Fatal(err)
	}
	want := "gone"
	if c.Total.Remaining > 0 {
		want = "remaining"
	}
	if c.Total.Unknown > 0 {
		want = "unknown"
	}
	if got := c.Copies[len(c.Copies)-1].State; got != want {
		t.Errorf("what lies at the source is %q, want %q", got, want)
	}
	return c.Total
}

// gone checks that nothing is left of the customer but the certificate.
func (l *leaver) gone(t *testing.T, s *departure.Service) {
	t.Helper()
	c := l.p.Customer()
	if _, err := l.keys.Reserve(t.Context(), c, 1); !fault.Is(err, fault.Gone) {
		t.Errorf("the keys: %v", err)
	}
	if _, err := l.store.Place(t.Context(), c); !fault.Is(err, fault.NotFound) {
		t.Errorf("the place: %v", err)
	}
	if l.rooms[c] {
		t.Error("what was brought for its sources is there")
	}
	_ = l.objects.List(t.Context(), blob.Prefix(c), func(name string, _ int64) error {
		t.Errorf("the object %s is there", name)
		return nil
	})
	all, err := s.Departed(t.Context(), above)
	if err != nil || len(all) != 1 || all[0].Customer != c || all[0].Recordings != 2 {
		t.Fatalf("%+v, %v", all, err)
	}
	file, err := s.Document(t.Context(), above, all[0].Certificate, false)
	if err != nil {
		t.Fatal(err)
	}
	cert, _, err := destruction.Verify(file)
	if err != nil || cert.By.Kind != "departure" || cert.Total.Recordings != 2 || cert.Customer != c.String() {
		t.Errorf("%+v, %v", cert, err)
	}
	if _, err := s.Document(t.Context(), id.New[id.Node](), all[0].Certificate, true); !fault.Is(err, fault.NotFound) {
		t.Errorf("another node reads it: %v", err)
	}
}

// A hold, or a change of mind, stops it until the very end of the wait.
func TestAHoldStopsLeaving(t *testing.T) {
	l := newLeaver(t, place.Config{Dir: t.TempDir()})
	s := l.service(t)
	l.ask(t, s)
	l.approve(t, s)
	l.now = l.now.Add(73 * time.Hour)
	hold := func(held bool) {
		err := l.p.Change(t.Context(), l.first, func(tx *place.Tx) error {
			tx.Record(place.Event{Code: "hold.placed"})
			if !held {
				_, err := tx.Exec(`DELETE FROM recording_holds`)
				return err
			}
			_, _, err := l.home.service.Hold(tx, id.New[id.Hold](), []int64{1})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	hold(true)
	if done, err := l.turn(t, s); done || err == nil {
		t.Fatalf("under a hold: gone %v, %v", done, err)
	}
	if err := s.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := l.keys.Reserve(t.Context(), l.p.Customer(), 1); err != nil {
		t.Fatalf("the keys: %v", err)
	}
	if err := s.Ask(t.Context(), l.p, l.first, 2, "again"); err == nil {
		t.Error("it can be asked for under a hold")
	}
	hold(false)
	if err := s.Stop(t.Context(), l.p, l.second); err != nil {
		t.Fatal(err)
	}
	if done, err := l.turn(t, s); done || err != nil {
		t.Errorf("after a change of mind: gone %v, %v", done, err)
	}
}

// Cut off at each step, the customer is as before or goes to the end. The process
// is not killed for it: each step stands between a commit of one store and the
// next act on another, and what a kill does to a store in the middle of its own
// act is shown by the kill tests of keyring, recording and place. A panic runs the
// deferred ends of transactions besides, of which none is open at a step.
func TestLeavingCutOffAtEachStep(t *testing.T) {
	var steps []string
	for n := -1; n < len(steps); n++ {
		l := newLeaver(t, place.Config{Dir: t.TempDir()})
		s := l.service(t)
		l.ask(t, s)
		l.approve(t, s)
		l.now = l.now.Add(73 * time.Hour)
		if n >= 0 {
			l.cut = steps[n]
		}
		done, err := l.turn(t, s)
		if n < 0 {
			if steps = slices.Clone(l.steps); len(steps) < 5 || !done || err != nil {
				t.Fatalf("steps %v, %v", steps, err)
			}
			continue
		}
		if !errors.Is(err, errCut) {
			t.Fatalf("it was not cut off at %q: %v", l.cut, err)
		}
		l.cut = ""
		s = l.service(t)
		if err := s.Recover(t.Context()); err != nil {
			t.Fatalf("after %q: %v", steps[n], err)
		}
		if _, err := l.store.Place(t.Context(), l.p.Customer()); err == nil { // as before: the next turn carries it out
			if _, err := l.turn(t, l.service(t)); err != nil {
				t.Fatalf("after %q: %v", steps[n], err)
			}
		}
		l.gone(t, s)
	}
}

// What an earlier release left on the disk of one who had gone goes at the next
// start; not that of one who has come back.
func TestWhatEarlierLeaversLeft(t *testing.T) {
	l := newLeaver(t, place.Config{Dir: t.TempDir()})
	s := l.service(t)
	l.ask(t, s)
	l.approve(t, s)
	l.now = l.now.Add(73 * time.Hour)
	if done, err := l.turn(t, s); !done || err != nil {
		t.Fatal(done, err)
	}
	c := l.p.Customer()
	l.rooms[c] = true
	if err := l.service(t).Recover(t.Context()); err != nil || l.rooms[c] {
		t.Errorf("still there: %v, %v", l.rooms[c], err)
	}
	if err := l.store.Create(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	l.rooms[c] = true
	if err := l.service(t).Recover(t.Context()); err != nil || !l.rooms[c] {
		t.Errorf("of one who came back: %v, %v", l.rooms[c], err)
	}
}

// homeWith is newHome with other tables.
func homeWith(t *testing.T, cfg place.Config, more place.Schemas) *home {
	t.Helper()
	dir := t.TempDir()
	h := &home{}
	var err error
	fail := func(e error) {
		t.Helper()
		if e != nil {
			t.Fatal(e)
		}
	}
	h.root, err = keyring.CreateRoot(filepath.Join(dir, "root.key"))
	fail(err)
	h.o = keyring.Options{Root: h.root, Stores: []keyring.Store{{Dir: filepath.Join(dir, "a")}, {Dir: filepath.Join(dir, "b")}}}
	fail(keyring.Init(t.Context(), h.o))
	h.keys, err = keyring.Open(t.Context(), h.o)
	fail(err)
	h.store, err = place.Open(context.Background(), cfg, more, h.keys)
	fail(err)
	h.objects, err = blob.OpenFolder(filepath.Join(dir, "objects"))
	fail(err)
	t.Cleanup(func() { h.store.Close(); h.keys.Close(); h.objects.Close() })
	h.service = recording.New(recording.Options{Store: h.store, Keys: h.keys, Objects: h.objects})
	h.service.OnDestroy(search.Remove)
	h.key, _, err = paper.NewKey("Home", time.Now())
	fail(err)
	return h
}
