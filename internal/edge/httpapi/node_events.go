package httpapi

import (
	"context"
	"strconv"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/journal"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/org"
)

type nodeEventsInput struct {
	NodePath
	Cursor string `query:"cursor" maxLength:"200"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

// nodeScan is how many events one request looks through at most: a reseller
// with few events in a large installation pages more often instead.
const nodeScan = 5_000

// listNodeEvents reads the registry's journal, not that of any place: what was
// done to organisations, without network addresses of who did it.
func (s *Server) listNodeEvents(ctx context.Context, v *visit, in *nodeEventsInput) (*linked[EventPage], error) {
	f := journal.Filter{Codes: journal.OfNodes(), Limit: 200}
	if in.Cursor != "" {
		before, err := strconv.ParseInt(in.Cursor, 10, 64)
		if err != nil || before < 1 {
			return nil, fault.Field("query.cursor", "this is no next_cursor of a page of events")
		}
		f.Before = before
	}
	var found []journal.Entry
	var next int64
	err := v.place.View(ctx, func(tx *place.Tx) error {
		below, err := org.Below(tx, v.node.ID)
		if err != nil {
			return err
		}
		found, next, err = nodeEvents(tx, f, below, in.Limit)
		return err
	})
	if err != nil {
		return nil, err
	}
	out := &linked[EventPage]{Body: EventPage{Items: []Event{}}}
	names := s.actorNames(ctx, found)
	for _, e := range found {
		e.Personal = nil
		out.Body.Items = append(out.Body.Items, showEvent(e, names))
	}
	if next > 0 {
		out.Body.NextCursor = strconv.FormatInt(next, 10)
		out.Link = nextLink(v, out.Body.NextCursor)
	}
	return out, nil
}

// nodeEvents gives events about some nodes and the position from which to go on;
// 0: there is nothing older.
func nodeEvents(tx *place.Tx, f journal.Filter, below map[string]bool, limit int) (found []journal.Entry, next int64, err error) {
	for seen := 0; seen < nodeScan; seen += f.Limit {
		list, err := journal.List(tx, f)
		if err != nil {
			return nil, 0, err
		}
		for _, e := range list {
			f.Before = e.Position
			if !below[e.Subject] && !below[e.Facts["node"]] {
				continue
			}
			if found = append(found, e); len(found) == limit {
				return found, e.Position, nil
			}
		}
		if len(list) < f.Limit {
			return found, 0, nil
		}
	}
	return found, f.Before, nil
}

// actorNames gives the names of the persons who acted, once each.
func (s *Server) actorNames(ctx context.Context, list []journal.Entry) map[string]string {
	names := map[string]string{}
	for _, e := range list {
		if _, known := names[e.ActorID]; known || e.ActorKind != actor.Person {
			continue
		}
		names[e.ActorID] = ""
		if i, err := id.Parse[id.Person](e.ActorID); err == nil {
			if p, err := s.deps.People.Person(ctx, i); err == nil { // gone: the id has to do
				names[e.ActorID] = p.Name
			}
		}
	}
	return names
}
