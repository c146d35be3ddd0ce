package recording_test

import (
	"fmt"
	"testing"

	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

// However many files need attention, each is on one page, and all are counted.
func TestAttentionIsPagedAndCounted(t *testing.T) {
	placetest.Run(t, recordingtest.Schemas(), func(t *testing.T, store *place.Store) {
		w := recordingtest.On(t, store, recording.Options{})
		other, err := w.Service.AddSource(t.Context(), w.Place, w.Who, recording.Source{Kind: recording.Collector, Name: "other", Profile: "generic"})
		if err != nil {
			t.Fatal(err)
		}
		const many = 603
		reports := make([]recording.Report, many)
		for i := range reports { // of one report, all share the time since when
			reports[i] = recording.Report{Source: w.Source.ID, Path: fmt.Sprintf("bad-%03d.wav", i), Reason: "no sound", Todo: "remove it"}
		}
		reports[0].Source = other.ID
		if err := w.Service.Report(t.Context(), w.Place, w.Who, reports...); err != nil {
			t.Fatal(err)
		}
		seen := map[id.File]bool{}
		ask := recording.PageAsk{Limit: 200}
		for pages := 1; ; pages++ {
			page, err := w.Service.ListAttention(t.Context(), w.Place, ask)
			if err != nil || page.Total != many {
				t.Fatalf("page %d: %d in total, %v", pages, page.Total, err)
			}
			for _, a := range page.Items {
				seen[a.File] = true
			}
			if ask.Cursor = page.Next; ask.Cursor == "" {
				if pages != 4 || len(page.Items) != 3 {
					t.Errorf("%d pages, %d on the last", pages, len(page.Items))
				}
				break
			}
		}
		if len(seen) != many {
			t.Errorf("%d of %d files are on the pages", len(seen), many)
		}
		counts, err := w.Service.CountAttention(t.Context(), w.Place)
		if err != nil || counts[w.Source.ID].Files != many-1 || counts[other.ID].Files != 1 || counts[other.ID].Since.IsZero() {
			t.Errorf("%+v, %v", counts, err)
		}
		if all, err := w.Service.Attention(t.Context(), w.Place); err != nil || len(all) != many {
			t.Errorf("%d files, %v", len(all), err)
		}
		if all, err := w.Service.Attention(t.Context(), w.Place, other.ID); err != nil || len(all) != 1 || all[0].Path != "bad-000.wav" {
			t.Errorf("%+v, %v", all, err)
		}
		for _, bad := range []recording.PageAsk{{Limit: 201}, {Cursor: "x"}, {Cursor: "LXN0YXJ0ZWRfYXR8MXwxfA"}} {
			if _, err := w.Service.ListAttention(t.Context(), w.Place, bad); !fault.Is(err, fault.Invalid) {
				t.Errorf("%+v: %v", bad, err)
			}
		}
	})
}
