package collect

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"ringfence/internal/archive/upgrade"
	"ringfence/internal/base/release"
)

// ErrRestart means that another release has been placed and is to be started in
// place of this program.
var ErrRestart = errors.New("another release is in its place and is started now")

// Wish is what a person on the box asks of the running program, left in its
// state folder.
type Wish struct {
	Release string    `json:"release,omitempty"` // "": the newest
	Down    bool      `json:"down,omitempty"`    // it may be older
	At      time.Time `json:"at"`
}

const (
	newestOne = "newest" // in place of a number
	wishFile  = "upgrade.wish"
	// retryUpgrade is how long a release that was rolled back is left alone, if
	// nobody asks for it anew.
	retryUpgrade = 24 * time.Hour
)

// Ask leaves a wish for the running program.
func Ask(state string, w Wish) error { return writeJSON(filepath.Join(state, wishFile), w) }

// wished takes the wish that lies there, if there is one.
func (b *box) wished() (w Wish, ok bool) {
	path := filepath.Join(b.dev.dir, wishFile)
	if readJSON(path, &w) != nil {
		return w, false
	}
	return w, os.Remove(path) == nil
}

// consider decides whether to take what the server offers. It gives ErrRestart
// when another release stands in its place and this program is to end.
func (b *box) consider(ctx context.Context) error {
	wish, asked := b.wished()
	if asked {
		g, err := b.greet(ctx)
		if r, ok := errors.AsType[*refusal](err); ok && r.Code == codeTooOld && wish.Release == "" {
			wish.Release, err = newestOne, nil // it may still be upgraded
		}
		if err != nil {
			b.said("the server cannot be asked: " + err.Error())
			return nil
		} else if wish.Release == "" && g.Offer == nil {
			b.said("the server offers nothing newer than " + release.Number())
			return nil
		}
	}
	b.mu.Lock()
	g := b.greeting
	b.mu.Unlock()
	if !asked && (g.Offer == nil || !g.Take || b.NoUpgrades || !b.Managed) {
		return nil
	}
	o := upgrade.Offer{}
	if g.Offer != nil {
		o = *g.Offer
	}
	if wish.Release != "" && wish.Release != o.Release {
		var err error
		if o, err = b.up.exactly(ctx, wish.Release); err != nil {
			b.said(err.Error())
			return nil
		}
	}
	plan, err := b.folder().Plan()
	if err != nil {
		return err
	}
	if !asked && plan.Had(o.Release, b.now().Add(-retryUpgrade)) {
		return nil
	}
	if err := b.obtain(ctx, o, wish.Down); err != nil {
		b.said(o.Release + " is not taken: " + err.Error())
		b.mu.Lock()
		b.greeting.Take = false // until the next hello
		b.mu.Unlock()
		return nil
	}
	if !b.Managed {
		b.said(o.Release + " is in its place; it runs from the next start on")
		return nil
	}
	return ErrRestart
}

func (b *box) obtain(ctx context.Context, o upgrade.Offer, down bool) error {
	keys, err := b.dev.releaseKeys()
	if err != nil {
		return err
	}
	b.report(Event{What: "upgrading", Text: "release " + o.Release + " is fetched"})
	return b.folder().Take(ctx, upgrade.Ask{
		Offer: o, Keys: keys, Own: release.Number(), Down: down, Step: b.crash,
		Get: func(ctx context.Context) (io.ReadCloser, error) { return b.up.fetch(ctx, o) },
	})
}

// Upgrade takes a release while no collector runs: it is started with the
// service. It gives the release's number.
func Upgrade(ctx context.Context, state string, w Wish) (string, error) {
	held, err := lock(filepath.Join(state, "lock"))
	if err != nil {
		return "", err
	}
	defer held.Release()
	d, err := openDevice(state)
	if err != nil {
		return "", err
	}
	up, err := newUplink(d.identity, d.key)
	if err != nil {
		return "", err
	}
	if w.Release == "" {
		w.Release = newestOne
	}
	o, err := up.exactly(ctx, w.Release)
	if err != nil {
		return "", err
	}
	keys, err := d.releaseKeys()
	if err != nil {
		return "", err
	}
	return o.Release, upgrade.Folder{State: state}.Take(ctx, upgrade.Ask{
		Offer: o, Keys: keys, Own: release.Number(), Down: w.Down,
		Get: func(ctx context.Context) (io.ReadCloser, error) { return up.fetch(ctx, o) },
	})
}

// ReleaseKeys are the keys that a state folder's box trusts releases by.
func ReleaseKeys(state string) (upgrade.Keys, error) {
	d, err := openDevice(state)
	if err != nil {
		return nil, err
	}
	return d.releaseKeys()
}

// releaseKeys are the keys that this box trusts: the one that is built into the
// program, and those that were pinned.
func (d *device) releaseKeys() (upgrade.Keys, error) {
	return upgrade.ParseKeys(append([]string{release.Key()}, d.ReleaseKeys...)...)
}

// exactly asks for the offer of one release by its number.
func (u *uplink) exactly(ctx context.Context, number string) (o upgrade.Offer, err error) {
	if _, err := release.Parse(number); err != nil && number != newestOne {
		return o, err
	}
	var s Signed
	if _, err = u.call(ctx, http.MethodGet, "/offers/"+number+"/"+runtime.GOOS+"/"+runtime.GOARCH, nil, -1, &s); err != nil {
		return o, err
	}
	if err := openDocument(helloLabel, s, u.id.ServerKey, &o); err != nil {
		return upgrade.Offer{}, err
	}
	return o, o.Check()
}

// said keeps what became of an upgrade, for "collect status".
func (b *box) said(text string) {
	b.mu.Lock()
	b.upgradeSaid = text
	b.mu.Unlock()
	b.report(Event{What: "upgrade", Text: text})
}
