package recording

import (
	"context"

	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// asideSchema remembers objects that no row names any more while some backup
// still does: whoever goes back to it finds them.
const asideSchema = `
CREATE TABLE objects_aside (
	object {{id}}  NOT NULL PRIMARY KEY,
	at     {{int}} NOT NULL
);
CREATE INDEX objects_aside_at ON objects_aside (at);
`

// keepAside keeps objects whose keys live on until the oldest backup that may
// name them has gone, and ends the intent. Objects whose keys were destroyed
// are noise, and are never kept.
func (s *Service) keepAside(ctx context.Context, p *place.Place, i id.Intent, objects []id.Object) error {
	return p.Keep(ctx, func(tx *place.Tx) error {
		for _, o := range objects {
			if _, err := tx.Exec(`INSERT INTO objects_aside (object, at) VALUES (?, ?) ON CONFLICT (object) DO NOTHING`, o, millis(tx.At())); err != nil {
				return err
			}
		}
		return tx.Done(i)
	})
}

// named reports whether a backup may name what was set aside now.
func (s *Service) named(ctx context.Context, l leftovers) bool {
	if s.oldest == nil || len(l.Keys) > 0 || len(l.Objects) == 0 {
		return false
	}
	_, some := s.oldest(ctx)
	return some
}

// ClearAside deletes the objects that no backup names any more: they were set
// aside before the oldest one was made.
func (s *Service) ClearAside(ctx context.Context, p *place.Place) error {
	before := s.now()
	if s.oldest != nil {
		if at, some := s.oldest(ctx); some {
			before = at
		}
	}
	for {
		var objects []id.Object
		err := p.View(ctx, func(tx *place.Tx) (err error) {
			objects, err = place.Rows[id.Object](tx, `SELECT object FROM objects_aside WHERE at < ? ORDER BY at LIMIT 500`, millis(before))
			return err
		})
		if err != nil || len(objects) == 0 {
			return err
		}
		// A place that went back to an earlier time may name them again.
		var used []id.Object
		err = p.View(ctx, func(tx *place.Tx) (err error) {
			used, err = place.Rows[id.Object](tx, `SELECT object FROM renditions WHERE object IN (?)`, place.List(objects))
			return err
		})
		if err != nil {
			return err
		}
		again := map[id.Object]bool{}
		for _, o := range used {
			again[o] = true
		}
		for _, o := range objects {
			if again[o] {
				continue
			}
			if err := s.objects.Delete(ctx, ObjectName(p.Customer(), o)); err != nil {
				return err
			}
		}
		err = p.Keep(ctx, func(tx *place.Tx) error {
			_, err := tx.Exec(`DELETE FROM objects_aside WHERE object IN (?)`, place.List(objects))
			return err
		})
		if err != nil {
			return err
		}
	}
}
