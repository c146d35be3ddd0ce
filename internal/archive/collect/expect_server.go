package collect

import (
	"encoding/json"
	"net/http"
	"slices"

	"ringfence/internal/archive/coverage"
	"ringfence/internal/base/fault"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/sealed"
)

// expectations takes in which calls the logs beside a box name. It may be sent
// again: a call is known by its names.
func (s *Server) expectations(v *visit, w http.ResponseWriter, r *http.Request) error {
	var e Expectations
	if err := v.body(r, maxExpectations, &e); err != nil {
		return err
	}
	if e.Version != expectedVersion || e.Batch.IsZero() {
		return fault.New(fault.Invalid, "version %d is not known here; bring both ends to the same release", e.Version)
	}
	c := v.place.Customer()
	keys, err := s.keys.OpenCapsule(r.Context(), c, keyring.Enclosed{Capsule: e.Capsule, Info: capsuleInfo(c, v.device.ID, e.Batch)})
	if err != nil {
		return err
	}
	plain, err := sealed.OpenField(keys.Card.Key, cardInfo(c, e.Batch), e.Card)
	if err != nil {
		return fault.Wrap(err, fault.Denied, "what the logs name does not open here: it was altered, or made for another customer")
	}
	var report coverage.Report
	if err := json.Unmarshal(plain, &report); err != nil || !fits(report) {
		return fault.New(fault.Invalid, "at most %d calls, with names of a sensible length", expectedCalls)
	}
	if s.expect != nil {
		if err := v.place.Keep(r.Context(), func(tx *place.Tx) error { return s.expect(tx, v.device.Source, report) }); err != nil {
			return err
		}
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// fits bounds what a stolen box can make the server keep.
func fits(r coverage.Report) bool {
	if len(r.Calls) > expectedCalls || len(r.Gaps) > expectedCalls {
		return false
	}
	const longest = 300
	long := func(all ...string) bool {
		return slices.ContainsFunc(all, func(s string) bool { return len(s) > longest })
	}
	for _, c := range r.Calls {
		if len(c.Idents) == 0 || len(c.Idents) > 200 || len(c.Extensions) > 200 || long(c.Idents...) || long(c.Extensions...) || long(c.Caller, c.Dialled, c.Queue, c.Direction, c.Disposition) ||
			c.EndedAt.Before(c.StartedAt) || c.StartedAt.Year() < 1990 || c.StartedAt.Year() > 2200 {
			return false
		}
	}
	for _, g := range r.Gaps {
		if !slices.Contains([]coverage.GapKind{coverage.Unreadable, coverage.Rotation, coverage.Silence, coverage.Holes}, g.Kind) || long(g.Log) {
			return false
		}
	}
	return true
}
