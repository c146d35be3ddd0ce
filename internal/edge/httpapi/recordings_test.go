package httpapi_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/actor"
	"ringfence/internal/edge/httpapi"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
)

func TestListAndDetail(t *testing.T) {
	w := newWorld(t)
	base := "/api/v1/customers/" + w.a.id.String() + "/recordings"
	super := w.as("superuser@a.example")
	var page httpapi.RecordingPage
	super.do("GET", base, nil).into(t, &page)
	if len(page.Items) != 2 || !page.May.Listen || !page.May.Download || page.May.Destroy {
		t.Fatalf("%+v", page)
	}
	got := super.do("GET", base+"?limit=1&direction=inbound", nil)
	got.into(t, &page)
	link := got.header.Get("Link")
	if len(page.Items) != 1 || page.NextCursor == "" || !strings.Contains(link, "direction=inbound") || !strings.Contains(link, "limit=1") || !strings.HasSuffix(link, `>; rel="next"`) {
		t.Fatalf("%q %+v", link, page)
	}
	first := page.Items[0].ID
	next := strings.TrimSuffix(strings.TrimPrefix(link, "<"), `>; rel="next"`)
	page = httpapi.RecordingPage{}
	super.do("GET", next, nil).into(t, &page)
	if len(page.Items) != 1 || page.Items[0].ID == first || page.NextCursor != "" {
		t.Errorf("the second page: %+v", page)
	}
	for query, n := range map[string]int{
		"?words=" + w.a.canary: 2, "?words=" + w.b.canary: 0, "?extension=999": 1, "?number=0161+496+0187": 2, "?min_seconds=5": 0,
		"?sentiment=negative": 2, "?state=done": 2, "?to=2020-01-01T00:00:00Z": 0, "?queue=support": 2,
	} {
		page = httpapi.RecordingPage{}
		super.do("GET", base+query, nil).into(t, &page)
		if len(page.Items) != n {
			t.Errorf("%s: %d items, want %d", query, len(page.Items), n)
		}
	}
	for _, bad := range []string{"?limit=9999", "?sort=name", "?cursor=x", "?direction=up", "?nonsense=1", "?from=yesterday", "?from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z", "?min_seconds=60&max_seconds=30"} {
		if got := super.do("GET", base+bad, nil); got.status != 422 || !strings.Contains(got.body, `"location":"query.`) {
			t.Errorf("%s: %d %s", bad, got.status, got.body)
		}
	}
	var d httpapi.RecordingDetail
	super.do("GET", base+"/"+w.a.mine.String(), nil).into(t, &d)
	if d.Caller.Name != w.a.canary+" Caller" || len(d.Renditions) != 1 || len(d.Renditions[0].SHA256) != 64 || len(d.Call.Recordings) != 1 {
		t.Errorf("%+v", d)
	}
}

// A transcription that failed and will be tried again says so, and why.
func TestAPutOffTranscriptionSaysWhyAndUntilWhen(t *testing.T) {
	w := newWorld(t)
	super := w.as("superuser@a.example")
	base := "/api/v1/customers/" + w.a.id.String() + "/recordings"
	until := time.Now().Add(time.Hour).Truncate(time.Millisecond).UTC()
	w.no(w.recordings.SetTranscriptState(w.Context(), w.a.p, actor.ForSystem("test"), w.a.mine, recording.TranscriptState{State: recording.TranscriptWorking}))
	w.no(w.a.p.Keep(w.Context(), func(tx *place.Tx) error {
		if err := job.Drop(tx, recording.JobTranscribe, w.a.mine.String()); err != nil {
			return err
		}
		_, err := job.Enqueue(tx, recording.JobTranscribe, recording.TranscribeArgs{Recording: w.a.mine}, job.Once(w.a.mine.String()), job.At(until), job.Because("the engine is busy"))
		return err
	}))
	var page httpapi.RecordingPage
	super.do("GET", base+"?state=working", nil).into(t, &page)
	var one httpapi.RecordingDetail
	super.do("GET", base+"/"+w.a.mine.String(), nil).into(t, &one)
	if len(page.Items) != 1 {
		t.Fatalf("%+v", page.Items)
	}
	for _, got := range []httpapi.TranscriptState{page.Items[0].Transcript, one.Transcript} {
		if got.State != "working" || got.Reason != "the engine is busy" || got.RetryAt == nil || !got.RetryAt.Equal(until) {
			t.Errorf("%+v, want until %v", got, until)
		}
	}
	page = httpapi.RecordingPage{}
	super.do("GET", base+"?state=done", nil).into(t, &page)
	for _, r := range page.Items {
		if r.Transcript.RetryAt != nil {
			t.Errorf("%+v", r.Transcript)
		}
	}
}

