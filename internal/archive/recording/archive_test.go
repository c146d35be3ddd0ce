package recording_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/base/fault"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

// both runs a test on both engines.
func both(t *testing.T, fn func(t *testing.T, w *recordingtest.World)) {
	placetest.Run(t, recordingtest.Schemas(), func(t *testing.T, store *place.Store) {
		fn(t, recordingtest.On(t, store, recording.Options{}))
	})
}

func TestWhatIsArchivedIsHeard(t *testing.T) {
	both(t, func(t *testing.T, w *recordingtest.World) {
		ctx := t.Context()
		data := recordingtest.Tone(3, 2, 20*time.Second)
		out, err := w.Service.Archive(ctx, w.Place, w.Who, w.Item(t, "a.wav", data))
		if err != nil || out.Result != recording.Verified {
			t.Fatalf("Archive: %+v, %v", out, err)
		}
		page, err := w.Service.List(ctx, w.Place, w.Who, recording.Filter{Scope: recording.Everything}, recording.PageAsk{})
		if err != nil || len(page.Items) != 1 {
			t.Fatalf("List: %+v, %v", page, err)
		}
		r := page.Items[0]
		if r.ID != out.Recording || r.Card.Call.Caller.Number != "+441614960187" || r.Length != 20*time.Second || r.VerifiedAt.IsZero() {
			t.Fatalf("listed as %+v", r)
		}
		o, err := w.Service.Open(ctx, w.Place, w.Who.For("a complaint"), r.ID, recording.Ask{What: "listen"})
		if err != nil {
			t.Fatal(err)
		}
		wav, err := o.WAV(ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer wav.Close()
		got, err := io.ReadAll(io.NewSectionReader(wav, 0, wav.Size()))
		if err != nil || !bytes.Equal(got, data) {
			t.Fatalf("heard %d bytes, want the %d that were archived (%v)", len(got), len(data), err)
		}
		peaks, err := o.Peaks(ctx)
		if err != nil || len(peaks.Channels) != 2 || peaks.Channels[0].Peaks[7] < 0.1 {
			t.Fatalf("Peaks: %v", err)
		}
		d, err := w.Service.Get(ctx, w.Place, w.Who, r.ID, recording.Everything)
		if err != nil || len(d.Renditions) != 1 || len(d.Renditions[0].SHA256) != 64 || len(d.Openings) != 1 || d.Openings[0].Purpose != "a complaint" {
			t.Fatalf("Get: %+v, %v", d, err)
		}
	})
}

func TestTheSameBytesAreOneRecording(t *testing.T) {
	both(t, func(t *testing.T, w *recordingtest.World) {
		ctx := t.Context()
		first := w.Archive(t, "a.wav", 1)
		same := recordingtest.Tone(1, 2, time.Second)
		out, err := w.Service.ArchiveBatch(ctx, w.Place, w.Who, []recording.Item{
			copied(w.Item(t, "elsewhere/b.wav", same), "id-a.wav"), w.Item(t, "a.wav", same),
			w.Item(t, "c.wav", recordingtest.Tone(2, 2, time.Second)), copied(w.Item(t, "d.wav", recordingtest.Tone(2, 2, time.Second)), "id-c.wav"),
		})
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []recording.Result{recording.Duplicate, recording.Duplicate, recording.Verified, recording.Duplicate} {
			if out[i].Result != want {
				t.Errorf("item %d is %s, want %s", i, out[i].Result, want)
			}
		}
		if out[0].Recording != first || out[3].Recording != out[2].Recording {
			t.Error("a duplicate does not name the recording that it is")
		}
		wantObjects(t, w, 2)
	})
}

func TestLaterAndLargerReplaces(t *testing.T) {
	both(t, func(t *testing.T, w *recordingtest.World) {
		ctx := t.Context()
		long := recordingtest.Tone(1, 1, 4*time.Second)
		partial := w.Item(t, "a.wav", recordingtest.Tone(1, 1, 2*time.Second))
		partial.Sound = recording.Truncated
		first, err := w.Service.Archive(ctx, w.Place, w.Who, partial)
		if err != nil {
			t.Fatal(err)
		}
		second, err := w.Service.Archive(ctx, w.Place, w.Who, w.Item(t, "a.wav", long))
		if err != nil || !second.Replaced || second.Recording != first.Recording || second.Result != recording.Verified {
			t.Fatalf("Archive of the whole: %+v, %v", second, err)
		}
		third, err := w.Service.Archive(ctx, w.Place, w.Who, w.Item(t, "a.wav", recordingtest.Tone(5, 1, 3*time.Second)))
		if third.Result != recording.Refused || !fault.Is(err, fault.Conflict) {
			t.Fatalf("Archive of something shorter: %+v, %v", third, err)
		}
		d, err := w.Service.Get(ctx, w.Place, w.Who, first.Recording, recording.Everything)
		if err != nil || d.Length != 4*time.Second || d.Sound != recording.Complete {
			t.Fatalf("Get: %+v, %v", d, err)
		}
		wantObjects(t, w, 1)
	})
}

func TestDestroyedIsNeverCapturedAgain(t *testing.T) {
	both(t, func(t *testing.T, w *recordingtest.World) {
		ctx := t.Context()
		rec := w.Archive(t, "a.wav", 1)
		o, err := w.Service.Open(ctx, w.Place, w.Who, rec, recording.Ask{What: "listen"})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Service.Destroy(ctx, w.Place, w.Who, rec, "asked by the caller"); err != nil {
			t.Fatal(err)
		}
		wantObjects(t, w, 0)
		if _, err := o.PCM(ctx); !fault.Is(err, fault.Gone) {
			t.Errorf("an opening outlived its recording: %v", err)
		}
		if _, err := w.Service.Get(ctx, w.Place, w.Who, rec, recording.Everything); !fault.Is(err, fault.Gone) {
			t.Errorf("Get of a destroyed recording: %v", err)
		}
		if _, err := w.Service.Open(ctx, w.Place, w.Who, rec, recording.Ask{What: "listen"}); !fault.Is(err, fault.Gone) {
			t.Errorf("Open of a destroyed recording: %v", err)
		}
		for _, name := range []string{"a.wav", "under/another/name.wav"} {
			out, err := w.Service.Archive(ctx, w.Place, w.Who, w.Item(t, name, recordingtest.Tone(1, 2, time.Second)))
			if out.Result != recording.Erased || !fault.Is(err, fault.Gone) {
				t.Errorf("%s came back: %+v, %v", name, out, err)
			}
		}
		wantObjects(t, w, 0)
		// The number of its row is not given to another: search words would meet a stranger.
		next := w.Archive(t, "b.wav", 2)
		d, err := w.Service.Get(ctx, w.Place, w.Who, next, recording.Everything)
		if err != nil || d.N != 2 {
			t.Errorf("the next recording has number %d, %v", d.N, err)
		}
	})
}

func TestNothingBeforeRetentionIsChosen(t *testing.T) {
	store := placetest.New(t, recordingtest.Schemas())
	w := recordingtest.On(t, store, recording.Options{})
	p := placetest.Customer(t, store)
	if err := w.Keys.CreateCustomer(t.Context(), p.Customer()); err != nil {
		t.Fatal(err)
	}
	_, err := w.Service.Archive(t.Context(), p, w.Who, w.Item(t, "a.wav", recordingtest.Tone(1, 1, time.Second)))
	if !fault.Is(err, fault.Conflict) {
		t.Fatalf("captured without a retention: %v", err)
	}
}

// wantObjects counts what lies in both halves of the bucket.
func wantObjects(t *testing.T, w *recordingtest.World, want int) {
	t.Helper()
	n := 0
	if err := w.Bucket.List(t.Context(), "", func(string, int64) error { n++; return nil }); err != nil {
		t.Fatal(err)
	}
	if n != want {
		t.Errorf("%d objects in the bucket, want %d", n, want)
	}
}

// While the bucket is away nothing is taken, nothing is lost, and nothing is
// left over once it is back.
func TestAVanishedBucketLosesNothing(t *testing.T) {
	w := recordingtest.New(t)
	ctx := t.Context()
	half := filepath.Join(w.Dir, "b")
	if err := os.Rename(half, half+".away"); err != nil {
		t.Fatal(err)
	}
	item := w.Item(t, "a.wav", recordingtest.Tone(1, 1, time.Second))
	if out, err := w.Service.Archive(ctx, w.Place, w.Who, item); err == nil {
		t.Fatalf("archived without a second bucket: %+v", out)
	}
	if err := os.Rename(half+".away", half); err != nil {
		t.Fatal(err)
	}
	if err := w.Service.Recover(ctx, w.Place); err != nil {
		t.Fatal(err)
	}
	wantObjects(t, w, 0)
	out, err := w.Service.Archive(ctx, w.Place, w.Who, item)
	if err != nil || out.Result != recording.Verified {
		t.Fatalf("Archive: %+v, %v", out, err)
	}
	pending, err := w.Place.Pending(ctx, "")
	if err != nil || len(pending) != 0 {
		t.Errorf("intents are left: %v, %v", pending, err)
	}
	wantObjects(t, w, 1)
}

// The same file from two sides at the same moment is one recording.
func TestTheSameFileAtTheSameMoment(t *testing.T) {
	both(t, func(t *testing.T, w *recordingtest.World) {
		data := recordingtest.Tone(1, 1, time.Second)
		results := make(chan recording.Outcome, 4)
		for i := range 4 {
			item := copied(w.Item(t, fmt.Sprintf("%d.wav", i), data), "id-0.wav")
			go func() {
				out, _ := w.Service.Archive(t.Context(), w.Place, w.Who, item)
				results <- out
			}()
		}
		count := map[recording.Result]int{}
		for range 4 {
			count[(<-results).Result]++
		}
		if count[recording.Verified] != 1 || count[recording.Duplicate] != 3 {
			t.Errorf("the results are %v, want one verified and three duplicates", count)
		}
		wantObjects(t, w, 1)
	})
}

// What changes while it is read is not archived, and says so.
func TestAFileThatChangesIsRefused(t *testing.T) {
	w := recordingtest.New(t)
	data := recordingtest.Tone(1, 1, time.Second)
	for _, other := range []int{len(data) - 100, len(data) + 100} {
		item := w.Item(t, "a.wav", data)
		item.Files[0].Size = int64(other)
		out, err := w.Service.Archive(t.Context(), w.Place, w.Who, item)
		if out.Result != recording.Refused || !errors.Is(err, recording.ErrChanged) {
			t.Errorf("%d bytes announced: %+v, %v", other, out, err)
		}
	}
	wantObjects(t, w, 0)
}
