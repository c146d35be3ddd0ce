package server_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"ringfence/internal/app/apptest"
	"ringfence/internal/app/config"
	"ringfence/internal/app/server"
	"ringfence/internal/app/server/servertest"
	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/mail"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/identity"
	"ringfence/internal/tenancy/org"
)

// canary stands in everything personal of the customer of these tests.
const canary = "Zebrawood"

// integrated is a server with a customer, two recordings and a token that may
// hear them: what an integrator has.
type integrated struct {
	*testing.T
	s        *server.Server
	customer string
	token    string
	place    *place.Place
	root     string // of the repository
}

func integrate(t *testing.T, set func(*config.Config)) *integrated {
	t.Helper()
	c := servertest.Prepared(t, t.TempDir())
	c.Egress.AllowPrivate = []string{"127.0.0.1"}
	if set != nil {
		set(&c)
	}
	s := servertest.Serving(t, c, server.Extras{Mailbox: &mail.Mailbox{}})
	w := &integrated{T: t, s: s, customer: servertest.Staffed(t, s)}
	w.root, _ = filepath.Abs("../../..")
	ctx, who := t.Context(), actor.ForSystem("test")
	customer, err := id.Parse[id.Customer](w.customer)
	apptest.No(t, err)
	w.place, err = s.Places.Place(ctx, customer)
	apptest.No(t, err)
	members, err := s.People.Members(ctx, w.place)
	apptest.No(t, err)
	maker := members[0].Person
	_, err = s.People.ChangeMember(ctx, w.place, who, maker, identity.Grant{Roles: []access.Role{access.CustomerAdmin, access.SuperUser}})
	apptest.No(t, err)
	_, text, err := s.People.CreateToken(ctx, w.place, who, maker, identity.TokenDraft{
		Name: canary, Until: time.Now().Add(time.Hour), Acts: []access.Act{access.RecordingList, access.RecordingListen, access.WebhookManage, access.HealthRead, access.UsageRead},
	})
	apptest.No(t, err)
	w.token = text.Reveal()
	apptest.No(t, s.Recordings.SetRetention(ctx, w.place, who, 0))
	src, err := s.Recordings.AddSource(ctx, w.place, who, recording.Source{Kind: recording.Collector, Name: canary, Profile: "generic", Country: "GB"})
	apptest.No(t, err)
	for i := range 3 {
		w.archive(src, i)
	}
	return w
}

func (w *integrated) archive(src recording.Source, i int) id.Recording {
	w.Helper()
	rt := &recordingtest.World{Store: w.s.Places, Place: w.place, Service: w.s.Recordings, Source: src, Who: actor.ForSystem("test")}
	item := rt.Item(w.T, canary+string(rune('a'+i))+".wav", recordingtest.Tone(1+i, 1, time.Second))
	item.Call.Caller.Name = canary
	out, err := w.s.Recordings.Archive(w.Context(), w.place, actor.ForSystem("test"), item)
	apptest.No(w, err)
	return out.Recording
}

// run runs a program with what an integrator sets, and fails the test with what
// it said.
func (w *integrated) run(dir, name string, args ...string) string {
	w.Helper()
	cmd := exec.CommandContext(w.Context(), name, args...)
	cmd.Dir = dir
	file := filepath.Join(w.TempDir(), "token")
	apptest.No(w, os.WriteFile(file, []byte(w.token+"\n"), 0o600))
	cmd.Env = append(os.Environ(), "RINGFENCE_URL="+w.s.URL(), "RINGFENCE_CUSTOMER="+w.customer, "RINGFENCE_TOKEN_FILE="+file, "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.Fatalf("%s: %v\n%s", strings.Join(append([]string{name}, args...), " "), err, out)
	}
	return string(out)
}

var shBlock = regexp.MustCompile("(?s)```sh\n(.*?)```")

// The quick start of docs/api.md is run as it stands there.
func TestTheQuickStartWorks(t *testing.T) {
	w := integrate(t, nil)
	apptest.No(t, w.s.Tree.SetQuota(t.Context(), actor.ForSystem("test"), w.place.Customer(), org.Quota{org.Requests: 100}))
	text, err := os.ReadFile(filepath.Join(w.root, "docs/api.md"))
	apptest.No(t, err)
	blocks := shBlock.FindAllStringSubmatch(string(text), -1)
	if len(blocks) < 4 {
		t.Fatalf("docs/api.md has %d blocks to run", len(blocks))
	}
	script := "set -eu\n"
	for _, b := range blocks {
		script += b[1]
	}
	out := w.run(t.TempDir(), "bash", "-c", script)
	for _, want := range []string{`"started_at"`, "RIFF", `"secret":"whsec_`, "ratelimit-policy"} {
		if !strings.Contains(strings.ToLower(out), strings.ToLower(want)) {
			t.Errorf("the quick start never shows %q:\n%s", want, out)
		}
	}
}

