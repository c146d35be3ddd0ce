package org

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Measure is something of which a node may use only so much.
type Measure string

// The measures. Seats and bytes are levels, minutes and engine seconds are
// counted in each calendar month (UTC), requests by the second.
const (
	Seats         Measure = "seats"
	Gigabytes     Measure = "gigabytes" // of 10⁹ bytes, stored
	Minutes       Measure = "minutes"   // of sound captured
	EngineSeconds Measure = "engine_seconds"
	Requests      Measure = "requests_per_second"
)

// Measures is every measure, in the order in which they are shown.
func Measures() []Measure { return []Measure{Seats, Gigabytes, Minutes, EngineSeconds, Requests} }

// mostOf bounds a quota: beyond it somebody means "no limit".
const mostOf = 1_000_000_000

// Quota is how much a node may use; what it does not name has no limit of its
// own and shares that of the nodes above.
type Quota map[Measure]int64

// CheckQuota finds every fault of a quota by itself.
func CheckQuota(q Quota) error {
	bad := &fault.Error{Kind: fault.Invalid, Text: "the quota is not valid"}
	for _, m := range slices.Sorted(maps.Keys(q)) {
		if !slices.Contains(Measures(), m) {
			bad.Details = append(bad.Details, fault.Detail{Path: string(m), Text: "there is no such measure"})
		} else if q[m] < 0 || q[m] > mostOf {
			bad.Details = append(bad.Details, fault.Detail{Path: string(m), Text: fmt.Sprintf("want a number from 0 to %d; leave it out for no limit", mostOf)})
		}
	}
	if len(bad.Details) > 0 {
		return bad
	}
	return nil
}

// SetQuota replaces a node's quota. A node never promises more than it has
// itself: fault.Invalid names, for each measure, the node that is short.
// Unchanged, it writes nothing.
func (s *Service) SetQuota(ctx context.Context, who actor.Actor, n id.Node, q Quota) error {
	same := false
	err := s.store.Registry().View(ctx, func(tx *place.Tx) error {
		old, err := QuotaOf(tx, n)
		same = maps.Equal(old, q)
		return err
	})
	if err != nil || same {
		return err
	}
	return s.store.Registry().Change(ctx, who, func(tx *place.Tx) error { return PutQuota(tx, n, q) })
}

// PutQuota is SetQuota within a Change of the registry; it writes in any case.
func PutQuota(tx *place.Tx, n id.Node, q Quota) error {
	if err := CheckQuota(q); err != nil {
		return err
	}
	if _, err := tx.Exec(`DELETE FROM node_quotas WHERE node = ?`, n); err != nil {
		return err
	}
	facts := map[string]string{}
	for _, m := range Measures() {
		most, ok := q[m]
		if !ok {
			continue
		}
		facts[string(m)] = strconv.FormatInt(most, 10)
		if _, err := tx.Exec(`INSERT INTO node_quotas (node, measure, most) VALUES (?, ?, ?)`, n, string(m), most); err != nil {
			return err
		}
	}
	tx.Record(place.Event{Code: "quota.set", Subject: n.String(), Facts: facts})
	return short(tx, n)
}

// short finds the nodes, from n upwards, that would promise more than they have.
func short(tx *place.Tx, n id.Node) error {
	type limit struct {
		Node    id.Node `db:"id"`
		Name    string  `db:"name"`
		Measure string  `db:"measure"`
		Most    int64   `db:"most"`
	}
	limits, err := place.Rows[limit](tx, `WITH RECURSIVE up(id, parent, depth) AS (
			SELECT id, parent, 0 FROM nodes WHERE id = ?
			UNION ALL SELECT n.id, n.parent, up.depth + 1 FROM up JOIN nodes n ON n.id = up.parent)
		SELECT n.id, n.name, q.measure, q.most FROM up JOIN nodes n ON n.id = up.id JOIN node_quotas q ON q.node = n.id ORDER BY up.depth, q.measure`, n)
	if err != nil {
		return err
	}
	bad := &fault.Error{Kind: fault.Invalid, Text: "a node cannot be promised more than those above it have"}
	for _, l := range limits {
		given, err := promised(tx, l.Node, Measure(l.Measure))
		if err != nil {
			return err
		}
		if given > l.Most {
			bad.Details = append(bad.Details, tooMany(Measure(l.Measure), l.Name, l.Most, given))
		}
	}
	if len(bad.Details) > 0 {
		return bad
	}
	return nil
}

func tooMany(m Measure, name string, most, given int64) fault.Detail {
	return fault.Detail{Path: string(m), Text: fmt.Sprintf("“%s” has %d and %d would be promised to those below it: %d too many", name, most, given, given-most)}
}

