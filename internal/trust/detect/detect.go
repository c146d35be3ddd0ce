// Package detect looks for what is wrong: in a customer's place (sources,
// collectors, files, quotas, credentials, engines) and in the installation
// (disks, keys, certificates, the clock). Each detector gives all conditions of
// its kinds that hold at an instant; package monitor makes alerts of them and
// ends them.
//
// Time is an argument. What a detector says of a condition are ids, counts and
// sentences without names, numbers or files: they stand in mails.
package detect

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"ringfence/internal/archive/collect"
	"ringfence/internal/archive/coverage"
	"ringfence/internal/archive/pickup"
	"ringfence/internal/archive/recording"
	"ringfence/internal/base/fault"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/identity"
	"ringfence/internal/tenancy/org"
	"ringfence/internal/trust/monitor"
)

// Parts are what there is to look at.
type Parts struct {
	Monitor    *monitor.Service
	Recordings *recording.Service
	Coverage   *coverage.Service
	Collect    *collect.Server
	Pickups    *pickup.Service
	Tree       *org.Service
	People     *identity.Service
}

// Customer are the detectors of a customer's place.
func (d Parts) Customer() []monitor.Detector {
	return []monitor.Detector{
		{Kinds: []monitor.Kind{monitor.RecordingMissing}, Look: d.missing},
		{Kinds: []monitor.Kind{monitor.SourceSilent}, Look: d.silent},
		{Kinds: []monitor.Kind{monitor.FilesFailing}, Look: d.files},
		{Kinds: []monitor.Kind{monitor.CollectorOffline, monitor.ClockOff, monitor.SpoolFilling, monitor.RemovalUnanswered}, Look: d.boxes},
		{Kinds: []monitor.Kind{monitor.HostChanged, monitor.SignInRefused}, Look: d.otherSides},
		{Kinds: []monitor.Kind{monitor.QuotaFull}, Look: d.quota},
		{Kinds: []monitor.Kind{monitor.TokenExpiring}, Look: d.tokens},
		{Kinds: []monitor.Kind{monitor.EngineFailing}, Look: d.engine},
	}
}

// missing is calls without a recording, by source and day.
func (d Parts) missing(ctx context.Context, w monitor.Where, _ time.Time) (all []monitor.Condition, again time.Time, err error) {
	overdue, next, err := d.Coverage.Turn(ctx, w.Place)
	for _, o := range overdue {
		all = append(all, monitor.Condition{
			Kind: monitor.RecordingMissing, Subject: o.Source.String() + " " + o.Day.String(), Since: time.UnixMilli(o.Since),
			Facts: map[string]string{
				"source": o.Source.String(), "day": o.Day.String(), "calls": strconv.FormatInt(o.Calls, 10),
				"text": fmt.Sprintf("%s of %s without a recording that the logs of a source name", plural(o.Calls, "call", "calls"), o.Day),
			},
		})
	}
	return all, next, err
}