// The TypeScript client is compiled and asks a real server.
func TestTheTypeScriptClient(t *testing.T) {
	w := integrate(t, nil)
	apptest.No(t, w.s.Tree.SetQuota(t.Context(), actor.ForSystem("test"), w.place.Customer(), org.Quota{org.Requests: 100}))
	dir := t.TempDir()
	apptest.No(t, os.CopyFS(dir, os.DirFS(filepath.Join(w.root, "clients/typescript"))))
	modules := filepath.Join(w.root, "web/node_modules")
	apptest.No(t, os.Symlink(modules, filepath.Join(dir, "node_modules")))
	w.run(dir, "node", filepath.Join(modules, "typescript/bin/tsc"), "-p", ".")
	t.Log(w.run(dir, "node", "test/client.mjs"))
}

// The Go client is compiled, as a module of its own, and asks a real server.
func TestTheGoClient(t *testing.T) {
	w := integrate(t, nil)
	apptest.No(t, w.s.Tree.SetQuota(t.Context(), actor.ForSystem("test"), w.place.Customer(), org.Quota{org.Requests: 100}))
	t.Log(w.run(filepath.Join(w.root, "clients/go"), "go", "test", "-vet=off", "-count=1", "."))
}

// A recording that comes in is told to a receiver, from end to end.
func TestAReceiverIsTold(t *testing.T) {
	w := integrate(t, nil)
	got := make(chan string, 10)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var b bytes.Buffer
		_, _ = b.ReadFrom(r.Body)
		got <- b.String()
	}))
	defer receiver.Close()
	var hook struct{ ID, Secret string }
	w.ask("POST", "/webhooks", map[string]any{
		"name": "CRM", "url": receiver.URL, "purpose": "test", "region": "here", "events": []string{"recording.captured", "recording.destroyed"},
	}, &hook)
	sources, err := w.s.Recordings.Sources(t.Context(), w.place)
	apptest.No(t, err)
	rec := w.archive(sources[0], 7)
	apptest.No(t, w.s.Recordings.Destroy(t.Context(), w.place, actor.ForSystem("test"), rec, "a test"))
	for range 2 {
		select {
		case body := <-got:
			if !strings.Contains(body, rec.String()) || strings.Contains(body, canary) {
				t.Error(body)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("nobody was told")
		}
	}
}

func (w *integrated) ask(method, path string, body, into any) {
	w.Helper()
	text, err := json.Marshal(body)
	apptest.No(w, err)
	r, err := http.NewRequestWithContext(w.Context(), method, w.s.URL()+"/api/v1/customers/"+w.customer+path, bytes.NewReader(text))
	apptest.No(w, err)
	r.Header.Set("Authorization", "Bearer "+w.token)
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(r)
	apptest.No(w, err)
	defer res.Body.Close()
	if res.StatusCode > 299 {
		w.Fatal(method, path, res.Status)
	}
	apptest.No(w, json.NewDecoder(res.Body).Decode(into))
}

// spans is a collector of traces.
type spans struct {
	mu  sync.Mutex
	all []*coltrace.ExportTraceServiceRequest
}

func (c *spans) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var b bytes.Buffer
	_, _ = b.ReadFrom(r.Body)
	var q coltrace.ExportTraceServiceRequest
	if err := proto.Unmarshal(b.Bytes(), &q); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, &q)
	w.Header().Set("Content-Type", "application/x-protobuf")
}

// What leaves for those who watch holds nobody's data: neither figures nor spans
// carry what stands in the customer's data, nor an id of anything.
func TestWhoWatchesLearnsNothing(t *testing.T) {
	collector := &spans{}
	at := httptest.NewServer(collector)
	defer at.Close()
	w := integrate(t, func(c *config.Config) {
		c.Metrics.Listen, c.Traces.Endpoint = "127.0.0.1:0", at.URL+"/v1/traces"
	})
	var list struct{ Items []struct{ ID string } }
	w.ask("GET", "/recordings", nil, &list)
	w.ask("GET", "/health", nil, new(any))
	w.ask("POST", "/webhooks", map[string]any{"name": canary, "url": "https://crm.example/" + canary, "purpose": canary, "region": canary, "events": []string{"alert.raised"}}, new(any))
	figures := w.s.Watched(t.Context())
	res, err := http.Get("http://" + figures + "/metrics")
	apptest.No(t, err)
	defer res.Body.Close()
	var text bytes.Buffer
	_, err = text.ReadFrom(res.Body)
	apptest.No(t, err)
	w.s.StopTracing()
	collector.mu.Lock()
	defer collector.mu.Unlock()
	names := map[string]int{}
	traces := map[string]map[string]bool{} // names of spans by trace
	all := text.String()
	for _, q := range collector.all {
		all += q.String()
		for _, r := range q.ResourceSpans {
			for _, s := range r.ScopeSpans {
				for _, sp := range s.Spans {
					names[sp.Name]++
					key := string(sp.TraceId)
					if traces[key] == nil {
						traces[key] = map[string]bool{}
					}
					traces[key][sp.Name] = true
				}
			}
		}
	}
	for _, bad := range []string{canary, w.customer, "Oak & Ember", "cora@example.com", list.Items[0].ID, w.token} {
		if strings.Contains(all, bad) {
			t.Errorf("who watches learns %q", bad)
		}
	}
	for _, want := range []string{`route="/api/v1/customers/{customer}/recordings"`, "ringfence_captured_total{", "ringfence_part{", "ringfence_key_copies 2"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the figures lack %s", want)
		}
	}
	if names["request"] < 2 || names["change"] == 0 {
		t.Errorf("spans: %v", names)
	}
}
