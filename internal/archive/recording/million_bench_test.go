//go:build bench

package recording_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"syscall"
	"testing"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/edge/httpapi"
	"ringfence/internal/insight/search"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/identity"
	"ringfence/internal/tenancy/org"
)

var howMany = flag.Int("recordings", 1_000_000, "recordings in the place of BenchmarkMillion")

// BenchmarkMillion measures one place with a million recordings at the API, on
// both engines: the page of the list, a filtered page and a search for two
// words, at the 95th percentile, and the processor time that the API adds to
// what the same list costs below it. Fifty different questions of each kind are
// asked, each with a page of its own, so that caches of pages do not answer.
func BenchmarkMillion(b *testing.B) {
	for name, open := range map[string]func(*testing.B) place.Config{
		"sqlite":   func(b *testing.B) place.Config { return place.Config{Dir: b.TempDir()} },
		"postgres": func(b *testing.B) place.Config { return place.Config{Postgres: placetest.Postgres(b)} },
	} {
		b.Run(name, func(b *testing.B) {
			cfg := open(b)
			w := newCrowd(b, cfg)
			placetest.Settle(b, cfg)
			for b.Loop() {
				w.measure("list", func(i int) string { return "sort=-started_at&to=" + w.instant(i) })
				w.measure("long", func(i int) string { return "sort=-seconds&queue=" + queues[i%len(queues)] })
				w.measure("filtered", func(i int) string {
					return fmt.Sprintf("queue=%s&direction=inbound&min_seconds=%d&sentiment=negative&to=%s", queues[i%len(queues)], i, w.instant(i))
				})
				w.measure("number", func(i int) string { return "number=" + url.QueryEscape(number(i*977)) })
				w.measure("words", func(i int) string { return "words=" + words(i, 2) })
			}
			w.overhead()
		})
	}
}

var queues = []string{"sales", "support", "billing", "claims", "care", "returns"}

// crowd is a place with many recordings, behind the API.
type crowd struct {
	*recordingtest.World
	b     *testing.B
	api   http.Handler
	token string
	began time.Time

	schemas place.Schemas
}

func number(i int) string { return fmt.Sprintf("+4416149%05d", i%100_000) }

// words gives n words of a vocabulary whose frequencies fall off as a
// language's do; different i, different words.
func words(i, n int) string {
	text := ""
	for k := range n {
		x := uint64(i*31+k*7919)*6364136223846793005 + 1442695040888963407
		u := float64(x>>11) / (1 << 53)
		text += fmt.Sprintf("w%x%%20", int(20_000*u*u*u))
	}
	return text[:len(text)-3]
}

func newCrowd(b *testing.B, cfg place.Config) *crowd {
	schemas := recordingtest.Schemas(search.Migrations(), identity.PlaceMigrations(), httpapi.Migrations())
	schemas.Registry = append(append(append(schemas.Registry, org.Migrations()...), identity.RegistryMigrations()...), httpapi.Migrations()...)
	schemas.Housekeeping = slices.Concat(schemas.Housekeeping, org.Housekeeping(), identity.Housekeeping(), httpapi.Housekeeping(), search.Housekeeping())
	store := placetest.Open(b, cfg, schemas)
	w := &crowd{World: recordingtest.On(b, store, recording.Options{}), b: b, schemas: schemas, began: time.Now().Add(-365 * 24 * time.Hour).Truncate(time.Second)}
	people := identity.New(identity.Options{Store: store})
	w.api = httpapi.New(httpapi.Deps{Store: store, People: people, Tree: org.New(store, w.Keys), Recordings: w.Service}).Handler()
	maker, err := people.Add(b.Context(), w.Who, "somebody@example.com", "Somebody", secret.NewText("violet tractor mends nine kites"))
	if err == nil {
		_, err = people.AddMember(b.Context(), w.Place, w.Who, maker.ID, identity.Grant{Roles: []access.Role{access.SuperUser}})
	}
	var token secret.Text
	if err == nil {
		_, token, err = people.CreateToken(b.Context(), w.Place, w.Who, maker.ID, identity.TokenDraft{
			Name: "bench", Acts: []access.Act{access.RecordingList, access.RecordingTranscript}, Until: time.Now().Add(24 * time.Hour),
		})
	}
	if err != nil {
		b.Fatal(err)
	}
	w.token = token.Reveal()
	w.fill(*howMany)
	return w
}

// fill writes the recordings. Card keys are shared by twenty recordings, so
// that a page opens keys it has not at hand, without reserving two million.
func (w *crowd) fill(n int) {
	const batch, share = 2_000, 20
	var bulk search.Bulk
	began := time.Now()
	for first := 0; first < n; first += batch {
		keys, err := w.Keys.Reserve(w.b.Context(), w.Place.Customer(), batch/share)
		if err != nil {
			w.b.Fatal(err)
		}
		err = w.Place.Change(w.b.Context(), w.Who, func(tx *place.Tx) error {
			tx.Record(place.Event{Code: "recording.captured"})
			var said []search.Spoken
			for k, pair := range keys {
				at := first + k*share
				if err := w.some(tx, at, share, pair); err != nil {
					return err
				}
				for i := range share {
					text, _ := url.QueryUnescape(words(at+i, 60))
					said = append(said, search.Spoken{N: int64(1 + at + i), Texts: []string{text}})
				}
			}
			return bulk.Put(tx, said)
		})
		if err != nil {
			w.b.Fatal(err)
		}
	}
	w.b.Logf("%d recordings written in %v", n, time.Since(began).Round(time.Second))
}

