package entry

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Bounds of what a list may hold.
const (
	mostRules  = 500
	mostOwner  = 100
	mostReason = 300
)

// Service keeps the rules.
type Service struct {
	now func() time.Time

	mu   sync.Mutex
	told map[string]time.Time // refusals that were recorded lately
}

// New makes the service; now nil is time.Now of the transactions' own clock.
func New(now func() time.Time) *Service {
	return &Service{now: now, told: map[string]time.Time{}}
}

// Where is whose rules: a customer's in its place, a provider's or a reseller's
// in the registry.
type Where struct {
	Place *place.Place
	Node  id.Node
}

// customer reports whether the rules are a customer's own.
func (w Where) customer() bool { return !w.Place.Customer().IsZero() }

// Saver is who changes rules, and from where: they must not shut themselves out.
type Saver struct {
	Who  actor.Actor
	From netip.Addr
	Free bool // the rules do not bind the saver: somebody above sets them
}

// Draft is a rule as somebody writes it.
type Draft struct {
	Surface Surface
	Network string
	Owner   string
	Reason  string
	Until   time.Time // zero: until it is taken out
}

type ruleRow struct {
	ID        id.Rule `db:"id"`
	Surface   string  `db:"surface"`
	Card      []byte  `db:"card"`
	Until     int64   `db:"until"`
	CreatedAt int64   `db:"created_at"`
}

// card is what of a rule is sealed.
type card struct {
	Network string `json:"network"`
	Owner   string `json:"owner"`
	Reason  string `json:"reason"`
	Maker   string `json:"maker"`
}

// check reads a draft and names every fault.
func (d Draft) check(w Where, at time.Time) (r Rule, err error) {
	f := fault.New(fault.Invalid, "the request is not valid")
	add := func(path, format string, args ...any) {
		f.Details = append(f.Details, fault.Detail{Path: path, Text: fmt.Sprintf(format, args...)})
	}
	r = Rule{Surface: d.Surface, Owner: strings.TrimSpace(d.Owner), Reason: strings.TrimSpace(d.Reason), Until: d.Until.UTC()}
	if !slices.Contains(Surfaces(w.customer()), d.Surface) {
		add("surface", "there is no surface %q here", d.Surface)
	}
	if r.Network, err = Network(d.Network); err != nil {
		add("network", "%s", fault.Of(err).Text)
	}
	if r.Owner == "" || len(r.Owner) > mostOwner*4 {
		add("owner", "say who answers for it, in 1 to %d letters", mostOwner)
	}
	if r.Reason == "" || len(r.Reason) > mostReason*4 {
		add("reason", "say why, in 1 to %d letters", mostReason)
	}
	if !r.Until.IsZero() && !r.Until.After(at) {
		add("until", "a rule ends in the future, or not by itself")
	}
	if len(f.Details) > 0 {
		return r, f
	}
	return r, nil
}

// Rules lists the rules that stand, newest first. What has run out is not among
// them, whether or not the night has taken it out yet.
func (s *Service) Rules(ctx context.Context, w Where) (list []Rule, err error) {
	err = w.Place.View(ctx, func(tx *place.Tx) error {
		list, err = rules(tx, w.Node)
		list = slices.DeleteFunc(list, func(r Rule) bool { return !r.live(s.at(tx)) })
		return err
	})
	return list, err
}

// at is the service's clock where a test gave it one, else the transaction's.
func (s *Service) at(tx *place.Tx) time.Time {
	if s.now != nil {
		return s.now()
	}
	return tx.At()
}

func rules(tx *place.Tx, n id.Node) ([]Rule, error) {
	rows, err := place.Rows[ruleRow](tx, `SELECT id, surface, card, until, created_at FROM entry_rules WHERE node = ? ORDER BY id DESC`, n)
	if err != nil {
		return nil, err
	}
	var out []Rule
	for _, row := range rows {
		text, err := tx.Unseal(place.FieldEntryRule, row.ID, row.Card)
		if err != nil {
			return nil, err
		}
		var c card
		if err := json.Unmarshal(text, &c); err != nil {
			return nil, err
		}
		network, err := netip.ParsePrefix(c.Network)
		if err != nil {
			return nil, err
		}
		r := Rule{
			ID: row.ID, Surface: Surface(row.Surface), Network: network, Owner: c.Owner, Reason: c.Reason, Maker: c.Maker,
			CreatedAt: time.UnixMilli(row.CreatedAt).UTC(),
		}
		if row.Until != 0 {
			r.Until = time.UnixMilli(row.Until).UTC()
		}
		out = append(out, r)
	}
	return out, nil
}

// Sealed opens a list as a statement brought it: nothing is the empty list.
func Sealed(tx *place.Tx, n id.Node, list []byte) (List, error) {
	if len(list) == 0 {
		return "", nil
	}
	text, err := tx.Unseal(place.FieldEntryList, n, list)
	return List(text), err
}

// ReadList reads the list of a place or a node by itself, for surfaces whose
// gate has no statement that brings it.
func ReadList(tx *place.Tx, n id.Node) (List, error) {
	rows, err := place.Rows[[]byte](tx, `SELECT list FROM entry_lists WHERE node = ?`, n)
	if err != nil || len(rows) == 0 {
		return "", err
	}
	return Sealed(tx, n, rows[0])
}

// store writes the list that the gate reads anew. It stands in the same Change
// as the rules it is made of.
func store(tx *place.Tx, n id.Node, all []Rule) error {
	if len(all) == 0 {
		_, err := tx.Exec(`DELETE FROM entry_lists WHERE node = ?`, n)
		return err
	}
	sealed, err := tx.Seal(place.FieldEntryList, n, []byte(Of(all)))
	if err != nil {
		return err
	}
	_, err = tx.Exec(`INSERT INTO entry_lists (node, list) VALUES (?, ?) ON CONFLICT (node) DO UPDATE SET list = excluded.list`, n, sealed)
	return err
}

// AdmitsText is ReadList and Admits for a surface whose server knows addresses
// as text.
func AdmitsText(tx *place.Tx, s Surface, from string) (bool, error) {
	list, err := ReadList(tx, tx.Place().Customer())
	if err != nil || list == "" {
		return err == nil, err
	}
	a, err := netip.ParseAddr(from)
	if err != nil {
		a = netip.Addr{} // not known: let in only where there is no rule
	}
	return list.Admits(s, a, tx.At()), nil
}
