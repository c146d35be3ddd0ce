package recording

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// The kinds of intent of this package.
const (
	intentCapture = "recording.capture" // keys and objects may be left over from an archiving
	intentDiscard = "recording.discard" // keys and objects are to go; no row names them
	intentDestroy = "recording.destroy" // recordings are to be destroyed
)

// leftovers are keys and objects that no row will name.
type leftovers struct {
	Objects []id.Object `json:"objects,omitempty"`
	Keys    []id.Key    `json:"keys,omitempty"`
	Reason  string      `json:"reason,omitempty"`
}

func (l leftovers) empty() bool { return len(l.Objects) == 0 && len(l.Keys) == 0 }

// recover finishes every intent of this package that is not under way here.
func (s *Service) recover(ctx context.Context, p *place.Place) error {
	pending, err := p.Pending(ctx, "")
	if err != nil {
		return err
	}
	var errs []error
	for _, i := range pending {
		if s.isWorking(i.ID) {
			continue
		}
		switch i.Kind {
		case intentCapture, intentDiscard:
			var l leftovers
			if err = json.Unmarshal(i.Args, &l); err != nil {
				break
			}
			if i.Kind == intentCapture {
				err = s.giveUp(ctx, p, i.ID, l)
			} else {
				err = s.discard(ctx, p, i.ID, l)
			}
		case intentDestroy:
			var d destruction
			if err = json.Unmarshal(i.Args, &d); err == nil {
				err = s.finishDestroying(ctx, p, i.ID, d)
			}
		default:
			continue
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("intent %s: %w", i.ID, err))
		}
		err = nil
	}
	return errors.Join(errs...)
}

func (s *Service) isWorking(i id.Intent) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.working[i]
}

// giveUp turns the intent of an archiving into one to discard what it set
// aside. From then on the archiving cannot commit, should another server still
// be at it: its Change looks for its intent.
func (s *Service) giveUp(ctx context.Context, p *place.Place, i id.Intent, l leftovers) error {
	if i.IsZero() {
		return nil
	}
	var next id.Intent
	err := p.Change(ctx, actor.ForSystem("archive"), func(tx *place.Tx) error {
		n, err := place.Row[int](tx, `SELECT count(*) FROM intents WHERE id = ?`, i)
		if err != nil {
			return err
		}
		tx.Record(place.Event{Code: "capture.given-up", Subject: i.String()})
		if n == 0 {
			return nil
		}
		if err := tx.Done(i); err != nil {
			return err
		}
		l.Reason = "never used"
		next, err = tx.Intend(intentDiscard, l)
		return err
	})
	if err != nil || next.IsZero() {
		return err
	}
	return s.discard(ctx, p, next, l)
}

// discard removes objects and keys that no row names, then ends the intent. It
// may run twice, also at the same time.
func (s *Service) discard(ctx context.Context, p *place.Place, i id.Intent, l leftovers) error {
	s.step("discard")
	if s.named(ctx, l) {
		return s.keepAside(ctx, p, i, l.Objects)
	}
	var used []id.Object
	if err := p.View(ctx, func(tx *place.Tx) (err error) {
		used, err = place.Rows[id.Object](tx, `SELECT object FROM renditions WHERE object IN (?)`, place.List(l.Objects))
		return err
	}); err != nil {
		return err
	}
	for _, o := range l.Objects {
		if slices.Contains(used, o) {
			continue
		}
		if err := s.objects.Delete(ctx, ObjectName(p.Customer(), o)); err != nil {
			return err
		}
	}
	if len(l.Keys) > 0 {
		if err := s.keys.Destroy(ctx, p.Customer(), l.Reason, l.Keys...); err != nil {
			return err
		}
	}
	s.step("discarded")
	return p.Keep(ctx, func(tx *place.Tx) error { return tx.Done(i) })
}
