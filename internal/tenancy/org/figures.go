package org

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Figures is what a customer's place tells those above it: numbers, never what
// they are numbers of.
type Figures struct {
	Recordings     int64
	Bytes          int64
	Length         time.Duration
	Attention      int64     // files that need attention
	FailedJobs     int64     // jobs that gave up
	LastCapturedAt time.Time // zero: never
	ReportedAt     time.Time // zero: never
}

// Child is a node with its figures; a reseller's are those of all below it.
type Child struct {
	Node
	Figures
}

// Push stores a customer's figures. The customer's own server part calls it.
func (s *Service) Push(ctx context.Context, c id.Customer, f Figures) error {
	return s.store.Registry().Keep(ctx, func(tx *place.Tx) error {
		_, err := tx.Exec(`INSERT INTO node_figures (node, recordings, bytes, millis, attention, failed, captured_at, reported_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (node) DO UPDATE SET recordings = excluded.recordings, bytes = excluded.bytes, millis = excluded.millis,
				attention = excluded.attention, failed = excluded.failed, captured_at = excluded.captured_at, reported_at = excluded.reported_at`,
			c, f.Recordings, f.Bytes, f.Length.Milliseconds(), f.Attention, f.FailedJobs, millis(f.LastCapturedAt), tx.At().UnixMilli())
		return err
	})
}

// Children lists the nodes just below one, by name.
func (s *Service) Children(ctx context.Context, parent id.Node) (list []Child, err error) {
	type row struct {
		nodeRow
		Recordings int64 `db:"recordings"`
		Bytes      int64 `db:"bytes"`
		Millis     int64 `db:"millis"`
		Attention  int64 `db:"attention"`
		Failed     int64 `db:"failed"`
		CapturedAt int64 `db:"captured_at"`
		ReportedAt int64 `db:"reported_at"`
	}
	err = s.store.Registry().View(ctx, func(tx *place.Tx) error {
		rows, err := place.Rows[row](tx, `WITH RECURSIVE below(top, id) AS (
				SELECT id, id FROM nodes WHERE parent = ? AND ready = 1
				UNION ALL SELECT below.top, n.id FROM nodes n JOIN below ON n.parent = below.id)
			SELECT n.id, n.parent, n.kind, n.name, n.created_at,
				coalesce(sum(f.recordings), 0) AS recordings, coalesce(sum(f.bytes), 0) AS bytes, coalesce(sum(f.millis), 0) AS millis,
				coalesce(sum(f.attention), 0) AS attention, coalesce(sum(f.failed), 0) AS failed,
				coalesce(max(f.captured_at), 0) AS captured_at, coalesce(min(f.reported_at), 0) AS reported_at
			FROM below JOIN nodes n ON n.id = below.top LEFT JOIN node_figures f ON f.node = below.id
			GROUP BY n.id, n.parent, n.kind, n.name, n.created_at ORDER BY n.name, n.id`, parent)
		for _, r := range rows {
			list = append(list, Child{r.node(), Figures{
				r.Recordings, r.Bytes, time.Duration(r.Millis) * time.Millisecond, r.Attention, r.Failed, instant(r.CapturedAt), instant(r.ReportedAt),
			}})
		}
		return err
	})
	return list, err
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func unmarshal(text []byte, into any) error {
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("arguments of an intent: %w", err)
	}
	return nil
}