// Whoever sees the list and may not read transcripts must not find out by
// searching which words were said.
func TestSearchingWordsNeedsTheRightToReadThem(t *testing.T) {
	w := newWorld(t)
	base := "/api/v1/customers/" + w.a.id.String() + "/recordings"
	if got := w.as("customer_admin@a.example").do("GET", base+"?words=hello", nil); got.status != http.StatusForbidden {
		t.Error("the administrator searches words:", got.status)
	}
	var page httpapi.RecordingPage
	w.as("user@a.example").do("GET", base+"?words="+w.a.canary, nil).into(t, &page)
	if len(page.Items) != 1 || page.Items[0].ID != w.a.mine.String() {
		t.Errorf("a user finds %+v", page.Items)
	}
}

func TestOpeningsLeaveAReceiptFirst(t *testing.T) {
	w := newWorld(t)
	base := "/api/v1/customers/" + w.a.id.String()
	rec := base + "/recordings/" + w.a.mine.String()
	super, admin := w.as("superuser@a.example"), w.as("customer_admin@a.example")
	opened := func(what string) httpapi.Opening {
		t.Helper()
		var o httpapi.Opening
		got := super.do("POST", rec+"/openings", map[string]string{"what": what, "purpose": "complaint 7"})
		if got.status != 201 {
			t.Fatal(got)
		}
		got.into(t, &o)
		return o
	}
	listen, read, take := opened("listen"), opened("transcript"), opened("download")

	whole := super.do("GET", listen.SoundURL, nil)
	if whole.status != 200 || whole.header.Get("Content-Type") != "audio/wav" || whole.body[:4] != "RIFF" || whole.header.Get("Accept-Ranges") != "bytes" {
		t.Fatal(whole.status, whole.header)
	}
	part := super.do("GET", listen.SoundURL, nil, "Range", "bytes=1000-1999")
	if part.status != 206 || part.body != whole.body[1000:2000] {
		t.Error("a range differs from the whole:", part.status)
	}
	var peaks httpapi.Peaks
	super.do("GET", listen.PeaksURL, nil).into(t, &peaks)
	if len(peaks.Channels) != 2 || peaks.Seconds < 1.9 {
		t.Errorf("peaks: %d channels, %v seconds", len(peaks.Channels), peaks.Seconds)
	}
	got := super.do("GET", read.TranscriptURL, nil)
	if got.status != 200 || !strings.Contains(got.body, w.a.canary+" said hello") || strings.Contains(got.body, `"words":null`) {
		t.Error(got)
	}
	file := super.do("GET", take.DownloadURL, nil)
	if file.body != whole.body || !strings.HasPrefix(file.header.Get("Content-Disposition"), "attachment") {
		t.Error("the download differs from what is heard")
	}

	// An opening is for one way, one person and one session.
	for _, url := range []string{
		base + "/openings/" + read.ID + "/sound", base + "/openings/" + listen.ID + "/download", base + "/openings/" + listen.ID + "/transcript",
	} {
		if got := super.do("GET", url, nil); got.status != 404 {
			t.Errorf("%s: %d", url, got.status)
		}
	}
	other := w.browser()
	other.signIn("superuser@a.example")
	for _, c := range []*client{w.as("user@a.example"), other} {
		if got := c.do("GET", listen.SoundURL, nil); got.status != 404 {
			t.Error("somebody else's opening:", got.status)
		}
	}
	var d httpapi.RecordingDetail
	admin.do("GET", rec, nil).into(t, &d)
	var what []string
	for _, o := range d.Openings {
		if o.Purpose == "complaint 7" && o.Who == "Somebody" {
			what = append(what, o.What)
		}
	}
	if !slices.Equal(what, []string{"download", "transcript", "listen"}) {
		t.Errorf("who opened it before: %+v", d.Openings)
	}
	if got := admin.do("DELETE", rec, map[string]string{"reason": "asked for by the caller"}); got.status != 204 {
		t.Fatal(got)
	}
	for _, url := range []string{listen.SoundURL, read.TranscriptURL, rec} {
		if got := super.do("GET", url, nil); got.status != 410 && got.status != 404 {
			t.Errorf("%s of a destroyed recording: %d", url, got.status)
		}
	}
}

