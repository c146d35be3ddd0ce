package server

import (
	"context"
	"fmt"
	"os/exec"
	"sync"
	"time"

	"ringfence/internal/archive/collect"
	"ringfence/internal/base/disk"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/blob"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/mail"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/webhook"
	"ringfence/internal/trust/health"
	"ringfence/internal/trust/monitor"
)

// buildHealth names the parts of the installation, in the order in which they
// are shown. The services that they look at are there already.
func (s *Server) buildHealth() {
	s.health = health.New(s.Places, nil)
	part := s.health.Part
	part("database", "Database", true, func(ctx context.Context) health.Finding {
		return found(s.alive(ctx), "it answers", "The log says what the database answered. Is its disk full, or its server down?")
	})
	part("keys", "Keys", true, func(ctx context.Context) health.Finding {
		_, err := s.Keys.SigningKey(ctx)
		return found(err, fmt.Sprintf("kept in %d places", s.Keys.Copies()), "Recordings cannot be opened or taken in. Is the folder or database of the keys there?")
	})
	part("keys-in-step", "Copies of the keys", false, s.alerts("both places hold the same", monitor.KeysOutOfStep))
	part("objects", "Objects", true, s.objectsAnswer)
	part("disks", "Disks", false, s.diskRoom)
	part("certificate", "Certificate", false, s.certificateLasts)
	part("clock", "Clock", false, s.alerts("it is right", monitor.ClockOff))
	part("mail", "Mail", false, s.outgoing.finding)
	part("engines", "Sound and speech", false, enginesThere)
	part("jobs", "Background work", false, s.jobsMove)
	part("backup", "Backup", false, s.alerts("nothing has failed", monitor.BackupFailed))
	part("alerts", "Alerts of the installation", false, s.openAlerts)
}

// found turns an error into a finding; its text may quote anything, so only a
// fault's own is shown.
func found(err error, well, todo string) health.Finding {
	if err == nil {
		return health.Finding{State: health.Well, Text: well}
	}
	text := "it does not answer"
	if f := fault.Of(err); f.Kind != fault.Internal {
		text = f.Text
	}
	return health.Finding{State: health.Failing, Text: text, Todo: todo}
}

// alerts is a part that the alerts of the installation speak for.
func (s *Server) alerts(well string, kinds ...monitor.Kind) func(context.Context) health.Finding {
	return func(ctx context.Context) health.Finding {
		open, err := s.installationAlerts(ctx)
		if err != nil {
			return found(err, "", "The log has the reason.")
		}
		for _, k := range kinds {
			for _, a := range open {
				if a.Kind == k {
					r, _ := monitor.RuleOf(k)
					return health.Finding{State: health.Failing, Text: r.Title, Todo: r.Todo, Since: a.Since}
				}
			}
		}
		return health.Finding{State: health.Well, Text: well}
	}
}

func (s *Server) installationAlerts(ctx context.Context) ([]monitor.Alert, error) {
	w, err := s.monitor.Installation(ctx)
	if fault.Is(err, fault.NotFound) {
		return nil, nil // nobody was set up yet
	}
	if err != nil {
		return nil, err
	}
	page, err := s.monitor.List(ctx, w, true, id.Alert{}, 100)
	return page.Alerts, err
}

func (s *Server) openAlerts(ctx context.Context) health.Finding {
	open, err := s.installationAlerts(ctx)
	if err != nil || len(open) == 0 {
		return found(err, "none is open", "The log has the reason.")
	}
	return health.Finding{State: health.Look, Text: fmt.Sprintf("%d are open", len(open)), Todo: "Read them on the page Alerts, and say who deals with them."}
}

// objectsAnswer asks each place of objects for one that cannot be there.
func (s *Server) objectsAnswer(ctx context.Context) health.Finding {
	places := blob.Replicas(s.Objects)
	if len(places) == 0 {
		places = []blob.Bucket{s.Objects}
	}
	bad := 0
	for _, b := range places {
		o, err := b.Open(ctx, blob.Name(id.Customer{1}, id.Object{1}))
		if err == nil {
			o.Close()
		} else if !fault.Is(err, fault.NotFound) {
			bad++
		}
	}
	switch {
	case bad == len(places):
		return health.Finding{State: health.Failing, Text: "no place of objects answers", Todo: "Nothing can be taken in or heard. Look at the object store, and at the way there."}
	case bad > 0:
		return health.Finding{State: health.Look, Text: "one of two places does not answer", Todo: "Recordings are heard from the other, and none is taken in until both are there."}
	}
	return health.Finding{State: health.Well, Text: fmt.Sprintf("%d of %d places answer", len(places), len(places))}
}

func (s *Server) diskRoom(context.Context) health.Finding {
	worst, what := 1.0, ""
	for name, dir := range s.disks() {
		free, total, err := disk.Room(dir)
		if err != nil || total == 0 {
			continue // an upload folder that was not needed yet
		}
		if share := float64(free) / float64(total); share < worst {
			worst, what = share, name
		}
	}
	f := health.Finding{State: health.Well, Text: fmt.Sprintf("%.0f %% are free where least is (%s)", worst*100, what)}
	switch {
	case worst < 0.05:
		f.State, f.Todo = health.Failing, "Free some space now: soon nothing can be taken in."
	case worst < 0.2:
		f.State, f.Todo = health.Look, "Plan for more space."
	}
	return f
}

