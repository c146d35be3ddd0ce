package detect

import (
	"context"
	"fmt"
	"slices"
	"time"

	"ringfence/internal/platform/place"
	"ringfence/internal/trust/monitor"
)

// Host are what there is to look at in the installation itself. What is nil is
// not looked at.
type Host struct {
	Disks       map[string]string                                              // what lies there → folder
	Room        func(folder string) (free, total int64, err error)             // of a disk
	Certificate func() (until time.Time, ok bool)                              // of TLS
	Keys        func(ctx context.Context) error                                // compares both places of the key stores
	Registry    *place.Place                                                   // asked for the time, where it is another machine's
	Boxes       func(ctx context.Context) (offsets []time.Duration, err error) // the collectors' clocks minus ours
}

// Detectors are those of the installation.
func (h Host) Detectors() []monitor.Detector {
	return []monitor.Detector{
		{Kinds: []monitor.Kind{monitor.DiskFull}, Look: h.disks, Installation: true},
		{Kinds: []monitor.Kind{monitor.CertificateExpiring}, Look: h.certificate, Installation: true},
		{Kinds: []monitor.Kind{monitor.KeysOutOfStep}, Look: h.keys, Installation: true},
		{Kinds: []monitor.Kind{monitor.ClockOff}, Look: h.clock, Installation: true},
	}
}

func (h Host) disks(context.Context, monitor.Where, time.Time) (all []monitor.Condition, again time.Time, err error) {
	if h.Room == nil {
		return nil, again, nil
	}
	for what, folder := range h.Disks {
		free, total, err := h.Room(folder)
		if err != nil || total == 0 {
			continue // a folder that is not there is another part's fault, and told by it
		}
		if share := 1 - float64(free)/float64(total); share >= nearly {
			all = append(all, monitor.Condition{Kind: monitor.DiskFull, Subject: what, Urgent: share >= almost, Facts: map[string]string{
				"percent": percent(share), "text": fmt.Sprintf("the disk that holds the %s is at least %s %% full", what, percent(share)),
			}})
		}
	}
	return all, again, nil
}

func (h Host) certificate(_ context.Context, _ monitor.Where, at time.Time) (all []monitor.Condition, again time.Time, err error) {
	if h.Certificate == nil {
		return nil, again, nil
	}
	if until, ok := h.Certificate(); ok {
		if c, _, out := runsOut(monitor.CertificateExpiring, "tls", "the certificate of this server", until, at); out {
			all = append(all, c)
		}
	}
	return all, again, nil
}

func (h Host) keys(ctx context.Context, _ monitor.Where, _ time.Time) (all []monitor.Condition, again time.Time, err error) {
	if h.Keys == nil {
		return nil, again, nil
	}
	if err := h.Keys(ctx); err != nil && ctx.Err() == nil {
		all = append(all, monitor.Condition{Kind: monitor.KeysOutOfStep, Subject: "keys", Facts: map[string]string{"text": "the two places of the keys do not hold the same, or one cannot be read: the server's log says which"}})
	}
	return all, again, nil
}

// enoughBoxes have to agree before the server's own clock is doubted.
const enoughBoxes = 3

// clock compares the server's own clock with the database's, where that is on
// another machine, and with most of the collectors'.
func (h Host) clock(ctx context.Context, _ monitor.Where, _ time.Time) (all []monitor.Condition, again time.Time, err error) {
	report := func(by time.Duration, than string) {
		all = append(all, monitor.Condition{Kind: monitor.ClockOff, Subject: "server", Urgent: true, Facts: map[string]string{"text": "this server's clock is " + off(by) + " of " + than}})
	}
	if h.Registry != nil && h.Registry.Dialect() == place.Postgres {
		before := time.Now()
		var seconds float64
		if err := h.Registry.View(ctx, func(tx *place.Tx) (err error) {
			seconds, err = place.Row[float64](tx, `SELECT CAST(extract(epoch FROM clock_timestamp()) AS DOUBLE PRECISION)`)
			return err
		}); err != nil {
			return nil, again, err
		}
		middle := before.Add(time.Since(before) / 2)
		if by := middle.Sub(time.UnixMilli(int64(seconds * 1000))); by > clockMayBe || by < -clockMayBe {
			report(by, "the database's")
			return all, again, nil
		}
	}
	if h.Boxes == nil {
		return all, again, nil
	}
	offsets, err := h.Boxes(ctx)
	if err != nil || len(offsets) < enoughBoxes {
		return all, again, err
	}
	slices.Sort(offsets)
	if by := -offsets[len(offsets)/2]; by > clockMayBe || by < -clockMayBe {
		report(by, "most collectors'")
	}
	return all, again, nil
}
