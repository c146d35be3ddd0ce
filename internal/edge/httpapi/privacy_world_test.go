package httpapi_test

import (
	"ringfence/internal/base/actor"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/trust/approval"
	"ringfence/internal/trust/privacy"
)

// noDeciders: these tests read the list, not the mail.
func noDeciders(*place.Tx, access.Act) ([]approval.Decider, error) { return nil, nil }

var anyPolicy = map[string]any{"rules": []any{}, "default": map[string]any{"days": 0, "then": "delete-all"}, "sets": []any{}}

// held is a hold on the customer's other recording.
func (w *world) held(c *customer) string {
	h, err := w.privacy.Place(w.Context(), c.p, somebody(), privacy.Asked{Matter: c.canary + " v Smith", Reason: "a claim was announced", Recordings: []id.Recording{c.others}})
	w.no(err)
	return h.ID.String()
}

// waits is a request to lift a hold, of somebody who is not there.
func (w *world) waits(c *customer) string {
	h, err := id.Parse[id.Hold](w.held(c))
	w.no(err)
	apr, err := w.privacy.Lift(w.Context(), c.p, somebody(), h, c.canary+" is settled", 1)
	w.no(err)
	return apr.String()
}

func (w *world) tag(c *customer) string {
	t, err := w.recordings.MakeTag(w.Context(), c.p, system, c.canary+" "+id.New[id.Event]().String()[:20]+id.New[id.Event]().String()[24:])
	w.no(err)
	return t.ID.String()
}

func somebody() actor.Actor {
	return actor.ForPerson(id.New[id.Person](), id.New[id.Session](), "192.0.2.9")
}
