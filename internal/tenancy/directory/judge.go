package directory

import (
	"fmt"
	"slices"

	"ringfence/internal/base/fault"
	"ringfence/internal/platform/place"
)

// State is what becomes of one line.
type State string

// The states of a line.
const (
	Adds  State = "add"   // is not here yet
	Stays State = "same"  // is here already
	Ends  State = "end"   // is here, and ends now
	Wrong State = "fault" // Faults say why
)

// Verdict is what becomes of one line, in the order of the lines.
type Verdict struct {
	Line int // in the file, from 1; zero: not from a file
	Assignment
	State  State
	Faults []fault.Detail
}

type draft struct {
	Assignment
	line   int
	faults []fault.Detail // found while it was read
}

// judge decides about drafts without changing anything: each alone, against
// what is stored, and against each other.
func (s *Service) judge(tx *place.Tx, drafts []draft, country string) ([]Verdict, error) {
	have, err := read(tx, `1 = 1`)
	if err != nil {
		return nil, err
	}
	if have, err = s.withOld(tx, have); err != nil {
		return nil, err
	}
	known := map[string][]holding{}
	for _, a := range have {
		known[a.Extension] = append(known[a.Extension], holding{Assignment: a})
	}
	out := make([]Verdict, len(drafts))
	added := 0
	for i, d := range drafts {
		a, faults := d.check(country)
		v := Verdict{Line: d.line, Assignment: a, State: Wrong, Faults: append(slices.Clone(d.faults), faults...)}
		if len(v.Faults) == 0 {
			if v.Person.IsZero() && v.Email != "" {
				if v.Person, err = s.members.Find(tx, v.Email); err != nil {
					return nil, err
				}
			}
			v.against(known[a.Extension])
		}
		if v.State == Adds || v.State == Ends {
			list := slices.DeleteFunc(known[a.Extension], func(h holding) bool { return v.State == Ends && h.ID == v.ID })
			known[a.Extension] = append(list, holding{v.Assignment, d.line})
		}
		if v.State == Adds {
			added++
		}
		out[i] = v
	}
	if len(have)+added > most {
		return nil, fault.New(fault.TooLarge, "a directory holds at most %d assignments", most)
	}
	return out, nil
}

// withOld adds what members' own rows still say, where nothing was written here
// yet: a preview answers as the import will.
func (s *Service) withOld(tx *place.Tx, have []Assignment) ([]Assignment, error) {
	n, err := place.Row[int](tx, `SELECT count(*) FROM directory_adopted`)
	if err != nil || n > 0 {
		return have, err
	}
	old, err := s.members.Extensions(tx)
	return append(have, old...), err
}

// holding is an assignment that stands, and the line it comes from.
type holding struct {
	Assignment
	line int
}

// against compares one assignment with those of its extension.
func (v *Verdict) against(all []holding) {
	v.State = Adds
	for _, h := range all {
		if h.whose() == v.whose() && h.From.Equal(v.From) {
			switch {
			case h.To.Equal(v.To) && h.Name == v.Name && h.Team == v.Team:
				v.ID, v.State = h.ID, Stays
				return
			case h.To.IsZero() && h.Name == v.Name && h.Team == v.Team && h.line == 0:
				v.ID, v.State = h.ID, Ends
				return
			}
		}
	}
	for _, h := range all {
		if !h.overlaps(v.Assignment) {
			continue
		}
		text := clash(h.Assignment)
		if h.line > 0 {
			text += fmt.Sprintf(" by line %d", h.line)
		}
		v.State = Wrong
		v.Faults = append(v.Faults, fault.Detail{Path: "extension", Text: text})
	}
}
