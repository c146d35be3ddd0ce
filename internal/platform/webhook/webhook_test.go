package webhook_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/egress"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/platform/webhook"
)

var (
	schemas = place.Schemas{
		Registry: job.Migrations, Place: slices.Concat(job.Migrations, egress.Migrations(), webhook.Migrations()),
		Housekeeping: slices.Concat(job.Housekeeping, egress.Housekeeping(), webhook.Housekeeping()),
	}
	tester = actor.ForSystem("test")
)

// receiver is somebody else's server: it verifies what comes with the library
// of Standard Webhooks and answers as it is told.
type receiver struct {
	*httptest.Server
	mu      sync.Mutex
	secrets []string
	answer  func(w http.ResponseWriter)
	got     []string // bodies that verified
	ids     []string
	forged  int
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, _ := io.ReadAll(q.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ids = append(r.ids, q.Header.Get("webhook-id"))
	for _, s := range r.secrets {
		wh, err := standardwebhooks.NewWebhook(s)
		if err != nil || wh.Verify(body, q.Header) != nil {
			r.forged++
			continue
		}
		r.got = append(r.got, string(body))
	}
	if r.answer != nil {
		r.answer(w)
	}
}

func (r *receiver) say(status int, header ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = func(w http.ResponseWriter) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		io.WriteString(w, "a body that nobody keeps: Nora Feld")
	}
}

func (r *receiver) clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got, r.ids, r.forged = nil, nil, 0
}

// world is a customer, a clock, a receiver and an endpoint.
type world struct {
	*testing.T
	p       *place.Place
	store   *place.Store
	service *webhook.Service
	runner  *job.Runner
	now     time.Time
	r       *receiver
	e       webhook.Endpoint
	trouble []webhook.Trouble
	mended  int
}

// each runs a test on both engines, with a clock that stands still.
func each(t *testing.T, fn func(w *world)) {
	for _, engine := range placetest.Engines {
		t.Run(engine.Name, func(t *testing.T) {
			w := &world{T: t, now: time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC), r: newReceiver(t)}
			cfg := engine.Config(t)
			cfg.Now = func() time.Time { return w.now }
			w.store = placetest.Open(t, cfg, schemas)
			w.p = placetest.Customer(t, w.store)
			out, err := egress.New(egress.Options{Private: []string{"127.0.0.1"}})
			w.no(err)
			w.service = webhook.New(webhook.Options{
				Egress:  out,
				Failing: func(_ context.Context, _ *place.Place, t webhook.Trouble) { w.trouble = append(w.trouble, t) },
				Mended:  func(context.Context, *place.Place, id.Webhook) { w.mended++ },
			})
			w.runner = job.NewRunner(w.store, map[string]job.Kind{webhook.JobDeliver: w.service.Kind()}, job.Options{})
			w.e = w.add(webhook.RecordingCaptured, webhook.RecordingDestroyed)
			fn(w)
		})
	}
}

func (w *world) no(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) draft(kinds ...webhook.Kind) webhook.Draft {
	return webhook.Draft{Name: "Our CRM", URL: w.r.URL + "/hook?key=k1", Events: kinds, Purpose: "shows calls beside tickets", Region: "EU"}
}

func (w *world) add(kinds ...webhook.Kind) webhook.Endpoint {
	w.Helper()
	e, text, err := w.service.Add(w.Context(), w.p, tester, w.draft(kinds...))
	w.no(err)
	w.r.secrets = append(w.r.secrets, text.Reveal())
	return e
}

// happen is a Change that somebody wants to hear of.
func (w *world) happen(kind webhook.Kind, subject string) {
	w.Helper()
	w.no(w.p.Change(w.Context(), tester, func(tx *place.Tx) error {
		tx.Record(place.Event{Code: "test.done"})
		return webhook.Enqueue(tx, kind, subject, map[string]any{"recording": subject, "seconds": 2.5})
	}))
}

// after lets time pass and runs what is due.
func (w *world) after(d time.Duration) {
	w.Helper()
	w.now = w.now.Add(d)
	_, err := w.runner.RunDue(w.Context(), w.now)
	w.no(err)
}

func (w *world) deliveries(state string) []webhook.Delivery {
	w.Helper()
	page, err := w.service.Deliveries(w.Context(), w.p, w.e.ID, state, "", 0)
	w.no(err)
	return page.Items
}

func (w *world) endpoint() webhook.Endpoint {
	w.Helper()
	e, err := w.service.Endpoint(w.Context(), w.p, w.e.ID)
	w.no(err)
	return e
}

