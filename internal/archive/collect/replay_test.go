package collect

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/platform/place"
)

// releases are those whose traffic is kept: the server takes each of them.
func releases(t *testing.T) []string {
	t.Helper()
	all, err := filepath.Glob("testdata/releases/*")
	if err != nil || len(all) == 0 {
		t.Fatal("no traffic of an earlier release is kept:", err)
	}
	return all
}

func readTraffic(t *testing.T, dir string) (said traffic) {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, "traffic.json.gz"))
	fine(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	fine(t, err)
	fine(t, json.NewDecoder(z).Decode(&said))
	return said
}

// earlier is a release's installation, opened by this program, at the moment at
// which its box spoke.
func earlier(t *testing.T, dir string) (*world, traffic) {
	t.Helper()
	home := t.TempDir()
	unpack(t, filepath.Join(dir, "world.tar.gz"), home)
	for _, dir := range []string{"objects1", "objects2"} { // they were empty, and are made anew
		fine(t, os.RemoveAll(filepath.Join(home, dir)))
	}
	w, err := openWorld(t.Context(), home, nil)
	fine(t, err)
	t.Cleanup(w.close)
	said := readTraffic(t, dir)
	w.server.epoch = said.Epoch
	w.server.now = func() time.Time { return said.At }
	// Codes count for a day, and that day is long over.
	fine(t, w.place.Keep(t.Context(), func(tx *place.Tx) error {
		_, err := tx.Exec(`UPDATE collect_devices SET code_until = ?`, tx.At().Add(time.Hour).UnixMilli())
		return err
	}))
	return w, said
}

// What the boxes of earlier releases said is answered as it was then, byte by
// byte as they sent it, and their recordings arrive. This holds for each release
// that was recorded, and says nothing of one that was not: see records_test.go.
func TestEarlierReleasesAreUnderstood(t *testing.T) {
	for _, dir := range releases(t) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			w, said := earlier(t, dir)
			for i, e := range said.Exchanges {
				out := replayed(w.server, e)
				if out.Code != e.Status || out.Header().Get("Upload-Offset") != e.Offset {
					t.Fatalf("%d: %s %s is answered %d %s, and was %d", i, e.Method, e.Path, out.Code, out.Body, e.Status)
				}
				sameAnswer(t, e, out.Body.Bytes())
			}
			all, err := w.recordings(t.Context())
			if err != nil || len(all) != 2 {
				t.Fatalf("%d recordings, %v", len(all), err)
			}
			for _, r := range all {
				o, err := w.archive.Open(t.Context(), w.place, admin.For("test"), r.ID, recording.Ask{What: "listen"})
				fine(t, err)
				if _, err := o.WAV(t.Context()); err != nil || r.VerifiedAt.IsZero() {
					t.Errorf("a recording of an earlier release cannot be heard: %v", err)
				}
				o.Close()
			}
			if files, err := w.archive.Attention(t.Context(), w.place); err != nil || len(files) != 1 {
				t.Errorf("%d files need attention, %v", len(files), err)
			}
			d, err := w.server.Devices(t.Context(), w.place)
			if err != nil || d[0].Protocol != 1 || d[0].Release != "" || d[0].Clock == nil {
				t.Errorf("%+v %v", d, err)
			}
		})
	}
}

func replayed(h http.Handler, e exchange) *httptest.ResponseRecorder {
	r := httptest.NewRequest(e.Method, e.Path, bytes.NewReader(e.Body))
	for k, v := range e.Headers {
		r.Header.Set(k, v)
	}
	out := httptest.NewRecorder()
	h.ServeHTTP(out, r)
	return out
}

// sameAnswer compares what an earlier box reads of an answer: each field that
// was there is there, and means the same.
func sameAnswer(t *testing.T, e exchange, now []byte) {
	t.Helper()
	then, is := meaning(e.Answer), meaning(now)
	for k, v := range then {
		switch k {
		case "at", "detail", "signature", "body":
			continue
		}
		if got := string(is[k]); got != string(v) {
			t.Errorf("%s %s: %s is %s, and was %s", e.Method, e.Path, k, got, v)
		}
	}
}

