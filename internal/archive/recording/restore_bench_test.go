//go:build bench

package recording_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/blob"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/keyring/keyringtest"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/trust/backup"
)

// provesRows purges what was destroyed; the recordings of the benchmark have no
// sound that could be opened.
type provesRows struct{ *recording.Service }

func (p provesRows) Purge(ctx context.Context, at *place.Place, dead []keyring.Buried) (n backup.Purged, err error) {
	var keys []id.Key
	for _, b := range dead {
		keys = append(keys, b.ID)
	}
	n.Recordings, err = p.Service.Purge(ctx, at, keys)
	return n, err
}

func (p provesRows) Sample(context.Context, *place.Place, *place.Place, *keyring.Keyring, blob.Bucket, int) (backup.Sampled, error) {
	return backup.Sampled{}, nil
}

// BenchmarkRestore measures how long it takes to copy a place with a million
// recordings, with the words that were said in them and two million keys, and to
// make it anew elsewhere: loaded, held against its statement, keys imported,
// tombstones replayed, purged. The targets are folders of this machine.
func BenchmarkRestore(b *testing.B) {
	for _, engine := range placetest.Engines {
		b.Run(engine.Name, func(b *testing.B) {
			cfg := engine.Config(b)
			w := newCrowd(b, cfg)
			for left := *howMany * 19 / 20; left > 0; left -= 20_000 { // the crowd's recordings share keys
				if _, err := w.Keys.Reserve(b.Context(), w.Place.Customer(), min(left, 20_000)); err != nil {
					b.Fatal(err)
				}
			}
			for b.Loop() {
				restoreCrowd(b, w, engine)
			}
		})
	}
}

func restoreCrowd(b *testing.B, w *crowd, engine placetest.Engine) {
	fail := func(err error) {
		if err != nil {
			b.Helper()
			b.Fatal(err)
		}
	}
	ctx, dir := b.Context(), b.TempDir()
	key, err := backup.CreateKey(filepath.Join(dir, "key"))
	fail(err)
	repo := func(what string) *backup.Repo {
		bucket, err := blob.OpenFolder(filepath.Join(dir, what))
		fail(err)
		r, err := backup.OpenRepo(ctx, bucket, key, what, 0, true)
		fail(err)
		return r
	}
	proves := provesRows{w.Service}
	service := backup.New(backup.Options{
		Store: w.Store, Keys: w.Keys, Objects: w.Bucket, Data: repo("data"), KeysTo: repo("keys"), Prove: proves,
		Name: func(context.Context) (string, error) { return "bench", nil },
	})
	began := time.Now()
	point, err := service.Run(ctx)
	fail(err)
	b.ReportMetric(time.Since(began).Seconds(), "backup-s")
	b.ReportMetric(float64(point.Read)/1e6, "read-MB")
	b.ReportMetric(float64(point.Sent)/1e6, "sent-MB")

	src := backup.Source{Data: repo("data"), Keys: repo("keys"), Key: key}
	plan, err := src.Plan(ctx, backup.Want{})
	fail(err)
	at := engine.Config(b)
	began = time.Now()
	_, err = src.Restore(ctx, plan, backup.Want{}, backup.Target{
		Places: at, Schemas: w.schemas, Objects: w.Bucket, Prove: proves, State: filepath.Join(dir, "state"),
		Keys: keyring.Options{Root: keyringtest.Root(b, w.Keys), Stores: []keyring.Store{{Dir: filepath.Join(dir, "a")}, {Dir: filepath.Join(dir, "b")}}},
	})
	fail(err)
	took := time.Since(began)
	b.ReportMetric(took.Seconds(), "restore-s")
	if took > 10*time.Minute {
		b.Errorf("restoring took %v, the bound is ten minutes", took)
	}
	store, err := place.Open(ctx, at, w.schemas, w.Keys)
	fail(err)
	defer store.Close()
	p, err := store.Place(ctx, w.Place.Customer())
	fail(err)
	var n int64
	fail(p.View(ctx, func(tx *place.Tx) (err error) {
		n, err = place.Row[int64](tx, `SELECT count(*) FROM recordings`)
		return err
	}))
	if n != int64(*howMany) {
		b.Errorf("%d recordings came back, want %d", n, *howMany)
	}
}
