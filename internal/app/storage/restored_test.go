package storage

import (
	"bytes"
	"context"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ringfence/internal/archive/coverage"
	"ringfence/internal/archive/recording"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/blob"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/journal"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/paper"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/tenancy/sso"
	"ringfence/internal/trust/backup"
	"ringfence/internal/trust/breach"
	"ringfence/internal/trust/monitor"
	"ringfence/internal/trust/person"
	"ringfence/internal/trust/person/stores"
)

const canary = "Agnes Canary"

// kept is an installation with one customer of whom persons ask, and its backups.
type kept struct {
	*testing.T
	engine    placetest.Engine
	dir       string
	root      keyring.Root
	key       backup.Key
	keys      *keyring.Keyring
	cfg       place.Config
	store     *place.Store
	objects   blob.Bucket
	place     *place.Place
	who       actor.Actor
	now       time.Time
	persons   *person.Service
	breaches  *breach.Service
	monitor   *monitor.Service
	backups   *backup.Service
	recording *recording.Service
}

func (k *kept) no(err error) {
	k.Helper()
	if err != nil {
		k.Fatal(err)
	}
}

func (k *kept) keyOptions() keyring.Options {
	return keyring.Options{Root: k.root, Stores: []keyring.Store{{Dir: filepath.Join(k.dir, "keys")}}}
}

func (k *kept) folder(name string) blob.Bucket {
	b, err := blob.OpenFolder(filepath.Join(k.dir, name))
	k.no(err)
	return b
}

func (k *kept) repo(what string) *backup.Repo {
	r, err := backup.OpenRepo(k.Context(), k.folder("backups-"+what), k.key, what, 0, true)
	k.no(err)
	return r
}

func newKept(t *testing.T, engine placetest.Engine) *kept {
	t.Helper()
	k := &kept{T: t, engine: engine, dir: t.TempDir(), cfg: engine.Config(t), who: actor.ForSystem("test"), now: time.Now()}
	var err error
	k.root, err = keyring.CreateRoot(filepath.Join(k.dir, "root.key"))
	k.no(err)
	k.key, err = backup.CreateKey(filepath.Join(k.dir, "backup.key"))
	k.no(err)
	k.no(keyring.Init(t.Context(), k.keyOptions()))
	k.keys, err = keyring.Open(t.Context(), k.keyOptions())
	k.no(err)
	ledger, err := backup.OpenLedger(filepath.Join(k.dir, "log"), k.key, true)
	k.no(err)
	k.cfg.Log = ledger
	k.store, err = place.Open(t.Context(), k.cfg, Schemas(), k.keys)
	k.no(err)
	t.Cleanup(func() { k.store.Close(); k.keys.Close(); ledger.Close() })
	k.objects = k.folder("objects")
	k.recording = recording.New(recording.Options{Store: k.store, Keys: k.keys, Objects: k.objects})
	k.monitor = monitor.New(monitor.Options{Store: k.store})
	now := func() time.Time { return k.now }
	bury := func(ctx context.Context, p *place.Place, reason string, rows ...[16]byte) error {
		var ids []id.Key
		for _, r := range rows {
			ids = append(ids, r)
		}
		return k.keys.Destroy(ctx, p.Customer(), reason, ids...)
	}
	signer, _, err := paper.NewKey("Test installation", k.now)
	k.no(err)
	k.persons = person.New(person.Options{
		Sign: func(_ context.Context, text []byte) ([]byte, error) { return signer.SignText(text) },
		Paper: func(_ context.Context, pdf []byte, title string, at time.Time) ([]byte, error) {
			return signer.Sign(pdf, title, at)
		},
		Store: k.store, Recordings: k.recording, EraseEvents: journal.Erase, Now: now, Bury: bury,
		Stores: stores.All(stores.Services{Recordings: k.recording, Coverage: coverage.New(coverage.Options{}), Monitor: k.monitor, SSO: new(sso.Service)}),
	})
	k.breaches = breach.New(breach.Options{Recordings: k.recording, Now: now, Bury: bury})
	k.backups = backup.New(backup.Options{
		Store: k.store, Keys: k.keys, Objects: k.objects, Data: k.repo("data"), KeysTo: k.repo("keys"), Log: ledger, Keep: backup.Keep{Daily: 7, Keys: 2},
		Name: func(context.Context) (string, error) { return "Acme", nil }, Program: "test", Prove: Prover(k.store, k.keys, k.objects), Now: time.Now,
		Scratch: backup.Scratch{Dir: t.TempDir(), Root: k.root, Schemas: Schemas(), Key: k.key},
	})
	c := id.New[id.Customer]()
	k.no(k.keys.CreateCustomer(t.Context(), c))
	k.no(k.store.Create(t.Context(), c))
	k.place, err = k.store.Place(t.Context(), c)
	k.no(err)
	return k
}

