package bulk_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"ringfence/internal/archive/bulk"
	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/place/placetest"
)

// BenchmarkImport is files a second of a whole import, preview included, against archiving the same files with nothing around it.
func BenchmarkImport(b *testing.B) {
	const files = 1000
	w := recordingtest.On(b, placetest.New(b, schemas()), recording.Options{})
	for b.Loop() {
		dir := b.TempDir()
		var items []recording.Item
		for i := range files {
			data := recordingtest.Tone(i, 1, 200*time.Millisecond)
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("x%04d.wav", i)), data, 0o600); err != nil {
				b.Fatal(err)
			}
			items = append(items, w.Item(b, fmt.Sprintf("bound-%s-%d.wav", dir, i), recordingtest.Tone(files+i, 1, 200*time.Millisecond)))
		}
		began := time.Now()
		for len(items) > 0 {
			n := min(100, len(items))
			if _, err := w.Service.ArchiveBatch(b.Context(), w.Place, w.Who, items[:n]); err != nil {
				b.Fatal(err)
			}
			items = items[n:]
		}
		bound := files / time.Since(began).Seconds()
		s := bulk.NewService(bulk.Options{Store: w.Store, Recordings: w.Service})
		r := job.NewRunner(w.Store, map[string]job.Kind{bulk.Job: s.Kind()}, job.Options{Poll: 5 * time.Millisecond})
		if err := r.Start(b.Context()); err != nil {
			b.Fatal(err)
		}
		began = time.Now()
		imp, err := s.Create(b.Context(), w.Place, w.Who, bulk.Draft{Name: "bench", Folder: dir, Profile: "generic", TimeZone: "UTC"})
		if err != nil {
			b.Fatal(err)
		}
		reach(b, w, s, imp.ID, bulk.Ready)
		looked := time.Since(began)
		if _, err := s.Start(b.Context(), w.Place, w.Who, imp.ID); err != nil {
			b.Fatal(err)
		}
		reach(b, w, s, imp.ID, bulk.Done)
		rate := files / (time.Since(began) - looked).Seconds()
		r.Stop()
		b.ReportMetric(bound, "bound_files/s")
		b.ReportMetric(rate, "files/s")
		b.ReportMetric(files/looked.Seconds(), "preview_files/s")
		b.ReportMetric(rate/bound, "of_bound")
	}
}

func reach(b *testing.B, w *recordingtest.World, s *bulk.Service, i id.Import, want bulk.State) {
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(300 * time.Millisecond) {
		if got, err := s.Get(b.Context(), w.Place, i); err != nil || got.State == want {
			return
		}
	}
	b.Fatal("it never gets there")
}