func (w *crowd) some(tx *place.Tx, at, n int, keys keyring.Reserved) error {
	all := make([]recording.Recording, n)
	for i := range all {
		k := at + i
		mood := uint64(k) * 0x9E3779B97F4A7C15 >> 40 // not in step with queues and directions
		call := recording.Call{
			Direction: []recording.Direction{recording.Inbound, recording.Outbound, recording.Internal}[k%7%3], Caller: recording.Party{Number: number(k * 31)},
			Dialled: number(k % 40), Agents: []recording.Agent{{Extension: fmt.Sprint(200 + k%90), Outcome: "answered"}}, Disposition: recording.Answered,
		}
		all[i] = recording.Recording{
			ID: id.New[id.Recording](), Call: id.New[id.Call](), Source: w.Source.ID, StartedAt: w.began.Add(time.Duration(k) * 31 * time.Second),
			Length: time.Duration(5+k*7919%900) * time.Second, Direction: call.Direction, Queue: queues[k%len(queues)], Disposition: call.Disposition,
			Sound: recording.Complete, Layout: "mono-mix", Sentiment: &recording.Sentiment{Label: []string{"negative", "neutral", "positive"}[mood%3]},
			Bytes: 130_000, Card: recording.Card{File: fmt.Sprintf("call-%d.wav", k), Call: call},
		}
	}
	return recording.Fill(tx, int64(1+at), keys.Card.Key, all, [2]id.Key{keys.Content.ID, keys.Card.ID})
}

// instant is one of many moments within the time that the recordings cover.
func (w *crowd) instant(i int) string {
	return w.began.Add(time.Duration(*howMany) * 31 * time.Second * time.Duration(100-i) / 100).UTC().Format(time.RFC3339)
}

// measure asks fifty questions and reports the 95th percentile.
func (w *crowd) measure(what string, question func(i int) string) {
	const n = 50
	took, rows := make([]time.Duration, n), 0
	for i := range n {
		began := time.Now()
		answer := w.ask(question(i))
		took[i] = time.Since(began)
		rows += w.rows(question(i), answer)
	}
	slices.Sort(took)
	w.b.ReportMetric(float64(took[n*95/100].Microseconds())/1000, what+"-p95-ms")
	w.b.ReportMetric(float64(took[n/2].Microseconds())/1000, what+"-p50-ms")
	if rows == 0 {
		w.b.Errorf("%s: no question had an answer", what)
	}
}

// ask is one request for a page; what reads the answer costs nothing here.
func (w *crowd) ask(query string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "/api/v1/customers/"+w.Place.Customer().String()+"/recordings?limit=50&"+query, nil)
	r.Header.Set("Authorization", "Bearer "+w.token)
	answer := httptest.NewRecorder()
	w.api.ServeHTTP(answer, r)
	return answer
}

func (w *crowd) rows(query string, answer *httptest.ResponseRecorder) int {
	var page struct {
		Items []json.RawMessage `json:"items"`
	}
	if err := json.Unmarshal(answer.Body.Bytes(), &page); err != nil || answer.Code != http.StatusOK {
		w.b.Fatalf("%s: %d %s", query, answer.Code, answer.Body)
	}
	return len(page.Items)
}

// overhead tells the processor time of a page at the API apart: its SQL, the
// opening of its fifty cards, and what the API adds. The three are measured in
// turns, and of each the least is taken: what disturbs only adds.
func (w *crowd) overhead() {
	at := time.Now()
	filter := recording.Filter{To: at, Scope: recording.Everything}
	query := "to=" + url.QueryEscape(at.UTC().Format(time.RFC3339))
	work := []func() error{
		func() error {
			return w.Place.View(w.b.Context(), func(tx *place.Tx) error {
				_, err := recording.BareList(tx, filter, 50)
				return err
			})
		},
		func() error {
			_, err := w.Service.List(w.b.Context(), w.Place, w.Who, filter, recording.PageAsk{Limit: 50})
			return err
		},
		func() error {
			if answer := w.ask(query); answer.Code != http.StatusOK {
				return fmt.Errorf("%d %s", answer.Code, answer.Body)
			}
			return nil
		},
	}
	const rounds, n = 8, 40
	least := [3]time.Duration{time.Hour, time.Hour, time.Hour}
	for range rounds {
		for k, once := range work {
			least[k] = min(least[k], cpu(func() {
				for range n {
					if err := once(); err != nil {
						w.b.Fatal(err)
					}
				}
			})/n)
		}
	}
	for k, name := range []string{"sql-cpu-ms", "cards-cpu-ms", "api-cpu-ms"} {
		cost := least[k]
		if k > 0 {
			cost -= least[k-1]
		}
		w.b.ReportMetric(float64(cost.Microseconds())/1000, name)
	}
}

func cpu(work func()) time.Duration {
	used := func() time.Duration {
		var u syscall.Rusage
		_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // cannot fail for oneself
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	began := used()
	work()
	return used() - began
}
