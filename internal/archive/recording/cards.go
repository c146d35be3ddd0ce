package recording

import (
	"container/list"
	"context"
	"encoding/json"
	"sync"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/sealed"
)

const (
	maxCards    = 20_000           // card keys held in memory, of all customers
	cardsMayAge = 15 * time.Minute // as long as any opening
)

// cardKeys holds the card keys that were opened lately, each with its key
// schedule, so that a page of a list needs a receipt only for what is new on it.
type cardKeys struct {
	mu    sync.Mutex
	byKey map[id.Key]*list.Element
	order *list.List // of cardKey, the most recently used first
}

type cardKey struct {
	key   id.Key
	box   *sealed.Box
	until time.Time
}

func newCardKeys() *cardKeys {
	return &cardKeys{byKey: map[id.Key]*list.Element{}, order: list.New()}
}

// get gives the key's box unless it was never opened or too long ago.
func (c *cardKeys) get(k id.Key, at time.Time) *sealed.Box {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.byKey[k]
	if !ok {
		return nil
	}
	held := e.Value.(cardKey)
	if at.After(held.until) {
		c.order.Remove(e)
		delete(c.byKey, k)
		return nil
	}
	c.order.MoveToFront(e)
	return held.box
}

func (c *cardKeys) put(k id.Key, box *sealed.Box, until time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.byKey[k]; ok {
		c.order.Remove(e)
	}
	c.byKey[k] = c.order.PushFront(cardKey{k, box, until})
	for c.order.Len() > maxCards {
		last := c.order.Back()
		delete(c.byKey, last.Value.(cardKey).key)
		c.order.Remove(last)
	}
}

// forget drops keys that are being destroyed.
func (c *cardKeys) forget(keys ...id.Key) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range keys {
		if e, ok := c.byKey[k]; ok {
			c.order.Remove(e)
			delete(c.byKey, k)
		}
	}
}

// closedCard is a card as it lies in its row.
type closedCard struct {
	recording id.Recording
	key       id.Key
	sealed    []byte
}

// openCards opens cards in place of who asks: those whose keys are not at hand
// through one receipt. A card whose key was destroyed comes out empty.
func (s *Service) openCards(ctx context.Context, p *place.Place, who actor.Actor, subject string, closed []closedCard) ([]Card, error) {
	boxes, err := s.boxes(ctx, p, who, subject, closed)
	if err != nil {
		return nil, err
	}
	cards := make([]Card, len(closed))
	for i, c := range closed {
		box := boxes[c.key]
		if box == nil {
			continue
		}
		plain, err := box.Open(cardAAD(p.Customer(), c.recording), c.sealed)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(plain, &cards[i]); err != nil {
			return nil, err
		}
	}
	return cards, nil
}

func (s *Service) boxes(ctx context.Context, p *place.Place, who actor.Actor, subject string, closed []closedCard) (map[id.Key]*sealed.Box, error) {
	at := s.now()
	boxes := map[id.Key]*sealed.Box{}
	// What a customer's own key server lent ends for what is in memory here, too.
	// Lists go on without names: they are shown as those of a destroyed recording.
	if err := s.keys.Still(ctx, p.Customer()); keyring.NotLent(err) {
		return boxes, nil
	} else if err != nil {
		return nil, err
	}
	var missing []id.Key
	for _, c := range closed {
		if box := s.cards.get(c.key, at); box != nil {
			boxes[c.key] = box
		} else {
			missing = append(missing, c.key)
		}
	}
	if len(missing) == 0 {
		return boxes, nil
	}
	r, err := p.Receipt(ctx, who, place.Opening{Subject: subject, Keys: missing, What: "card", For: cardsMayAge})
	if err != nil {
		return nil, err
	}
	keys, err := s.keys.Cards(ctx, r, missing)
	if keyring.NotLent(err) {
		return boxes, nil
	}
	if err != nil {
		return nil, err
	}
	for k, key := range keys {
		box := sealed.NewBox(key)
		boxes[k] = box
		s.cards.put(k, box, r.Until())
	}
	return boxes, nil
}
