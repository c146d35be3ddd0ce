package privacy

import (
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/platform/place"
)

// Least is the ready-made set that wants a recording kept the longest, and until
// when: whoever erases at a person's request asks it, as rules that are longer
// than a set's minimum hide it from a verdict. ok is false where none is applied
// to the recording, or its minimum has passed.
func (s *Service) Least(tx *place.Tx, row recording.Row) (set Set, until time.Time, ok bool, err error) {
	chosen, err := s.SettingsIn(tx)
	if err != nil || !chosen.Chosen || len(chosen.Policy.Sets) == 0 {
		return set, until, false, err
	}
	p, err := chosen.Policy.blinded(tx)
	if err != nil {
		return set, until, false, err
	}
	facts, err := s.factsOf(tx, []recording.Row{row})
	if err != nil {
		return set, until, false, err
	}
	f := facts[row.N]
	for _, a := range p.Sets {
		named, _ := SetNamed(a.Set)
		if is, _ := a.When.fits(f); is == no || named.Least <= set.Least {
			continue
		}
		set = named
	}
	end := after(f.StartedAt, set.Least)
	if set.Least == 0 || end == nil || !s.o.Now().Before(*end) {
		return Set{}, until, false, nil
	}
	return set, *end, true, nil
}
