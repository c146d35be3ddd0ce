package privacy

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
)

// The rights that both persons of an act here need.
const (
	actRetention = access.RetentionSet
	actHold      = access.HoldManage
)

// Search is what a hold on more than single recordings asks for. What is empty
// does not filter; a source or a queue alone holds everything of it.
type Search struct {
	From      time.Time           `json:"from,omitzero"`
	To        time.Time           `json:"to,omitzero"`
	Number    string              `json:"number,omitempty"`
	Extension string              `json:"extension,omitempty"`
	Queue     string              `json:"queue,omitempty"`
	Direction recording.Direction `json:"direction,omitempty"`
	Source    id.Source           `json:"source,omitzero"`
	Least     int                 `json:"min_seconds,omitempty"`
	Most      int                 `json:"max_seconds,omitempty"`
	Words     string              `json:"words,omitempty"`
}

// Empty reports whether it asks for nothing.
func (q Search) Empty() bool { return q == Search{} }

// Asked is a hold that somebody places.
type Asked struct {
	Matter     string
	Reason     string
	Recordings []id.Recording // or
	Search     *Search        // what fits now, and what comes while the hold lasts
	Confirm    *int64         // how many a search finds, exactly
}

// Hold is a legal hold.
type Hold struct {
	ID       id.Hold
	Matter   string
	Reason   string
	Search   *Search // nil: on single recordings
	PlacedAt time.Time
	PlacedBy string // text form of the actor's id
	Placed   int    // recordings, when it was placed
	Count    int    // under it now
	LiftedAt time.Time
	LiftedBy string
	Lifted   int
	Approval id.Approval // that waits to lift it; zero: none
}

type card struct {
	Matter string  `json:"matter"`
	Reason string  `json:"reason"`
	Search *Search `json:"search,omitempty"`
}

const errHold = "this hold cannot be placed"

// maxHolds bounds the holds of one place that last: each is asked about every
// recording that comes.
const (
	maxHolds  = 200
	maxSingle = 1000
)

// Place places a hold, in one Change: from its commit on nothing under it can be
// destroyed. Recordings whose destruction was ordered before are late: named one
// by one they refuse the hold; found by a search they are not counted.
func (s *Service) Place(ctx context.Context, p *place.Place, who actor.Actor, a Asked) (Hold, error) {
	h := Hold{Matter: strings.TrimSpace(a.Matter), Reason: strings.TrimSpace(a.Reason), Search: a.Search, PlacedBy: who.ID}
	if err := a.check(h); err != nil {
		return Hold{}, err
	}
	err := p.Change(ctx, who, func(tx *place.Tx) error {
		h.ID, h.PlacedAt = id.At[id.Hold](tx.At()), tx.At()
		ns, err := s.wanted(tx, a)
		if err != nil {
			return err
		}
		n, late, err := s.o.Recordings.Hold(tx, h.ID, ns)
		if err != nil {
			return err
		}
		if a.Search == nil && len(late) > 0 {
			return fault.New(fault.Gone, "%d of these recordings are being destroyed already: a hold comes too late for them", len(late))
		}
		if n == 0 {
			return fault.Field("search", "finds no recording: a hold on nothing holds nothing")
		}
		if a.Search != nil && (a.Confirm == nil || *a.Confirm != int64(n)) {
			return fault.Field("confirm", "%d recordings would be held: confirm with exactly this number", n)
		}
		h.Placed, h.Count = n, n
		return s.store(tx, h)
	})
	return h, err
}

func (s *Service) store(tx *place.Tx, h Hold) error {
	text, err := json.Marshal(card{h.Matter, h.Reason, h.Search})
	if err != nil {
		return err
	}
	sealed, err := tx.Seal(place.FieldHold, h.ID, text)
	if err != nil {
		return err
	}
	lasting := 0
	if h.Search != nil {
		lasting = 1
		n, err := place.Row[int](tx, `SELECT count(*) FROM holds WHERE lasting = 1 AND lifted_at = 0`)
		if err != nil {
			return err
		}
		if n >= maxHolds {
			return fault.New(fault.Conflict, "there are %d holds on searches already: lift one first", maxHolds)
		}
	}
	tx.Record(place.Event{
		Code: "hold.placed", Subject: h.ID.String(), Facts: map[string]string{"recordings": strconv.Itoa(h.Placed)},
		Personal: map[string]string{"matter": h.Matter, "reason": h.Reason},
	})
	tx.Notify(Topic)
	_, err = tx.Exec(`INSERT INTO holds (id, card, lasting, placed_at, placed_by, placed) VALUES (?, ?, ?, ?, ?, ?)`,
		h.ID, sealed, lasting, tx.At().UnixMilli(), h.PlacedBy, h.Placed)
	return err
}

