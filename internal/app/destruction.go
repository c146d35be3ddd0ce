package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/insight/search"
	"ringfence/internal/platform/place"
	"ringfence/internal/trust/destruction"
)

// buildDestruction builds what certifies destructions.
func (s *server) buildDestruction() {
	s.certificates = destruction.New(destruction.Options{
		Store: s.places, Sign: s.reviews.SignText, Paper: s.reviews.SignPaper, Name: s.nameOf, Clean: cleaned, Backups: s.backupsUntil, Log: s.log,
	})
	s.recordings.OnEnded(s.certificates.Record)
}

// cleaned takes what was destroyed out of the index of words and out of what
// the engine keeps beside its rows.
func cleaned(ctx context.Context, p *place.Place) error {
	if err := search.Compact(ctx, p); err != nil {
		return err
	}
	return p.Scrub(ctx)
}

// backupsUntil is when the last backup from before a time goes: one of each kind
// that is kept, and a day for the night in which it is tidied away.
func (s *server) backupsUntil(at time.Time) destruction.Backups {
	c := s.cfg.Backup
	if !c.On() {
		return destruction.Backups{}
	}
	day := at.UTC()
	last := day.AddDate(0, 0, c.Daily+1)
	for _, t := range []time.Time{day.AddDate(0, 0, 7*c.Weekly+1), day.AddDate(0, c.Monthly, 1)} {
		if t.After(last) {
			last = t
		}
	}
	b := destruction.Backups{On: true, Places: last}
	if c.KeyCopies > 0 {
		b.Keys = day.AddDate(0, 0, c.KeyCopies+1)
	}
	return b
}

// certifier signs what was destroyed: minutes after, and each night for what is
// learnt later.
type certifier struct {
	places       *place.Store
	certificates *destruction.Service
	hour, minute int
	log          *slog.Logger

	mu  sync.Mutex
	due map[id.Customer]bool
}

// watch remembers in which places something was destroyed.
func (c *certifier) watch(done place.Commit) {
	for _, e := range done.Events {
		if e.Code == "recording.destroyed" && !done.Customer.IsZero() {
			c.mu.Lock()
			c.due[done.Customer] = true
			c.mu.Unlock()
			return
		}
	}
}

func (c *certifier) run(ctx context.Context) {
	night := time.Now() // at the start all are looked at, for what a stop interrupted
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		if now := time.Now(); !now.Before(night) {
			night = nextAt(now, c.hour, c.minute).Add(time.Hour) // after the nightly destruction
			all, err := c.places.Customers(ctx)
			if err != nil && ctx.Err() == nil {
				c.log.Error("certificates: the customers cannot be listed", "cause", err)
			}
			c.mu.Lock()
			for _, one := range all {
				c.due[one] = true
			}
			c.mu.Unlock()
		}
		c.turn(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// turn issues in the places where something waits; one that fails does not keep
// the others waiting.
func (c *certifier) turn(ctx context.Context) {
	c.mu.Lock()
	due := c.due
	c.due = map[id.Customer]bool{}
	c.mu.Unlock()
	for one := range due {
		p, err := c.places.Place(ctx, one)
		waiting := 0
		if err == nil {
			if _, err = c.certificates.Issue(ctx, p); err == nil {
				waiting, err = c.certificates.Waiting(ctx, p)
			}
		}
		if fault.Is(err, fault.NotFound) || ctx.Err() != nil {
			continue // the customer has gone
		}
		if err != nil {
			c.log.Error("what a customer destroyed could not be certified yet", "customer", one, "cause", err)
		}
		if err != nil || waiting > 0 {
			c.mu.Lock()
			c.due[one] = true
			c.mu.Unlock()
		}
	}
}

const certificateUsage = `
ringfence certificate verify checks a signed certificate of destruction, JSON or
PDF: whether it was changed since, who signed it, and what remains. It asks no
server. With --certificate it also checks that the signer is the installation
whose certificate that is; the portal offers it beside the certificates.

Usage: ringfence certificate verify FILE [--certificate FILE]`

func runCertificate(_ context.Context, args []string, p Process) error {
	f := flags("certificate", certificateUsage, p)
	certificate := f.String("certificate", "", "`file` with the installation's certificate (PEM)")
	if len(args) > 0 && args[0] == "verify" {
		args = args[1:]
	} else if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		return usageError{fmt.Errorf("unexpected %q; -h explains", args[0])}
	}
	file := ""
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		file, args = args[0], args[1:]
	}
	if err := parse(f, args); err != nil {
		return err
	}
	if file == "" {
		return usageError{errors.New("name the file to verify; -h explains")}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "%s cannot be read", file)
	}
	c, sig, err := destruction.Verify(text)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.Stdout, "unchanged since it was signed by %q\n", sig.Certificate.Subject.CommonName)
	if c != nil {
		fmt.Fprintf(p.Stdout, "%d recordings of %s, destroyed by %s, ended %s\n", c.Total.Recordings, c.Name, c.By.Kind, c.Ended.UTC().Format("2006-01-02 15:04 MST"))
		for _, one := range c.Copies {
			until := ""
			if one.Until != nil && one.State == "remaining" {
				until = " until " + one.Until.UTC().Format("2006-01-02")
			}
			fmt.Fprintf(p.Stdout, "  %s: %s%s\n", one.What, one.State, until)
		}
	}
	if *certificate == "" {
		fmt.Fprintln(p.Stdout, "whether that is your installation: compare with its certificate, --certificate FILE")
		return nil
	}
	want, err := certificateOf(*certificate)
	if err != nil {
		return err
	}
	if !want.Equal(sig.Certificate) {
		return fault.New(fault.Denied, "it was signed by another installation than the one of this certificate")
	}
	fmt.Fprintln(p.Stdout, "signed by the installation of this certificate")
	return nil
}
