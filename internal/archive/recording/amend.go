package recording

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

func factOf(facts []byte, name string) string {
	var m map[string]string
	json.Unmarshal(facts, &m)
	return m[name]
}

// Amend takes in what became known of a call after its recordings were
// archived: rows, blind indexes and cards. A call without recordings is left
// alone.
func (s *Service) Amend(ctx context.Context, p *place.Place, who actor.Actor, source id.Source, call Call) error {
	call = call.discreet()
	var kept id.Call
	var fresh bool
	err := p.View(ctx, func(tx *place.Tx) error {
		found, digest, err := knownCalls(tx, source, call)
		if err != nil || len(found) == 0 {
			return err
		}
		kept, fresh = found[0].id, len(found) == 1 && bytes.Equal(found[0].digest, digest)
		return nil
	})
	if err != nil || kept.IsZero() || fresh {
		return err
	}
	return s.amendCard(ctx, p, who, kept, source, call)
}

// knownCalls are the calls that a call is, the oldest first.
func knownCalls(tx *place.Tx, source id.Source, call Call) ([]knownCall, []byte, error) {
	tokens, err := CallTokens(tx, source, call.Idents)
	if err != nil {
		return nil, nil, err
	}
	digest, err := callDigest(tx, call)
	if err != nil {
		return nil, nil, err
	}
	type row struct {
		ID     id.Call `db:"id"`
		Digest []byte  `db:"digest"`
	}
	rows, err := place.Rows[row](tx, `SELECT DISTINCT c.id, c.digest FROM call_idents i JOIN calls c ON c.id = i.call_id WHERE i.token IN (?) ORDER BY c.id`, place.List(tokens))
	var found []knownCall
	for _, r := range rows {
		found = append(found, knownCall{id: r.ID, digest: r.Digest})
	}
	return found, digest, err
}

// amend brings the cards of earlier recordings up to what the newest recording
// of their call says.
func (s *Service) amend(ctx context.Context, p *place.Place, who actor.Actor, calls []joinedCall) error {
	var errs []error
	for _, j := range calls {
		errs = append(errs, s.amendCard(ctx, p, who, j.id, j.source, j.call))
	}
	return errors.Join(errs...)
}

// joinedCall is a call of which more became known.
type joinedCall struct {
	id     id.Call
	source id.Source
	call   Call
}

// amendCard opens the cards of a call's recordings, puts the call into them and
// writes them with all else that tells of the call.
func (s *Service) amendCard(ctx context.Context, p *place.Place, who actor.Actor, kept id.Call, source id.Source, call Call) error {
	call = call.discreet()
	var others []knownCall
	var rows []Row
	err := p.View(ctx, func(tx *place.Tx) error {
		found, _, err := knownCalls(tx, source, call)
		if err != nil {
			return err
		}
		ids := []id.Call{kept}
		for _, k := range found {
			if k.id != kept {
				others, ids = append(others, k), append(ids, k.id)
			}
		}
		rows, err = place.Rows[Row](tx, `SELECT `+columns+` FROM recordings r WHERE r.call_id IN (?)`, place.List(ids))
		return err
	})
	if err != nil || len(rows) == 0 {
		return err
	}
	var closed []closedCard
	for _, r := range rows {
		closed = append(closed, closedCard{r.ID, r.CardKey, r.Card})
	}
	boxes, err := s.boxes(ctx, p, who, kept.String(), closed)
	if err != nil {
		return err
	}
	return p.Change(ctx, who, func(tx *place.Tx) error {
		if err := rewriteCall(tx, kept, others, source, call); err != nil {
			return err
		}
		ns := make([]int64, len(rows))
		for i, r := range rows {
			ns[i] = r.N
		}
		renamed, err := s.Pseudonymised(tx, ns...)
		if err != nil {
			return err
		}
		for i, c := range closed {
			box := boxes[c.key]
			if box == nil || renamed[rows[i].N] {
				continue
			}
			if err := rewriteCard(tx, box, c, rows[i], call); err != nil {
				return err
			}
		}
		tx.Record(place.Event{Code: "call.amended", Subject: kept.String()})
		tx.Notify(Topic)
		return nil
	})
}

func rewriteCall(tx *place.Tx, kept id.Call, others []knownCall, source id.Source, call Call) error {
	digest, err := callDigest(tx, call)
	if err != nil {
		return err
	}
	if err := updateCall(tx, kept, others, []any{
		millis(call.StartedAt), optional(call.AnsweredAt), millis(call.EndedAt), string(call.Direction), call.Queue, string(call.Disposition), digest,
	}); err != nil {
		return err
	}
	tokens, err := CallTokens(tx, source, call.Idents)
	if err != nil {
		return err
	}
	idents := newRows().idents
	for _, t := range tokens {
		idents.add(t, kept)
	}
	return idents.flush(tx)
}

// opener is what a card needs to be opened and closed again.
type opener interface {
	Open(aad, sealed []byte) ([]byte, error)
	Seal(aad, plain []byte) []byte
}

func rewriteCard(tx *place.Tx, box opener, c closedCard, r Row, call Call) error {
	aad := cardAAD(tx.Place().Customer(), c.recording)
	plain, err := box.Open(aad, c.sealed)
	if err != nil {
		return err
	}
	var card Card
	if err := json.Unmarshal(plain, &card); err != nil {
		return err
	}
	card.Call = call
	if plain, err = json.Marshal(card); err != nil {
		return err
	}
	// The key is part of the condition: a capture that replaced this one meanwhile has a card of its own.
	n, err := tx.Exec(`UPDATE recordings SET card = ? WHERE n = ? AND card_key = ?`, box.Seal(aad, plain), r.N, c.key)
	if err != nil || n == 0 {
		return err
	}
	return reindex(tx, r, call)
}
