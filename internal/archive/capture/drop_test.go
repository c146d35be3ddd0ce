package capture_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"
	"time"

	"ringfence/internal/archive/capture"
	"ringfence/internal/archive/intake"
	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// What was pushed is taken as from a folder, with what lies beside it, leaves
// the drop when it was read back, and is not taken twice: not when it is sent
// again, nor under its old name with other content.
func TestDropIsCaptured(t *testing.T) {
	w := recordingtest.New(t)
	src, err := w.Service.AddSource(t.Context(), w.Place, w.Who, recording.Source{Name: "Cloud", Kind: recording.Drop, Profile: "generic"})
	if err != nil {
		t.Fatal(err)
	}
	drops, err := intake.Open(intake.Options{Dir: t.TempDir(), Store: w.Store})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(drops.Close)
	d, err := drops.Drop(t.Context(), w.Place, src.ID)
	if err != nil {
		t.Fatal(err)
	}
	put := func(name string, b []byte) {
		t.Helper()
		up, err := d.Create(name)
		if err == nil {
			_, err = up.Write(b)
		}
		if err = errors.Join(err, up.Close()); err != nil {
			t.Fatal(err)
		}
	}
	x := &watched{World: w}
	x.service = capture.NewService(capture.ServiceOptions{
		Store: w.Store, Recordings: w.Service, Every: 50 * time.Millisecond,
		Drop: func(ctx context.Context, p *place.Place, s id.Source) (capture.Drop, error) {
			return drops.Drop(ctx, p, s)
		},
	})
	put("2026/11/a.json", []byte(`{"caller": "+442079460101", "direction": "inbound"}`))
	put("2026/11/a.wav", recordingtest.Tone(1, 1, time.Second))
	put("uploading.wav.filepart", recordingtest.Tone(9, 1, time.Second))
	if err := x.service.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(x.service.Stop)
	gone := func(name string) bool {
		_, err := fs.Stat(d.FS(), name)
		return errors.Is(err, fs.ErrNotExist)
	}
	until(t, "it is archived and has left the drop", func() bool { return len(x.listed(t)) == 1 && gone("2026/11/a.wav") })
	if c := x.listed(t)[0]; c.Direction != "inbound" || c.VerifiedAt.IsZero() {
		t.Errorf("%+v", c)
	}
	put("2026/11/a.wav", recordingtest.Tone(1, 1, time.Second)) // the answer to the first had been lost
	until(t, "what came again is gone again", func() bool { return gone("2026/11/a.wav") })
	for i := range 5 {
		put(fmt.Sprintf("b%d.wav", i), recordingtest.Tone(10+i, 1, time.Second))
	}
	until(t, "all are archived, and only the list and the upload under its temporary name wait", func() bool {
		n, _ := d.Usage()
		return len(x.listed(t)) == 6 && n == 2
	})
	if err := d.Rename("uploading.wav.filepart", "uploaded.wav", false); err != nil {
		t.Fatal(err)
	}
	until(t, "what was renamed is archived", func() bool { return len(x.listed(t)) == 7 })
}
