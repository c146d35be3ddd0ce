package entry_test

import (
	"strings"
	"testing"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/journal"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/tenancy/entry"
)

func TestMain(m *testing.M) { placetest.Main(m) }

var schemas = place.Schemas{Registry: entry.Migrations(), Place: entry.Migrations()}

func no(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func codes(t *testing.T, p *place.Place) (out []string) {
	t.Helper()
	no(t, p.View(t.Context(), func(tx *place.Tx) error {
		all, err := journal.List(tx, journal.Filter{Code: "entry."})
		for _, e := range all {
			out = append(out, e.Code)
		}
		return err
	}))
	return out
}

func list(t *testing.T, w entry.Where) (l entry.List) {
	t.Helper()
	no(t, w.Place.View(t.Context(), func(tx *place.Tx) (err error) {
		l, err = entry.ReadList(tx, w.Node)
		return err
	}))
	return l
}

func TestRulesFromTheFirstToTheLast(t *testing.T) {
	placetest.Run(t, schemas, func(t *testing.T, store *place.Store) {
		at := time.Now().UTC().Truncate(time.Second)
		s := entry.New(func() time.Time { return at })
		p := placetest.Customer(t, store)
		w := entry.Where{Place: p, Node: p.Customer()}
		me := entry.Saver{Who: actor.ForPerson(id.New[id.Person](), id.New[id.Session](), office.String()), From: office}
		draft := entry.Draft{Surface: entry.Portal, Network: "203.0.113.0/24", Owner: "Cora", Reason: "the office"}

		// What is wrong is named, all of it; a surface that is not there is none.
		_, _, err := s.Add(t.Context(), w, me, entry.Draft{Surface: "window", Network: "x", Until: at}, false)
		if f := fault.Of(err); f.Kind != fault.Invalid || len(f.Details) != 5 {
			t.Fatalf("%v", err)
		}
		other := draft
		other.Network, other.Reason = "198.51.100.0/24", "the branch"
		if _, _, err := s.Add(t.Context(), w, me, other, false); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), office.String()) {
			t.Fatalf("the first rule locks its saver out: %v", err)
		}
		// A dry run tells and changes nothing.
		_, f, err := s.Add(t.Context(), w, me, draft, true)
		no(t, err)
		if rules, _ := s.Rules(t.Context(), w); !f.Admitted || f.Open || len(rules) != 0 || list(t, w) != "" || len(codes(t, p)) != 0 {
			t.Fatalf("a dry run: %+v, %v", f, codes(t, p))
		}
		first, _, err := s.Add(t.Context(), w, me, draft, false)
		no(t, err)
		second, _, err := s.Add(t.Context(), w, me, other, false)
		no(t, err)
		if l := list(t, w); !l.Admits(entry.Portal, office, at) || l.Admits(entry.Portal, home, at) {
			t.Fatalf("%q", l)
		}
		// Neither removal nor an end may shut the saver out; somebody above may.
		if _, _, err := s.Remove(t.Context(), w, me, first.ID, false); !fault.Is(err, fault.Conflict) {
			t.Fatal(err)
		}
		ending := draft
		ending.Until = at.Add(time.Hour)
		if _, _, err := s.Set(t.Context(), w, me, first.ID, ending, false); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "runs out") {
			t.Fatal(err)
		}
		if _, _, err := s.Remove(t.Context(), w, entry.Saver{Who: me.Who, From: home, Free: true}, first.ID, true); err != nil {
			t.Fatal(err)
		}
		// Expiry: no longer counted at once, taken out at night, and said.
		ending.Network, ending.Reason = "2001:db8::/64", "working from home"
		brief, _, err := s.Add(t.Context(), w, me, ending, false)
		no(t, err)
		at = at.Add(time.Hour)
		if l := list(t, w); l.Admits(entry.Portal, home, at) {
			t.Fatal("a rule that ran out lets in")
		}
		if rules, err := s.Rules(t.Context(), w); err != nil || len(rules) != 2 || rules[1].ID != first.ID || rules[1].Owner != "Cora" || rules[1].Maker != me.Who.ID {
			t.Fatalf("%+v %v", rules, err)
		}
		n, err := s.Sweep(t.Context(), p)
		if err != nil || n != 1 || codes(t, p)[0] != "entry.expired" {
			t.Fatal(n, err, codes(t, p))
		}
		if _, _, err := s.Set(t.Context(), w, me, brief.ID, draft, false); !fault.Is(err, fault.NotFound) {
			t.Fatal(err)
		}
		_, _, err = s.Remove(t.Context(), w, me, second.ID, false)
		no(t, err)
		_, _, err = s.Remove(t.Context(), w, me, first.ID, false)
		no(t, err)
		if l := list(t, w); l != "" {
			t.Fatalf("%q", l)
		}
	})
}

