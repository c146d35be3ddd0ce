package org

import (
	"context"
	"strings"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Child is a node with its figures; a reseller's are those of all below it.
type Child struct {
	Node
	Figures
	Below int64  // nodes below it, at any depth
	Path  []Node // the nodes above it, from the provider; only One tells
}

// Query chooses nodes below one.
type Query struct {
	Words string // part of the name, of nodes at any depth; "": those just below
	Kind  Kind   // "": any
	Limit int    // 0: 50
	After string // cursor: what the page before gave as next
}

// childRow is a node with the figures of all that is below it.
type childRow struct {
	nodeRow
	Below      int64  `db:"below"`
	Recordings int64  `db:"recordings"`
	Bytes      int64  `db:"bytes"`
	Millis     int64  `db:"millis"`
	Attention  int64  `db:"attention"`
	Failed     int64  `db:"failed"`
	CapturedAt int64  `db:"captured_at"`
	ReportedAt int64  `db:"reported_at"`
	Seats      int64  `db:"seats"`
	Failing    int64  `db:"failing"`
	Silent     int64  `db:"silent"`
	Suspended  int64  `db:"suspended"`
	QuietSince int64  `db:"quiet_since"`
	Captured   int64  `db:"captured"`
	Heard      int64  `db:"heard"`
	Signs      string `db:"signs"`
}

// summed adds up the figures below each node of a page; only the page's own
// branches are walked, and what is grouped is no wider than it has to be.
const summed = `, below(top, id, suspended_at) AS (
		SELECT n.id, n.id, n.suspended_at FROM page JOIN nodes n ON n.id = page.id
		UNION ALL SELECT below.top, n.id, n.suspended_at FROM below JOIN nodes n ON n.parent = below.id AND n.ready = 1), sums AS (
	SELECT below.top AS top, count(*) - 1 AS below,
		coalesce(sum(f.recordings), 0) AS recordings, coalesce(sum(f.bytes), 0) AS bytes, coalesce(sum(f.millis), 0) AS millis,
		coalesce(sum(f.attention), 0) AS attention, coalesce(sum(f.failed), 0) AS failed,
		coalesce(max(f.captured_at), 0) AS captured_at, coalesce(min(f.reported_at), 0) AS reported_at,
		coalesce(sum(f.seats), 0) AS seats, coalesce(sum(f.failing), 0) AS failing,
		coalesce(sum(CASE WHEN f.quiet_since > 0 AND f.quiet_since < ? AND below.suspended_at = 0 THEN 1 ELSE 0 END), 0) AS silent,
		coalesce(sum(CASE WHEN below.suspended_at > 0 THEN 1 ELSE 0 END), 0) AS suspended,
		coalesce(min(CASE WHEN f.quiet_since > 0 THEN f.quiet_since END), 0) AS quiet_since,
		coalesce(sum(CASE WHEN f.period = ? THEN f.captured ELSE 0 END), 0) AS captured,
		coalesce(sum(CASE WHEN f.period = ? THEN f.heard ELSE 0 END), 0) AS heard,
		coalesce(min(f.signs), '') AS signs
	FROM below LEFT JOIN node_figures f ON f.node = below.id GROUP BY below.top)
	SELECT n.id, n.parent, n.kind, n.name, n.created_at, n.suspended_at, s.below, s.recordings, s.bytes, s.millis, s.attention, s.failed,
		s.captured_at, s.reported_at, s.seats, s.failing, s.silent, s.suspended, s.quiet_since, s.captured, s.heard, s.signs
	FROM sums s JOIN nodes n ON n.id = s.top ORDER BY n.folded, n.id`

// The pages of which summed makes figures.
const (
	pageOfChildren = `WITH RECURSIVE page AS (
		SELECT id FROM nodes WHERE parent = ? AND ready = 1 AND (kind = ? OR ? = '') AND (folded > ? OR folded = ? AND id > ?)
		ORDER BY folded, id LIMIT ?)`
	pageOfSearch = `WITH RECURSIVE all_below(id) AS (
		SELECT id FROM nodes WHERE parent = ? AND ready = 1
		UNION ALL SELECT n.id FROM all_below b JOIN nodes n ON n.parent = b.id AND n.ready = 1), page AS (
		SELECT n.id FROM all_below b JOIN nodes n ON n.id = b.id
		WHERE (n.kind = ? OR ? = '') AND (n.folded > ? OR n.folded = ? AND n.id > ?) AND n.folded LIKE ? ESCAPE '!'
		ORDER BY n.folded, n.id LIMIT ?)`
	pageOfOne = `WITH RECURSIVE page AS (SELECT id FROM nodes WHERE id = ? AND ready = 1)`
)

// Children lists nodes below one, by name, with the cursor of the next page.
// A cursor that Children did not give is fault.Invalid.
func (s *Service) Children(ctx context.Context, parent id.Node, q Query) (list []Child, next string, err error) {
	if q.Limit <= 0 {
		q.Limit = 50
	}
	name, after, err := q.after()
	if err != nil {
		return nil, "", err
	}
	err = s.store.Registry().View(ctx, func(tx *place.Tx) error {
		text, args := pageOfChildren, []any{parent, string(q.Kind), string(q.Kind), name, name, after, q.Limit + 1}
		if words := strings.TrimSpace(q.Words); words != "" {
			text, args = pageOfSearch, []any{parent, string(q.Kind), string(q.Kind), name, name, after, "%" + literal.Replace(fold(words)) + "%", q.Limit + 1}
		}
		list, err = children(tx, text, args)
		return err
	})
	if err == nil && len(list) > q.Limit {
		list = list[:q.Limit]
		next = fold(list[q.Limit-1].Name) + "\x00" + list[q.Limit-1].ID.String()
	}
	return list, next, err
}

// literal takes the meaning of LIKE's own signs away.
var literal = strings.NewReplacer("!", "!!", "%", "!%", "_", "!_")

func (q Query) after() (name string, after id.Node, err error) {
	if q.After == "" {
		return "", after, nil
	}
	name, last, ok := strings.Cut(q.After, "\x00")
	if ok {
		after, err = id.Parse[id.Node](last)
	}
	if !ok || err != nil {
		return "", after, fault.Field("query.cursor", "this is no next_cursor of a page of nodes")
	}
	return name, after, nil
}

func children(tx *place.Tx, page string, args []any) (list []Child, err error) {
	period := PeriodOf(tx.At())
	rows, err := place.Rows[childRow](tx, page+summed, append(args, tx.At().Add(-SilentAfter).UnixMilli(), period, period)...)
	for _, r := range rows {
		list = append(list, r.child(period))
	}
	return list, err
}

func (r childRow) child(period string) Child {
	c := Child{Node: r.node(), Below: r.Below, Figures: Figures{
		Recordings: r.Recordings, Bytes: r.Bytes, Length: time.Duration(r.Millis) * time.Millisecond, Seats: r.Seats,
		Attention: r.Attention, FailedJobs: r.Failed, Failing: r.Failing, Silent: r.Silent, Suspended: r.Suspended,
		Month:      Month{Period: period, Captured: time.Duration(r.Captured) * time.Millisecond, Heard: time.Duration(r.Heard) * time.Millisecond},
		QuietSince: instant(r.QuietSince), LastCapturedAt: instant(r.CapturedAt), ReportedAt: instant(r.ReportedAt),
	}}
	for _, g := range strings.Fields(r.Signs) {
		c.Signs = append(c.Signs, Sign(g))
	}
	return c
}

// One is a node with its figures and the nodes above it.
func (s *Service) One(ctx context.Context, i id.Node) (c Child, err error) {
	err = s.store.Registry().View(ctx, func(tx *place.Tx) error {
		list, err := children(tx, pageOfOne, []any{i})
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return fault.New(fault.NotFound, "there is no such node")
		}
		c = list[0]
		c.Path, err = path(tx, i)
		return err
	})
	return c, err
}

