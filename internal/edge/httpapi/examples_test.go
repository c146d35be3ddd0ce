package httpapi_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"ringfence/internal/edge/httpapi"
	"ringfence/internal/tenancy/org"
	"ringfence/internal/trust/monitor"
)

var keepExamples = flag.Bool("examples", false, "write examples.json anew, of what the tests of this run have asked")

// diary notes the first good answer of each operation that any test has asked
// for: the examples of the reference, which were thus all once true.
var diary = struct {
	sync.Mutex
	seen map[string]httpapi.Example
}{seen: map[string]httpapi.Example{}}

// note keeps an exchange as an example, if it is the best of its operation yet.
func (w *world) note(method, path string, body []byte, r response) {
	if !*keepExamples || r.status > 299 || r.status == 101 {
		return
	}
	path, _, _ = strings.Cut(path, "?")
	rt, ok := operationOf(w.api.Routes(), method, path)
	if !ok {
		return
	}
	e := httpapi.Example{Request: method + " " + path, Body: harmlessJSON(body), Status: r.status}
	if kind := r.header.Get("Content-Type"); strings.Contains(kind, "json") {
		e.Answer = shortened(harmlessJSON([]byte(r.body)))
	} else if r.body != "" {
		e.Type, _, _ = strings.Cut(kind, ";")
	}
	e.Request = string(harmlessJSON([]byte(e.Request)))
	diary.Lock()
	defer diary.Unlock()
	if old, ok := diary.seen[rt.ID]; ok && (len(old.Answer) >= len(e.Answer) || len(old.Answer) > 200) {
		return
	}
	if len(e.Answer) <= 8000 {
		diary.seen[rt.ID] = e
	}
}

func operationOf(routes []httpapi.RouteInfo, method, path string) (httpapi.RouteInfo, bool) {
	parts := strings.Split(path, "/")
	for _, rt := range routes {
		pattern := strings.Split(rt.Path, "/")
		if rt.Method == method && slices.EqualFunc(parts, pattern, func(a, b string) bool { return a == b || strings.HasPrefix(b, "{") && a != "" }) {
			return rt, true
		}
	}
	return httpapi.RouteInfo{}, false
}

var (
	anID      = regexp.MustCompile(`\b([a-z]{3})_[0-9a-hjkmnp-tv-z]{26}\b`)
	aTime     = regexp.MustCompile(`\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)
	aSecret   = regexp.MustCompile(`"(secret|token|enrolment_code|password|code|session|recovery_codes?|uri|qr)":\s*"[^"]*"`)
	aPort     = regexp.MustCompile(`127\.0\.0\.1:\d+`)
	aCanary   = strings.NewReplacer("Zebrawood", "Oak & Ember", "Quagmire", "Oak & Ember")
	longBytes = regexp.MustCompile(`"([A-Za-z0-9+/_=-]{80,})"`)
)

// harmlessJSON makes an exchange of a test fit to be read: ids, times and secrets
// that change with each run are put as examples of themselves.
func harmlessJSON(text []byte) json.RawMessage {
	if len(text) == 0 {
		return nil
	}
	s := anID.ReplaceAllString(string(text), "${1}_06b3k0000000000000000000000")
	s = aTime.ReplaceAllString(s, "2026-11-02T09:00:00Z")
	s = aSecret.ReplaceAllString(s, `"$1":"…"`)
	s = longBytes.ReplaceAllString(s, `"…"`)
	s = aPort.ReplaceAllString(s, "calls.example.com")
	return json.RawMessage(aCanary.Replace(s))
}

// shortened is an answer that can be read in a reference: of a long one, lists
// keep their first entries and texts their beginning.
func shortened(text json.RawMessage) json.RawMessage {
	const most, few, begins = 8000, 5, 120
	var all any
	if len(text) <= most || json.Unmarshal(text, &all) != nil {
		return text
	}
	var cut func(any) any
	cut = func(v any) any {
		switch v := v.(type) {
		case []any:
			v = v[:min(few, len(v))]
			for i := range v {
				v[i] = cut(v[i])
			}
			return v
		case map[string]any:
			for name := range v {
				v[name] = cut(v[name])
			}
		case string:
			if r := []rune(v); len(r) > begins {
				return string(r[:begins]) + "…"
			}
		}
		return v
	}
	short, err := json.Marshal(cut(all))
	if err != nil {
		return text
	}
	return short
}

const examplesFile = "examples.json"

// saveExamples writes what was noted over what there was, and drops operations
// that are no more.
func saveExamples() error {
	if !*keepExamples {
		return nil
	}
	all, err := httpapi.Examples()
	if err != nil {
		return err
	}
	maps.Copy(all, diary.seen)
	known := map[string]bool{}
	for _, rt := range httpapi.New(httpapi.Deps{}).Routes() {
		known[rt.ID] = true
	}
	maps.DeleteFunc(all, func(op string, _ httpapi.Example) bool { return !known[op] })
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(all); err != nil {
		return err
	}
	fmt.Println("examples.json:", len(all), "of", len(known), "operations")
	return os.WriteFile(examplesFile, out.Bytes(), 0o644)
}

// unasked are operations that no test of this package asks for yet, and which
// therefore have no example: passkeys need an authenticator, which the browser's
// tests have; pick-up, imports and telephone systems need the systems that the
// tests of archive have; the others are asked for by curl or over a socket.
var unasked = strings.Fields(`
	addPasskey askPasskey beginPasskey removePasskey signInPasskey stepUpPasskey
	startImport getImportReport
	opus verifyIdentityDomain nodeReviewPaper`)

