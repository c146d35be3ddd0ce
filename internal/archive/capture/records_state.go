package capture

import (
	"encoding/json"
	"slices"

	"ringfence/internal/base/fault"
)

// What is kept of the joining between two starts.

// savedRecords is what State writes.
type savedRecords struct {
	Version int             `json:"version"`
	Tails   map[string]tail `json:"tails"` // files of lines
	Since   int64           `json:"since"` // whole files older than this were read
	UTC     bool            `json:"utc"`
	Gone    []string        `json:"gone"`
}

// State implements Profile.
func (r *records) State() ([]byte, error) {
	s := savedRecords{Version: stateVersion, Tails: map[string]tail{}, Since: r.reader.since, UTC: r.zone.utc, Gone: r.gone.list()}
	for name, t := range r.reader.tails {
		s.Tails[name] = *t
	}
	for c := range r.all {
		if c.done {
			s.Gone = append(s.Gone, c.keys...)
			continue
		}
		for name, m := range c.marks {
			if t, ok := s.Tails[name]; ok && m.offset < t.Offset {
				t.Offset, t.Line = m.offset, m.line
				s.Tails[name] = t
			}
		}
		if c.oldest != 0 {
			s.Since = min(s.Since, c.oldest)
		}
	}
	slices.Sort(s.Gone)
	return json.Marshal(s)
}

// Restore implements Profile.
func (r *records) Restore(state []byte) error {
	var s savedRecords
	if err := json.Unmarshal(state, &s); err != nil {
		return fault.Wrap(err, fault.Invalid, "where reading of the records stopped cannot be read; they are read again from their start")
	}
	if s.Version != stateVersion {
		return nil
	}
	for name, t := range s.Tails {
		r.reader.tails[name] = &t
	}
	r.reader.since, r.zone.utc = s.Since, s.UTC
	r.gone.add(s.Gone...)
	return nil
}