// meaning is an answer's fields; of a signed one, those of what is signed.
func meaning(b []byte) map[string]json.RawMessage {
	var s Signed
	if json.Unmarshal(b, &s) == nil && len(s.Body) > 0 {
		b = s.Body
	}
	out := map[string]json.RawMessage{}
	_ = json.Unmarshal(b, &out) // an empty answer has none
	return out
}

// A box whose protocol is not spoken any more is told so in words that its
// terminal shows, loses nothing, and may still fetch a release.
func TestATooOldBoxIsToldAndKeepsItsSources(t *testing.T) {
	dir := releases(t)[0]
	w, said := earlier(t, dir)
	w.server.oldest = 2
	told := 0
	for _, e := range said.Exchanges {
		out := replayed(w.server, e)
		if strings.HasSuffix(e.Path, "/enrol") || e.Status == http.StatusUnauthorized {
			continue
		}
		var p problem
		if err := json.Unmarshal(out.Body.Bytes(), &p); err != nil || out.Code != http.StatusUpgradeRequired || p.Code != codeTooOld || !strings.Contains(p.Detail, "too old") {
			t.Errorf("%s %s: %d %s", e.Method, e.Path, out.Code, out.Body)
		}
		told++
	}
	if all, err := w.recordings(t.Context()); told == 0 || err != nil || len(all) != 0 {
		t.Fatalf("told %d times, %d recordings, %v", told, len(all), err)
	}
	if final(&refusal{Status: http.StatusUpgradeRequired, Code: codeTooOld}) {
		t.Error("the box would end instead of waiting for its upgrade")
	}
}

// A new box beside a too old sort of server, and the other way round: sources
// stay, and each says why.
func TestABoxThatTheServerDoesNotSpeakWith(t *testing.T) {
	w := newWorld(t)
	w.enrol()
	a := wavFile(t, w.from, "a.wav", 1, 2)
	w.server.oldest = newestProtocol + 1
	events, err := w.collect(func(o *Options) { o.After, o.Patience = Delete, time.Millisecond })
	if err == nil && len(w.archived()) != 0 || !exists(a) {
		t.Fatalf("%v, %d archived", err, len(w.archived()))
	}
	shown := false
	for _, e := range events {
		shown = shown || strings.Contains(e.Text, "too old")
	}
	if !shown {
		t.Errorf("nobody is told: %+v", events)
	}
	w.server.oldest = oldestProtocol
	w.mustCollect(nil)
	if len(w.archived()) != 1 {
		t.Error("it did not go on")
	}
}

// A server of release 0.1 knows no hello: the box speaks as that release did.
func TestAnEarlierServer(t *testing.T) {
	w := newWorld(t)
	w.enrol()
	wavFile(t, w.from, "a.wav", 1, 2)
	w.front.serve(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, helloPath) {
			rw.Header().Set("Content-Type", "application/problem+json")
			rw.WriteHeader(http.StatusNotFound)
			rw.Write([]byte(`{"title":"Not Found","status":404,"detail":"there is nothing here"}`))
			return
		}
		w.server.ServeHTTP(&withoutTime{rw}, r)
	}))
	w.mustCollect(nil)
	if len(w.archived()) != 1 {
		t.Fatal("it does not work with an earlier server")
	}
	if st, err := ReadStatus(w.state); err != nil || st.Protocol != 1 {
		t.Errorf("%+v %v", st, err)
	}
}

// withoutTime leaves out what earlier servers did not send.
type withoutTime struct{ http.ResponseWriter }

func (w *withoutTime) WriteHeader(status int) {
	w.Header().Del(timeHeader)
	w.ResponseWriter.WriteHeader(status)
}