// path is the nodes above one, from the provider.
func path(tx *place.Tx, i id.Node) (list []Node, err error) {
	rows, err := place.Rows[nodeRow](tx, `WITH RECURSIVE up(id, parent, depth) AS (
			SELECT id, parent, 0 FROM nodes WHERE id = ?
			UNION ALL SELECT n.id, n.parent, up.depth + 1 FROM up JOIN nodes n ON n.id = up.parent)
		SELECT n.id, n.parent, n.kind, n.name, n.created_at, n.suspended_at FROM up JOIN nodes n ON n.id = up.id WHERE up.depth > 0 ORDER BY up.depth DESC`, i)
	for _, r := range rows {
		list = append(list, r.node())
	}
	return list, err
}

// Below is the text forms of a node's id and of the ids of all below it.
func Below(tx *place.Tx, top id.Node) (map[string]bool, error) {
	ids, err := place.Rows[id.Node](tx, `WITH RECURSIVE below(id) AS (
			SELECT id FROM nodes WHERE id = ?
			UNION ALL SELECT n.id FROM below b JOIN nodes n ON n.parent = b.id)
		SELECT id FROM below`, top)
	set := make(map[string]bool, len(ids))
	for _, i := range ids {
		set[i.String()] = true
	}
	return set, err
}
