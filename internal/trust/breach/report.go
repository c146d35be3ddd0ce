package breach

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/journal"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/trust/receipt"
)

// Report is what a breach could have reached and did reach.
type Report struct {
	Could    Reach
	Did      Reach
	Rights   []string // what it could do, in words, and why
	Receipts int64    // openings by it in that time
	Cut      bool     // there are more than are listed
	Opened   []Opened // recordings that it did open, each once
	Timeline []Moment
}

// Reach is how much was within reach. Persons are counted by the numbers and
// extensions that took part, without anything being opened for it.
type Reach struct {
	Recordings int64
	Persons    int64
}

// Opened is one recording that was opened, and how.
type Opened struct {
	Recording string
	Ways      []string
	First     time.Time
	Purpose   string
}

// Moment is one event of the change log by what was in wrong hands, or about it.
type Moment struct {
	At      time.Time
	Code    string
	Subject string
	What    string
}

const (
	mostOpened = 5000 // recordings that are listed
	mostEvents = 500
)

// Report counts and lists what a breach could reach and did reach.
func (s *Service) Report(ctx context.Context, p *place.Place, b Breach) (r Report, err error) {
	sub, err := s.subject(ctx, b)
	if err != nil {
		return r, err
	}
	if sub.session != "" && sub.person.IsZero() {
		if sub.person, err = actorOf(ctx, p, sub.session, b); err != nil {
			return r, err
		}
	}
	scope, rights, err := s.scope(ctx, p, b, sub)
	if err != nil {
		return r, err
	}
	r.Rights = rights
	err = p.View(ctx, func(tx *place.Tx) error {
		if r.Could, err = reach(tx, scope, b.To); err != nil {
			return err
		}
		if err := s.opened(tx, b, sub, &r); err != nil {
			return err
		}
		return s.timeline(tx, b, sub, &r)
	})
	return r, err
}

// subject is by which ids a breach is found in the change log.
type subject struct {
	person  id.Person
	session string
	ids     []string // actors
	keys    bool
}

func (s *Service) subject(ctx context.Context, b Breach) (sub subject, err error) {
	switch b.Kind {
	case Session:
		i, err := id.Parse[id.Session](b.Subject)
		if err != nil {
			return sub, fault.Field("subject", "is no id of a session")
		}
		sub.session = b.Subject
		if s.o.PersonOf != nil {
			if sub.person, err = s.o.PersonOf(ctx, i); err != nil && !fault.Is(err, fault.NotFound) {
				return sub, err
			}
		}
	case Person:
		if sub.person, err = id.Parse[id.Person](b.Subject); err != nil {
			return sub, fault.Field("subject", "is no id of a person")
		}
		sub.ids = []string{b.Subject}
	case Token, Device, Support:
		sub.ids = []string{b.Subject}
	case CustomerKey, RootKey:
		sub.keys = true
	}
	return sub, nil
}

// actorOf finds whose a session was that has ended: the change log has who acted
// in it here.
func actorOf(ctx context.Context, p *place.Place, session string, b Breach) (who id.Person, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		text, err := place.Row[string](tx, `SELECT actor_id FROM events WHERE actor_kind = 'person' AND at >= ? AND at <= ? AND facts LIKE ?`,
			b.From.UnixMilli(), b.To.UnixMilli(), `%"session":"`+session+`"%`)
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		if err == nil {
			who, err = id.Parse[id.Person](text)
		}
		return err
	})
	return who, err
}

// rolesIn is the roles that somebody held at any time in the stretch, by the
// change log: what was last said before it, and all that was said within.
func rolesIn(tx *place.Tx, who string, from, to time.Time) (roles []access.Role, err error) {
	list, err := journal.List(tx, journal.Filter{Code: "member.", Subject: who, To: to, Limit: 1000})
	if err != nil {
		return nil, err
	}
	for _, e := range list {
		for r := range strings.FieldsSeq(e.Facts["roles"]) {
			if !slices.Contains(roles, access.Role(r)) {
				roles = append(roles, access.Role(r))
			}
		}
		if e.At.Before(from) && (e.Facts["roles"] != "" || e.Code == "member.removed") {
			break // what held before this was over when the stretch began
		}
	}
	return roles, nil
}

// contentActs open what was said.
var contentActs = []access.Act{access.RecordingListen, access.RecordingTranscript, access.RecordingDownload, access.RecordingList}

