package httpapi_test

import (
	"context"
	"log/slog"
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
	w.monitor = monitor.New(monitor.Options{Store: w.store, Mail: w.box, Log: slog.New(slog.NewJSONHandler(w.log, nil)), URL: func() string { return w.url }, Above: org.Above, Admins: func(ctx context.Context, at monitor.Where) (all []monitor.Addressee, err error) {
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
	for _, old := range must[[]coverage.Excuse](w)(w.coverage.Excuses(ctx, c.p)) { // there are 100 at most
		if old.Owner == c.canary { // not those that are there from the start
			must[coverage.Effect](w)(w.coverage.RemoveExcuse(ctx, c.p, system, old.ID))
		}
	}
	excuse, _, err := w.coverage.PutExcuse(ctx, c.p, system, coverage.Excuse{Kind: coverage.ByQueue, Args: coverage.ExcuseArgs{Queues: []string{"test"}}, Owner: c.canary, Reason: c.canary, Active: true})
	w.no(err)
	contact, alert := w.alarm(monitor.In(c.p), c.canary)
	if signed := must[[]coverage.Stated](w)(w.coverage.Statements(ctx, c.p, 0, 99991231)); len(signed) == 0 {
		later := coverage.New(coverage.Options{Store: w.store, Sign: w.reviews.SignText, Paper: w.reviews.SignPaper, Now: func() time.Time { return time.Now().Add(100 * time.Hour) }})
		must[int](w)(later.State(ctx, c.p))
	}
	stated := must[[]coverage.Stated](w)(w.coverage.Statements(ctx, c.p, 0, 99991231))
	return things{
		"expectation": page.Items[0].ID.String(), "excuse": excuse.ID.String(), "contact": contact, "alert": alert,
		"statement": stated[0].ID.String(),
	}
}

// alarm makes somebody who is told and something to be told of, at a customer or
// at a node above. There are as many contacts as there can be: older ones go.
func (w *world) alarm(at monitor.Where, name string) (contact, alert string) {
	ctx := w.Context()
	for _, old := range must[[]monitor.Contact](w)(w.monitor.Contacts(ctx, at)) {
		w.no(w.monitor.RemoveContact(ctx, at, system, old.ID))
	}
	c := must[monitor.Contact](w)(w.monitor.AddContact(ctx, at, system, monitor.Contact{Name: name, Email: "alerts@" + name + ".example"}))
	w.no(w.monitor.Report(ctx, at, monitor.Condition{Kind: monitor.SourceSilent, Subject: id.New[id.Source]().String()}))
	alerts := must[monitor.Page](w)(w.monitor.List(ctx, at, true, id.Alert{}, 1))
	return c.ID.String(), alerts.Alerts[0].ID.String()
}
