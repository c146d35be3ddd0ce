package custody_test

import (
	"sync"
	"testing"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/egress"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/keyring/keyringtest"
	"ringfence/internal/platform/mail"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/platform/transit"
	"ringfence/internal/platform/transit/transittest"
	"ringfence/internal/trust/custody"
	"ringfence/internal/trust/monitor"
)

func TestMain(m *testing.M) { placetest.Main(m) }

type world struct {
	*testing.T
	*custody.Service
	store   *place.Store
	p       *place.Place
	keys    *keyring.Keyring
	roots   *keyring.RootFiles
	monitor *monitor.Service
	server  *transittest.Server
	jobs    *job.Runner
	ada     actor.Actor

	mu    sync.Mutex
	clock time.Time
}

func (w *world) now() time.Time { w.mu.Lock(); defer w.mu.Unlock(); return w.clock }

func (w *world) add(d time.Duration) { w.mu.Lock(); defer w.mu.Unlock(); w.clock = w.clock.Add(d) }

// each runs a test on both engines, in a world with one customer.
func each(t *testing.T, run func(*world)) {
	for _, engine := range placetest.Engines {
		t.Run(engine.Name, func(t *testing.T) { run(newWorld(t, engine)) })
	}
}

func newWorld(t *testing.T, engine placetest.Engine) *world {
	w := &world{T: t, clock: time.Now(), server: transittest.New(t), ada: actor.ForPerson(id.New[id.Person](), id.Session{}, "")}
	o := keyringtest.Options(t)
	o.Now = w.now
	w.keys = keyringtest.Open(t, o)
	w.roots = o.Root.(*keyring.RootFiles)
	cfg := engine.Config(t)
	cfg.Now = w.now
	var err error
	w.store, err = place.Open(t.Context(), cfg, place.Schemas{
		Registry:     append(append(place.Migrations{}, job.Migrations...), append(monitor.Migrations(), custody.RegistryMigrations()...)...),
		Place:        append(append(append(place.Migrations{}, job.Migrations...), egress.Migrations()...), append(monitor.Migrations(), custody.PlaceMigrations()...)...),
		Housekeeping: append(append(append([]string{}, job.Housekeeping...), egress.Housekeeping()...), append(monitor.Housekeeping(), custody.Housekeeping()...)...),
	}, w.keys)
	w.no(err)
	t.Cleanup(func() { w.store.Close() })
	c := keyringtest.Customer(t, w.keys)
	w.no(w.store.Create(t.Context(), c))
	w.p, err = w.store.Place(t.Context(), c)
	w.no(err)
	w.monitor = monitor.New(monitor.Options{Store: w.store, Mail: &mail.Mailbox{}, Now: w.now})
	w.again()
	return w
}

// again is a start of the server.
func (w *world) again() {
	w.Service = custody.New(custody.Options{
		Store: w.store, Keys: w.keys, Roots: w.roots, Monitor: w.monitor, Server: "one", Now: w.now,
		Egress: egress.Options{Private: []string{"127.0.0.1"}},
	})
	w.jobs = job.NewRunner(w.store, w.Kinds(), job.Options{Now: w.now})
}

func (w *world) no(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) wants(err error, k fault.Kind) {
	w.Helper()
	if !fault.Is(err, k) {
		w.Fatalf("got %v, not %v", err, k)
	}
}

func (w *world) run() {
	w.Helper()
	_, err := w.jobs.RunDue(w.Context(), w.now().Add(time.Second))
	w.no(err)
}

func (w *world) set() {
	w.Helper()
	w.no(w.SetServer(w.Context(), w.p, w.ada, transit.Config{
		URL: w.server.URL, Key: "ringfence", Auth: transit.ByToken, CA: w.server.CA(), Region: "UK",
	}, secret.NewText(w.server.Token())))
}

func (w *world) handOver() {
	w.Helper()
	w.set()
	_, err := w.Ask(w.Context(), w.p, w.ada, custody.ToThem, "Acme", "Acme")
	w.no(err)
	w.run()
}

func (w *world) state() custody.State {
	w.Helper()
	st, err := w.State(w.Context(), w.p)
	w.no(err)
	return st
}

func (w *world) alerts() (kinds []string) {
	w.Helper()
	w.no(w.p.View(w.Context(), func(tx *place.Tx) (err error) {
		kinds, err = place.Rows[string](tx, `SELECT kind FROM alerts WHERE ended_at = 0 AND gone_at = 0 ORDER BY kind`)
		return err
	}))
	return kinds
}

func (w *world) reserve() keyring.Reserved {
	w.Helper()
	all, err := w.keys.Reserve(w.Context(), w.p.Customer(), 1)
	w.no(err)
	return all[0]
}

func (w *world) use(r keyring.Reserved) error {
	w.Helper()
	got, err := w.p.Receipt(w.Context(), w.ada, place.Opening{Subject: "rec_1", What: "listen", Keys: []id.Key{r.Content.ID}})
	w.no(err)
	key, err := w.keys.Use(w.Context(), got, r.Content.ID)
	if err == nil && !key.Equal(r.Content.Key) {
		w.Fatal("another key")
	}
	return err
}

