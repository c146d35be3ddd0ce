package phonesystem_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ringfence/internal/archive/capture"
	"ringfence/internal/archive/phonesystem"
	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/egress"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

// TestSystems: what a system lists is fetched once, joined by its profile with what it said, and not fetched again after a restart.
func TestSystems(t *testing.T) {
	placetest.Run(t, schemas(), func(t *testing.T, store *place.Store) {
		for _, system := range phonesystem.Systems() {
			t.Run(system, func(t *testing.T) {
				w := recordingtest.On(t, store, recording.Options{})
				n := map[string]int{"3cx": 103, "yeastar": 203}[system] // more than a page
				p := newPBX(t, n)
				a := ask(t, w, system, p.URL)
				for range 3 {
					if err := a.look(t); err != nil {
						t.Fatal(err)
					}
				}
				if got := len(a.sounds(t)); got != n {
					t.Fatalf("%d of %d recordings", got, n)
				}
				calls := dryRun(t, system, a.dir)
				if len(calls) != n {
					t.Fatalf("%d calls", len(calls))
				}
				for _, c := range calls {
					if c.Direction != capture.Inbound || c.Caller != "+447700900123" || len(c.Agents) != 1 || c.Agents[0].Extension != "201" || len(c.Files) != 1 || !c.Named() {
						t.Fatalf("%+v", c)
					}
				}
				if st, err := a.Standing(t.Context(), a.Place, a.source); err != nil || st.Fetched != int64(n) || st.Waiting != 0 || !st.Settings.Secret.IsZero() {
					t.Fatalf("%+v %v", st, err)
				}
				downloads := p.asked["download"] + p.asked["/openapi/v1.0/recording/download"]
				p.mu.Lock()
				p.calls = append(p.calls, p.calls[len(p.calls)-1].Add(time.Minute))
				p.mu.Unlock()
				a.open(t)
				if err := a.look(t); err != nil {
					t.Fatal(err)
				}
				if more := p.asked["download"] + p.asked["/openapi/v1.0/recording/download"] - downloads; more != 1 || len(a.sounds(t)) != n+1 {
					t.Fatalf("%d fetched after one call more", more)
				}
				words, _ := filepath.Glob(filepath.Join(a.dir, "*.json"))
				for _, name := range words[:3] {
					if b, err := os.ReadFile(name); err != nil || strings.Contains(string(b), "not ours to take") {
						t.Fatalf("%s: %s %v", name, b, err)
					}
				}
				ledger, err := egress.List(t.Context(), a.Place, "", 5)
				if err != nil || len(ledger.Items) == 0 || ledger.Items[0].Engine != system || ledger.Items[0].Subject != a.source.String() {
					t.Fatalf("%+v %v", ledger, err)
				}
			})
		}
	})
}

