package server

import (
	"errors"
	"testing"

	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/base/fault"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/tenancy/org"
)

// A source takes files until it is paused, or it is final that the customer leaves.
func TestWhatIsTaken(t *testing.T) {
	placetest.Run(t, recordingtest.Schemas(org.PlaceMigrations()), func(t *testing.T, store *place.Store) {
		w := recordingtest.On(t, store, recording.Options{})
		s := &Server{Recordings: w.Service}
		src, err := w.Service.AddSource(t.Context(), w.Place, w.Who, recording.Source{Name: "Cloud", Kind: recording.Drop, Profile: "generic", State: "active"})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.taking(t.Context(), w.Place, src.ID); err != nil {
			t.Fatal(err)
		}
		if err := s.taking(t.Context(), w.Place, w.Source.ID); !fault.Is(err, fault.Denied) {
			t.Errorf("into a folder: %v", err)
		}
		src.State = "paused"
		if src, err = w.Service.ChangeSource(t.Context(), w.Place, w.Who, src); err != nil {
			t.Fatal(err)
		}
		if err := s.taking(t.Context(), w.Place, src.ID); !fault.Is(err, fault.Unavailable) {
			t.Errorf("paused: %v", err)
		}
		src.State = "active"
		if _, err = w.Service.ChangeSource(t.Context(), w.Place, w.Who, src); err != nil {
			t.Fatal(err)
		}
		if err := w.Place.Change(t.Context(), w.Who, func(tx *place.Tx) error {
			tx.Record(place.Event{Code: "customer.parting"})
			return w.Service.Part(tx)
		}); err != nil {
			t.Fatal(err)
		}
		if err := s.taking(t.Context(), w.Place, src.ID); !errors.Is(err, recording.ErrLeaves) {
			t.Errorf("of one who leaves: %v", err)
		}
	})
}