// begin opens a request of the canary, searches for her and makes sure of it.
func (k *kept) begin(right person.Right) id.PersonRequest {
	k.Helper()
	c, err := k.persons.Begin(k.Context(), k.place, k.who, person.Draft{Right: right, Subject: person.Subject{
		Name: canary, Identifiers: person.Identifiers{Names: []string{canary}, Numbers: []string{"+447700900123"}},
	}})
	k.no(err)
	k.no(k.persons.Search(k.Context(), k.place, c.ID))
	_, err = k.persons.Identify(k.Context(), k.place, k.who, c.ID, "called back", "she is "+canary)
	k.no(err)
	return c.ID
}

// restored restores what there is now elsewhere, opens it and lets it be looked at.
func (k *kept) restored(w backup.Want, look func(p *place.Place, dir string, r backup.Result)) {
	k.Helper()
	dir, cfg := k.TempDir(), k.engine.Config(k.T)
	if cfg.Dir != "" {
		cfg.Dir = filepath.Join(dir, "places")
	}
	keys := keyring.Options{Root: k.root, Stores: []keyring.Store{{Dir: filepath.Join(dir, "keys")}}}
	src := backup.Source{Data: k.repo("data"), Keys: k.repo("keys"), Key: k.key}
	plan, err := src.Plan(k.Context(), w)
	k.no(err)
	r, err := src.Restore(k.Context(), plan, w, backup.Target{
		Places: cfg, Schemas: Schemas(), Keys: keys, Objects: k.objects, State: filepath.Join(dir, "restore.json"), Prove: Prover(nil, nil, k.objects),
	})
	k.no(err)
	ring, err := keyring.Open(k.Context(), keys)
	k.no(err)
	defer ring.Close()
	store, err := place.Open(k.Context(), cfg, Schemas(), ring)
	k.no(err)
	defer store.Close()
	p, err := store.Place(k.Context(), k.place.Customer())
	k.no(err)
	look(p, cfg.Dir, r)
}

// sealedOf are the sealed bytes of rows, by their table.
func sealedOf(k *kept, p *place.Place, queries map[string]string) map[string][][]byte {
	k.Helper()
	out := map[string][][]byte{}
	k.no(p.View(k.Context(), func(tx *place.Tx) (err error) {
		for name, text := range queries {
			if out[name], err = place.Rows[[]byte](tx, text); err != nil {
				return err
			}
		}
		return nil
	}))
	return out
}

// everything sealed that names the canary, wherever it is kept.
var whereKept = map[string]string{
	"request": `SELECT sealed FROM person_requests`, "find": `SELECT sealed FROM person_items`, "breach": `SELECT sealed FROM breaches`,
	"certificate": `SELECT substr(document, 1, 100) FROM person_certificates`, "contact": `SELECT card FROM alert_contacts`, "event": `SELECT sealed FROM events WHERE length(sealed) > 0 AND code IN ('source.added', 'request.unrestricted')`,
}

