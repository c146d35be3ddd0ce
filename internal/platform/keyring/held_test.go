package keyring

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/sealed"
)

// fakeHolder is a key server as this package sees one, with a mood.
type fakeHolder struct {
	name string
	key  secret.Key
	mu   sync.Mutex
	says error // instead of an answer
	lies bool
	n    int
}

func (h *fakeHolder) Name() string { return h.name }

func (h *fakeHolder) Wrap(_ context.Context, aad, half []byte) (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.n++
	return string(sealed.Field(h.key, aad, half)), h.says
}

func (h *fakeHolder) Unwrap(_ context.Context, aad []byte, wrapped string) ([]byte, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.n++
	if h.says != nil {
		return nil, h.says
	}
	if h.lies {
		return make([]byte, 32), nil
	}
	return sealed.OpenField(h.key, aad, []byte(wrapped))
}

func (h *fakeHolder) say(err error) { h.mu.Lock(); defer h.mu.Unlock(); h.says = err }

func (h *fakeHolder) asked() int { h.mu.Lock(); defer h.mu.Unlock(); return h.n }

// clock is a time that a test sets.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.t }

func (c *clock) add(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.t = c.t.Add(d) }

type heldWorld struct {
	*world
	h  *fakeHolder
	at *clock
}

func newHeld(t testing.TB) *heldWorld {
	at := &clock{t: time.Now()}
	o := options(t)
	o.Now = at.now
	w := &heldWorld{newWorldWith(t, o), &fakeHolder{name: "transit acme", key: secret.NewKey()}, at}
	w.ask()
	return w
}

func (w *heldWorld) ask() {
	w.Ask(func(context.Context, id.Customer, string) (Holder, error) { return w.h, nil })
}

func (w *heldWorld) hand(t testing.TB) {
	t.Helper()
	if _, err := w.Turn(t.Context(), w.c, Turn{To: w.h}); err != nil {
		t.Fatal(err)
	}
}

var refused = fault.New(fault.Denied, "the customer's key server refuses")

// The customer's refusal stops what is opened within five minutes; receiving,
// signing in and destroying go on; nothing is lost when the holder is back.
func TestARefusalStopsOpeningAndNothingElse(t *testing.T) {
	w := newHeld(t)
	rs := reserve(t, w.world, 5)
	before, err := w.Seal(t.Context(), w.c, 1, [16]byte{}, []byte("Ada"))
	if err != nil {
		t.Fatal(err)
	}
	w.hand(t)
	if got, err := w.use(t, rs[0].Content.ID); err != nil || !got.Equal(rs[0].Content.Key) {
		t.Fatalf("after the key was handed over: %v", err)
	}
	w.h.say(refused)
	n := w.h.asked()
	if _, err := w.use(t, rs[0].Content.ID); err != nil || w.h.asked() != n {
		t.Fatalf("within five minutes: %v, asked %d times", err, w.h.asked()-n)
	}
	w.at.add(Lent)
	_, err = w.use(t, rs[0].Content.ID)
	wants(t, err, fault.Unavailable)
	wants(t, w.Still(t.Context(), w.c), fault.Unavailable)
	w.again(t) // a start while the holder refuses
	w.ask()
	_, err = w.Cards(t.Context(), receipt(t, w.p, "card", rs[0].Card.ID), []id.Key{rs[0].Card.ID})
	wants(t, err, fault.Unavailable)

	more := reserve(t, w.world, 3)
	public, err := w.Public(t.Context(), w.c)
	if err != nil {
		t.Fatal(err)
	}
	content, card := secret.NewKey(), secret.NewKey()
	capsule, err := Capsule(public, nil, content, card)
	if err != nil {
		t.Fatal(err)
	}
	in, err := w.Adopt(t.Context(), w.c, capsule, nil)
	if err != nil {
		t.Fatal("a collector's capsule is not taken while the holder refuses:", err)
	}
	if got, err := w.Unseal(t.Context(), w.c, 1, [16]byte{}, before); err != nil || string(got) != "Ada" {
		t.Fatalf("a field: %q, %v", got, err)
	}
	if err := w.Destroy(t.Context(), w.c, "asked for", rs[1].Content.ID); err != nil {
		t.Fatal(err)
	}
	if s, err := w.State(t.Context(), w.c); err != nil || s.Waiting != 8 || s.Holder != w.h.name || s.Turning {
		t.Fatalf("%+v, %v", s, err)
	}

	w.h.say(nil)
	w.at.add(again)
	for _, r := range append(slices.Clone(more), in, rs[0]) {
		if got, err := w.use(t, r.Content.ID); err != nil || !got.Equal(r.Content.Key) {
			t.Fatalf("once the holder is back: %v", err)
		}
	}
	if n, err := w.Settle(t.Context(), w.c); err != nil || n != 8 {
		t.Fatalf("Settle = %d, %v", n, err)
	}
	if got, err := w.use(t, in.Card.ID); err != nil || !got.Equal(card) {
		t.Fatalf("once settled: %v", err)
	}
	_, err = w.use(t, rs[1].Content.ID)
	wants(t, err, fault.Gone)
	w.Keyring.Close()
	equal(t, w.o, w.c)
}