func TestTheLastRuleRunsOut(t *testing.T) {
	placetest.Run(t, schemas, func(t *testing.T, store *place.Store) {
		at := time.Now().UTC().Truncate(time.Second)
		s := entry.New(func() time.Time { return at })
		w := entry.Where{Place: store.Registry(), Node: id.New[id.Node]()}
		me := entry.Saver{Who: actor.ForSystem("test"), From: office}
		draft := entry.Draft{Surface: entry.Administration, Network: "203.0.113.0/24", Owner: "Nora", Reason: "for the audit", Until: at.Add(time.Minute)}
		_, f, err := s.Add(t.Context(), w, me, draft, false)
		if err != nil || !f.OpenAt.Equal(draft.Until) {
			t.Fatalf("%+v %v", f, err)
		}
		draft.Surface = entry.Portal
		if _, _, err := s.Add(t.Context(), w, me, draft, false); !fault.Is(err, fault.Invalid) {
			t.Fatal("a node above customers has a portal of its own:", err)
		}
		at = at.Add(time.Minute)
		if n, err := s.Sweep(t.Context(), w.Place); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		if got := codes(t, w.Place); got[0] != "entry.opened" || got[1] != "entry.expired" || list(t, w) != "" {
			t.Fatal(got)
		}
		if n, err := s.Sweep(t.Context(), w.Place); n != 0 || err != nil {
			t.Fatal(n, err)
		}
	})
}

func TestRefusalsAreToldOnceAnHour(t *testing.T) {
	placetest.Run(t, schemas, func(t *testing.T, store *place.Store) {
		s := entry.New(nil)
		p := placetest.Customer(t, store)
		w := entry.Where{Place: p, Node: p.Customer()}
		who := actor.ForPerson(id.New[id.Person](), id.New[id.Session](), home.String())
		for _, after := range []time.Duration{0, time.Minute, 59 * time.Minute, time.Hour, 61 * time.Minute} {
			no(t, s.Refused(t.Context(), w, who, entry.Portal, now.Add(after)))
		}
		if got := codes(t, p); len(got) != 2 {
			t.Fatal(got)
		}
	})
}

// Whoever has the database alone does not learn whose homes are let in.
func TestNetworksAreSealed(t *testing.T) {
	store := placetest.New(t, schemas)
	p := placetest.Customer(t, store)
	s := entry.New(nil)
	_, _, err := s.Add(t.Context(), entry.Where{Place: p, Node: p.Customer()}, entry.Saver{Who: actor.ForSystem("test"), Free: true},
		entry.Draft{Surface: entry.Portal, Network: "203.0.113.0/24", Owner: "Zebrawood", Reason: "Quagmire"}, false)
	no(t, err)
	no(t, p.View(t.Context(), func(tx *place.Tx) error {
		type row struct {
			Card []byte `db:"card"`
			List []byte `db:"list"`
		}
		r, err := place.Row[row](tx, `SELECT r.card, l.list FROM entry_rules r JOIN entry_lists l ON l.node = r.node`)
		for _, canary := range []string{"203.0.113", "Zebrawood", "Quagmire"} {
			if strings.Contains(string(r.Card)+string(r.List), canary) {
				t.Errorf("%s stands in the database", canary)
			}
		}
		return err
	}))
}

func TestAnOperatorOpensWhatIsLocked(t *testing.T) {
	placetest.Run(t, schemas, func(t *testing.T, store *place.Store) {
		p := placetest.Customer(t, store)
		w := entry.Where{Place: p, Node: p.Customer()}
		s := entry.New(nil)
		for _, surface := range entry.Surfaces(true) {
			_, _, err := s.Add(t.Context(), w, entry.Saver{Who: actor.ForSystem("test"), Free: true},
				entry.Draft{Surface: surface, Network: "203.0.113.0/24", Owner: "Cora", Reason: "x"}, false)
			no(t, err)
		}
		for _, want := range []int{5, 0} {
			if n, err := s.Clear(t.Context(), w, actor.ForSystem("unlock")); n != want || err != nil || list(t, w) != "" {
				t.Fatal(n, err)
			}
		}
		no(t, p.View(t.Context(), func(tx *place.Tx) error {
			ok, err := entry.AdmitsText(tx, entry.Collectors, "")
			if !ok {
				t.Error("without a rule an unknown address is refused")
			}
			return err
		}))
	})
}
