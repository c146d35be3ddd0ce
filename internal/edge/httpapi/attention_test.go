package httpapi_test

import (
	"fmt"
	"strings"
	"testing"

	"ringfence/internal/archive/recording"
	"ringfence/internal/edge/httpapi"
)

// What needs attention comes in pages, and a source counts it apart from what waits.
func TestAttentionIsPagedAndCountedApart(t *testing.T) {
	w := newWorld(t)
	base := "/api/v1/customers/" + w.a.id.String()
	admin := w.as("customer_admin@a.example")
	had := len(must[[]recording.Attention](w)(w.recordings.Attention(w.Context(), w.a.p, w.a.source)))
	for i := range 3 {
		w.no(w.recordings.Report(w.Context(), w.a.p, system, recording.Report{Source: w.a.source, Path: fmt.Sprintf("bad-%d.wav", i), Size: 3, Reason: "no sound", Todo: "look at it"}))
	}
	var page httpapi.AttentionPage
	seen := map[string]bool{}
	for next := base + "/attention?limit=2"; next != ""; {
		got := admin.do("GET", next, nil)
		page = httpapi.AttentionPage{}
		got.into(t, &page)
		if page.Total != int64(had+3) || len(page.Items) == 0 {
			t.Fatalf("%s: %+v", next, page)
		}
		for _, a := range page.Items {
			seen[a.File] = true
		}
		next = strings.TrimSuffix(strings.TrimPrefix(got.header.Get("Link"), "<"), `>; rel="next"`)
		if (next == "") != (page.NextCursor == "") {
			t.Fatalf("link %q, cursor %q", next, page.NextCursor)
		}
	}
	if len(seen) != had+3 || !seen["bad-0.wav"] {
		t.Errorf("%v", seen)
	}
	if got := admin.do("GET", base+"/attention?cursor=x", nil); got.status != 422 || !strings.Contains(got.body, `"location":"query.cursor"`) {
		t.Error(got)
	}
	var src httpapi.Source
	admin.do("GET", base+"/sources/"+w.a.source.String(), nil).into(t, &src)
	if src.FilesAttention != int64(had+3) || src.FilesWaiting != 0 {
		t.Errorf("%d need attention, %d wait", src.FilesAttention, src.FilesWaiting)
	}
}