func plural(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// silent is sources that are silent against their own usual pattern.
func (d Parts) silent(ctx context.Context, w monitor.Where, at time.Time) (all []monitor.Condition, again time.Time, err error) {
	sources, err := d.Recordings.Sources(ctx, w.Place)
	if err != nil {
		return nil, again, err
	}
	set, err := d.Monitor.Settings(ctx, w)
	if err != nil {
		return nil, again, err
	}
	closed := func(day coverage.Day) bool { return set.ClosedOn(day.String()) }
	for _, src := range sources {
		if src.State == "paused" || src.Kind == recording.Import {
			continue
		}
		zone, err := time.LoadLocation(src.TimeZone)
		if err != nil {
			zone = time.UTC
		}
		p, err := d.Coverage.Arrivals(ctx, w.Place, src.ID, zone)
		if err != nil {
			return nil, again, err
		}
		if why, silent := p.Silent(at, closed); silent {
			all = append(all, monitor.Condition{Kind: monitor.SourceSilent, Subject: src.ID.String(), Since: p.Last, Facts: map[string]string{
				"source": src.ID.String(), "last": p.Last.UTC().Format(time.RFC3339), "text": steady(ctx, d, w, src.ID.String(), why),
			}})
			continue
		}
		if next := p.Next(at, closed); !next.IsZero() && (again.IsZero() || next.Before(again)) {
			again = next
		}
	}
	return all, again, nil
}

// steady keeps the words with which a silence was first told: they name an hour,
// and each look would give another one.
func steady(ctx context.Context, d Parts, w monitor.Where, subject, why string) string {
	if text := d.Monitor.Said(ctx, w, monitor.SourceSilent, subject); text != "" {
		return text
	}
	return why
}

// failingFor is how long files may need attention before somebody is told: a
// file that is being written can look odd for a moment.
const failingFor = 5 * time.Minute

// files is what cannot be taken in: files that need attention, and sources that
// cannot be read at all.
func (d Parts) files(ctx context.Context, w monitor.Where, at time.Time) (all []monitor.Condition, again time.Time, err error) {
	counts, err := d.Recordings.CountAttention(ctx, w.Place)
	if err != nil {
		return nil, again, err
	}
	files, since := int64(0), time.Time{}
	for _, c := range counts {
		files += c.Files
		if since.IsZero() || c.Since.Before(since) {
			since = c.Since
		}
	}
	if files > 0 {
		if at.Sub(since) < failingFor {
			again = since.Add(failingFor)
		} else {
			all = append(all, monitor.Condition{Kind: monitor.FilesFailing, Subject: "files", Since: since, Facts: map[string]string{
				"files": strconv.FormatInt(files, 10), "text": plural(files, "file needs", "files need") + " attention",
			}})
		}
	}
	sources, err := d.Recordings.Sources(ctx, w.Place)
	for _, src := range sources {
		if src.State == "failing" {
			all = append(all, monitor.Condition{Kind: monitor.FilesFailing, Subject: src.ID.String(), Urgent: true, Facts: map[string]string{
				"source": src.ID.String(), "text": "a source cannot be read at all: its page says why",
			}})
			continue
		}
		if src.Kind != recording.Pickup || src.State == "paused" {
			continue
		}
		_, st, err := d.Pickups.Get(ctx, w.Place, src.ID)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return nil, again, err
		}
		// What waits to be confirmed, or refuses the sign-in, is told as that.
		switch due := st.Failing.Add(failingFor); {
		case st.Failing.IsZero() || st.Shown != "" || st.Refused:
		case at.Before(due):
			if again.IsZero() || due.Before(again) {
				again = due
			}
		default:
			all = append(all, monitor.Condition{Kind: monitor.FilesFailing, Subject: src.ID.String(), Since: st.Failing, Urgent: true, Facts: map[string]string{
				"source": src.ID.String(), "text": "nothing can be fetched from where a source fetches from: its page says why",
			}})
		}
	}
	return all, again, err
}

// otherSides is pick-ups that do not get in: the other side shows another key
// than the one that was confirmed, or does not take the sign-in. What was never
// confirmed is being set up, and its page says so.
func (d Parts) otherSides(ctx context.Context, w monitor.Where, _ time.Time) (all []monitor.Condition, again time.Time, err error) {
	sources, err := d.Recordings.Sources(ctx, w.Place)
	if err != nil {
		return nil, again, err
	}
	for _, src := range sources {
		if src.Kind != recording.Pickup || src.State == "paused" {
			continue
		}
		_, st, err := d.Pickups.Get(ctx, w.Place, src.ID)
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return nil, again, err
		}
		add := func(k monitor.Kind, text string) {
			all = append(all, monitor.Condition{Kind: k, Subject: src.ID.String(), Facts: map[string]string{"source": src.ID.String(), "text": text}})
		}
		if st.Changed {
			add(monitor.HostChanged, "where a source fetches from shows another key than the one that was confirmed; nothing is fetched")
		}
		if st.Refused {
			add(monitor.SignInRefused, "where a source fetches from does not take its user with the password or key that is set")
		}
	}
	return all, again, nil
}

// full is from when on a quota or a disk is nearly used up, and when it is urgent.
const (
	nearly = 0.80
	almost = 0.95
)

