package redaction

import (
	"context"
	"strconv"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/phone"
	"ringfence/internal/platform/place"
)

// Pause says that a payment was being taken in a call: by the telephone system's
// own name of the call, by an extension, or by the caller's number. It may come
// before or after the recording does.
type Pause struct {
	Source    id.Source
	Call      string // one of the three
	Extension string
	Caller    string
	From      time.Time // zero: it begins now
	To        time.Time // zero: it has not ended
}

// Noted is a pause as it is kept: whose call it is, is blinded.
type Noted struct {
	ID      id.Pause
	Source  id.Source
	Kind    string // call, extension, caller
	From    time.Time
	To      *time.Time // nil: open
	NotedAt time.Time
	Applied int // recordings that it was taken out of
}

const (
	longestPause = 2 * time.Hour       // an open pause ends then: a page that crashed must not silence a day
	early        = 31 * 24 * time.Hour // how far back a pause may be told of
	ahead        = 5 * time.Minute     // how far ahead of our clock theirs may be
)

// NotePause keeps a pause and has the recordings looked at that are there.
func (s *Service) NotePause(ctx context.Context, p *place.Place, who actor.Actor, in Pause) (out Noted, err error) {
	now := s.now()
	if in.From.IsZero() {
		in.From = now
	}
	kind, err := in.kind(now)
	if err != nil {
		return out, err
	}
	if in.To.IsZero() && in.From.After(now) {
		in.From = now // one that goes on has begun, whatever their clock says
	}
	err = p.Change(ctx, who, func(tx *place.Tx) error {
		if n, err := place.Row[int](tx, `SELECT count(*) FROM sources WHERE id = ?`, in.Source); err != nil || n == 0 {
			return either(err, fault.Field("source_id", "there is no such source"))
		}
		token, err := in.token(tx, kind)
		if err != nil {
			return err
		}
		out = Noted{ID: id.At[id.Pause](tx.At()), Source: in.Source, Kind: kind, From: in.From, NotedAt: tx.At()}
		var to *int64
		if !in.To.IsZero() {
			ms := in.To.UnixMilli()
			to, out.To = &ms, &in.To
		}
		tx.Record(place.Event{Code: "pause.noted", Subject: out.ID.String(), Facts: map[string]string{"source": in.Source.String(), "by": kind, "open": strconv.FormatBool(to == nil)}})
		tx.Notify(Topic)
		if _, err := tx.Exec(`INSERT INTO pauses (id, source, kind, token, from_at, to_at, noted_at, applied) VALUES (?, ?, ?, ?, ?, ?, ?, 0)`,
			out.ID, in.Source, kind, token, in.From.UnixMilli(), to, tx.At().UnixMilli()); err != nil || to == nil {
			return err
		}
		return s.lookFrom(tx, in.Source, in.From, in.To)
	})
	return out, err
}

func either(err, instead error) error {
	if err != nil {
		return err
	}
	return instead
}

// kind tells by what the call is named, and refuses what cannot be meant.
func (in Pause) kind(now time.Time) (kind string, err error) {
	n := 0
	for k, v := range map[string]string{"call": in.Call, "extension": in.Extension, "caller": in.Caller} {
		if v != "" {
			kind, n = k, n+1
		}
	}
	switch {
	case n != 1:
		return "", fault.Field("call", "name the call by exactly one of call, extension and caller")
	case in.From.Before(now.Add(-early)) || in.From.After(now.Add(ahead)):
		return "", fault.Field("from", "must be within the last 31 days, and not in the future")
	case !in.To.IsZero() && !in.To.After(in.From):
		return "", fault.Field("to", "must be after the beginning")
	case !in.To.IsZero() && in.To.Sub(in.From) > longestPause:
		return "", fault.Field("to", "a pause lasts two hours at most")
	}
	return kind, nil
}

func (in Pause) token(tx *place.Tx, kind string) ([]byte, error) {
	switch kind {
	case "call":
		tokens, err := recording.CallTokens(tx, in.Source, []string{in.Call})
		if err != nil || len(tokens) == 0 {
			return nil, either(err, fault.Field("call", "is no name of a call"))
		}
		return tokens[0], nil
	case "extension":
		return tx.Blind(place.FieldExtension, in.Extension)
	}
	country, err := place.Row[string](tx, `SELECT country FROM sources WHERE id = ?`, in.Source)
	if err != nil {
		return nil, err
	}
	return tx.Blind(place.FieldNumber, phone.Read(in.Caller, country).Text)
}