// What a holder lent leaves the memory after five minutes, also if nobody asks.
func TestWhatWasLentLeavesMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &Keyring{loans: map[id.Customer]*loan{}, now: time.Now}
		c := id.New[id.Customer]()
		lo, l := k.loanOf(c), &lent{until: time.Now().Add(Lent)}
		lo.has, lo.timer = l, time.AfterFunc(Lent, func() { k.expire(c, l) })
		time.Sleep(Lent - time.Second)
		synctest.Wait()
		if k.borrowed(c, &material{}) == nil {
			t.Fatal("gone before its time")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if lo.has != nil {
			t.Fatal("still in memory")
		}
	})
}

// A holder that is wrong, gone or silent opens nothing, and nothing is changed.
func TestAHolderIsNotBelieved(t *testing.T) {
	w := newHeld(t)
	rs := reserve(t, w.world, 1)
	w.h.lies = true
	_, err := w.Turn(t.Context(), w.c, Turn{To: w.h})
	wants(t, err, fault.Unavailable)
	if s, err := w.State(t.Context(), w.c); err != nil || s.Version != 1 || s.Holder != "" {
		t.Fatalf("a liar was given the key: %+v, %v", s, err)
	}
	w.h.lies = false
	w.hand(t)
	w.at.add(Lent)
	w.h.lies = true
	_, err = w.use(t, rs[0].Content.ID)
	wants(t, err, fault.Unavailable)
	w.h.lies = false
	for _, says := range []error{refused, fault.New(fault.Unavailable, "sealed"), fault.New(fault.Gone, "no such key")} {
		w.at.add(Lent)
		w.h.say(says)
		_, err = w.use(t, rs[0].Content.ID)
		wants(t, err, fault.Unavailable) // also if the key is gone there: nothing here was destroyed
		n := w.h.asked()
		_, err = w.use(t, rs[0].Content.ID)
		if wants(t, err, fault.Unavailable); !NotLent(err) {
			t.Fatal(err)
		}
		if w.h.asked() != n {
			t.Fatal("a holder that refuses is asked by everybody who waits")
		}
		_, err = w.Turn(t.Context(), w.c, Turn{Home: true})
		wants(t, err, fault.Unavailable)
	}
	w.h.say(nil)
	w.at.add(Lent)
	if got, err := w.use(t, rs[0].Content.ID); err != nil || !got.Equal(rs[0].Content.Key) {
		t.Fatal(err)
	}
}

// Neither half alone opens anything: not the root key, not the holder's.
func TestBothHalvesAreNeeded(t *testing.T) {
	w := newHeld(t)
	w.hand(t)
	other := &fakeHolder{name: w.h.name, key: secret.NewKey()}
	w.again(t)
	w.Ask(func(context.Context, id.Customer, string) (Holder, error) { return other, nil })
	rs := reserve(t, w.world, 1)
	if _, err := w.use(t, rs[0].Content.ID); err == nil {
		t.Fatal("opened with another holder's key")
	}
	w.again(t) // nobody is asked
	_, err := w.use(t, rs[0].Content.ID)
	wants(t, err, fault.Unavailable)
}

// There and back again, and rotated while held; a second server sees each step.
func TestHandedOverAndBackWithTwoServers(t *testing.T) {
	w := newHeld(t)
	rs := reserve(t, w.world, 3)
	public, _ := w.Public(t.Context(), w.c)
	other := open(t, w.o)
	other.Ask(func(context.Context, id.Customer, string) (Holder, error) { return w.h, nil })
	check := func(what string) {
		t.Helper()
		for _, k := range []*Keyring{w.Keyring, other} {
			more, err := k.Reserve(t.Context(), w.c, 1)
			if err != nil {
				t.Fatal(what, err)
			}
			rs = append(rs, more...)
			for _, r := range rs {
				if got, err := k.Use(t.Context(), receipt(t, w.p, "listen", r.Content.ID), r.Content.ID); err != nil || !got.Equal(r.Content.Key) {
					t.Fatal(what, err)
				}
			}
			if p, err := k.Public(t.Context(), w.c); err != nil || !bytes.Equal(p, public) {
				t.Fatal(what, "the public key changed", err)
			}
		}
	}
	check("before")
	w.hand(t)
	check("handed over")
	w.h.say(refused)
	w.at.add(Lent)
	wants(t, other.Still(t.Context(), w.c), fault.Unavailable) // the other server has nothing left of before
	w.h.say(nil)
	w.at.add(Lent)
	if _, err := other.Turn(t.Context(), w.c, Turn{}); err != nil {
		t.Fatal(err)
	}
	check("rotated while held")
	next := &fakeHolder{name: "transit acme 2", key: secret.NewKey()}
	both := func(_ context.Context, _ id.Customer, name string) (Holder, error) {
		if name == next.name {
			return next, nil
		}
		return w.h, nil
	}
	w.Ask(both)
	other.Ask(both)
	if _, err := w.Turn(t.Context(), w.c, Turn{To: next}); err != nil {
		t.Fatal(err)
	}
	w.h.say(refused) // the first holder is not needed any more
	w.at.add(Lent)
	check("with another holder")
	if done, err := other.Turn(t.Context(), w.c, Turn{Home: true}); err != nil || done.Version != 5 {
		t.Fatal(done, err)
	}
	next.say(refused)
	w.at.add(Lent)
	check("back home")
	if s, err := w.State(t.Context(), w.c); err != nil || s.Holder != "" || s.Turning {
		t.Fatalf("%+v, %v", s, err)
	}
	w.hand2(t, next)
}