// Each operation has an example, and each example still is what the description
// says: an answer with a field more or less was of another server.
func TestEveryOperationHasAnExample(t *testing.T) {
	all, err := httpapi.Examples()
	if err != nil {
		t.Fatal(err)
	}
	s := httpapi.New(httpapi.Deps{})
	for _, rt := range s.Routes() {
		e, ok := all[rt.ID]
		switch {
		case !ok && slices.Contains(unasked, rt.ID):
			continue
		case ok && slices.Contains(unasked, rt.ID):
			t.Errorf("%s has an example: take it off the list of those that have none", rt.ID)
		case !ok:
			t.Errorf("%s has no example: have a test ask for it, then go test ./internal/edge/httpapi -examples", rt.ID)
			continue
		}
		method, path, _ := strings.Cut(e.Request, " ")
		if got, ok := operationOf([]httpapi.RouteInfo{rt}, method, path); !ok || got.ID != rt.ID {
			t.Errorf("%s: its example asks for %s", rt.ID, e.Request)
		}
		for _, fault := range misfits(s.OpenAPI(), rt, e) {
			t.Errorf("%s: %s; go test ./internal/edge/httpapi -examples", rt.ID, fault)
		}
	}
	for op := range all {
		if !slices.ContainsFunc(s.Routes(), func(rt httpapi.RouteInfo) bool { return rt.ID == op }) {
			t.Errorf("an example of %s, which is no operation", op)
		}
	}
}

// Where the reference lists the kinds of alert by example, it lists all.
func TestTheReferenceKnowsEveryKindOfAlert(t *testing.T) {
	all, err := httpapi.Examples()
	if err != nil {
		t.Fatal(err)
	}
	for _, op := range []string{"alertSetup", "nodeAlertSetup", "setAlertSettings", "setNodeAlertSettings"} {
		for _, r := range monitor.Rules {
			if !strings.Contains(string(all[op].Answer), `"`+string(r.Kind)+`"`) {
				t.Errorf("%s: %s is not in its example; go test ./internal/edge/httpapi -examples", op, r.Kind)
			}
		}
	}
}

// misfits says where an example is not what the description says. What is given
// as it is (a signed paper) and SCIM's resources (RFC 7643) have shapes of their
// own, which the description leaves to them.
func misfits(d *huma.OpenAPI, rt httpapi.RouteInfo, e httpapi.Example) (all []string) {
	if rt.Plain || len(e.Answer) == 0 {
		return nil
	}
	for _, item := range d.Paths {
		for _, o := range []*huma.Operation{item.Get, item.Put, item.Post, item.Delete, item.Patch} {
			if o == nil || o.OperationID != rt.ID {
				continue
			}
			r := o.Responses[strconv.Itoa(e.Status)]
			if r == nil || r.Content["application/json"] == nil {
				return []string{"the description knows no such answer: " + strconv.Itoa(e.Status)}
			}
			var v any
			if err := json.Unmarshal(e.Answer, &v); err != nil {
				return []string{err.Error()}
			}
			res := &huma.ValidateResult{}
			huma.Validate(d.Components.Schemas, r.Content["application/json"].Schema, huma.NewPathBuffer(nil, 0), huma.ModeReadFromServer, v, res)
			for _, err := range res.Errors {
				all = append(all, err.Error())
			}
		}
	}
	return all
}

// The reference is served by the program itself: no script, nothing from elsewhere.
func TestTheReference(t *testing.T) {
	w := newWorld(t)
	got := w.browser().do("GET", "/api/docs", nil)
	if got.status != 200 || !strings.HasPrefix(got.header.Get("Content-Type"), "text/html") || got.header.Get("Content-Security-Policy") != "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'" {
		t.Fatal(got.status, got.header)
	}
	for _, bad := range []string{"<script", "http://", "https://cdn", "@import", "src="} {
		if strings.Contains(strings.ToLower(regexp.MustCompile(`(?s)<pre.*?</pre>`).ReplaceAllString(got.body, "")), bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
	for _, rt := range w.api.Routes() {
		if !strings.Contains(got.body, `id="op-`+rt.ID+`"`) {
			t.Errorf("%s is missing", rt.ID)
		}
	}
	if got := w.browser().do("GET", "/api/docs/style.css", nil); got.status != 200 || got.header.Get("Content-Type") != "text/css; charset=utf-8" {
		t.Error(got.status, got.header)
	}
}

// What is left of a customer's requests is said in each answer, and a refusal
// says how long to wait.
func TestWhatIsLeftIsSaid(t *testing.T) {
	w := newWorld(t)
	admin := w.as("customer_admin@a.example")
	path := "/api/v1/customers/" + w.a.id.String() + "/quota"
	if got := admin.do("GET", path, nil); got.header.Get("RateLimit") != "" || got.header.Get("RateLimit-Policy") != "" {
		t.Error("there is no limit:", got.header)
	}
	w.no(w.tree.SetQuota(t.Context(), system, w.a.id, org.Quota{org.Requests: 1}))
	var last response
	for range 10 {
		if last = admin.do("GET", path, nil); last.status != 200 {
			break
		}
		if last.header.Get("RateLimit-Policy") != `"requests";q=2;w=2` || !regexp.MustCompile(`^"requests";r=[01];t=[12]$`).MatchString(last.header.Get("RateLimit")) {
			t.Fatal(last.header)
		}
	}
	if last.status != http.StatusTooManyRequests || last.header.Get("Retry-After") != "1" || last.header.Get("RateLimit") != `"requests";r=0;t=2` {
		t.Error(last.status, last.header)
	}
}
