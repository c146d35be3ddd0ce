package backup_test

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/blob"
	"ringfence/internal/platform/blob/blobtest"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/trust/backup"
)

// What was destroyed after the backup does not come back: not the recording,
// not its card, from no target, whichever of the two remembers it.
func TestTheDestroyedStaysDestroyed(t *testing.T) {
	for _, engine := range placetest.Engines {
		t.Run(engine.Name, func(t *testing.T) {
			w := newWorld(t, engine, false)
			b := w.backups(t)
			gone := w.Archive(t, "gone.wav", 1)
			stays := w.Archive(t, "stays.wav", 2)
			other := w.customer(t)
			must[backup.Point](t)(b.Run(t.Context()))
			if err := w.Service.Destroy(t.Context(), w.Place, w.Who, gone, "asked for"); err != nil {
				t.Fatal(err)
			}
			if err := w.Keys.BuryCustomer(t.Context(), keyring.Buried{ID: other.Customer(), Reason: "left"}); err != nil {
				t.Fatal(err)
			}
			b.Watch(place.Commit{Customer: w.Place.Customer(), Events: []place.Recorded{{Code: "recording.destroyed"}}})
			if err := b.Ship(t.Context()); err != nil {
				t.Fatal(err)
			}
			w.close()

			target, next := w.elsewhere(t)
			src := w.source(t)
			plan := must[backup.Plan](t)(src.Plan(t.Context(), backup.Want{}))
			if plan.Destroyed != 2 || len(plan.Gone) != 1 {
				t.Fatalf("the plan knows of %d keys and %d customers that were destroyed", plan.Destroyed, len(plan.Gone))
			}
			if _, err := src.Plan(t.Context(), backup.Want{Customer: other.Customer()}); !fault.Is(err, fault.Gone) {
				t.Errorf("a destroyed customer: %v", err)
			}
			r := must[backup.Result](t)(src.Restore(t.Context(), plan, backup.Want{}, target))
			if r.Purged != 1 {
				t.Errorf("purged %d, want 1", r.Purged)
			}
			next.open(t, false, false)
			p := must[*place.Place](t)(next.Store.Place(t.Context(), w.Place.Customer()))
			if _, err := next.Service.Open(t.Context(), p, w.Who, gone, recording.Ask{What: "listen"}); !fault.Is(err, fault.Gone) {
				t.Errorf("the destroyed recording opens: %v", err)
			}
			next.hear(t, p.Customer(), stays)
			if dead := must[[]id.Key](t)(next.Keys.Destroyed(t.Context(), p.Customer())); len(dead) != 2 {
				t.Errorf("%d tombstones, want 2", len(dead))
			}
			if _, err := next.Store.Place(t.Context(), other.Customer()); !fault.Is(err, fault.NotFound) {
				t.Errorf("the destroyed customer's place: %v", err)
			}
		})
	}
}