func (a Asked) check(h Hold) error {
	var c checker
	if n := utf8.RuneCountInString(h.Matter); n < 1 || n > 200 {
		c.add("matter", "must have 1 to 200 characters")
	}
	if n := utf8.RuneCountInString(h.Reason); n < 3 || n > 1000 {
		c.add("reason", "must have 3 to 1000 characters")
	}
	switch {
	case a.Search != nil && len(a.Recordings) > 0:
		c.add("search", "either a search or recordings")
	case a.Search == nil && len(a.Recordings) == 0:
		c.add("recordings", "say what is held: recordings, or a search")
	case len(a.Recordings) > maxSingle:
		c.add("recordings", "at most %d at once; use a search", maxSingle)
	case a.Search != nil && a.Search.Empty():
		c.add("search", "asks for nothing: say which recordings are held")
	}
	return c.about(errHold)
}

// wanted are the recordings that a hold is to be on.
func (s *Service) wanted(tx *place.Tx, a Asked) ([]int64, error) {
	if a.Search != nil {
		if err := exists(tx, *a.Search); err != nil {
			return nil, err
		}
		return s.find(tx, *a.Search, nil)
	}
	var c checker
	ns := make([]int64, 0, len(a.Recordings))
	for i, rec := range a.Recordings {
		row, err := s.o.Recordings.Lookup(tx, rec)
		switch {
		case fault.Is(err, fault.Gone):
			c.add(fmt.Sprintf("recordings[%d]", i), "was destroyed already")
		case fault.Is(err, fault.NotFound):
			c.add(fmt.Sprintf("recordings[%d]", i), "there is no such recording")
		case err != nil:
			return nil, err
		default:
			ns = append(ns, row.N)
		}
	}
	return ns, c.about(errHold)
}

// exists refuses a search for what is not there.
func exists(tx *place.Tx, q Search) error {
	var c checker
	if !q.Source.IsZero() {
		n, err := place.Row[int](tx, `SELECT count(*) FROM sources WHERE id = ?`, q.Source)
		if err != nil {
			return err
		}
		if n == 0 {
			c.add("search.source_id", "there is no such source")
		}
	}
	if q.Queue != "" {
		n, err := place.Row[int](tx, `SELECT count(*) FROM (SELECT 1 FROM recordings WHERE queue = ? LIMIT 1) AS one`, q.Queue)
		if err != nil {
			return err
		}
		if n == 0 {
			c.add("search.queue", "no recording is of this queue")
		}
	}
	if q.Direction != "" && !slices.Contains(directions, string(q.Direction)) {
		c.add("search.direction", "must be one of %s", strings.Join(directions, ", "))
	}
	return c.about(errHold)
}

// find gives what fits a search, among some recordings or all.
func (s *Service) find(tx *place.Tx, q Search, among []int64) ([]int64, error) {
	f := recording.Filter{
		From: q.From, To: q.To, Number: q.Number, Extension: q.Extension, Queue: q.Queue, Direction: q.Direction, Source: q.Source,
		MinLength: time.Duration(q.Least) * time.Second, MaxLength: time.Duration(q.Most) * time.Second, Scope: recording.Everything,
	}
	if q.Words != "" {
		if s.o.Words == nil {
			return nil, fault.Field("search.words", "what was said cannot be searched here")
		}
		f.Words = s.o.Words(q.Words)
	}
	return s.o.Recordings.Pick(tx, f, among)
}

// Finds counts what a hold on a search would hold now.
func (s *Service) Finds(ctx context.Context, p *place.Place, q Search) (n int, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		if q.Empty() {
			return fault.Field("search", "asks for nothing: say which recordings are held")
		}
		if err := exists(tx, q); err != nil {
			return err
		}
		ns, err := s.find(tx, q, nil)
		n = len(ns)
		return err
	})
	return n, err
}

