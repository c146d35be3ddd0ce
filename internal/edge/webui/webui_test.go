package webui

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"ringfence/web"
)

func built() fs.FS {
	return fstest.MapFS{
		"index.html":          {Data: []byte("<!doctype html><title>Ringfence</title>")},
		"favicon.svg":         {Data: []byte("<svg/>")},
		".gitkeep":            {},
		"assets/page-1a2b.js": {Data: []byte("export {}")},
	}
}

func ask(h http.Handler, method, target string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, target, nil))
	return w
}

func TestServing(t *testing.T) {
	const page, forever = "no-cache", "public, max-age=31536000, immutable"
	for _, c := range []struct {
		target, kind, cache string
		status              int
	}{
		{"/", "text/html", page, 200},
		{"/index.html", "text/html", page, 200},
		{"/c/org_1/recordings?q=1", "text/html", page, 200},
		{"/assets", "text/html", page, 200},
		{"/.gitkeep", "text/html", page, 200},
		{"/assets/page-1a2b.js", "text/javascript", forever, 200},
		{"/assets/page-gone.js", "text/plain", "", 404},
		{"/assets/../index.html", "text/html", page, 200},
		{"/favicon.svg", "image/svg+xml", page, 200},
		{"/api", "application/problem+json", "no-store", 404},
		{"/api/v1/nothing", "application/problem+json", "no-store", 404},
		{"/x/../api/v1/nothing", "application/problem+json", "no-store", 404},
	} {
		w := ask(New(built()), "GET", c.target)
		if w.Code != c.status || !strings.HasPrefix(w.Header().Get("Content-Type"), c.kind) {
			t.Errorf("%s: %d %s, want %d %s", c.target, w.Code, w.Header().Get("Content-Type"), c.status, c.kind)
		}
		if got := w.Header().Get("Cache-Control"); got != c.cache {
			t.Errorf("%s: Cache-Control %q, want %q", c.target, got, c.cache)
		}
		if w.Header().Get("Content-Security-Policy") != Policy || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: security headers are missing", c.target)
		}
	}
}

func TestPageIsNotSentTwice(t *testing.T) {
	h := New(built())
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("If-None-Match", ask(h, "GET", "/").Header().Get("ETag"))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusNotModified {
		t.Fatalf("got %d, want 304", w.Code)
	}
}

func TestOnlyReading(t *testing.T) {
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
		if w := ask(New(built()), method, "/"); w.Code != 405 || w.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %d", method, w.Code)
		}
	}
}

func TestNotBuilt(t *testing.T) {
	h := New(fstest.MapFS{".gitkeep": {}})
	if h.Built() {
		t.Fatal("an empty folder counts as built")
	}
	if w := ask(h, "GET", "/c/org_1"); w.Code != 503 || !strings.Contains(w.Body.String(), "make build") {
		t.Errorf("got %d %q", w.Code, w.Body)
	}
	if w := ask(h, "GET", "/api/v1/me"); w.Code != 404 {
		t.Errorf("the API answers %d", w.Code)
	}
}

// Whatever state the clone is in, the binary starts and answers one of the two.
func TestEmbedded(t *testing.T) {
	h := New(web.Files())
	want := map[bool]int{true: 200, false: 503}[h.Built()]
	if w := ask(h, "GET", "/"); w.Code != want {
		t.Errorf("built %v answers %d", h.Built(), w.Code)
	}
}
