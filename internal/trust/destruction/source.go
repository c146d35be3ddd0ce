package destruction

import (
	"slices"

	"ringfence/internal/archive/collect"
	"ringfence/internal/archive/recording"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// worst is what is said of a recording that lay in several places: what is not
// known comes before what is, and what remains before what went.
func worst(all ...AtSource) AtSource {
	for _, s := range []AtSource{SourceWaiting, SourceUnknown, SourceRemains, SourceGone} {
		if slices.Contains(all, s) {
			return s
		}
	}
	return SourceNever
}

// beside is what became of a recording's files at sources that are no collectors:
// a file that its source removes once verified went before. With one place for
// keys or objects, only a drop, which is this server's own, lets go of its files.
func beside(i recording.Destroyed, twoPlaces bool) AtSource {
	out := SourceNever
	for _, at := range append([]recording.Elsewhere{{Source: i.Source, Kind: i.Kind, After: i.After}}, i.Others...) {
		switch {
		case at.Kind == recording.Siprec, at.Kind == recording.Collector:
		case slices.ContainsFunc(i.Moved, func(m recording.Moved) bool { return m.Source == at.Source }): // who watches it says: Swept
			out = worst(out, SourceGone)
		case at.After != recording.Delete, !twoPlaces && at.Kind != recording.Drop:
			out = worst(out, SourceRemains)
		case !i.Verified:
			out = worst(out, SourceUnknown)
		default:
			out = worst(out, SourceGone)
		}
	}
	return out
}

// askBoxes orders the removal from the collectors of a recording's sources.
func (s *Service) askBoxes(tx *place.Tx, i recording.Destroyed, elsewhere AtSource) (AtSource, error) {
	var sources []id.Source
	if i.Kind == recording.Collector {
		sources = append(sources, i.Source)
	}
	for _, o := range i.Others {
		if o.Kind == recording.Collector {
			sources = append(sources, o.Source)
		}
	}
	if len(sources) == 0 {
		return elsewhere, nil
	}
	var words []collect.Word
	if s.o.Boxes != nil {
		var err error
		if words, err = s.o.Boxes.Remove(tx, i.Recording, sources); err != nil {
			return "", err
		}
	}
	return worst(elsewhere, ofBoxes(words)), nil
}

// ofBoxes is what the boxes of a recording's sources make of it together. One
// that does not know the recording says nothing where another one does.
func ofBoxes(words []collect.Word) AtSource {
	out, known := SourceNever, false
	for _, w := range words {
		if w.Fate != collect.FateForgotten {
			out, known = worst(out, stateOf(w.Fate)), true
		}
	}
	if !known {
		return SourceUnknown
	}
	return out
}

func stateOf(f collect.Fate) AtSource {
	switch f {
	case collect.FateRemoved, collect.FateAbsent:
		return SourceGone
	case collect.FateKept, collect.FateAltered, collect.FateStuck:
		return SourceRemains
	case collect.FateWaiting:
		return SourceWaiting
	}
	return SourceUnknown
}

// Swept takes down what became of a file that its source had moved aside. It is
// for recording.Service.OnSwept.
func (s *Service) Swept(tx *place.Tx, rec id.Recording, fate recording.Fate) error {
	all, err := place.Rows[string](tx, `SELECT elsewhere FROM destroyed WHERE recording = ?`, rec)
	if err != nil || len(all) == 0 {
		return err
	}
	elsewhere := worst(AtSource(all[0]), AtSource(fate))
	if _, err := tx.Exec(`UPDATE destroyed SET elsewhere = ? WHERE recording = ?`, string(elsewhere), rec); err != nil {
		return err
	}
	var words []collect.Word
	if s.o.Boxes != nil {
		if words, err = s.o.Boxes.Words(tx, []id.Recording{rec}); err != nil {
			return err
		}
	}
	return s.settle(tx, rec, elsewhere, words)
}

// settle writes what is known of a recording's files by now.
func (s *Service) settle(tx *place.Tx, rec id.Recording, elsewhere AtSource, words []collect.Word) error {
	state := elsewhere
	if len(words) > 0 {
		state = worst(state, ofBoxes(words))
	}
	moved, err := s.o.StillMoved(tx, rec)
	if err != nil {
		return err
	}
	if moved {
		state = worst(state, SourceWaiting)
	}
	_, err = tx.Exec(`UPDATE destroyed SET at_source = ? WHERE recording = ?`, string(state), rec)
	tx.Notify(Topic)
	return err
}

// Heard takes down what became known of what boxes have. It is for
// collect.Server.OnWord; words has all boxes of each recording that it names.
func (s *Service) Heard(tx *place.Tx, words []collect.Word) error {
	of := map[id.Recording][]collect.Word{}
	var order []id.Recording
	for _, w := range words {
		if of[w.Recording] == nil {
			order = append(order, w.Recording)
		}
		of[w.Recording] = append(of[w.Recording], w)
	}
	for _, rec := range order {
		all, err := place.Rows[string](tx, `SELECT elsewhere FROM destroyed WHERE recording = ?`, rec)
		if err != nil {
			return err
		}
		if len(all) == 0 {
			continue
		}
		if err := s.settle(tx, rec, AtSource(all[0]), of[rec]); err != nil {
			return err
		}
	}
	return nil
}
