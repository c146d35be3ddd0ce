package collect

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"ringfence/internal/archive/upgrade"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/release"
	"ringfence/internal/platform/place"
)

// The server's side of what a box says of itself.

// errTooOld refuses a box whose protocol is not spoken here any more.
var errTooOld = errors.New("this collector is too old for its server, which takes nothing from it any more: upgrade it (ringfence collect upgrade). What it has not brought stays where it is")

const codeTooOld = "too-old"

// hello notes what a box is, and answers what both speak and what is offered.
func (s *Server) hello(v *visit, w http.ResponseWriter, r *http.Request) error {
	b, err := readBody(r, maxHello)
	if err != nil {
		return err
	}
	if sha256.Sum256(b) != v.claim.digest {
		return errDigest
	}
	h, err := readHello(b)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "the body is no hello")
	}
	best := spoken(h.Protocols, s.oldest)
	if err := s.heard(r.Context(), v, h, best); err != nil {
		return err
	}
	if best == 0 {
		return errTooOld
	}
	g := Greeting{
		Customer: v.place.Customer(), Device: v.device.ID, Nonce: h.Nonce, Release: release.Number(), Protocol: best, At: s.now().UTC(),
	}
	s.offer(&g, v.device, h)
	signed, err := s.signDocument(r.Context(), helloLabel, g)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, signed)
}

// offer adds the release that the box could take, and whether it may now.
func (s *Server) offer(g *Greeting, d deviceRow, h Hello) {
	if s.shelf == nil || h.Refuses {
		return
	}
	if d.UpgradeTo != "" && d.UpgradeTo != h.Release {
		if o, ok := s.shelf.Exactly(d.UpgradeTo, h.OS, h.Arch); ok && upgrade.Newer(o.Release, h.Release) {
			g.Offer, g.Take = &o, true
			return
		}
	}
	o, ok := s.shelf.Newest(h.OS, h.Arch)
	if !ok || !upgrade.Newer(o.Release, h.Release) {
		return
	}
	// What was rolled back is not offered again by itself.
	failed := h.Failed != nil && h.Failed.Release == o.Release
	g.Offer, g.Take = &o, d.Upgrades == UpgradesAlways && !failed
}

// heard keeps what a box said of itself. That its release changed, or that an
// upgrade was rolled back, stands in the customer's journal.
func (s *Server) heard(ctx context.Context, v *visit, h Hello, protocol int) error {
	d := v.device
	failed := ""
	if h.Failed != nil {
		failed = h.Failed.Release + ": " + h.Failed.Reason
	}
	clock := any(nil)
	if h.Clock != nil && bounded(*h.Clock) {
		clock = *h.Clock
	}
	platform := h.OS + "/" + h.Arch
	if d.Release == h.Release && d.UpgradeFailed == failed && d.Protocol == protocol && d.Platform == platform {
		return v.place.Keep(ctx, func(tx *place.Tx) error {
			_, err := tx.Exec(`UPDATE collect_devices SET clock_ms = ? WHERE id = ?`, clock, d.ID)
			return err
		})
	}
	write := func(tx *place.Tx) error {
		if _, err := tx.Exec(`UPDATE collect_devices SET release = ?, protocol = ?, platform = ?, clock_ms = ?, upgrade_failed = ? WHERE id = ?`,
			h.Release, protocol, platform, clock, failed, d.ID); err != nil {
			return err
		}
		if (d.Protocol < removalProtocol) != (protocol < removalProtocol) {
			if err := s.retell(tx, d.ID); err != nil {
				return err
			}
		}
		if d.UpgradeTo != "" && (h.Release == d.UpgradeTo || h.Failed != nil && h.Failed.Release == d.UpgradeTo) {
			_, err := tx.Exec(`UPDATE collect_devices SET upgrade_to = '' WHERE id = ?`, d.ID)
			return err
		}
		return nil
	}
	if d.Release == h.Release && (failed == "" || failed == d.UpgradeFailed) {
		return v.place.Keep(ctx, write)
	}
	return v.place.Change(ctx, v.who, func(tx *place.Tx) error {
		if d.Release != h.Release {
			tx.Record(place.Event{Code: "device.release_changed", Subject: d.ID.String(), Facts: map[string]string{"from": d.Release, "to": h.Release}})
		}
		if failed != "" && failed != d.UpgradeFailed {
			tx.Record(place.Event{Code: "device.upgrade_failed", Subject: d.ID.String(), Facts: map[string]string{"release": h.Failed.Release, "reason": h.Failed.Reason}})
		}
		return write(tx)
	})
}

// bounded refuses a clock that no box has.
func bounded(ms int64) bool {
	const century = 100 * 365 * 24 * 3600 * 1000
	return ms > -century && ms < century
}

