package httpapi_test

import (
	"time"

	"ringfence/internal/base/id"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/journal"
	"ringfence/internal/platform/place"
	"ringfence/internal/trust/breach"
	"ringfence/internal/trust/person"
	"ringfence/internal/trust/person/stores"
	"ringfence/internal/trust/pseudonym"
)

// answering builds what answers requests of persons and keeps breaches.
func (w *world) answering() {
	w.persons = person.New(person.Options{Store: w.store, Recordings: w.recordings, EraseEvents: journal.Erase, Sign: w.reviews.SignText, Paper: w.reviews.SignPaper, Stores: stores.All(stores.Services{
		Recordings: w.recordings, Coverage: w.coverage, Monitor: w.monitor, SSO: w.sso,
	})})
	w.parcels.Register(person.KindPack, w.persons.Maker())
	w.pseudonyms = pseudonym.New(pseudonym.Options{Recordings: w.recordings, Keys: w.keyring, Persons: w.persons, Approvals: w.approvals})
	w.breaches = breach.New(breach.Options{Recordings: w.recordings, Held: w.people.Held, PersonOf: w.people.PersonOf})
}

// asked is a request of somebody in the customer's calls, and a breach: new ones
// each time, so that what a route does to one is not in the way of the next.
func (w *world) asked(c *customer) (request, broken string) {
	r, err := w.persons.Begin(w.Context(), c.p, system, person.Draft{Right: person.Erase, Subject: person.Subject{
		Name: c.canary, Identifiers: person.Identifiers{Names: []string{c.canary + " Caller"}},
	}})
	w.no(err)
	w.no(w.persons.Search(w.Context(), c.p, r.ID))
	b, err := w.breaches.Begin(w.Context(), c.p, system, breach.Breach{Kind: breach.CustomerKey, From: time.Now().Add(-time.Hour)})
	w.no(err)
	return r.ID.String(), b.ID.String()
}

// pseudonymRun is a replacing of names that has ended, and changed nothing.
func (w *world) pseudonymRun(c *customer) string {
	run := id.New[id.PseudonymRun]()
	w.no(c.p.Change(w.Context(), system, func(tx *place.Tx) error {
		tx.Record(place.Event{Code: "pseudonym.run-ended", Subject: run.String()})
		_, err := tx.Exec(`INSERT INTO pseudonym_runs (id, request, state, asked_at, asked_by, ended_at, silence, agents, log, elsewhere) VALUES (?, NULL, 'done', ?, 'system', ?, 1, 0, 0, 0)`,
			run, tx.At().UnixMilli(), tx.At().UnixMilli())
		return err
	}))
	return run.String()
}

// pseudonymKinds are the jobs that search for persons and replace their names.
func (w *world) pseudonymKinds() map[string]job.Kind {
	kinds := w.pseudonyms.Kinds()
	kinds[person.JobSearch], kinds[person.JobCertify] = w.persons.Kind(), w.persons.CertifyKind()
	return kinds
}
