package destruction

import (
	"context"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Keys are ways back from pseudonyms that were destroyed: nothing but keys, and
// what was sealed under them in rows.
type Keys struct {
	Run      id.Destruction
	Approval id.Approval
	Asked    time.Time
	N        int
	TwoKeys  bool // they were kept in two places, and are gone from both
}

// CertifyKeys signs that the keys of ways back from pseudonyms are gone, after
// what was deleted was taken out of indexes and logs. A run that has its
// certificate gets no second.
func (s *Service) CertifyKeys(ctx context.Context, p *place.Place, k Keys) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	done := 0
	err := p.View(ctx, func(tx *place.Tx) (err error) {
		done, err = place.Row[int](tx, `SELECT count(*) FROM destruction_certificates WHERE run = ?`, k.Run)
		return err
	})
	if err != nil || done > 0 {
		return err
	}
	if err := s.o.Clean(ctx, p); err != nil {
		return err
	}
	i, now := id.New[id.Certificate](), s.o.Now().UTC().Truncate(time.Second)
	c := Certificate{
		Version: 1, Run: k.Run.String(), By: Authority{Kind: ofWaysBack, Approval: k.Approval.String(), OrderedBy: string(actor.Person)},
		Ordered: k.Asked, Ended: now, Total: Total{Keys: k.N}, Items: []Item{}, Copies: s.waysBack(p.Dialect(), k.TwoKeys, now),
	}
	return s.signAs(ctx, p, i, runRow{Run: k.Run, Kind: c.By.Kind}, c, id.Certificate{}, func(*place.Tx, id.Certificate) error { return nil })
}

// ofWaysBack is the kind of authority of these certificates.
const ofWaysBack = "pseudonyms"

// waysBack says what became of each copy of an original under a pseudonym.
func (s *Service) waysBack(d place.Dialect, twoKeys bool, ended time.Time) []Copy {
	b := s.o.Backups(ended)
	return []Copy{
		{What: "keys, first store", State: gone, Detail: "the wrapped keys were erased; their ids stay as tombstones"},
		second("keys, second store", twoKeys, "erased as in the first; their ids stay as tombstones"),
		{What: "originals and marks", State: gone, Detail: "the rows that led from a name or number to its pseudonym, and back, were deleted; the pseudonyms stand and lead nowhere"},
		engineLog(d),
		backupCopy("backups of rows and of the log of changes", b.On, b.Places, s.o.Now(),
			"they can hold originals, sealed under keys that are destroyed, marks, which lead to a pseudonym only for whoever has the pseudonym key and tries the right name or number, and the requests of persons by which pseudonyms were given, which say for whom; the last one that can hold them goes on this day"),
		backupCopy("backups of keys", b.On, b.Keys, s.o.Now(),
			"until this day, whoever holds such a copy, the backup key and the root key could still open what was destroyed; a restore destroys it again"),
	}
}
