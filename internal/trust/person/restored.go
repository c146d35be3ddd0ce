package person

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// What has no key of its own, a request, a find or a row in which somebody was
// erased, comes back with a backup from before. So its id is buried, as that of a
// destroyed key is: it stands in the key store, which is restored from its newest
// copy only, and a restored place is told of it before it is opened.
const (
	buriedCase = "request of a person" // it was kept long enough
	buriedName = "whom it was about"   // Nameless; the id is nameOf's
	buriedFind = "find of a request"   // what it described was erased
	buriedRow  = "erased in "          // and the reference of its table: "store/table"
)

// Buried is a row that was emptied or erased since a place was copied.
type Buried struct {
	Row    [16]byte
	Reason string
}

// bury is Options.Bury, where there is one.
func (s *Service) bury(ctx context.Context, p *place.Place, reason string, rows ...[16]byte) error {
	if s.o.Bury == nil || len(rows) == 0 {
		return nil
	}
	return s.o.Bury(ctx, p, reason, rows...)
}

// buryErased buries a find and the row that it named. Recordings have keys, whose
// tombstones say the same.
func (s *Service) buryErased(ctx context.Context, p *place.Place, it Item) error {
	table, _, _ := strings.Cut(it.Ref, "/")
	if row, err := Row(it.Ref, table); err == nil {
		if err := s.bury(ctx, p, buriedRow+it.Store+"/"+table, row); err != nil {
			return err
		}
	}
	return s.bury(ctx, p, buriedFind, it.ID)
}

// nameOf is under which id it is buried whom a case was about: that of the case
// is for the case itself.
func nameOf(i id.PersonRequest) [16]byte {
	sum := sha256.Sum256(append([]byte("ringfence: whom a request is about\x00"), i[:]...))
	return [16]byte(sum[:16])
}

// BuryNames buries whom some cases were about, of which Nameless has taken it out.
func (s *Service) BuryNames(ctx context.Context, p *place.Place, cases ...id.PersonRequest) error {
	var rows [][16]byte
	for _, i := range cases {
		rows = append(rows, nameOf(i))
	}
	return s.bury(ctx, p, buriedName, rows...)
}

// Restored takes out of a place that was restored what was emptied or erased since
// it was copied, and gives how many rows that were. It is run before anybody can
// open the place; again, it finds nothing.
func (s *Service) Restored(ctx context.Context, p *place.Place, buried []Buried) (n int, err error) {
	cases, names, finds := map[[16]byte]bool{}, map[[16]byte]bool{}, map[[16]byte]bool{}
	for _, b := range buried {
		at, erased := strings.CutPrefix(b.Reason, buriedRow)
		switch {
		case b.Reason == buriedCase:
			cases[b.Row] = true
		case b.Reason == buriedName:
			names[b.Row] = true
		case b.Reason == buriedFind:
			finds[b.Row] = true
		case erased:
			again, err := s.eraseAgain(ctx, p, at, b.Row)
			if err != nil {
				return n, err
			}
			if again {
				n++
			}
		}
	}
	if len(cases)+len(names)+len(finds) == 0 {
		return n, nil
	}
	c, err := s.casesAgain(ctx, p, cases, names)
	if err != nil {
		return n, err
	}
	f, err := s.findsAgain(ctx, p, finds)
	return n + c + f, err
}

// eraseAgain erases a row as the erasure did.
func (s *Service) eraseAgain(ctx context.Context, p *place.Place, at string, row [16]byte) (bool, error) {
	store, table, _ := strings.Cut(at, "/")
	st, ok := s.store(store)
	if !ok || st.Erase == nil {
		return false, fault.New(fault.Internal, "what was erased in %s cannot be erased again: this release does not know how", at)
	}
	err := st.Erase(ctx, p, actor.ForSystem("restore"), fmt.Sprintf("%s/%s", table, hex.EncodeToString(row[:])), By{})
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Gone) {
		return false, nil // it was made after the copy
	}
	return err == nil, err
}

// casesAgain takes away the requests whose time was over, with what they still
// restricted then, and empties those whose names were taken out.
func (s *Service) casesAgain(ctx context.Context, p *place.Place, cases, names map[[16]byte]bool) (n int, err error) {
	var all []id.PersonRequest
	err = p.View(ctx, func(tx *place.Tx) error {
		all, err = place.Rows[id.PersonRequest](tx, `SELECT id FROM person_requests ORDER BY id`)
		return err
	})
	if err != nil {
		return 0, err
	}
	all = slices.DeleteFunc(all, func(i id.PersonRequest) bool { return !cases[i] && !names[nameOf(i)] })
	for part := range slices.Chunk(all, purgeAtOnce) {
		err := p.Change(ctx, actor.ForSystem("restore"), func(tx *place.Tx) error {
			for _, i := range part {
				if !cases[i] {
					if err := s.blank(tx, i); err != nil {
						return err
					}
					tx.Record(place.Event{Code: "pseudonym.forgotten", Subject: i.String(), Facts: map[string]string{"which": "taken out before the restore"}})
					continue
				}
				for _, text := range []string{`DELETE FROM person_objections WHERE request = ?`, `DELETE FROM recording_restrictions WHERE request = ?`} {
					if _, err := tx.Exec(text, i); err != nil {
						return err
					}
				}
				if err := s.takeAway(tx, i); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return n, err
		}
		n += len(part)
	}
	return n, nil
}

// findsAgain takes off the finds what described the erased.
func (s *Service) findsAgain(ctx context.Context, p *place.Place, finds map[[16]byte]bool) (n int, err error) {
	if len(finds) == 0 {
		return 0, nil
	}
	var cases []id.PersonRequest
	err = p.View(ctx, func(tx *place.Tx) error {
		cases, err = place.Rows[id.PersonRequest](tx, `SELECT DISTINCT request FROM person_items WHERE outcome <> 'erased'`)
		return err
	})
	for _, i := range cases {
		if err != nil {
			return n, err
		}
		err = p.Keep(ctx, func(tx *place.Tx) error {
			all, err := s.items(tx, i, "")
			for _, it := range all {
				if !finds[it.ID] || it.Outcome == Erased {
					continue
				}
				it.Outcome, it.Label, it.Why, it.Kept, it.DoneAt = Erased, "", nil, "", tx.At()
				if err := putItem(tx, it); err != nil {
					return err
				}
				n++
			}
			return err
		})
	}
	return n, err
}