func dryRun(t *testing.T, system, dir string) []capture.Call {
	t.Helper()
	p, err := capture.New(capture.Options{Profile: system, Folder: dir, DryRun: true, Zone: time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	b, err := p.Poll(t.Context(), time.Now())
	if err != nil || len(b.Problems) > 0 {
		t.Fatal(b.Problems, err)
	}
	return b.Calls
}

// TestFaults: what goes wrong is told in plain words, and mended where it can be.
func TestFaults(t *testing.T) {
	once := func(path string, status int, body string, header map[string]string) func(string, int) (int, string, map[string]string) {
		return func(p string, n int) (int, string, map[string]string) {
			if p == path && n == 1 {
				return status, body, header
			}
			return 0, "", nil
		}
	}
	always := func(path string, status int, body string) func(string, int) (int, string, map[string]string) {
		return func(p string, n int) (int, string, map[string]string) {
			if p == path {
				return status, body, nil
			}
			return 0, "", nil
		}
	}
	const search = "/openapi/v1.0/cdr/search"
	for name, c := range map[string]struct {
		system  string
		fault   func(string, int) (int, string, map[string]string)
		expired int
		want    string // in the fault; "": none, and everything is fetched
		after   time.Duration
	}{
		"token ends in the middle of a list": {"3cx", once("/xapi/v1/Recordings", 401, "", nil), 0, "", 0},
		"token of a Yeastar ends":            {"yeastar", once(search, 200, `{"errcode":10004,"errmsg":"ACCESS TOKEN EXPIRED"}`, nil), 0, "", 0},
		"a link that has run out":            {"yeastar", nil, 1, "", 0},
		"licence without the API":            {"3cx", always("/xapi/v1/Recordings", 403, ""), 0, "licence", 0},
		"API switched off":                   {"yeastar", always(search, 200, `{"errcode":10002,"errmsg":"API IS DISABLED"}`), 0, "switch it on", 0},
		"its own fault":                      {"3cx", always("/xapi/v1/Recordings", 500, "oops"), 0, "fault of its own", 0},
		"asked too often":                    {"3cx", once("/xapi/v1/Recordings", 429, "", map[string]string{"Retry-After": "90"}), 0, "too often", 90 * time.Second},
		"no such system":                     {"3cx", always("/connect/token", 404, "page not found"), 0, "no 3CX", 0},
		"another system":                     {"yeastar", always("/openapi/v1.0/get_token", 200, "<html>"), 0, "no Yeastar", 0},
		"an old 3CX":                         {"3cx", always("/xapi/v1/Recordings", 404, ""), 0, "older than version 20", 0},
		"leads on":                           {"3cx", always("/connect/token", 302, ""), 0, "leads on", 0},
		"a size that lies":                   {"3cx", once("download", 200, "short", map[string]string{"Content-Length": "100"}), 0, "cannot be reached", 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := recordingtest.On(t, placetest.New(t, schemas()), recording.Options{})
			p := newPBX(t, 3)
			a := ask(t, w, c.system, p.URL)
			p.fault, p.expired = c.fault, c.expired
			err := a.look(t)
			if c.want == "" {
				if err != nil || len(a.sounds(t)) != 3 {
					t.Fatalf("%d recordings: %v", len(a.sounds(t)), err)
				}
				return
			}
			f := fault.Of(err)
			if !strings.Contains(f.Text, c.want) || f.RetryAfter != c.after {
				t.Fatalf("%q after %s, %v", f.Text, f.RetryAfter, err)
			}
			if src, err := w.Service.Source(t.Context(), w.Place, a.source); err != nil || src.State != "failing" || src.Note != f.Text {
				t.Fatalf("%+v %v", src, err)
			}
			p.fault = nil
			if err := a.look(t); err != nil || len(a.sounds(t)) != 3 {
				t.Fatalf("when it was mended, %d recordings: %v", len(a.sounds(t)), err)
			}
			if src, err := w.Service.Source(t.Context(), w.Place, a.source); err != nil || src.State != "active" {
				t.Fatalf("%+v %v", src, err)
			}
		})
	}
}

// TestGone: a recording that the system lists and does not give out stops no other, and ends on the list of what needs attention.
func TestGone(t *testing.T) {
	w := recordingtest.On(t, placetest.New(t, schemas()), recording.Options{})
	p := newPBX(t, 3)
	a := ask(t, w, "3cx", p.URL)
	gone := 0
	p.fault = func(path string, n int) (int, string, map[string]string) {
		if path == "download" && gone < 8 && (n == 1 || n > 3) {
			gone++
			return 404, "", nil
		}
		return 0, "", nil
	}
	for range 10 {
		if err := a.look(t); err != nil {
			t.Fatal(err)
		}
		a.now = a.now.Add(2 * time.Hour)
	}
	files, err := w.Service.Attention(t.Context(), w.Place)
	if err != nil || len(files) != 1 || !strings.Contains(files[0].Reason, "does not give it out") || len(a.sounds(t)) != 2 {
		t.Fatalf("%+v, %d recordings, %v", files, len(a.sounds(t)), err)
	}
}

// TestSettingsOfSystems: faults are told together, a secret does not follow to another host, and a test fetches nothing.
func TestSettingsOfSystems(t *testing.T) {
	w := recordingtest.On(t, placetest.New(t, schemas()), recording.Options{})
	p := newPBX(t, 3)
	a := ask(t, w, "3cx", p.URL)
	set := func(s phonesystem.Settings) error { return a.Set(t.Context(), a.Place, a.Who, a.source, s) }
	if f := fault.Of(set(phonesystem.Settings{System: "avaya", Address: "pbx"})); len(f.Details) != 4 {
		t.Fatalf("%+v", f)
	}
	if err := set(phonesystem.Settings{System: "3cx", Address: p.URL, ClientID: "ringfence"}); err != nil {
		t.Fatalf("the secret stays: %v", err)
	}
	if err := set(phonesystem.Settings{System: "3cx", Address: "https://elsewhere.example", ClientID: "ringfence"}); !fault.Is(err, fault.Invalid) {
		t.Fatalf("the stored secret would have been sent to another host: %v", err)
	}
	seen, err := a.Test(t.Context(), a.Place, a.Who, a.source, phonesystem.Settings{System: "3cx", Address: p.URL, ClientID: "ringfence"})
	if err != nil || !seen.Answers || seen.Recordings != 3 || len(a.sounds(t)) != 0 {
		t.Fatalf("%+v %v", seen, err)
	}
	seen, err = a.Test(t.Context(), a.Place, a.Who, a.source, phonesystem.Settings{System: "3cx", Address: p.URL, ClientID: "ringfence", Secret: secret.NewText("wrong")})
	if err != nil || seen.Answers || !strings.Contains(seen.Text, "secret is wrong") {
		t.Fatalf("%+v %v", seen, err)
	}
}