// What was emptied, deleted or erased since a backup does not come back with it:
// no request whose time was over, no name that was taken out of one, no row that
// an erasure took, no breach; on either engine, neither to who asks nor in bytes.
func TestTheEmptiedStaysEmptied(t *testing.T) {
	for _, engine := range placetest.Engines {
		t.Run(engine.Name, func(t *testing.T) {
			k := newKept(t, engine)
			contact, err := k.monitor.AddContact(t.Context(), monitor.In(k.place), k.who, monitor.Contact{Name: canary, Email: "agnes@example.com"})
			k.no(err)
			k.no(k.place.Change(t.Context(), k.who, func(tx *place.Tx) error {
				tx.Record(place.Event{Code: "source.added", Subject: id.New[id.Source]().String(), Personal: map[string]string{"name": canary}})
				return nil
			}))
			ended, nameless, erase := k.begin(person.Access), k.begin(person.Access), k.begin(person.Erase)
			k.no(k.place.Change(t.Context(), k.who, func(tx *place.Tx) error {
				tx.Record(place.Event{Code: "request.unrestricted", Subject: ended.String(), Personal: map[string]string{"told": canary + " by letter"}})
				return nil
			}))
			for _, c := range []id.PersonRequest{ended, nameless} {
				_, err := k.persons.End(t.Context(), k.place, k.who, c, false, "told "+canary)
				k.no(err)
			}
			_, err = job.NewRunner(k.store, map[string]job.Kind{person.JobCertify: k.persons.CertifyKind()}, job.Options{}).RunDue(t.Context(), time.Now())
			k.no(err)
			b, err := k.breaches.Begin(t.Context(), k.place, k.who, breach.Breach{Kind: breach.Session, Subject: id.New[id.Session]().String(), From: k.now.Add(-time.Hour), To: k.now})
			k.no(err)
			_, err = k.breaches.Change(t.Context(), k.place, k.who, b.ID, b.From, b.To, b.AwareAt, breach.Words{Outcome: canary + " was told"}, true)
			k.no(err)
			traces := sealedOf(k, k.place, whereKept)
			point, err := k.backups.Run(t.Context())
			k.no(err)

			// Before: all of it comes back, so that its absence later proves something.
			want := backup.Want{Point: point.ID}
			k.restored(want, func(p *place.Place, dir string, r backup.Result) {
				if n := r.Emptied; n != 0 {
					t.Errorf("%d rows were emptied, and nothing was", n)
				}
				for name, there := range k.found(p, dir, traces) {
					if !there {
						t.Errorf("no %s came back", name)
					}
				}
			})

			k.erase(erase)
			k.no(k.place.Change(t.Context(), k.who, func(tx *place.Tx) error {
				tx.Record(place.Event{Code: "pseudonym.forgotten", Subject: k.place.Customer().String()})
				return k.persons.Nameless(tx, nameless, true)
			}))
			k.no(k.persons.BuryNames(t.Context(), k.place, nameless))
			objected := k.begin(person.Object)
			_, err = k.persons.ObjectTo(t.Context(), k.place, k.who, objected, []string{"search"})
			k.no(err)
			k.no(k.place.Change(t.Context(), k.who, func(tx *place.Tx) error { // the other closed one is to stay
				tx.Record(place.Event{Code: "request.extended", Subject: nameless.String()})
				_, err := tx.Exec(`UPDATE person_requests SET ended_at = ? WHERE id = ?`, k.now.AddDate(5, 0, 0).UnixMilli(), nameless)
				return err
			}))
			k.now = k.now.AddDate(4, 0, 0)
			n, err := k.persons.Purge(t.Context(), k.place)
			if m, err2 := k.breaches.Purge(t.Context(), k.place); err != nil || err2 != nil || n != 1 || m != 1 {
				t.Fatal("deleted:", n, err, m, err2)
			}
			k.backups.Watch(place.Commit{Customer: k.place.Customer(), Events: []place.Recorded{{Code: "request.purged"}}})
			k.no(k.backups.Ship(t.Context()))

			gone := func(p *place.Place, dir string) {
				t.Helper()
				for _, err := range []error{second(k.persons.Read(t.Context(), p, ended)), second(k.breaches.Read(t.Context(), p, b.ID))} {
					if !fault.Is(err, fault.NotFound) {
						t.Errorf("what was deleted is there: %v", err)
					}
				}
				if c, err := k.persons.Read(t.Context(), p, nameless); err != nil || strings.Contains(c.Subject.Name+c.Subject.Notes+c.Outcome, canary) || len(c.Subject.Identifiers.Names) > 0 {
					t.Errorf("whom it was about is there: %+v %v", c.Subject, err)
				}
				if all, err := k.monitor.Contacts(t.Context(), monitor.In(p)); err != nil || slices.ContainsFunc(all, func(c monitor.Contact) bool { return c.ID == contact.ID }) {
					t.Errorf("the erased contact is there: %v", err)
				}
				items, err := k.persons.Items(t.Context(), p, erase, id.Found{}, 500)
				k.no(err)
				for _, it := range items {
					if it.Store == "contacts" && (it.Outcome != person.Erased || it.Label != "" || len(it.Why) > 0) {
						t.Errorf("the find says whom: %+v", it)
					}
				}
				// Only the request that is still open may say it, with its own finds and words.
				kept := sealedOf(k, p, whereKept)
				left := maps.Clone(traces)
				for name, all := range left {
					left[name] = slices.DeleteFunc(slices.Clone(all), func(b []byte) bool {
						return slices.ContainsFunc(kept[name], func(c []byte) bool { return bytes.Equal(b, c) })
					})
				}
				for _, name := range []string{"request", "certificate", "find", "event", "contact", "breach"} {
					if len(left[name]) == 0 || name == "event" && len(left[name]) < 2 || (name == "contact" || name == "breach") && len(kept[name]) > 0 {
						t.Errorf("%s: %d of %d went", name, len(left[name]), len(traces[name]))
					}
				}
				for name, there := range k.found(p, dir, left) {
					if there {
						t.Errorf("a %s that went is there in bytes", name)
					}
				}
			}
			k.restored(want, func(p *place.Place, dir string, r backup.Result) {
				if r.Emptied < 5 {
					t.Errorf("the report tells of %d rows", r.Emptied)
				}
				if !slices.ContainsFunc(r.Remarks, func(s string) bool { return strings.Contains(s, "request.objected of "+objected.String()) }) {
					t.Errorf("an objection is undone, and nobody is told: %v", r.Remarks)
				}
				gone(p, dir)
			})
			plan, err := k.backups.PlanCustomer(t.Context(), backup.Want{Customer: k.place.Customer(), Point: point.ID})
			k.no(err)
			one, err := k.backups.RestoreCustomer(t.Context(), k.who, plan, backup.Want{Customer: k.place.Customer(), Point: point.ID})
			k.no(err)
			if i := slices.IndexFunc(one.Undone, func(u backup.Undone) bool { return u.Code == "request.objected" && u.Subject == objected.String() }); i < 0 || one.Emptied < 5 {
				t.Errorf("the report of one customer: %+v", one)
			}
			p, err := k.store.Place(t.Context(), k.place.Customer())
			k.no(err)
			gone(p, k.cfg.Dir)
		})
	}
}