// EndPause ends an open pause; now, if no time is given.
func (s *Service) EndPause(ctx context.Context, p *place.Place, who actor.Actor, pause id.Pause, to time.Time) error {
	if to.IsZero() {
		to = s.now()
	}
	return p.Change(ctx, who, func(tx *place.Tx) error {
		r, err := place.Row[pauseRow](tx, pauseColumns+` WHERE id = ?`, pause)
		if err != nil {
			return err
		}
		from := time.UnixMilli(r.From)
		switch {
		case r.To != nil:
			return fault.New(fault.Conflict, "this pause has ended already")
		case !to.After(from) || to.After(s.now().Add(ahead)):
			return fault.Field("to", "must be after the beginning, and not in the future")
		}
		to = minTime(to, from.Add(longestPause))
		tx.Record(place.Event{Code: "pause.ended", Subject: pause.String()})
		tx.Notify(Topic)
		if _, err := tx.Exec(`UPDATE pauses SET to_at = ? WHERE id = ?`, to.UnixMilli(), pause); err != nil {
			return err
		}
		return s.lookFrom(tx, r.Source, from, to)
	})
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// lookFrom has the recordings of a source looked at that were being made in a time.
func (s *Service) lookFrom(tx *place.Tx, source id.Source, from, to time.Time) error {
	recs, err := place.Rows[id.Recording](tx, `SELECT id FROM recordings WHERE source = ? AND started_at <= ? AND ended_at >= ? ORDER BY n LIMIT 5000`, source, to.UnixMilli(), from.UnixMilli())
	if err != nil {
		return err
	}
	for _, rec := range recs {
		if err := Look(tx, rec); err != nil {
			return err
		}
	}
	return nil
}

type pauseRow struct {
	ID      id.Pause  `db:"id"`
	Source  id.Source `db:"source"`
	Kind    string    `db:"kind"`
	Token   []byte    `db:"token"`
	From    int64     `db:"from_at"`
	To      *int64    `db:"to_at"`
	NotedAt int64     `db:"noted_at"`
	Applied int       `db:"applied"`
}

const pauseColumns = `SELECT id, source, kind, token, from_at, to_at, noted_at, applied FROM pauses`

// pause is one that is about a recording and has not been taken out of it.
type pause struct {
	ID       id.Pause
	from, to time.Time
}

// pausesOf finds the pauses that are about a recording. One that is still open
// is taken to go on to the end of the sound.
func (s *Service) pausesOf(tx *place.Tx, r recording.Row) (all []pause, err error) {
	rows, err := place.Rows[pauseRow](tx, pauseColumns+` WHERE source = ? AND from_at <= ? AND (to_at IS NULL OR to_at >= ?)
		AND NOT EXISTS (SELECT 1 FROM pauses_applied a WHERE a.pause = pauses.id AND a.n = ?)
		AND (kind <> 'call' AND EXISTS (SELECT 1 FROM parties p WHERE p.token = pauses.token AND p.n = ?)
			OR kind = 'call' AND EXISTS (SELECT 1 FROM call_idents c WHERE c.token = pauses.token AND c.call_id = ?))
		ORDER BY from_at LIMIT 100`, r.Source, r.EndedAt, r.StartedAt, r.N, r.N, r.Call)
	for _, x := range rows {
		from := time.UnixMilli(x.From)
		to := from.Add(longestPause)
		if x.To != nil {
			to = time.UnixMilli(*x.To)
		}
		if to.UnixMilli() >= r.StartedAt {
			all = append(all, pause{x.ID, from, to})
		}
	}
	return all, err
}

// Going is a pause that may be going on now, for who captures calls as they are
// made.
type Going struct {
	ID     id.Pause
	Source id.Source
	Named  bool // Token is a name of the call; else somebody who is in it
	Token  []byte
	From   time.Time
	To     time.Time // zero: open
}

// Going are the pauses of some sources that may be going on.
func (s *Service) Going(tx *place.Tx, sources []id.Source) (all []Going, err error) {
	lately := s.now().Add(-time.Minute)
	rows, err := place.Rows[pauseRow](tx, pauseColumns+` WHERE source IN (?) AND from_at >= ? AND (to_at IS NULL OR to_at >= ?)`,
		place.List(sources), lately.Add(-longestPause).UnixMilli(), lately.UnixMilli())
	for _, r := range rows {
		g := Going{ID: r.ID, Source: r.Source, Named: r.Kind == "call", Token: r.Token, From: time.UnixMilli(r.From).UTC()}
		if r.To != nil {
			g.To = time.UnixMilli(*r.To).UTC()
		}
		all = append(all, g)
	}
	return all, err
}

// paused are the stretches of pauses, within the sound.
func (l *looking) paused() (all []Stretch) {
	start, end := time.UnixMilli(l.row.StartedAt), time.UnixMilli(l.row.EndedAt)
	for _, x := range l.pauses {
		from, to := max(0, x.from.Sub(start)), minTime(x.to, end).Sub(start)
		if to > from {
			all = append(all, Stretch{From: from, To: to, Channel: recording.EveryChannel})
		}
	}
	return all
}

// Pauses are the newest pauses.
func (s *Service) Pauses(ctx context.Context, p *place.Place, before id.Pause, limit int) (all []Noted, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		where, args := ``, []any{}
		if !before.IsZero() {
			where, args = ` WHERE id < ?`, []any{before}
		}
		rows, err := place.Rows[pauseRow](tx, pauseColumns+where+` ORDER BY id DESC LIMIT ?`, append(args, limit)...)
		for _, r := range rows {
			n := Noted{ID: r.ID, Source: r.Source, Kind: r.Kind, From: time.UnixMilli(r.From).UTC(), NotedAt: time.UnixMilli(r.NotedAt).UTC(), Applied: r.Applied}
			if r.To != nil {
				to := time.UnixMilli(*r.To).UTC()
				n.To = &to
			}
			all = append(all, n)
		}
		return err
	})
	return all, err
}