func TestAMessageArrivesIfItsCauseDoes(t *testing.T) {
	each(t, func(w *world) {
		w.r.say(204)
		w.happen(webhook.RecordingCaptured, "rec_1")
		w.happen(webhook.AlertRaised, "alr_1") // not wanted
		err := w.p.Change(w.Context(), tester, func(tx *place.Tx) error {
			tx.Record(place.Event{Code: "test.done"})
			w.no(webhook.Enqueue(tx, webhook.RecordingCaptured, "rec_2", nil))
			return fault.New(fault.Conflict, "undone")
		})
		if err == nil {
			t.Fatal("committed")
		}
		w.after(0)
		if len(w.r.got) != 1 || w.r.forged != 0 {
			t.Fatalf("%q, %d not verified", w.r.got, w.r.forged)
		}
		if want := `{"type":"recording.captured","timestamp":"2026-11-02T09:00:00Z","data":{"recording":"rec_1","seconds":2.5}}`; w.r.got[0] != want {
			t.Error(w.r.got[0])
		}
		d := w.deliveries("")
		if len(d) != 1 || d[0].State != webhook.Delivered || d[0].Status != 204 || d[0].Attempts != 1 || d[0].Message.String() != w.r.ids[0] {
			t.Errorf("%+v", d)
		}
		ledger, err := egress.List(w.Context(), w.p, "", 10)
		w.no(err)
		if len(ledger.Items) != 1 || ledger.Items[0].Region != "EU" || ledger.Items[0].Subject != w.e.ID.String() || strings.Contains(ledger.Items[0].Host, "key") {
			t.Errorf("%+v", ledger.Items)
		}
		w.no(w.store.Registry().Change(w.Context(), tester, func(tx *place.Tx) error {
			tx.Record(place.Event{Code: "test.done"})
			return webhook.Enqueue(tx, webhook.AlertRaised, "alr_2", nil) // nobody listens there
		}))
	})
}

func TestFailuresAreTriedForDaysAndThenDead(t *testing.T) {
	each(t, func(w *world) {
		w.r.say(500)
		w.happen(webhook.RecordingCaptured, "rec_1")
		begun := w.now
		for range 40 {
			w.after(0)
			d := w.deliveries("")[0]
			if d.State == webhook.Dead {
				break
			}
			if d.DueAt.Before(w.now) {
				t.Fatal("it waits for the past", d)
			}
			w.now = d.DueAt
		}
		dead := w.deliveries(webhook.Dead)
		if took := w.now.Sub(begun); len(dead) != 1 || dead[0].Attempts != 11 || took < 72*time.Hour || took > 96*time.Hour {
			t.Fatalf("%+v after %v", dead, took)
		}
		if dead[0].Answer != "answered 500 Internal Server Error" || dead[0].Status != 500 {
			t.Errorf("%+v", dead[0])
		}
		if len(w.trouble) == 0 || w.trouble[0].Disabled || w.trouble[0].Since != begun || w.trouble[0].Endpoint != w.e.ID {
			t.Errorf("%+v", w.trouble)
		}
		if first := slices.IndexFunc(w.trouble, func(webhook.Trouble) bool { return true }); first != 0 || len(w.trouble) >= 11 {
			t.Errorf("told of trouble %d times, before an hour had passed", len(w.trouble))
		}
		if ids := slices.Compact(slices.Clone(w.r.ids)); len(ids) != 1 {
			t.Errorf("one message went out under several ids: %v", ids)
		}
		w.r.say(200)
		w.r.clear()
		n, err := w.service.Replay(w.Context(), w.p, tester, w.e.ID, webhook.Which{Dead: true})
		w.no(err)
		w.after(0)
		if n != 1 || len(w.r.got) != 1 || len(w.deliveries(webhook.Dead)) != 0 || w.mended != 1 || !w.endpoint().FailingSince.IsZero() {
			t.Errorf("%d replayed, %d arrived, %d mended, %+v", n, len(w.r.got), w.mended, w.endpoint())
		}
	})
}