// holdWhatCame puts under hold what comes later and fits a search that lasts.
func (s *Service) holdWhatCame(tx *place.Tx, all []recording.Captured) error {
	recs := make([]id.Recording, len(all))
	for i, c := range all {
		recs[i] = c.Recording
	}
	lasting, err := lastingHolds(tx)
	if err != nil || len(lasting) == 0 || len(recs) == 0 {
		return err
	}
	ns, err := place.Rows[int64](tx, `SELECT n FROM recordings WHERE id IN (?)`, place.List(recs))
	if err != nil {
		return err
	}
	return s.holdAmong(tx, lasting, ns)
}

// holdWhatFits looks once more at what is about to be destroyed: what is known
// of a recording may have changed since it came.
func (s *Service) holdWhatFits(tx *place.Tx, ns []int64) error {
	lasting, err := lastingHolds(tx)
	if err != nil || len(lasting) == 0 {
		return err
	}
	return s.holdAmong(tx, lasting, ns)
}

func (s *Service) holdAmong(tx *place.Tx, lasting []Hold, ns []int64) error {
	for _, h := range lasting {
		fits, err := s.find(tx, *h.Search, ns)
		if err != nil {
			return err
		}
		if _, _, err := s.o.Recordings.Hold(tx, h.ID, fits); err != nil {
			return err
		}
	}
	return nil
}

type holdRow struct {
	ID       id.Hold `db:"id"`
	Card     []byte  `db:"card"`
	Lasting  bool    `db:"lasting"`
	PlacedAt int64   `db:"placed_at"`
	PlacedBy string  `db:"placed_by"`
	Placed   int     `db:"placed"`
	LiftedAt int64   `db:"lifted_at"`
	LiftedBy string  `db:"lifted_by"`
	Lifted   int     `db:"lifted"`
}

const holdColumns = `SELECT id, card, lasting, placed_at, placed_by, placed, lifted_at, lifted_by, lifted FROM holds`

func (r holdRow) hold(tx *place.Tx) (Hold, error) {
	h := Hold{ID: r.ID, PlacedAt: time.UnixMilli(r.PlacedAt).UTC(), PlacedBy: r.PlacedBy, Placed: r.Placed, LiftedBy: r.LiftedBy, Lifted: r.Lifted}
	if r.LiftedAt > 0 {
		h.LiftedAt = time.UnixMilli(r.LiftedAt).UTC()
	}
	text, err := tx.Unseal(place.FieldHold, r.ID, r.Card)
	if err != nil {
		return h, err
	}
	var c card
	err = json.Unmarshal(text, &c)
	h.Matter, h.Reason, h.Search = c.Matter, c.Reason, c.Search
	return h, err
}

func lastingHolds(tx *place.Tx) (all []Hold, err error) {
	rows, err := place.Rows[holdRow](tx, holdColumns+` WHERE lasting = 1 AND lifted_at = 0`)
	for _, r := range rows {
		h, err := r.hold(tx)
		if err != nil {
			return nil, err
		}
		all = append(all, h)
	}
	return all, err
}

// Holds lists all holds, the newest first; those that were lifted as well.
func (s *Service) Holds(ctx context.Context, p *place.Place) (all []Hold, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		rows, err := place.Rows[holdRow](tx, holdColumns+` ORDER BY id DESC LIMIT 1000`)
		if err != nil {
			return err
		}
		for _, r := range rows {
			h, err := s.whole(tx, r)
			if err != nil {
				return err
			}
			all = append(all, h)
		}
		return nil
	})
	return all, err
}

// Hold gives one hold.
func (s *Service) Hold(ctx context.Context, p *place.Place, hold id.Hold) (h Hold, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		h, err = s.holdIn(tx, hold)
		return err
	})
	return h, err
}

func (s *Service) holdIn(tx *place.Tx, hold id.Hold) (Hold, error) {
	r, err := place.Row[holdRow](tx, holdColumns+` WHERE id = ?`, hold)
	if fault.Is(err, fault.NotFound) {
		return Hold{}, fault.New(fault.NotFound, "there is no such hold")
	}
	if err != nil {
		return Hold{}, err
	}
	return s.whole(tx, r)
}

func (s *Service) whole(tx *place.Tx, r holdRow) (h Hold, err error) {
	if h, err = r.hold(tx); err != nil {
		return h, err
	}
	if h.Count, err = place.Row[int](tx, `SELECT count(*) FROM recording_holds WHERE hold = ?`, r.ID); err != nil {
		return h, err
	}
	a, open, err := s.o.Approvals.Waiting(tx, KindLift, r.ID.String())
	if open {
		h.Approval = a.ID
	}
	return h, err
}