// Purge takes away the pauses that were told of more than 31 days ago (by then
// their recordings have come, or never will) and what is noted of redactions of
// recordings that are no more; it gives how many.
func (s *Service) Purge(ctx context.Context, p *place.Place) (n int, err error) {
	before := s.now().Add(-early).UnixMilli()
	const orphans = ` FROM redactions WHERE NOT EXISTS (SELECT 1 FROM recordings r WHERE r.n = redactions.n)`
	var pauses, left int
	err = p.View(ctx, func(tx *place.Tx) error {
		if pauses, err = place.Row[int](tx, `SELECT count(*) FROM pauses WHERE noted_at < ?`, before); err == nil {
			left, err = place.Row[int](tx, `SELECT count(*)`+orphans)
		}
		return err
	})
	if err != nil || pauses+left == 0 {
		return 0, err
	}
	return pauses + left, p.Change(ctx, actor.ForSystem("redaction"), func(tx *place.Tx) error {
		tx.Record(place.Event{Code: "pauses.purged", Subject: p.Customer().String(), Facts: map[string]string{"pauses": strconv.Itoa(pauses), "redactions": strconv.Itoa(left)}})
		for _, text := range []string{`DELETE FROM pauses_applied WHERE pause IN (SELECT id FROM pauses WHERE noted_at < ?)`, `DELETE FROM pauses WHERE noted_at < ?`} {
			if _, err := tx.Exec(text, before); err != nil {
				return err
			}
		}
		_, err := tx.Exec(`DELETE` + orphans)
		return err
	})
}

// States of a recording that was looked through for payments.
const (
	Clean    = "clean"
	Recorded = "recorded"
)

// Payment is a recording in which a payment can be heard.
type Payment struct {
	N         int64
	Recording id.Recording
	StartedAt time.Time
	FoundAt   time.Time
	Spoken    int // card numbers
	Keyed     int // numbers keyed in
	Paused    int // pauses that were taken out of it, and did not cover it
}

// Recorded says how many payments were recorded and are still there, and since
// when the first of them is known.
func (s *Service) Recorded(ctx context.Context, p *place.Place) (n int64, since time.Time, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		if n, err = place.Row[int64](tx, `SELECT count(*) FROM payment_scans WHERE state = ?`, Recorded); err != nil || n == 0 {
			return err
		}
		at, err := place.Row[int64](tx, `SELECT min(at) FROM payment_scans WHERE state = ?`, Recorded)
		since = time.UnixMilli(at)
		return err
	})
	return n, since, err
}

// Payments is a page of payments that were recorded, the newest first.
func (s *Service) Payments(ctx context.Context, p *place.Place, before int64, limit int) (all []Payment, looked, recorded int64, err error) {
	type row struct {
		N      int64        `db:"n"`
		ID     id.Recording `db:"id"`
		Start  int64        `db:"started_at"`
		At     int64        `db:"at"`
		Spoken int          `db:"spoken"`
		Keyed  int          `db:"keyed"`
		Paused int          `db:"paused"`
	}
	err = p.View(ctx, func(tx *place.Tx) error {
		if before <= 0 {
			before = 1 << 62
		}
		rows, err := place.Rows[row](tx, `SELECT s.n, r.id, r.started_at, s.at, s.spoken, s.keyed, s.paused FROM payment_scans s JOIN recordings r ON r.n = s.n
			WHERE s.state = ? AND s.n < ? ORDER BY s.n DESC LIMIT ?`, Recorded, before, limit)
		if err != nil {
			return err
		}
		for _, r := range rows {
			all = append(all, Payment{r.N, r.ID, time.UnixMilli(r.Start).UTC(), time.UnixMilli(r.At).UTC(), r.Spoken, r.Keyed, r.Paused})
		}
		if looked, err = place.Row[int64](tx, `SELECT count(*) FROM payment_scans`); err != nil {
			return err
		}
		recorded, err = place.Row[int64](tx, `SELECT count(*) FROM payment_scans WHERE state = ?`, Recorded)
		return err
	})
	return all, looked, recorded, err
}
