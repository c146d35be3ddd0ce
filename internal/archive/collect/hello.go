package collect

import (
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"time"

	"ringfence/internal/archive/upgrade"
	"ringfence/internal/base/id"
	"ringfence/internal/base/release"
)

// Box and server are rarely of the same release. What they say to each other
// has a number of its own, the protocol, and the box begins with a hello that
// names those it speaks; the server answers with the one that both use.
//
//	1  release 0.1: no hello. What a box says is fixed; testdata/releases/0.1.0
//	   holds it, and it is replayed against every later server.
//	2  release 0.4: hello; the server's clock in each answer; what waits longest;
//	   releases are offered; a box may sign off by itself.
//	3  release 0.4, too: what was destroyed in the archive is removed on the box.
//	4  release 0.4, too: when the customer leaves, all that the box has is.
//
// A server speaks those of the two releases before it. A box that speaks none
// of them is told so in plain words, may still fetch a release, and keeps its
// sources.
const (
	oldestProtocol = 1
	newestProtocol = 4
)

const (
	helloPath  = "/hello"
	timeHeader = "Ringfence-Time" // the server's clock, with every answer
	helloLabel = "ringfence collect hello v1"
)

// Hello is what a box says of itself. A server ignores what it does not know.
type Hello struct {
	Release   string           `json:"release"`
	Protocols []int            `json:"protocols"`
	OS        string           `json:"os"`
	Arch      string           `json:"arch"`
	Nonce     []byte           `json:"nonce"` // the answer is to this very hello
	Clock     *int64           `json:"clock_ms,omitempty"`
	Trial     bool             `json:"trial,omitempty"`
	Failed    *upgrade.Failure `json:"failed,omitempty"` // the newest upgrade that was rolled back
	Refuses   bool             `json:"refuses_upgrades,omitempty"`
}

// Greeting is the server's signed answer.
type Greeting struct {
	Customer id.Customer    `json:"customer"`
	Device   id.Device      `json:"device"`
	Nonce    []byte         `json:"nonce"`
	Release  string         `json:"release"` // of the server
	Protocol int            `json:"protocol"`
	At       time.Time      `json:"at"`
	Offer    *upgrade.Offer `json:"offer,omitempty"` // newer than what the box is
	Take     bool           `json:"take,omitempty"`  // the customer has allowed it, or asked for it
}

// ClockBound is how far a box's clock may be from the server's.
const ClockBound = 2 * time.Second

const (
	maxHello = 8 << 10
)

// hello introduces the box. A server of release 0.1 knows no hello and answers
// 404: then both speak protocol 1.
func (u *uplink) hello(ctx context.Context, h Hello) (g Greeting, err error) {
	var s Signed
	err = u.post(ctx, helloPath, h, &s)
	if r, ok := errors.AsType[*refusal](err); ok && r.Status == 404 && r.Code == "" {
		return Greeting{Protocol: 1}, nil
	}
	if err != nil {
		return g, err
	}
	return readGreeting(s, u.id, h)
}

// readGreeting believes only what the pinned key has signed for this hello of
// this box, and no offer that cannot be meant.
func readGreeting(s Signed, who identity, h Hello) (g Greeting, err error) {
	if err := openDocument(helloLabel, s, who.ServerKey, &g); err != nil {
		return Greeting{}, err
	}
	if g.Customer != who.Customer || g.Device != who.Device || string(g.Nonce) != string(h.Nonce) {
		return Greeting{}, errors.New("the server's greeting is for another box, or an old one")
	}
	if g.Protocol < oldestProtocol || g.Protocol > newestProtocol {
		return Greeting{}, errors.New("the server speaks a protocol that this release does not know; bring both to the same release")
	}
	if g.Offer != nil {
		if err := g.Offer.Check(); err != nil || g.Offer.OS != h.OS || g.Offer.Arch != h.Arch {
			g.Offer, g.Take = nil, false
		}
	}
	return g, nil
}

// introduction is what this box says of itself.
func (b *box) introduction() Hello {
	h := Hello{
		Release: release.Number(), Protocols: []int{1, 2, 3, 4}, OS: runtime.GOOS, Arch: runtime.GOARCH, Nonce: randomBytes(16),
		Trial: b.Options.Trial, Refuses: b.Options.NoUpgrades,
	}
	if o, ok := b.up.drift(); ok {
		ms := o.Milliseconds()
		h.Clock = &ms
	}
	if p, err := b.folder().Plan(); err == nil {
		if f, ok := p.LastFailure(); ok {
			h.Failed = &f
		}
	}
	return h
}

func (b *box) folder() upgrade.Folder { return upgrade.Folder{State: b.dev.dir} }

// greet says hello. A server that is away is no fault.
func (b *box) greet(ctx context.Context) (Greeting, error) {
	g, err := b.up.hello(ctx, b.introduction())
	if err != nil {
		return g, err
	}
	b.mu.Lock()
	b.greeting, b.greetedAt = g, b.now().UTC()
	b.mu.Unlock()
	return g, nil
}

// unheard reports that the server has not answered a hello since the start.
func (b *box) unheard() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.greetedAt.IsZero()
}

// protocol is what box and server have agreed on.
func (b *box) protocol() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return max(b.greeting.Protocol, 1)
}

// spoken picks the newest protocol that both speak, or 0.
func spoken(offered []int, oldest int) (best int) {
	for _, p := range offered[:min(len(offered), 100)] {
		if p >= oldest && p <= newestProtocol {
			best = max(best, p)
		}
	}
	return best
}

// readHello takes what it knows and bounds it.
func readHello(b []byte) (h Hello, err error) {
	if len(b) > maxHello {
		return h, errors.New("too long")
	}
	if err := json.Unmarshal(b, &h); err != nil {
		return h, err
	}
	if _, err := release.Parse(h.Release); err != nil {
		return h, err
	}
	if len(h.OS) > 20 || len(h.Arch) > 20 || len(h.Nonce) < 8 || len(h.Nonce) > 64 || len(h.Protocols) == 0 {
		return h, errors.New("not a hello")
	}
	if h.Failed != nil {
		if _, err := release.Parse(h.Failed.Release); err != nil || !knownReason(h.Failed.Reason) {
			h.Failed = nil
		}
	}
	return h, nil
}

func knownReason(s string) bool {
	switch s {
	case upgrade.Crashed, upgrade.Silent, upgrade.Altered, upgrade.Unable:
		return true
	}
	return false
}
