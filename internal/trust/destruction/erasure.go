package destruction

import (
	"context"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Erasure is what was done at a person's request for erasure, in every store.
type Erasure struct {
	Run     id.Destruction
	Request string
	Ordered time.Time
	Stores  []Store
}

// Store is one store of an erasure: how much of it was erased, how much was kept and why.
type Store struct {
	Name   string `json:"store"`
	Title  string `json:"title"`
	Erased int    `json:"erased"`
	Kept   []Kept `json:"kept,omitempty"`
}

// Kept is why so many things were kept.
type Kept struct {
	Count int    `json:"count"`
	Why   string `json:"because"`
}

// Erased signs what an erasure did in all stores, those without recordings
// included; the recordings have certificates of their own, with each key, under
// the same run. For one run it signs once, however often it is asked.
func (s *Service) Erased(ctx context.Context, p *place.Place, e Erasure) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := id.Certificate(e.Run) // one for a run; those of recordings have ids of their own
	err := p.View(ctx, func(tx *place.Tx) error {
		_, err := place.Row[int](tx, `SELECT items FROM destruction_certificates WHERE id = ?`, i)
		return err
	})
	if err == nil || !fault.Is(err, fault.NotFound) {
		return err
	}
	if err := s.o.Clean(ctx, p); err != nil {
		return err
	}
	now := s.o.Now()
	r := runRow{Run: e.Run, Kind: "erasure", Request: e.Request, OrderedBy: "person", Ordered: e.Ordered.UnixMilli(), Ended: now.UnixMilli()}
	c := s.compose(p, r, nil, said{})
	c.Ended, c.Stores = now.UTC().Truncate(time.Second), e.Stores
	c.Copies = s.rowCopies(p.Dialect(), now)
	return s.signAs(ctx, p, i, r, c, id.Certificate{}, func(*place.Tx, id.Certificate) error { return nil })
}

// ofNone signs anew an earlier certificate that is of no recordings (of a person's
// erasure, of ways back), as its copies are now, and reports whether it was one.
func (s *Service) ofNone(ctx context.Context, p *place.Place, old id.Certificate) (bool, error) {
	file, err := s.Document(ctx, p, old, false)
	if err != nil {
		return false, err
	}
	c, _, err := Verify(file)
	if err != nil {
		return false, err
	}
	switch {
	case len(c.Stores) > 0:
		c.Copies = s.rowCopies(p.Dialect(), c.Ended)
	case c.By.Kind == ofWaysBack:
		c.Copies = s.waysBack(p.Dialect(), c.Copies[1].State == gone, c.Ended)
	default:
		return false, nil
	}
	run, err := id.Parse[id.Destruction](c.Run)
	if err != nil {
		return false, err
	}
	c.Corrects = old.String()
	r := runRow{Run: run, Kind: c.By.Kind}
	return true, s.signAs(ctx, p, id.New[id.Certificate](), r, *c, old, func(tx *place.Tx, i id.Certificate) error {
		_, err := tx.Exec(`UPDATE destruction_certificates SET replaced = ? WHERE id = ?`, i, old)
		return err
	})
}

// rowCopies says what became of each kind of copy of rows that are no recordings.
func (s *Service) rowCopies(d place.Dialect, ended time.Time) []Copy {
	b := s.o.Backups(ended)
	return []Copy{
		{What: "rows", State: gone, Detail: "deleted, or what is personal in them overwritten, in each store that says so"},
		engineLog(d),
		backupCopy("backups of rows and of the log of changes", b.On, b.Places, s.o.Now(), "they can hold the rows as they were, sealed; the last one that can goes on this day"),
	}
}