func TestAnEndpointThatFailsForDaysIsSwitchedOff(t *testing.T) {
	each(t, func(w *world) {
		w.r.say(503)
		for range 12 {
			w.happen(webhook.RecordingCaptured, "rec_1")
			w.after(12 * time.Hour)
		}
		e := w.endpoint()
		if e.State != webhook.Disabled || !strings.Contains(e.Reason, "five days") || !w.trouble[len(w.trouble)-1].Disabled {
			t.Fatalf("%+v, %+v", e, w.trouble)
		}
		w.r.clear()
		w.happen(webhook.RecordingCaptured, "rec_late")
		w.after(24 * time.Hour)
		if len(w.r.ids) != 0 {
			t.Error("an endpoint that is off was asked")
		}
		for name, try := range map[string]func() error{
			"test": func() error { _, err := w.service.Try(w.Context(), w.p, tester, w.e.ID); return err },
			"replay": func() error {
				_, err := w.service.Replay(w.Context(), w.p, tester, w.e.ID, webhook.Which{Dead: true})
				return err
			},
		} {
			if err := try(); !fault.Is(err, fault.Conflict) {
				t.Errorf("%s of what is off: %v", name, err)
			}
		}
		w.r.say(200)
		_, err := w.service.Set(w.Context(), w.p, tester, w.e.ID, w.draft(webhook.RecordingCaptured))
		w.no(err)
		w.after(24 * time.Hour)
		if len(w.r.got) == 0 || w.endpoint().State != webhook.Active || w.endpoint().Waiting != 0 {
			t.Errorf("%d arrived, %+v", len(w.r.got), w.endpoint())
		}
		w.r.clear()
		n, err := w.service.Replay(w.Context(), w.p, tester, w.e.ID, webhook.Which{Since: w.now.Add(-60 * time.Hour)})
		w.no(err)
		w.after(0)
		if n == 0 || int64(len(w.r.got)) != n || !strings.Contains(strings.Join(w.r.got, ""), "rec_late") {
			t.Errorf("%d replayed, got %d: what came while it was off is missing", n, len(w.r.got))
		}
	})
}

func TestWhatAReceiverAsksFor(t *testing.T) {
	each(t, func(w *world) {
		w.r.say(429, "Retry-After", "7200")
		w.happen(webhook.RecordingCaptured, "rec_1")
		w.after(0)
		if d := w.deliveries("")[0]; d.DueAt.Sub(w.now) < 2*time.Hour || d.State != webhook.Waiting {
			t.Errorf("Retry-After is not heeded: %v", d.DueAt.Sub(w.now))
		}
		w.r.say(302, "Location", w.r.URL+"/elsewhere")
		w.after(3 * time.Hour)
		if d := w.deliveries("")[0]; d.State != webhook.Waiting || d.Status != 302 || len(w.r.ids) != 2 {
			t.Errorf("a redirect was followed or believed: %+v", d)
		}
		w.r.say(410)
		w.after(24 * time.Hour)
		if e := w.endpoint(); e.State != webhook.Disabled || !strings.Contains(e.Reason, "410") || len(w.deliveries(webhook.Dead)) != 1 {
			t.Errorf("%+v", e)
		}
	})
}

func TestASecretIsChangedWithoutLosingAMessage(t *testing.T) {
	each(t, func(w *world) {
		old := w.r.secrets[0]
		_, text, err := w.service.Rotate(w.Context(), w.p, tester, w.e.ID, 24*time.Hour)
		w.no(err)
		w.r.secrets = []string{old, text.Reveal()}
		w.happen(webhook.RecordingCaptured, "rec_1")
		w.after(0)
		if len(w.r.got) != 2 || w.r.forged != 0 {
			t.Errorf("during the overlap %d of two secrets verify", len(w.r.got))
		}
		w.r.clear()
		w.now = w.now.Add(25 * time.Hour)
		w.happen(webhook.RecordingCaptured, "rec_2")
		w.after(0)
		if len(w.r.got) != 1 || w.r.forged != 1 {
			t.Errorf("after it %d verify", len(w.r.got))
		}
		_, text, err = w.service.Rotate(w.Context(), w.p, tester, w.e.ID, 0)
		w.no(err)
		w.r.secrets = append(w.r.secrets, text.Reveal())
		w.r.clear()
		w.happen(webhook.RecordingCaptured, "rec_3")
		w.after(0)
		if len(w.r.got) != 1 {
			t.Errorf("an ended secret counts: %d verify", len(w.r.got))
		}
	})
}

