package httpapi_test

import (
	"net/http/httptest"
	"testing"

	"ringfence/internal/platform/place"
)

// FuzzCookie: whatever a browser sends as cookies and a machine as its token,
// it is this session or token, or it is nobody's; nothing panics.
func FuzzCookie(f *testing.F) {
	d := newDoor(f, place.Config{Dir: f.TempDir()})
	f.Add("ringfence_session=x", "")
	f.Add("ringfence_session=; ringfence_session=y", "Bearer rft_")
	f.Add(`ringfence_session="a b"; =; ;`, "bearer  rfn_x")
	f.Add("__Host-ringfence_session=x", "Basic YTpi")
	f.Fuzz(func(t *testing.T, cookie, authorization string) {
		r := httptest.NewRequest("GET", d.path+"/usage", nil)
		r.RemoteAddr = "192.0.2.19:4711"
		r.Header["Cookie"] = []string{cookie}
		if authorization != "" {
			r.Header["Authorization"] = []string{authorization}
		}
		w := httptest.NewRecorder()
		d.handler.ServeHTTP(w, r)
		if w.Code != 401 {
			t.Fatalf("%q %q: %d %s", cookie, authorization, w.Code, w.Body.String())
		}
	})
}