// Fits reports what PutQuota would refuse at a customer below these nodes, the
// nearest first, whose quota was one and shall be another; nothing is written.
func Fits(tx *place.Tx, above []id.Node, was, will Quota) error {
	limits, err := limitsOn(tx, above)
	if err != nil {
		return err
	}
	bad := &fault.Error{Kind: fault.Invalid, Text: "a node cannot be promised more than those above it have"}
	for _, m := range Measures() {
		more := will[m] - was[m]
		// Beyond the nearest node with a limit nothing is promised anew.
		i := slices.IndexFunc(limits, func(l nodeLimits) bool { _, ok := l.quota[m]; return ok })
		if more <= 0 || i < 0 {
			continue
		}
		given, err := promised(tx, limits[i].node, m)
		if err != nil {
			return err
		}
		if most := limits[i].quota[m]; given+more > most {
			n, err := Read(tx, limits[i].node)
			if err != nil {
				return err
			}
			bad.Details = append(bad.Details, tooMany(m, n.Name, most, given+more))
		}
	}
	if len(bad.Details) > 0 {
		return bad
	}
	return nil
}

// promised is how much of a measure is promised below a node: for each branch
// the first limit that is met on the way down.
func promised(tx *place.Tx, n id.Node, m Measure) (int64, error) {
	return place.Row[int64](tx, `WITH RECURSIVE under(id, most) AS (
			SELECT n.id, q.most FROM nodes n LEFT JOIN node_quotas q ON q.node = n.id AND q.measure = ? WHERE n.parent = ?
			UNION ALL
			SELECT n.id, q.most FROM under u JOIN nodes n ON n.parent = u.id LEFT JOIN node_quotas q ON q.node = n.id AND q.measure = ?
			WHERE u.most IS NULL)
		SELECT coalesce(sum(most), 0) FROM under`, string(m), n, string(m))
}

// QuotaOf is a node's own quota.
func QuotaOf(tx *place.Tx, n id.Node) (Quota, error) {
	type row struct {
		Measure string `db:"measure"`
		Most    int64  `db:"most"`
	}
	rows, err := place.Rows[row](tx, `SELECT measure, most FROM node_quotas WHERE node = ?`, n)
	q := Quota{}
	for _, r := range rows {
		q[Measure(r.Measure)] = r.Most
	}
	return q, err
}

// Meter is one measure at one node: what it may use and what it does.
type Meter struct {
	Measure  Measure
	Own      *int64 // limit set for this node; nil: none
	Most     *int64 // what holds: the smallest limit from here to the provider; nil: none
	By       Node   // whose limit that is
	Promised int64  // of Own, to nodes below
	Used     int64  // by this node and all below; of Requests nothing is stored
}

// Meters is what a node may use and what is used, in the order of Measures.
func (s *Service) Meters(ctx context.Context, n id.Node) (list []Meter, err error) {
	err = s.store.Registry().View(ctx, func(tx *place.Tx) error {
		up, err := Above(tx, n)
		if err != nil {
			return err
		}
		limits, err := limitsOn(tx, append([]id.Node{n}, up...))
		if err != nil {
			return err
		}
		used, err := usedBelow(tx, n)
		if err != nil {
			return err
		}
		for _, m := range Measures() {
			meter := Meter{Measure: m, Used: used[m]}
			for _, l := range limits {
				most, ok := l.quota[m]
				if ok && l.node == n {
					meter.Own = &most
				}
				if ok && (meter.Most == nil || most < *meter.Most) {
					if meter.By, err = Read(tx, l.node); err != nil {
						return err
					}
					meter.Most = &most
				}
			}
			if meter.Own != nil { // of what is not limited nothing is promised
				if meter.Promised, err = promised(tx, n, m); err != nil {
					return err
				}
			}
			list = append(list, meter)
		}
		return nil
	})
	return list, err
}

type nodeLimits struct {
	node  id.Node
	quota Quota
}

// limitsOn reads the quotas of nodes, in their order, where they have any.
func limitsOn(tx *place.Tx, nodes []id.Node) (list []nodeLimits, err error) {
	for _, n := range nodes {
		q, err := QuotaOf(tx, n)
		if err != nil {
			return nil, err
		}
		if len(q) > 0 {
			list = append(list, nodeLimits{n, q})
		}
	}
	return list, nil
}

// usedBelow is what a node and all below it use, as their places last told.
func usedBelow(tx *place.Tx, n id.Node) (map[Measure]int64, error) {
	type row struct {
		Seats    int64 `db:"seats"`
		Bytes    int64 `db:"bytes"`
		Captured int64 `db:"captured"`
		Heard    int64 `db:"heard"`
	}
	period := PeriodOf(tx.At())
	r, err := place.Row[row](tx, `WITH RECURSIVE below(id) AS (
			SELECT id FROM nodes WHERE id = ?
			UNION ALL SELECT n.id FROM below JOIN nodes n ON n.parent = below.id)
		SELECT coalesce(sum(f.seats), 0) AS seats, coalesce(sum(f.bytes), 0) AS bytes,
			coalesce(sum(CASE WHEN f.period = ? THEN f.captured ELSE 0 END), 0) AS captured,
			coalesce(sum(CASE WHEN f.period = ? THEN f.heard ELSE 0 END), 0) AS heard
		FROM below JOIN node_figures f ON f.node = below.id`, n, period, period)
	return map[Measure]int64{
		Seats: r.Seats, Gigabytes: r.Bytes / 1e9, Minutes: r.Captured / time.Minute.Milliseconds(), EngineSeconds: r.Heard / time.Second.Milliseconds(),
	}, err
}
