package destruction

import (
	"errors"
	"fmt"
	"sort"
	"strings"

	"ringfence/internal/archive/collect"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// BoxSays is what a collector said of its files of one recording. Body and
// signature are its own words: a collect.Removal under the key that it enrolled.
type BoxSays struct {
	Device    string `json:"device"`
	Source    string `json:"source"`
	Fate      string `json:"fate"` // removed, absent, kept, altered, stuck, forgotten; old, revoked: it cannot say; waiting
	Key       []byte `json:"device_key,omitempty"`
	Body      []byte `json:"body,omitempty"`
	Signature []byte `json:"signature,omitempty"`
}

func boxSays(w collect.Word) BoxSays {
	out := BoxSays{Device: w.Device.String(), Source: w.Source.String(), Fate: string(w.Fate)}
	if w.Fate == collect.FateWaiting {
		out.Fate = waiting
	}
	if len(w.Said.Body) > 0 {
		out.Key, out.Body, out.Signature = w.Key, w.Said.Body, w.Said.Signature
	}
	return out
}

// check holds a box's own words against what the certificate makes of them.
func (b BoxSays) check(customer, rec string) error {
	if len(b.Body) == 0 {
		if b.Fate == waiting || b.Fate == string(collect.FateOld) || b.Fate == string(collect.FateRevoked) {
			return nil
		}
		return errors.New("it has no words of its own")
	}
	said, err := collect.OpenRemoval(collect.Signed{Body: b.Body, Signature: b.Signature}, b.Key)
	if err == nil && (said.Customer.String() != customer || said.Recording.String() != rec || said.Device.String() != b.Device || string(said.Fate) != b.Fate) {
		err = errors.New("it is of something else")
	}
	return err
}

// said is what is known of the other sides of some items.
type said struct {
	boxes map[id.Recording][]BoxSays
	names map[id.Source]string
}

// told reads what boxes have said of items, and how their sources are called.
func (s *Service) told(tx *place.Tx, items []itemRow) (said, error) {
	out := said{boxes: map[id.Recording][]BoxSays{}, names: map[id.Source]string{}}
	var recs []id.Recording
	sources := map[id.Source]bool{}
	for _, i := range items {
		recs, sources[i.Source] = append(recs, i.Recording), true
	}
	if s.o.Boxes != nil {
		for len(recs) > 0 {
			n := min(len(recs), 500)
			words, err := s.o.Boxes.Words(tx, recs[:n])
			if err != nil {
				return out, err
			}
			for _, w := range words {
				out.boxes[w.Recording] = append(out.boxes[w.Recording], boxSays(w))
				sources[w.Source] = true
			}
			recs = recs[n:]
		}
	}
	if s.o.SourceName == nil {
		return out, nil
	}
	for one := range sources {
		name, err := s.o.SourceName(tx, one)
		if err != nil {
			return out, err
		}
		out.names[one] = name
	}
	return out, nil
}

// remain names the sources that keep files of items, with how many: by the name
// that the customer gave the source, never by a file's.
func (k said) remain(items []itemRow) string {
	counts := map[string]int{}
	for _, i := range items {
		if AtSource(i.AtSource) != SourceRemains {
			continue
		}
		at := map[id.Source]bool{}
		for _, b := range k.boxes[i.Recording] {
			if src, err := id.Parse[id.Source](b.Source); err == nil && stateOf(collect.Fate(b.Fate)) == SourceRemains {
				at[src] = true
			}
		}
		if len(at) == 0 {
			at[i.Source] = true
		}
		for src := range at {
			counts[k.name(src)]++
		}
	}
	if len(counts) == 0 {
		return ""
	}
	var all []string
	for name, n := range counts {
		all = append(all, fmt.Sprintf("%s: %d", name, n))
	}
	sort.Strings(all)
	return " (" + strings.Join(all, "; ") + ")"
}

func (k said) name(s id.Source) string {
	if n := k.names[s]; n != "" {
		return n
	}
	return s.String()
}