// release gives the bytes of a release to a box that was offered it, also to
// one that is too old for everything else.
func (s *Server) release(v *visit, w http.ResponseWriter, r *http.Request) error {
	if s.shelf == nil {
		return fault.New(fault.NotFound, "this server holds no releases")
	}
	o, ok := s.shelf.Exactly(r.PathValue("release"), r.PathValue("os"), r.PathValue("arch"))
	if !ok {
		return fault.New(fault.NotFound, "this server does not hold that release")
	}
	select {
	case s.handing <- struct{}{}:
		defer func() { <-s.handing }()
	default:
		return fault.New(fault.Unavailable, "other boxes are being upgraded at this moment").After(30 * time.Second)
	}
	f, err := s.shelf.Open(o)
	if err != nil {
		return err
	}
	defer f.Close()
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.FormatInt(o.Size, 10))
	_, err = io.Copy(w, io.LimitReader(f, o.Size))
	if err != nil {
		s.log.WarnContext(r.Context(), "a release was not handed over to its end", "device", v.device.ID, "cause", err)
	}
	return nil // the answer has begun: there is nobody to tell
}

// offerOf answers what is offered of one release by its number.
func (s *Server) offerOf(_ *visit, w http.ResponseWriter, r *http.Request) error {
	if s.shelf != nil {
		number, os, arch := r.PathValue("release"), r.PathValue("os"), r.PathValue("arch")
		o, ok := s.shelf.Exactly(number, os, arch)
		if number == newestOne {
			o, ok = s.shelf.Newest(os, arch)
		}
		if ok {
			signed, err := s.signDocument(r.Context(), helloLabel, o)
			if err != nil {
				return err
			}
			return answer(w, http.StatusOK, signed)
		}
	}
	return fault.New(fault.NotFound, "this server does not hold that release")
}

// handingAtOnce is how many boxes are given a release at the same time.
const handingAtOnce = 4

// leave is a box that signs off: it is revoked by its own wish.
func (s *Server) leave(v *visit, w http.ResponseWriter, r *http.Request) error {
	var nothing struct{}
	if err := v.body(r, 1024, &nothing); err != nil {
		return err
	}
	if err := s.Revoke(r.Context(), v.place, v.who, v.device.ID); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// When a box takes what its server offers.
const (
	UpgradesAsk    = "ask"    // when somebody presses the button, or runs "collect upgrade" on the box
	UpgradesAlways = "always" // by itself
)

// Change names a box anew and says when it takes upgrades.
func (s *Server) Change(ctx context.Context, p *place.Place, who actor.Actor, d id.Device, name, upgrades string) error {
	if name == "" || len(name) > 200 {
		return fault.Field("name", "give the box a name of at most 200 characters")
	}
	if upgrades != UpgradesAsk && upgrades != UpgradesAlways {
		return fault.Field("upgrades", "want ask or always")
	}
	return p.Change(ctx, who, func(tx *place.Tx) error {
		closed, err := tx.Seal(place.FieldDeviceName, d, []byte(name))
		if err != nil {
			return err
		}
		n, err := tx.Exec(`UPDATE collect_devices SET name = ?, upgrades = ? WHERE id = ? AND revoked_at IS NULL`, closed, upgrades, d)
		if err == nil && n == 0 {
			err = errNoDevice
		}
		tx.Record(place.Event{Code: "device.changed", Subject: d.String(), Facts: map[string]string{"upgrades": upgrades}, Personal: map[string]string{"name": name}})
		return err
	})
}

var errNoDevice = fault.New(fault.NotFound, "there is no such device, or it is revoked already")

// Upgrade asks a box to take the newest release that is held for it, at its
// next hello. It gives the release.
func (s *Server) Upgrade(ctx context.Context, p *place.Place, who actor.Actor, d id.Device) (number string, err error) {
	err = p.Change(ctx, who, func(tx *place.Tx) error {
		row, err := place.Row[deviceRow](tx, deviceColumns+` WHERE id = ? AND revoked_at IS NULL`, d)
		if fault.Is(err, fault.NotFound) {
			return errNoDevice
		}
		if err != nil {
			return err
		}
		o, ok := s.offered(row)
		if !ok {
			return fault.New(fault.Conflict, "this server holds no release that is newer than what the box runs")
		}
		number = o.Release
		tx.Record(place.Event{Code: "device.upgrade_asked", Subject: d.String(), Facts: map[string]string{"release": number}})
		_, err = tx.Exec(`UPDATE collect_devices SET upgrade_to = ? WHERE id = ?`, number, d)
		return err
	})
	return number, err
}

// offered is the release that a box could take.
func (s *Server) offered(d deviceRow) (upgrade.Offer, bool) {
	os, arch, ok := cutPlatform(d.Platform)
	if s.shelf == nil || !ok {
		return upgrade.Offer{}, false
	}
	o, ok := s.shelf.Newest(os, arch)
	return o, ok && upgrade.Newer(o.Release, d.Release)
}

func cutPlatform(s string) (os, arch string, ok bool) { return strings.Cut(s, "/") }

// Shelf is what releases the server holds; nil: it holds none.
func (s *Server) Shelf() *upgrade.Shelf { return s.shelf }