// quota is what is nearly used up. Levels are told in steps, so that a quota
// that fills does not renew its alert with each recording.
func (d Parts) quota(ctx context.Context, w monitor.Where, _ time.Time) (all []monitor.Condition, again time.Time, err error) {
	meters, err := d.Tree.Meters(ctx, w.Node)
	for _, m := range meters {
		if m.Most == nil || *m.Most == 0 || m.Measure == org.Requests {
			continue
		}
		if share := float64(m.Used) / float64(*m.Most); share >= nearly {
			all = append(all, monitor.Condition{Kind: monitor.QuotaFull, Subject: string(m.Measure), Urgent: share >= almost, Facts: map[string]string{
				"measure": string(m.Measure), "percent": percent(share), "text": fmt.Sprintf("at least %s %% of the quota of %s are used", percent(share), words[m.Measure]),
			}})
		}
	}
	return all, again, err
}

var words = map[org.Measure]string{
	org.Seats: "seats", org.Gigabytes: "storage", org.Minutes: "recorded minutes of this month", org.EngineSeconds: "transcription of this month",
}

func percent(share float64) string { return strconv.Itoa(min(int(share*20)*5, 100)) }

// Steps before something runs out at which it is told: 30 days, and urgently the
// last 7.
const (
	soon   = 30 * 24 * time.Hour
	urgent = 7 * 24 * time.Hour
)

// runsOut is a condition while little is left of something's time, false before;
// again is when there is more to say.
func runsOut(k monitor.Kind, subject, what string, until, at time.Time) (c monitor.Condition, again time.Time, ok bool) {
	left := until.Sub(at)
	if left > soon {
		return c, until.Add(-soon), false
	}
	stage := "30"
	switch again = until.Add(-urgent); {
	case left <= 0:
		stage, again = "0", time.Time{}
	case left <= 24*time.Hour:
		stage, again = "1", until
	case left <= urgent:
		stage, again = "7", until.Add(-24*time.Hour)
	}
	text := fmt.Sprintf("%s runs out on %s, in %s days or less", what, until.UTC().Format("2 January 2006, 15:04 MST"), stage)
	if left <= 0 {
		text = fmt.Sprintf("%s has run out on %s", what, until.UTC().Format("2 January 2006, 15:04 MST"))
	}
	return monitor.Condition{
		Kind: k, Subject: subject, Since: until.Add(-soon), Urgent: left <= urgent,
		Facts: map[string]string{"days": stage, "until": until.UTC().Format(time.RFC3339), "text": text},
	}, again, true
}

// tokens is machines' credentials that run out. Those that were made for less
// than a month are meant to, and one that was not used for a month is missed by
// nobody.
func (d Parts) tokens(ctx context.Context, w monitor.Where, at time.Time) (all []monitor.Condition, again time.Time, err error) {
	list, err := d.People.Tokens(ctx, w.Place)
	for _, t := range list {
		if t.Until.IsZero() || t.Until.Sub(t.CreatedAt) <= soon || t.LastUsedAt.IsZero() || at.Sub(t.LastUsedAt) > soon || at.After(t.Until.Add(urgent)) {
			continue
		}
		c, next, ok := runsOut(monitor.TokenExpiring, t.ID.String(), "an API token", t.Until, at)
		if ok {
			all = append(all, c)
		}
		if !next.IsZero() && (again.IsZero() || next.Before(again)) {
			again = next
		}
	}
	return all, again, err
}

// engine is transcripts that fail again and again.
func (d Parts) engine(ctx context.Context, w monitor.Where, _ time.Time) (all []monitor.Condition, again time.Time, err error) {
	type waiting struct {
		N     int64 `db:"n"`
		Since int64 `db:"since"`
	}
	err = w.Place.View(ctx, func(tx *place.Tx) error {
		r, err := place.Row[waiting](tx, `SELECT count(*) AS n, coalesce(min(enqueued_at), 0) AS since FROM jobs WHERE kind = ? AND reason <> '' AND (attempts >= 2 OR state = 'dead')`, recording.JobTranscribe)
		if err == nil && r.N > 0 {
			all = append(all, monitor.Condition{Kind: monitor.EngineFailing, Subject: "speech", Since: time.UnixMilli(r.Since), Facts: map[string]string{"text": "transcripts failed more than once"}})
		}
		return err
	})
	return all, again, err
}