// scope is which recordings could be reached, and why.
func (s *Service) scope(ctx context.Context, p *place.Place, b Breach, sub subject) (out recording.Scope, rights []string, err error) {
	if sub.keys {
		return recording.Everything, []string{"whoever has " + Kinds[b.Kind] + " and a copy of the stores can open everything that was sealed under it, without a receipt"}, nil
	}
	var held []access.Membership
	switch b.Kind {
	case Device:
		return recording.Scope{}, []string{"a collector seals what it sends to the customer's public key: it can open nothing that was sent, only what it has not sealed yet. Whoever has it can send false recordings"}, nil
	case Support:
		held, rights, err = s.helper(ctx, p, b)
	case Token:
		held, rights, err = s.machine(ctx, p, b)
	case Session, Person, CustomerKey, RootKey:
		held, rights, err = s.member(ctx, p, b, sub)
	}
	if err != nil {
		return out, nil, err
	}
	for _, a := range contentActs {
		e := access.ExtentOf(held, a, access.Thing{Place: p.Customer()}, b.From)
		if e.None() {
			continue
		}
		rights = append(rights, "could do "+string(a)+map[bool]string{true: " to everything", false: " within a scope"}[e.All])
		if e.All {
			out.All = true
		}
		for _, c := range e.Clauses {
			part := recording.Part{Any: c.Any, Queues: c.Queues, NotBefore: c.NotBefore}
			for _, x := range c.Spans {
				part.Spans = append(part.Spans, recording.Span(x))
			}
			out.Parts = append(out.Parts, part)
		}
	}
	if len(rights) == 0 {
		rights = []string{"had no right here in that time"}
	}
	return out, rights, nil
}

// member is what somebody held: the roles of that time, with the scope of now.
func (s *Service) member(ctx context.Context, p *place.Place, b Breach, sub subject) (held []access.Membership, rights []string, err error) {
	if sub.person.IsZero() {
		all := access.Membership{Role: access.SuperUser, At: p.Customer(), Part: access.Part{All: true}}
		return []access.Membership{all}, []string{"whose session it was is not known, or not any more: look whether its id is right. Everything is counted"}, nil
	}
	if s.o.Held != nil {
		if held, err = s.o.Held(ctx, p, sub.person); err != nil {
			return nil, nil, err
		}
	}
	var roles []access.Role
	err = p.View(ctx, func(tx *place.Tx) error {
		roles, err = rolesIn(tx, sub.person.String(), b.From, b.To)
		return err
	})
	held = slices.DeleteFunc(held, func(m access.Membership) bool { return !slices.Contains(roles, m.Role) && m.Grant.IsZero() })
	for i := range held {
		held[i].Until = time.Time{} // it held then
	}
	for _, r := range roles {
		rights = append(rights, "held the role "+string(r))
		if !slices.ContainsFunc(held, func(m access.Membership) bool { return m.Role == r }) {
			held = append(held, access.Membership{Role: r, At: p.Customer(), Part: access.Part{All: true}}) // its scope is not known any more: all counts
		}
	}
	return held, rights, err
}

// helper is what a support access gave.
func (s *Service) helper(ctx context.Context, p *place.Place, b Breach) (held []access.Membership, rights []string, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		list, err := journal.List(tx, journal.Filter{Code: "support.granted", Subject: b.Subject, Limit: 1})
		for _, e := range list {
			r := access.Role(e.Facts["role"])
			held = append(held, access.Membership{Role: r, At: p.Customer(), Part: access.Part{All: true}})
			rights = append(rights, "support access as "+string(r)+" until "+e.Facts["until"])
		}
		if len(list) == 0 {
			rights = []string{"no support access of this id was ever given here: look whether it is right"}
		}
		return err
	})
	return held, rights, err
}

// machine is what a token carries: only what it was made for.
func (s *Service) machine(ctx context.Context, p *place.Place, b Breach) (held []access.Membership, rights []string, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		list, err := journal.List(tx, journal.Filter{Code: "token.created", Subject: b.Subject, Limit: 1})
		if len(list) == 0 {
			rights = []string{"no token of this id was ever made here: look whether it is right"}
		}
		for _, e := range list {
			acts := e.Facts["acts"]
			rights = append(rights, "was made for: "+acts)
			for _, a := range contentActs {
				if slices.Contains(strings.FieldsFunc(acts, func(r rune) bool { return r == ' ' || r == ',' }), string(a)) || acts == "" {
					held = append(held, access.Membership{Role: access.SuperUser, At: p.Customer(), Part: access.Part{All: true}})
					break
				}
			}
		}
		return err
	})
	return held, rights, err
}