// Nothing personal, no key and no name lies in the targets or the log in the
// clear.
func TestTargetsHoldNothingInTheClear(t *testing.T) {
	w := newWorld(t, placetest.Engines[0], true)
	w.Archive(t, "canary-file.wav", 1)
	b := w.backups(t, func(o *backup.Options) { o.CopyObjects = true })
	must[backup.Point](t)(b.Run(t.Context()))
	searched := 0
	for _, dir := range []string{w.data, w.keysTo, filepath.Join(w.second, "log")} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text := must[[]byte](t)(os.ReadFile(path))
			searched += len(text)
			for _, word := range []string{"Canary", "canary-file", "4414960", "SQLite format", "recording.captured", "CREATE TABLE", "wrapped", w.Place.Customer().String()} {
				if bytes.Contains(text, []byte(word)) {
					t.Errorf("%s holds %q", path, word)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if searched < 10_000 {
		t.Fatalf("only %d bytes were searched", searched)
	}
}

// One customer goes back to an earlier minute while another goes on; then the
// installation can still be backed up and lost.
func TestOneCustomerAtAnEarlierMinute(t *testing.T) {
	for _, engine := range placetest.Engines {
		t.Run(engine.Name, func(t *testing.T) {
			w := newWorld(t, engine, true)
			b := w.backups(t)
			before := w.Archive(t, "before.wav", 1)
			must[backup.Point](t)(b.Run(t.Context()))
			between := w.Archive(t, "between.wav", 2)
			time.Sleep(20 * time.Millisecond) // entries carry milliseconds
			at := time.Now()
			time.Sleep(20 * time.Millisecond)
			after := w.Archive(t, "after.wav", 3)
			p := w.Place
			w.Place = w.customer(t)
			others := w.Archive(t, "others.wav", 4)

			want := backup.Want{Customer: p.Customer(), At: at}
			plan := must[backup.Plan](t)(b.PlanCustomer(t.Context(), want))
			one := must[backup.Restored](t)(b.RestoreCustomer(t.Context(), w.Who, plan, want))
			if one.Opened != 2 || one.Reached.After(at) {
				t.Fatalf("restored: %+v", one)
			}
			for _, rec := range []id.Recording{before, between} {
				w.hear(t, p.Customer(), rec)
			}
			if _, err := w.Service.Open(t.Context(), p, w.Who, after, recording.Ask{What: "listen"}); !fault.Is(err, fault.NotFound) {
				t.Errorf("what came after is there: %v", err)
			}
			w.hear(t, w.Place.Customer(), others)
			// Life goes on, on a new branch, and the latest state can be had again.
			w.Place = p
			later := w.Archive(t, "later.wav", 5)
			must[backup.Point](t)(b.Run(t.Context()))
			last := w.Archive(t, "last.wav", 6)
			if err := b.Ship(t.Context()); err != nil {
				t.Fatal(err)
			}
			src := w.source(t)
			target, next := w.elsewhere(t)
			target.Keys.Stores[1] = keyring.Store{Dir: filepath.Join(w.second, "keys")}
			w.close()
			must[backup.Result](t)(src.Restore(t.Context(), must[backup.Plan](t)(src.Plan(t.Context(), backup.Want{})), backup.Want{}, target))
			next.open(t, false, false)
			next.hear(t, p.Customer(), later)
			next.hear(t, p.Customer(), last)
		})
	}
}

// A second point costs what has changed; old ones go, and what they alone named.
func TestPointsAreIncrementalAndEnd(t *testing.T) {
	w := newWorld(t, placetest.Engines[0], true)
	begun := time.Now()
	now := begun
	b := w.backups(t, func(o *backup.Options) {
		o.Now = func() time.Time { return now }
		o.Keep = backup.Keep{Daily: 2, Keys: 1}
	})
	if at, some := b.OldestKeys(); !at.IsZero() || !some {
		t.Errorf("before anybody has looked, copies of keys go back to %v, %v", at, some)
	}
	for i := range 30 {
		w.Archive(t, string(rune('a'+i))+".wav", i)
	}
	first := must[backup.Point](t)(b.Run(t.Context()))
	again := must[backup.Point](t)(b.Run(t.Context()))
	if again.Read != 0 || again.Parts[1].From != first.ID {
		t.Errorf("nothing changed, and %d bytes were read", again.Read)
	}
	w.Archive(t, "one more.wav", 99)
	third := must[backup.Point](t)(b.Run(t.Context()))
	if third.Sent > first.Sent*3/4 {
		t.Errorf("one recording more cost %d bytes, the first point %d", third.Sent, first.Sent)
	}
	for day := range 4 {
		now = now.Add(24 * time.Hour)
		w.Archive(t, now.String(), 100+day)
		must[backup.Point](t)(b.Run(t.Context()))
	}
	if at, some := b.OldestKeys(); !at.Equal(begun) || !some {
		t.Errorf("copies of keys go back to %v, %v, not to %v", at, some, begun)
	}
	if err := b.Tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if at, some := b.OldestKeys(); !at.Equal(now) || !some {
		t.Errorf("with one copy of keys left, they go back to %v, %v", at, some)
	}
	points := must[[]backup.Point](t)(b.Points(t.Context()))
	if len(points) != 2 {
		t.Fatalf("%d points stay, want 2", len(points))
	}
	src := w.source(t)
	for _, p := range points {
		must[int64](t)(src.Data.Verify(t.Context(), p.Contents()...))
	}
	if keys := must[[]backup.KeyPoint](t)(src.Keys.KeyPoints(t.Context())); len(keys) != 1 || keys[0].ID != points[0].ID {
		t.Errorf("%d copies of keys stay", len(keys))
	}
}

// A drill restores from the targets alone, opens recordings with keys from
// their own copy, leaves its line in the journal, and notices what is damaged.
func TestDrills(t *testing.T) {
	for _, engine := range placetest.Engines {
		t.Run(engine.Name, func(t *testing.T) {
			w := newWorld(t, engine, true)
			w.Archive(t, "a.wav", 1)
			w.Archive(t, "b.wav", 2)
			b := w.backups(t, func(o *backup.Options) { o.CopyObjects = true })
			must[backup.Point](t)(b.Run(t.Context()))
			d := must[backup.Drill](t)(b.Drill(t.Context(), true))
			if !d.Passed() || len(d.Places) != 2 || d.Places[1].Opened != 2 || d.Took <= 0 {
				t.Fatalf("the drill: %+v", d)
			}
			journalled := 0
			if err := w.Place.View(t.Context(), func(tx *place.Tx) (err error) {
				journalled, err = place.Row[int](tx, `SELECT count(*) FROM events WHERE code = 'opening.granted' AND why LIKE 'restore drill%'`)
				return err
			}); err != nil || journalled != 1 {
				t.Errorf("%d openings of drills in the journal (%v)", journalled, err)
			}
			// One object of the backup is damaged.
			hit := false
			filepath.WalkDir(filepath.Join(w.data, "objects"), func(path string, e fs.DirEntry, err error) error {
				if err == nil && !e.IsDir() && !hit {
					text := must[[]byte](t)(os.ReadFile(path))
					text[len(text)/2] ^= 1
					hit = os.WriteFile(path, text, 0o600) == nil
				}
				return err
			})
			if d := must[backup.Drill](t)(b.Drill(t.Context(), true)); !hit || d.Passed() {
				t.Errorf("damaged %v, and the drill passed", hit)
			}
			st := must[backup.Status](t)(b.Status(t.Context()))
			if st.Drill.Passed() || st.Proven == nil || !st.Proven.Passed() {
				t.Errorf("the status: %+v", st)
			}
			if lines := must[map[id.Customer]backup.CustomerStatus](t)(b.Lines(t.Context())); lines[w.Place.Customer()].Failure == "" || lines[w.Place.Customer()].ProvenAt.IsZero() {
				t.Errorf("the customer's line: %+v", lines[w.Place.Customer()])
			}
		})
	}
}

// The same through each kind of target that is not a folder.
func TestEachKindOfTarget(t *testing.T) {
	for name, peer := range map[string]func(testing.TB) func(testing.TB) blob.Config{
		"SFTP": blobtest.OpenSSH, "Azure": blobtest.Azurite, "S3": blobtest.Versity,
	} {
		t.Run(name, func(t *testing.T) {
			fresh := peer(t)
			w := newWorld(t, placetest.Engines[0], true)
			rec := w.Archive(t, "a.wav", 1)
			data := must[blob.Bucket](t)(blob.Open(t.Context(), fresh(t)))
			keys := must[blob.Bucket](t)(blob.Open(t.Context(), fresh(t)))
			open := func(b blob.Bucket, what string) *backup.Repo {
				return must[*backup.Repo](t)(backup.OpenRepo(t.Context(), b, w.key, what, 0, true))
			}
			b := w.backups(t, func(o *backup.Options) {
				o.Data, o.KeysTo, o.CopyObjects = open(data, "data"), open(keys, "keys"), true
			})
			must[backup.Point](t)(b.Run(t.Context()))
			w.close()
			src := backup.Source{Data: open(data, "data"), Keys: open(keys, "keys"), Key: w.key}
			target, next := w.elsewhere(t)
			next.second = t.TempDir() // objects come from the backup alone
			target.Objects = bucket(t, filepath.Join(next.second, "objects"))
			r := must[backup.Result](t)(src.Restore(t.Context(), must[backup.Plan](t)(src.Plan(t.Context(), backup.Want{})), backup.Want{}, target))
			if r.Objects == 0 || len(r.Remarks) > 0 {
				t.Fatalf("the result: %+v", r)
			}
			next.open(t, false, false)
			next.hear(t, w.Place.Customer(), rec)
		})
	}
}

// A restore that is cut off at any moment goes on when it is run again.
func TestARestoreIsCutOff(t *testing.T) {
	w := newWorld(t, placetest.Engines[0], true)
	rec := w.Archive(t, "a.wav", 1)
	first := w.Place
	w.Place = w.customer(t)
	w.Archive(t, "b.wav", 2)
	must[backup.Point](t)(w.backups(t).Run(t.Context()))
	w.close()
	src := w.source(t)
	for steps := 1; ; steps++ {
		target, next := w.elsewhere(t)
		ctx, cut := context.WithCancel(t.Context())
		n := 0
		target.Told = func(backup.Step) {
			if n++; n == steps {
				cut()
			}
		}
		plan := must[backup.Plan](t)(src.Plan(t.Context(), backup.Want{}))
		_, err := src.Restore(ctx, plan, backup.Want{}, target)
		cut()
		if err == nil {
			if steps < 5 {
				t.Fatalf("only %d steps", steps)
			}
			return
		}
		target.Told = nil
		if _, err := src.Restore(t.Context(), plan, backup.Want{At: time.Now()}, target); !fault.Is(err, fault.Conflict) {
			t.Errorf("another restore into the same folders: %v", err)
		}
		must[backup.Result](t)(src.Restore(t.Context(), plan, backup.Want{}, target))
		next.open(t, false, false)
		next.hear(t, first.Customer(), rec)
		next.close()
	}
}
