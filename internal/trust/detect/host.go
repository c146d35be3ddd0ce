package detect

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/trust/monitor"
)

// Host are what there is to look at in the installation itself. What is nil is
// not looked at.
type Host struct {
	Disks       map[string]string                                              // what lies there → folder
	Room        func(folder string) (free, total int64, err error)             // of a disk
	Device      func(folder string) (string, error)                            // tells disks apart; nil: each folder has one of its own
	Certificate func() (until time.Time, ok bool)                              // of TLS
	Keys        func(ctx context.Context) error                                // compares both places of the key stores
	Registry    *place.Place                                                   // asked for the time, where it is another machine's
	Boxes       func(ctx context.Context) (offsets []time.Duration, err error) // the collectors' clocks minus ours
	Drops       func() map[id.Customer]time.Time                               // for whom what is pushed cannot be kept, and since when
}

// Detectors are those of the installation.
func (h Host) Detectors() []monitor.Detector {
	return []monitor.Detector{
		{Kinds: []monitor.Kind{monitor.DiskFull}, Look: h.disks, Installation: true},
		{Kinds: []monitor.Kind{monitor.DiskFailing}, Look: h.drops, Installation: true},
		{Kinds: []monitor.Kind{monitor.CertificateExpiring}, Look: h.certificate, Installation: true},
		{Kinds: []monitor.Kind{monitor.KeysOutOfStep}, Look: h.keys, Installation: true},
		{Kinds: []monitor.Kind{monitor.ClockOff}, Look: h.clock, Installation: true},
	}
}

// disks gives one condition for each disk, however many folders lie on it.
func (h Host) disks(context.Context, monitor.Where, time.Time) (all []monitor.Condition, again time.Time, err error) {
	if h.Room == nil {
		return nil, again, nil
	}
	on := map[string][]string{} // disk → what it holds
	for what, folder := range h.Disks {
		disk := what
		if h.Device != nil {
			if d, err := h.Device(folder); err == nil {
				disk = d
			}
		}
		on[disk] = append(on[disk], what)
	}
	for _, holds := range on {
		slices.Sort(holds)
		free, total, err := h.Room(h.Disks[holds[0]])
		if err != nil || total == 0 {
			continue // a folder that is not there is another part's fault, and told by it
		}
		if share := 1 - float64(free)/float64(total); share >= nearly {
			all = append(all, monitor.Condition{Kind: monitor.DiskFull, Subject: strings.Join(holds, ", "), Urgent: share >= almost, Facts: map[string]string{
				"percent": percent(share), "text": fmt.Sprintf("The disk that holds %s is at least %s %% full", listed(holds), percent(share)),
			}})
		}
	}
	return all, again, nil
}

// listed joins names as a sentence does.
func listed(names []string) string {
	last := len(names) - 1
	if last == 0 {
		return names[0]
	}
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

func (h Host) drops(context.Context, monitor.Where, time.Time) (all []monitor.Condition, again time.Time, err error) {
	if h.Drops == nil {
		return nil, again, nil
	}
	failing := h.Drops()
	if len(failing) == 0 {
		return nil, again, nil
	}
	first := slices.MinFunc(slices.Collect(maps.Values(failing)), time.Time.Compare)
	return []monitor.Condition{{Kind: monitor.DiskFailing, Subject: "intake", Since: first, Facts: map[string]string{
		"customers": strconv.Itoa(len(failing)),
		"text":      "The disk failed where files that are pushed or fetched wait; nothing is taken for " + plural(int64(len(failing)), "customer", "customers"),
	}}}, again, nil
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