// The customer's refusal stops opening within five minutes and raises an alert;
// receiving goes on, and what was received opens once the key server is back.
func TestRefusalByTheKeyServer(t *testing.T) {
	each(t, func(w *world) {
		first := w.reserve()
		w.handOver()
		if st := w.state(); st.Holder == "" || st.Version != 2 || st.Failing != "" || st.Running != nil {
			t.Fatalf("%+v", st)
		}
		w.no(w.use(first))
		for _, mood := range []transittest.Mood{transittest.Refuses, transittest.Sealed, transittest.Lost, transittest.Lies} {
			w.server.Set(mood)
			w.add(keyring.Lent)
			w.wants(w.use(first), fault.Unavailable)
			during := w.reserve()
			w.add(time.Minute)
			w.no(w.Tick(w.Context(), false))
			if st := w.state(); st.Failing == "" || st.Waiting != 2 {
				t.Fatalf("%s: %+v", mood, st)
			}
			if got := w.alerts(); len(got) != 1 || got[0] != string(monitor.KeyHolderFailing) {
				t.Fatalf("%s: alerts %v", mood, got)
			}
			w.server.Set(transittest.Well)
			w.add(time.Minute)
			w.no(w.Tick(w.Context(), false))
			if st := w.state(); st.Failing != "" || st.Waiting != 0 || len(w.alerts()) != 0 {
				t.Fatalf("%s, once it is well: %+v, alerts %v", mood, st, w.alerts())
			}
			w.no(w.use(during))
		}
		w.again() // after a start nobody knows the holder but by what is kept
		w.add(keyring.Lent)
		w.no(w.use(first))
	})
}

// A rotation that cannot go on is tried again, and says why; only one is on its
// way at a time; the settings can be mended while the key server refuses.
func TestARotationThatIsStuck(t *testing.T) {
	each(t, func(w *world) {
		r := w.reserve()
		w.set()
		_, err := w.Ask(w.Context(), w.p, w.ada, custody.ToThem, "Acme", "acme")
		w.wants(err, fault.Invalid)
		w.server.Set(transittest.Refuses)
		_, err = w.Ask(w.Context(), w.p, w.ada, custody.ToThem, "Acme", "Acme")
		w.wants(err, fault.Unavailable)
		w.server.Set(transittest.Well)
		_, err = w.Ask(w.Context(), w.p, w.ada, custody.ToThem, "Acme", "Acme")
		w.no(err)
		w.server.Set(transittest.Sealed)
		w.run()
		if st := w.state(); st.Running == nil || st.Running.Problem == "" || st.Holder != "" {
			t.Fatalf("%+v", st)
		}
		w.no(w.use(r))
		_, err = w.Ask(w.Context(), w.p, w.ada, custody.Rotate, "", "")
		w.wants(err, fault.Conflict)
		w.server.Set(transittest.Well)
		w.add(24 * time.Hour)
		w.run()
		if st := w.state(); st.Running != nil || st.Holder == "" {
			t.Fatalf("%+v", st)
		}
		w.no(w.use(r))
		_, err = w.Ask(w.Context(), w.p, w.ada, custody.ToThem, "Acme", "Acme")
		w.wants(err, fault.Conflict) // it holds the key already
		_, err = w.Ask(w.Context(), w.p, w.ada, custody.ToUs, "", "")
		w.no(err)
		w.run()
		w.server.Set(transittest.Lost)
		w.add(keyring.Lent)
		w.no(w.use(r))
		if all, err := w.History(w.Context(), w.p); err != nil || len(all) != 2 || all[0].What != custody.ToUs || all[0].Version != 3 {
			t.Fatalf("%+v, %v", all, err)
		}
		if _, err := w.Try(w.Context(), w.p); err != nil {
			t.Fatal(err)
		}
	})
}

// The root key is rotated only when each server has the next one; another server
// takes it up by itself.
func TestRootKeyWithSeveralServers(t *testing.T) {
	each(t, func(w *world) {
		r := w.reserve()
		other := custody.New(custody.Options{Store: w.store, Keys: w.keys, Roots: keyringtest.Options(t).Root.(*keyring.RootFiles), Server: "two", Now: w.now})
		w.again()
		w.no(other.Tick(w.Context(), false))
		w.no(w.Tick(w.Context(), false))
		_, err := w.AskRoot(w.Context(), w.ada)
		w.wants(err, fault.Conflict) // there is no next one
		next, err := keyring.CreateRoot(t.TempDir() + "/next")
		w.no(err)
		w.no(w.roots.Offer(next))
		_, err = w.AskRoot(w.Context(), w.ada)
		w.wants(err, fault.Conflict) // server two does not have it
		w.add(time.Hour)             // server two is gone
		w.no(w.Tick(w.Context(), false))
		_, err = w.AskRoot(w.Context(), w.ada)
		w.no(err)
		w.wants(w.RetireRoot(w.Context(), w.ada), fault.Conflict)
		w.run()
		st, err := w.Root(w.Context())
		if err != nil || st.Name != next.Name() || st.Here != next.Name() || st.Next != "" || st.Former == "" || len(st.Needs) != 1 || st.Running != nil {
			t.Fatalf("%+v, %v", st, err)
		}
		w.no(w.use(r))
		w.no(w.RetireRoot(w.Context(), w.ada))
		w.no(w.use(r))
	})
}

// What was to be rotated and was not is an alert, until it is.
func TestOverdue(t *testing.T) {
	each(t, func(w *world) {
		w.wants(w.SetRhythm(w.Context(), w.p, w.ada, 61), fault.Invalid)
		w.no(w.SetRhythm(w.Context(), w.p, w.ada, 6))
		w.no(w.Tick(w.Context(), true))
		if got := w.alerts(); len(got) != 0 {
			t.Fatal(got)
		}
		w.add(190 * 24 * time.Hour)
		w.no(w.Tick(w.Context(), true))
		if got := w.alerts(); len(got) != 1 || got[0] != string(monitor.KeyRotationOverdue) {
			t.Fatal(got)
		}
		n, err := w.RotateAll(w.Context(), w.ada)
		if err != nil || n != 1 {
			t.Fatal(n, err)
		}
		w.run()
		w.no(w.Tick(w.Context(), true))
		if got := w.alerts(); len(got) != 0 {
			t.Fatal(got)
		}
	})
}