// hand2 hands over once more, which takes the same key pair for what waits.
func (w *heldWorld) hand2(t *testing.T, h *fakeHolder) {
	h.say(nil)
	if _, err := w.Turn(t.Context(), w.c, Turn{To: h}); err != nil {
		t.Fatal(err)
	}
	w.Keyring.Close()
	equal(t, w.o, w.c)
}

// Two people decide; anything less is refused.
func TestDestroyingACustomerNeedsTwoPeople(t *testing.T) {
	w := newWorld(t)
	ada, ben := actor.ForPerson(id.New[id.Person](), id.Session{}, ""), actor.ForPerson(id.New[id.Person](), id.Session{}, "")
	token := actor.ForToken(id.New[id.Token](), "")
	token.OnBehalf = ada.ID
	said := func(apr id.Approval, who actor.Actor, code, kind, about string) {
		t.Helper()
		err := w.p.Change(t.Context(), who, func(tx *place.Tx) error {
			tx.Record(place.Event{Code: code, Subject: apr.String(), Facts: map[string]string{"act": kind, "about": about}})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	decided := func(apr id.Approval) (out Warrant, err error) {
		err = w.p.View(t.Context(), func(tx *place.Tx) error { out, err = Decided(tx, apr, "customer.leave", "dep_1"); return err })
		return out, err
	}
	type step struct {
		who  actor.Actor
		code string
	}
	for name, steps := range map[string][]step{
		"nothing": {}, "asked only": {{ada, "approval.asked"}}, "not taken": {{ada, "approval.asked"}, {ben, "approval.given"}},
		"the same person":         {{ada, "approval.asked"}, {ada, "approval.given"}, {ada, "approval.taken"}},
		"the same person's token": {{token, "approval.asked"}, {ada, "approval.given"}, {ada, "approval.taken"}},
		"alone":                   {{ada, "approval.asked"}, {ada, "approval.taken"}},
		"refused":                 {{ada, "approval.asked"}, {ben, "approval.given"}, {ada, "approval.refused"}, {ada, "approval.taken"}},
		"the program, and nobody": {{actor.ForSystem("x"), "approval.asked"}, {ben, "approval.given"}, {ben, "approval.taken"}},
		"approved by the program": {{ada, "approval.asked"}, {actor.ForSystem("x"), "approval.given"}, {ben, "approval.taken"}},
	} {
		apr := id.New[id.Approval]()
		for _, s := range steps {
			said(apr, s.who, s.code, "customer.leave", "dep_1")
		}
		got, err := decided(apr)
		if !fault.Is(err, fault.Denied) || !got.IsZero() {
			t.Errorf("%s: %v", name, err)
		}
		wants(t, w.DestroyCustomer(t.Context(), w.c, got), fault.Denied)
	}
	apr := id.New[id.Approval]()
	for _, s := range []step{{ada, "approval.asked"}, {ben, "approval.given"}, {actor.ForSystem("departure"), "approval.taken"}} {
		said(apr, s.who, s.code, "hold.lift", "hol_1")
	}
	_, err := decided(apr)
	wants(t, err, fault.Denied) // another act
	for _, s := range []step{{ada, "approval.asked"}, {ben, "approval.given"}, {actor.ForSystem("departure"), "approval.taken"}} {
		said(apr, s.who, s.code, "customer.leave", "dep_1")
	}
	got, err := decided(apr)
	if err != nil {
		t.Fatal(err)
	}
	other, _ := w.customer(t)
	wants(t, w.DestroyCustomer(t.Context(), other, got), fault.Denied)
	if err := w.DestroyCustomer(t.Context(), w.c, got); err != nil {
		t.Fatal(err)
	}
	_, err = w.Reserve(t.Context(), w.c, 1)
	wants(t, err, fault.Gone)
}
