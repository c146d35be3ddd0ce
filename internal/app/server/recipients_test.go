package server

import (
	"slices"
	"testing"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/egress"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

// A person is told who was sent sound or text: not whom a key server, a telephone
// system or an identity provider was asked.
func TestRecipientsAreThoseOfRecordings(t *testing.T) {
	p := placetest.Customer(t, placetest.New(t, place.Schemas{Place: egress.Migrations(), Housekeeping: egress.Housekeeping()}))
	line := func(host, subject string) {
		err := p.Change(t.Context(), actor.ForSystem("test"), func(tx *place.Tx) error {
			tx.Record(place.Event{Code: "egress.sent", Subject: subject})
			_, err := tx.Exec(`INSERT INTO egress_ledger (id, at, engine, host, purpose, region, subject, sent, received, sha256, status, answer, millis)
				VALUES (?, 1, 'any', ?, 'why', 'UK', ?, 5, 0, ?, 0, '', 0)`, id.New[id.Egress](), host, subject, []byte{1})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	line("speech.example", id.New[id.Recording]().String())
	line("speech.example", id.New[id.Recording]().String())
	line("keys.example", p.Customer().String())
	line("pbx.example", id.New[id.Source]().String())
	if got, err := recipients(t.Context(), p); err != nil || !slices.Equal(got, []string{"speech.example (why; UK)"}) {
		t.Errorf("%q, %v", got, err)
	}
}