// reach counts recordings within a scope that were there at an instant, and those
// who took part in them.
func reach(tx *place.Tx, sc recording.Scope, at time.Time) (r Reach, err error) {
	condition, args, err := sc.Condition(tx, "r")
	if err != nil {
		return r, err
	}
	args = append(args, at.UnixMilli())
	if r.Recordings, err = place.Row[int64](tx, `SELECT count(*) FROM recordings r WHERE `+condition+` AND r.captured_at <= ?`, args...); err != nil {
		return r, err
	}
	r.Persons, err = place.Row[int64](tx, `SELECT count(DISTINCT p.token) FROM recordings r JOIN parties p ON p.n = r.n WHERE `+condition+` AND r.captured_at <= ?`, args...)
	return r, err
}

// opened lists what was opened in fact.
func (s *Service) opened(tx *place.Tx, b Breach, sub subject, r *Report) error {
	if sub.keys {
		r.Did = r.Could
		return nil
	}
	f := receipt.Filter{From: b.From, To: b.To, Limit: 1000, Session: sub.session}
	if len(sub.ids) > 0 {
		f.Who = sub.ids[0]
	}
	at := map[string]int{}
	for {
		list, err := receipt.List(tx, f)
		if err != nil {
			return err
		}
		for _, l := range list {
			r.Receipts++
			if l.What == "card" && strings.HasPrefix(l.Subject, "recordings") {
				continue // the list: it is counted among the receipts
			}
			if !strings.HasPrefix(l.Subject, "rec_") {
				continue
			}
			i, known := at[l.Subject]
			if !known {
				if len(r.Opened) == mostOpened {
					r.Cut = true
					continue
				}
				i = len(r.Opened)
				at[l.Subject] = i
				r.Opened = append(r.Opened, Opened{Recording: l.Subject})
			}
			o := &r.Opened[i]
			if o.First = l.At; !slices.Contains(o.Ways, l.What) {
				o.Ways = append(o.Ways, l.What)
			}
			if l.Purpose != "" {
				o.Purpose = l.Purpose
			}
		}
		if len(list) < f.Limit {
			break
		}
		f.Before = list[len(list)-1].Position
	}
	return did(tx, r)
}

// did counts the persons in what was opened: those in recordings that were
// destroyed since cannot be counted any more.
func did(tx *place.Tx, r *Report) error {
	var recs []id.Recording
	for _, o := range r.Opened {
		if rec, err := id.Parse[id.Recording](o.Recording); err == nil {
			recs = append(recs, rec)
		}
	}
	r.Did.Recordings = int64(len(recs))
	seen := map[string]bool{}
	for part := range slices.Chunk(recs, 500) {
		tokens, err := place.Rows[[]byte](tx, `SELECT DISTINCT p.token FROM recordings r JOIN parties p ON p.n = r.n WHERE r.id IN (?)`, place.List(part))
		if err != nil {
			return err
		}
		for _, t := range tokens {
			seen[string(t)] = true
		}
	}
	r.Did.Persons = int64(len(seen))
	return nil
}

// timeline is what was done by it, and to it, the oldest first.
func (s *Service) timeline(tx *place.Tx, b Breach, sub subject, r *Report) error {
	var all []journal.Entry
	for _, f := range []journal.Filter{{Actor: b.Subject}, {Subject: b.Subject}} {
		if b.Subject == "" || sub.session != "" {
			continue
		}
		f.From, f.To, f.Limit = b.From, b.To, mostEvents
		list, err := journal.List(tx, f)
		if err != nil {
			return err
		}
		all = append(all, list...)
	}
	if sub.session != "" && !sub.person.IsZero() {
		list, err := journal.List(tx, journal.Filter{Actor: sub.person.String(), From: b.From, To: b.To, Limit: mostEvents})
		if err != nil {
			return err
		}
		for _, e := range list {
			if e.Facts["session"] == sub.session {
				all = append(all, e)
			}
		}
	}
	slices.SortFunc(all, func(a, b journal.Entry) int { return int(a.Position - b.Position) })
	all = slices.CompactFunc(all, func(a, b journal.Entry) bool { return a.Position == b.Position })
	for _, e := range all {
		what := journal.Meaning(e.Code)
		if e.Code == "opening.granted" {
			what = fmt.Sprintf("opened: %s", e.Facts["what"])
		}
		r.Timeline = append(r.Timeline, Moment{e.At, e.Code, e.Subject, what})
	}
	if len(r.Timeline) > mostEvents {
		r.Timeline, r.Cut = r.Timeline[:mostEvents], true
	}
	return nil
}