func (s *Server) certificateLasts(context.Context) health.Finding {
	until, ok := s.certificateUntil()
	switch {
	case s.certs != nil && !ok:
		return health.Finding{State: health.Look, Text: "the authority has given none yet", Todo: "The log has what it says. Does port 443 of each host lead here?"}
	case !ok:
		return health.Finding{State: health.Off, Text: "this server has none: a proxy in front of it does TLS, or it is reached from this machine alone"}
	}
	left := time.Until(until)
	f := health.Finding{State: health.Well, Text: "it ends on " + until.UTC().Format(time.DateOnly)}
	switch {
	case left < 0:
		f.State, f.Todo = health.Failing, "Put a new one in place: browsers and collectors refuse this one."
	case left < 14*24*time.Hour:
		f.State, f.Todo = health.Look, "Renew it. One that renews itself has failed to: the log says why."
	}
	return f
}

func enginesThere(context.Context) health.Finding {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		return health.Finding{State: health.Look, Text: "ffmpeg is missing", Todo: "Install ffmpeg: without it MP3 and Opus are not understood."}
	}
	return health.Finding{State: health.Well, Text: "the programs are there"}
}

func (s *Server) jobsMove(ctx context.Context) health.Finding {
	t, err := s.health.Totals(ctx)
	if err != nil {
		return found(err, "", "The log has the reason.")
	}
	f := health.Finding{State: health.Well, Text: fmt.Sprintf("%d wait, %d were given up", t.JobsWaiting, t.JobsDead)}
	if t.JobsDead > 0 {
		f.State, f.Todo = health.Look, "The log says why they were given up."
	}
	if !t.OldestJobAt.IsZero() && time.Since(t.OldestJobAt) > 24*time.Hour {
		f.State, f.Todo, f.Since = health.Look, "The oldest has waited for more than a day: transcription may need more processors (speech.workers).", t.OldestJobAt
	}
	return f
}

// outgoing remembers how the last mail left.
type outgoing struct {
	next mail.Sender
	none bool

	mu     sync.Mutex
	failed error
	at     time.Time
}

// Send implements mail.Sender.
func (o *outgoing) Send(ctx context.Context, m mail.Message) error {
	err := o.next.Send(ctx, m)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.failed, o.at = err, time.Now()
	return err
}

func (o *outgoing) finding(context.Context) health.Finding {
	if o == nil || o.none {
		return health.Finding{State: health.Off, Text: "mail cannot leave: mail.smtp is not set"}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.at.IsZero() {
		return health.Finding{State: health.Well, Text: "none was sent since the start"}
	}
	return found(o.failed, "the last one left on "+o.at.UTC().Format("2 January 2006, 15:04 MST"), "The log says what the mail server answered.")
}

// silentAfter is how long an enrolled collector may not be heard of.
const silentAfter = 15 * time.Minute

// healthOf gathers what one place says of itself.
func (g *gauge) healthOf(ctx context.Context, p *place.Place, f health.Figures) error {
	devices, err := g.collectors.Devices(ctx, p)
	if err != nil {
		return err
	}
	f.Collectors = map[string]int64{}
	for _, d := range devices {
		if d.State() != "enrolled" {
			continue
		}
		f.Collectors[collectorRelease(d)]++
		if time.Since(d.SeenAt) > silentAfter {
			f.CollectorsSilent++
		}
	}
	st, err := g.monitor.Standing(ctx, monitor.In(p))
	if err != nil {
		return err
	}
	f.Alerts, f.AlertsUrgent = st.Open, st.Urgent
	err = p.View(ctx, func(tx *place.Tx) error {
		if f.JobsWaiting, f.OldestJobAt, err = job.Standing(tx); err != nil {
			return err
		}
		if f.Sources, err = place.Row[int64](tx, `SELECT count(*) FROM sources`); err != nil {
			return err
		}
		if f.JobsDead, err = job.GivenUp(tx); err != nil {
			return err
		}
		w, err := webhook.Stand(tx)
		f.Webhooks, f.WebhooksFailing, f.WebhooksWaiting, f.WebhooksDead = w.Endpoints, w.Failing, w.Waiting, w.Dead
		if err != nil || f.Unverified == 0 {
			return err
		}
		oldest, err := place.Row[*int64](tx, `SELECT min(captured_at) FROM recordings WHERE verified_at IS NULL`)
		if err == nil && oldest != nil {
			f.OldestUnverifiedAt = time.UnixMilli(*oldest).UTC()
		}
		return err
	})
	if err != nil {
		return err
	}
	return g.health.Push(ctx, p.Customer(), f)
}

func collectorRelease(d collect.Device) string {
	if d.Release == "" {
		return "unknown"
	}
	return d.Release
}
