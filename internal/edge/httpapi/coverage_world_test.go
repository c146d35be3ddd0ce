package httpapi_test

import (
	"context"
	"time"

	"ringfence/internal/archive/coverage"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/org"
	"ringfence/internal/tenancy/review"
	"ringfence/internal/trust/monitor"
)

// watch builds what counts calls and what tells people.
func (w *world) watch() {
	w.coverage = coverage.New(coverage.Options{Store: w.store, Sign: w.reviews.SignText, Paper: w.reviews.SignPaper})
	w.recordings.OnTaken(w.coverage.Taken)
	w.recordings.OnDestroyed(w.coverage.Destroyed)
	w.monitor = monitor.New(monitor.Options{Store: w.store, Mail: w.box, URL: func() string { return w.url }, Above: org.Above, Admins: func(ctx context.Context, at monitor.Where) (all []monitor.Addressee, err error) {
		list, err := w.reviews.Administrators(ctx, review.Where{Place: at.Place, Node: at.Node})
		for _, l := range list {
			all = append(all, monitor.Addressee{Person: l.Person, Name: l.Name, Email: l.Email})
		}
		return all, err
	}})
}

// odd makes one of each thing of coverage and alerts.
func (w *world) odd(c *customer) things {
	ctx := w.Context()
	at := time.Now().Add(-3 * time.Hour)
	w.no(c.p.Keep(ctx, func(tx *place.Tx) error {
		return w.coverage.Expect(tx, c.source, coverage.Report{Calls: []coverage.Call{{
			Idents: []string{id.New[id.Call]().String()}, Named: true, StartedAt: at, EndedAt: at.Add(time.Minute), Direction: "inbound", Disposition: "answered",
			Caller: c.canary, Dialled: c.canary, Extensions: []string{"201"}, Talk: 60,
		}}})
	}))
	page := must[coverage.Page](w)(w.coverage.List(ctx, c.p, coverage.Filter{State: coverage.Waiting}, id.Expectation{}, 1, false))
	excuse, _, err := w.coverage.PutExcuse(ctx, c.p, system, coverage.Excuse{Kind: coverage.ByQueue, Args: coverage.ExcuseArgs{Queues: []string{"test"}}, Owner: c.canary, Reason: c.canary, Active: true})
	w.no(err)
	contact := must[monitor.Contact](w)(w.monitor.AddContact(ctx, monitor.In(c.p), system, monitor.Contact{Name: c.canary, Email: "alerts@" + c.canary + ".example"}))
	subject := id.New[id.Source]().String()
	w.no(w.monitor.Report(ctx, monitor.In(c.p), monitor.Condition{Kind: monitor.SourceSilent, Subject: subject}))
	alerts := must[monitor.Page](w)(w.monitor.List(ctx, monitor.In(c.p), true, id.Alert{}, 1))
	if signed := must[[]coverage.Stated](w)(w.coverage.Statements(ctx, c.p, 0, 99991231)); len(signed) == 0 {
		later := coverage.New(coverage.Options{Store: w.store, Sign: w.reviews.SignText, Paper: w.reviews.SignPaper, Now: func() time.Time { return time.Now().Add(100 * time.Hour) }})
		must[int](w)(later.State(ctx, c.p))
	}
	stated := must[[]coverage.Stated](w)(w.coverage.Statements(ctx, c.p, 0, 99991231))
	return things{
		"expectation": page.Items[0].ID.String(), "excuse": excuse.ID.String(), "contact": contact.ID.String(), "alert": alerts.Alerts[0].ID.String(),
		"statement": stated[0].ID.String(),
	}
}