func TestSettingsOverHTTP(t *testing.T) {
	w := newWorld(t)
	base := "/api/v1/customers/" + w.a.id.String()
	admin := w.as("customer_admin@a.example")
	source := map[string]any{"name": "PBX", "kind": "folder", "profile": "asterisk", "folder": "/drop/x", "time_zone": "Europe/London", "queue_languages": []map[string]string{{"queue": "welsh", "language": "cy"}}}
	got := admin.do("POST", base+"/sources", source)
	var src httpapi.Source
	got.into(t, &src)
	if got.status != 201 || src.State != "active" || src.After != "keep" || len(src.QueueLanguages) != 1 {
		t.Fatal(got)
	}
	source["folder"] = "/etc"
	source["time_zone"] = "Mars/Olympus"
	if got := admin.do("POST", base+"/sources", source); got.status != 422 || !strings.Contains(got.body, `"location":"body.folder"`) {
		t.Error("a folder that the operator did not give:", got)
	}
	for body, want := range map[string]int{`{"days":30}`: 200, `{"days":null,"forever":true}`: 200, `{"days":null}`: 422, `{"days":0}`: 422, `{"days":1,"forever":true}`: 422, `{"days":0,"forever":true}`: 422, `{}`: 422} {
		if got := admin.do("PUT", base+"/retention", json.RawMessage(body)); got.status != want {
			t.Errorf("%s: %d %s", body, got.status, got.body)
		}
	}
	if got := admin.do("PUT", base+"/speech", map[string]string{"engine": "openai", "url": "https://speech.example/v1", "model": "m"}); got.status != 422 {
		t.Error("an engine elsewhere without purpose and region:", got)
	}
	if got := admin.do("GET", base+"/exposure", nil); got.status != 200 || !strings.Contains(got.body, "administers the machine") || !strings.Contains(got.body, "Superusers: Somebody") {
		t.Error(got)
	}
	csv := admin.do("POST", base+"/events/exports", map[string]string{"format": "csv"})
	if csv.status != 200 || !strings.HasPrefix(csv.header.Get("Content-Type"), "text/csv") || !strings.Contains(csv.body, "retention.set") {
		t.Error(csv)
	}
	var page httpapi.EventPage
	admin.do("GET", base+"/events?code=retention.set&limit=1", nil).into(t, &page)
	if len(page.Items) != 1 || page.NextCursor == "" || page.Items[0].Actor.Name != "Somebody" || page.Items[0].Meaning == "" && page.Items[0].Code == "" {
		t.Errorf("%+v", page)
	}
	if !bytes.Contains([]byte(admin.do("GET", base+"/events?limit=5", nil).body), []byte("opening.granted")) {
		t.Error("the export left no line in the change log")
	}
}

// Nobody who could reach something is left out of the page that says so.
func TestEveryRoleIsOnThePageOfWhoCouldReachWhat(t *testing.T) {
	known := httpapi.ExposedRoles()
	for _, r := range access.RolesAt("customer") {
		if !slices.Contains(known, r) {
			t.Errorf("%s is not", r)
		}
	}
}
