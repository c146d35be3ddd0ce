package httpapi_test

import (
	"time"

	"ringfence/internal/platform/journal"
	"ringfence/internal/trust/breach"
	"ringfence/internal/trust/person"
	"ringfence/internal/trust/person/stores"
)

// answering builds what answers requests of persons and keeps breaches.
func (w *world) answering() {
	w.persons = person.New(person.Options{Store: w.store, Recordings: w.recordings, EraseEvents: journal.Erase, Stores: stores.All(stores.Services{
		Recordings: w.recordings, Coverage: w.coverage, Monitor: w.monitor, SSO: w.sso,
	})})
	w.parcels.Register(person.KindPack, w.persons.Maker())
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