func TestWhatIsRefused(t *testing.T) {
	each(t, func(w *world) {
		_, _, err := w.service.Add(w.Context(), w.p, tester, webhook.Draft{URL: "http://169.254.169.254/latest", Events: []webhook.Kind{"call.said"}})
		f := fault.Of(err)
		var paths []string
		for _, d := range f.Details {
			paths = append(paths, d.Path)
		}
		if f.Kind != fault.Invalid || strings.Join(paths, " ") != "name purpose region url events" {
			t.Errorf("%v: %v", err, paths)
		}
		for _, address := range []string{"http://crm.example/hook", "https://10.0.0.1/", "https://user:pw@crm.example/", "ftp://crm.example/"} {
			d := w.draft(webhook.RecordingCaptured)
			d.URL = address
			if _, _, err := w.service.Add(w.Context(), w.p, tester, d); !fault.Is(err, fault.Invalid) {
				t.Errorf("%s: %v", address, err)
			}
		}
		for range 9 {
			w.add(webhook.RecordingCaptured)
		}
		if _, _, err := w.service.Add(w.Context(), w.p, tester, w.draft(webhook.RecordingCaptured)); !fault.Is(err, fault.Conflict) {
			t.Errorf("the eleventh: %v", err)
		}
		w.no(w.service.Remove(w.Context(), w.p, tester, w.e.ID))
		if _, err := w.service.Endpoint(w.Context(), w.p, w.e.ID); !fault.Is(err, fault.NotFound) {
			t.Error(err)
		}
	})
}

// A test message arrives whatever the endpoint wants to hear of.
func TestTrying(t *testing.T) {
	each(t, func(w *world) {
		m, err := w.service.Try(w.Context(), w.p, tester, w.e.ID)
		w.no(err)
		w.after(0)
		if len(w.r.got) != 1 || !strings.Contains(w.r.got[0], `"type":"webhook.test"`) || w.r.ids[0] != m.String() {
			t.Errorf("%q %v", w.r.got, w.r.ids)
		}
		n, err := w.service.Replay(w.Context(), w.p, tester, w.e.ID, webhook.Which{Message: m})
		w.no(err)
		w.after(0)
		if n != 1 || len(w.r.got) != 2 {
			t.Error("one message is not sent again")
		}
		if _, err := w.service.Replay(w.Context(), w.p, tester, w.e.ID, webhook.Which{Message: id.New[id.Message]()}); !fault.Is(err, fault.NotFound) {
			t.Error(err)
		}
	})
}

// Nothing of name, address and secret lies in the clear.
func TestWhatLiesInTheDatabase(t *testing.T) {
	each(t, func(w *world) {
		_, text, err := w.service.Rotate(w.Context(), w.p, tester, w.e.ID, 0)
		w.no(err)
		w.happen(webhook.RecordingCaptured, "rec_1")
		w.after(0)
		type row struct {
			Sealed []byte `db:"sealed"`
			Rest   string `db:"rest"`
		}
		w.no(w.p.View(w.Context(), func(tx *place.Tx) error {
			rows, err := place.Rows[row](tx, `SELECT sealed, state || reason || events AS rest FROM webhooks`)
			for _, r := range rows {
				for _, s := range []string{"Our CRM", "key=k1", secret.NewText(text.Reveal()).Reveal()} {
					if strings.Contains(string(r.Sealed)+r.Rest, s) {
						t.Errorf("%q lies in the clear", s)
					}
				}
			}
			return err
		}))
	})
}

// A receiver that never answers keeps no other customer's message waiting.
func TestASlowReceiverHoldsUpNobody(t *testing.T) {
	store := placetest.New(t, schemas)
	out, err := egress.New(egress.Options{Private: []string{"127.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	service := webhook.New(webhook.Options{Egress: out})
	stuck, arrived := make(chan struct{}), make(chan struct{}, 1)
	asked := make(chan struct{}, 100)
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked <- struct{}{}; <-stuck }))
	quick := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { arrived <- struct{}{} }))
	defer quick.Close()
	defer slow.Close()
	defer close(stuck)
	tell := func(address string, n int) {
		p := placetest.Customer(t, store)
		if _, _, err := service.Add(t.Context(), p, tester, webhook.Draft{Name: "x", URL: address, Purpose: "x", Region: "x", Events: []webhook.Kind{webhook.RecordingCaptured}}); err != nil {
			t.Fatal(err)
		}
		err := p.Change(t.Context(), tester, func(tx *place.Tx) error {
			tx.Record(place.Event{Code: "test.done"})
			for range n {
				if err := webhook.Enqueue(tx, webhook.RecordingCaptured, "rec_1", nil); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	runner := job.NewRunner(store, map[string]job.Kind{webhook.JobDeliver: service.Kind()}, job.Options{Parallel: 64})
	if err := runner.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer runner.Stop()
	tell(slow.URL, 500)
	for range 4 {
		<-asked
	}
	tell(quick.URL, 1)
	select {
	case <-arrived:
	case <-time.After(20 * time.Second):
		t.Fatal("another customer's message waits for a receiver that does not answer")
	}
	if len(asked) > 0 {
		t.Error("one receiver has more than four requests at once")
	}
}