func second[T any](_ T, err error) error { return err }

// erase confirms what a request found among contacts, and in what the change log
// says of them, and erases it.
func (k *kept) erase(c id.PersonRequest) {
	k.Helper()
	items, err := k.persons.Items(k.Context(), k.place, c, id.Found{}, 500)
	k.no(err)
	for _, it := range items {
		d := person.Decision{Items: []id.Found{it.ID}, Verdict: person.Rejected}
		if it.Store == "contacts" || it.Store == "journal" {
			d.Verdict, d.Ground, d.Because = person.Confirmed, "erase", "she wants it"
		}
		_, err := k.persons.Decide(k.Context(), k.place, k.who, c, d)
		k.no(err)
	}
	plan, err := k.persons.Plan(k.Context(), k.place, c)
	k.no(err)
	k.no(k.persons.Erase(k.Context(), k.place, k.who, c, plan.Erase))
}

// found says whether bytes are in a place: in its files, or in rows where those
// are another server's.
func (k *kept) found(p *place.Place, dir string, traces map[string][][]byte) map[string]bool {
	k.Helper()
	out := map[string]bool{}
	if dir == "" {
		rows := sealedOf(k, p, whereKept)
		for name, all := range traces {
			for _, trace := range all {
				out[name] = out[name] || slices.ContainsFunc(rows[name], func(b []byte) bool { return bytes.Equal(b, trace) })
			}
		}
		return out
	}
	k.no(p.Scrub(k.Context()))
	for name := range traces {
		out[name] = false
	}
	k.no(filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		for name, all := range traces {
			for _, trace := range all {
				out[name] = out[name] || bytes.Contains(b, trace)
			}
		}
		return err
	}))
	return out
}
