package person

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/place"
)

// JobSearch looks through all stores for the person of a case.
const JobSearch = "person.search"

// CaseArgs are the arguments of the jobs of a case.
type CaseArgs struct {
	Case id.PersonRequest `json:"case"`
}

// Draft is what is known when a request arrives.
type Draft struct {
	Right      Right
	ReceivedAt time.Time
	Zone       string // IANA; empty: that of the first source
	Subject    Subject
}

// Begin opens a case and has the stores looked through. The clock of the law
// runs from when the request arrived, not from now.
func (s *Service) Begin(ctx context.Context, p *place.Place, who actor.Actor, d Draft) (Case, error) {
	c, err := s.draft(ctx, p, who, d)
	if err != nil {
		return Case{}, err
	}
	err = p.Change(ctx, who, func(tx *place.Tx) error {
		c.ID, c.OpenedAt = id.At[id.PersonRequest](tx.At()), tx.At()
		tx.Record(place.Event{Code: "request.opened", Subject: c.ID.String(), Facts: map[string]string{"right": string(c.Right), "due": c.DueAt.Format(time.RFC3339)}})
		if err := put(tx, c); err != nil {
			return err
		}
		_, err := job.Enqueue(tx, JobSearch, CaseArgs{c.ID}, job.Once(c.ID.String()))
		return err
	})
	return c, err
}

func (s *Service) draft(ctx context.Context, p *place.Place, who actor.Actor, d Draft) (Case, error) {
	f := &fault.Error{Kind: fault.Invalid, Text: "the request is not valid"}
	add := func(path, text string) { f.Details = append(f.Details, fault.Detail{Path: path, Text: text}) }
	if !slices.ContainsFunc(Rights, func(r struct {
		Right   Right
		Article int
		Title   string
	},
	) bool {
		return r.Right == d.Right
	}) {
		add("right", "must be access, rectify, erase, restrict, portability or object")
	}
	now := s.o.Now()
	switch {
	case d.ReceivedAt.IsZero():
		d.ReceivedAt = now
	case d.ReceivedAt.After(now.Add(time.Minute)):
		add("received_at", "lies in the future")
	case d.ReceivedAt.Before(now.AddDate(-1, 0, 0)):
		add("received_at", "is more than a year ago")
	}
	if d.Zone == "" {
		d.Zone = s.zoneOf(ctx, p)
	}
	zone, err := time.LoadLocation(d.Zone)
	if err != nil {
		add("time_zone", "is no time zone: write it like Europe/London")
		zone = time.UTC
	}
	ids, err := d.Subject.Identifiers.check()
	if err != nil {
		f.Details = append(f.Details, fault.Of(err).Details...)
	}
	if len(f.Details) > 0 {
		return Case{}, f
	}
	d.Subject.Identifiers = ids
	return Case{
		Right: d.Right, State: Searching, ReceivedAt: d.ReceivedAt.UTC(), Zone: d.Zone, DueAt: Due(d.ReceivedAt, zone, false),
		OpenedBy: who.ID, Subject: d.Subject,
	}, nil
}

// zoneOf is the customer's time zone: that of its oldest source, else UTC.
func (s *Service) zoneOf(ctx context.Context, p *place.Place) (name string) {
	err := p.View(ctx, func(tx *place.Tx) (err error) {
		name, err = place.Row[string](tx, `SELECT time_zone FROM sources WHERE time_zone <> '' ORDER BY id`)
		return err
	})
	if err != nil || name == "" {
		return "UTC"
	}
	return name
}

// Read gives one case.
func (s *Service) Read(ctx context.Context, p *place.Place, i id.PersonRequest) (c Case, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		c, err = read(tx, i)
		return err
	})
	return c, err
}

// List gives cases, those that wait for an answer first and of these the one
// that is due first; before is the last id of the page before.
func (s *Service) List(ctx context.Context, p *place.Place, open bool, before id.PersonRequest, limit int) (all []Case, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		text, args := caseColumns+` WHERE 1 = 1`, []any{}
		if open {
			text += ` AND ended_at = 0`
		}
		if !before.IsZero() {
			text, args = text+` AND id < ?`, append(args, before)
		}
		rows, err := place.Rows[caseRow](tx, text+` ORDER BY id DESC LIMIT ?`, append(args, limit)...)
		for _, r := range rows {
			c, err := r.show(tx)
			if err != nil {
				return err
			}
			if c.Figures, err = figures(tx, c.ID); err != nil {
				return err
			}
			all = append(all, c)
		}
		return err
	})
	return all, err
}

// change reads a case, alters it and writes it with an event.
func (s *Service) change(ctx context.Context, p *place.Place, who actor.Actor, i id.PersonRequest, fn func(tx *place.Tx, c *Case) (place.Event, error)) (c Case, err error) {
	err = p.Change(ctx, who, func(tx *place.Tx) error {
		if c, err = read(tx, i); err != nil {
			return err
		}
		e, err := fn(tx, &c)
		if err != nil {
			return err
		}
		e.Subject = i.String()
		tx.Record(e)
		return put(tx, c)
	})
	return c, err
}

var errOver = fault.New(fault.Conflict, "this request was answered already; open a new one")

// Extend makes the time two months longer, with the reason that the person is
// told (article 12(3)). It is done within the first month, once.
func (s *Service) Extend(ctx context.Context, p *place.Place, who actor.Actor, i id.PersonRequest, reason string) (Case, error) {
	reason = strings.TrimSpace(reason)
	if reason == "" {
		return Case{}, fault.Field("reason", "say why: complexity or number of the requests; the person is told within the first month")
	}
	return s.change(ctx, p, who, i, func(tx *place.Tx, c *Case) (place.Event, error) {
		switch {
		case c.State.Ended():
			return place.Event{}, errOver
		case c.Extended != "":
			return place.Event{}, fault.New(fault.Conflict, "the time was made longer already, and the law allows it once")
		case !tx.At().Before(c.DueAt):
			return place.Event{}, fault.New(fault.Conflict, "the first month is over: the time can no longer be made longer")
		}
		zone, err := time.LoadLocation(c.Zone)
		if err != nil {
			return place.Event{}, err
		}
		c.Extended, c.DueAt = reason, Due(c.ReceivedAt, zone, true)
		return place.Event{Code: "request.extended", Facts: map[string]string{"due": c.DueAt.Format(time.RFC3339)}}, nil
	})
}

// Identify notes how it was made sure that the person is who they say.
func (s *Service) Identify(ctx context.Context, p *place.Place, who actor.Actor, i id.PersonRequest, proof, notes string) (Case, error) {
	return s.change(ctx, p, who, i, func(tx *place.Tx, c *Case) (place.Event, error) {
		if c.State.Ended() {
			return place.Event{}, errOver
		}
		c.Subject.Notes = strings.TrimSpace(notes)
		if proof = strings.TrimSpace(proof); proof != c.Subject.Proof {
			c.Subject.Proof, c.CheckedAt = proof, tx.At()
			if proof == "" {
				c.CheckedAt = time.Time{}
			}
		}
		return place.Event{Code: "request.identified", Facts: map[string]string{"checked": yes(proof != "")}}, nil
	})
}

// Again looks through the stores once more, with these identifiers; finds that
// were decided stay decided.
func (s *Service) Again(ctx context.Context, p *place.Place, who actor.Actor, i id.PersonRequest, ids Identifiers) (Case, error) {
	ids, err := ids.check()
	if err != nil {
		return Case{}, err
	}
	return s.change(ctx, p, who, i, func(tx *place.Tx, c *Case) (place.Event, error) {
		switch {
		case c.State.Ended():
			return place.Event{}, errOver
		case c.State == Erasing:
			return place.Event{}, errErasing
		}
		c.Subject.Identifiers, c.State = ids, Searching
		_, err := job.Enqueue(tx, JobSearch, CaseArgs{i}, job.Once(i.String()))
		return place.Event{Code: "request.searched-again"}, err
	})
}

// End closes a case: answered, or refused with the reason that the person is told.
// What was done until then is signed after it, by a job.
func (s *Service) End(ctx context.Context, p *place.Place, who actor.Actor, i id.PersonRequest, refused bool, outcome string) (Case, error) {
	outcome = strings.TrimSpace(outcome)
	if outcome == "" {
		return Case{}, fault.Field("outcome", "say in a sentence how the person was answered, or why not")
	}
	return s.change(ctx, p, who, i, func(tx *place.Tx, c *Case) (place.Event, error) {
		switch {
		case c.State.Ended():
			return place.Event{}, errOver
		case c.State == Erasing:
			return place.Event{}, errErasing
		case !refused && c.CheckedAt.IsZero():
			return place.Event{}, fault.New(fault.Conflict, "first note how it was made sure that the person is who they say: an answer to somebody else is a breach")
		}
		c.State, c.Outcome, c.EndedAt = Answered, outcome, tx.At()
		if refused {
			c.State = Refused
		}
		if err := s.certifyLater(tx, i); err != nil {
			return place.Event{}, err
		}
		s.o.Step("person: end")
		return place.Event{Code: "request.ended", Facts: map[string]string{"state": string(c.State), "late": yes(c.late())}}, nil
	})
}

var errErasing = fault.New(fault.Conflict, "an erasure of this request is under way")

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// Kind is how the search is run beside requests.
func (s *Service) Kind() job.Kind {
	return job.Kind{Run: func(ctx context.Context, p *place.Place, j job.Job) error {
		var a CaseArgs
		if err := j.Decode(&a); err != nil {
			return err
		}
		err := s.Search(ctx, p, a.Case)
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		return err
	}, Parallel: 1, Attempts: 5}
}

// Search looks through all stores and keeps what is new. It may be run again at
// any time: what was found before stays with its verdict.
func (s *Service) Search(ctx context.Context, p *place.Place, i id.PersonRequest) error {
	c, err := s.Read(ctx, p, i)
	if err != nil || c.State != Searching {
		return err
	}
	q, err := newQuery(c.Subject.Identifiers, forms(ctx, p))
	if err != nil {
		return err
	}
	q.own = i
	who := s.system(i, actor.Actor{ID: c.OpenedBy})
	if err := s.members(ctx, p, q); err != nil {
		return err
	}
	wide := s.tooWide(ctx, p, q)
	if wide != nil && !fault.Is(wide, fault.Conflict) {
		return wide
	}
	var found []storeHits
	for _, st := range s.stores() {
		if wide != nil {
			break
		}
		hits, err := st.Find(ctx, p, who, q)
		if err != nil {
			return errors.Join(errors.New("searching "+st.Name), err)
		}
		found = append(found, storeHits{st.Name, hits})
	}
	_, err = s.change(ctx, p, who, i, func(tx *place.Tx, c *Case) (place.Event, error) {
		c.State, c.Notes = Open, q.notes
		if wide != nil {
			c.State, c.Notes = TooWide, []string{fault.Of(wide).Text}
			return place.Event{Code: "request.too-wide"}, nil
		}
		if err := keepFinds(tx, i, found); err != nil {
			return place.Event{}, err
		}
		f, err := figures(tx, i)
		return place.Event{Code: "request.searched", Facts: map[string]string{"found": text(f.Found)}}, err
	})
	return err
}

// members adds the ids of members with one of the addresses or names: what they
// did themselves is found by these.
func (s *Service) members(ctx context.Context, p *place.Place, q *Query) error {
	for _, st := range s.o.Stores {
		if st.Name != "members" {
			continue
		}
		hits, err := st.Find(ctx, p, actor.Actor{}, q)
		for _, h := range hits {
			if !slices.Contains(q.IDs, h.Ref) && strings.HasPrefix(h.Ref, "per_") {
				q.IDs = append(q.IDs, h.Ref)
			}
		}
		return err
	}
	return nil
}

// stores are all stores: those of this package's own knowledge, and what app named.
func (s *Service) stores() []Store {
	all := []Store{s.journalStore(), casesStore()}
	if s.o.Recordings != nil {
		all = append([]Store{s.recordingsStore()}, all...)
	}
	return append(all, s.o.Stores...)
}

// Stores gives the name, the title and the tables of each store.
func (s *Service) Stores() []Store { return s.stores() }

func (s *Service) store(name string) (Store, bool) {
	for _, st := range s.stores() {
		if st.Name == name {
			return st, true
		}
	}
	return Store{}, false
}

// storeHits are the finds of one store.
type storeHits struct {
	store string
	hits  []Hit
}

// keepFinds writes down what was found; what is known already gets its newest reasons.
func keepFinds(tx *place.Tx, i id.PersonRequest, found []storeHits) error {
	for _, in := range found {
		store := in.store
		for _, h := range in.hits {
			mark, err := tx.Blind(place.FieldPersonItem, store+"|"+h.Ref)
			if err != nil {
				return err
			}
			item := id.At[id.Found](tx.At())
			if old, err := place.Row[id.Found](tx, `SELECT id FROM person_items WHERE request = ? AND store = ? AND mark = ?`, i, store, mark); err == nil {
				item = old
			} else if !fault.Is(err, fault.NotFound) {
				return err
			}
			plain, err := json.Marshal(itemCard{Ref: h.Ref, Label: h.Label, Why: h.Why, Role: h.Role})
			if err != nil {
				return err
			}
			sealed, err := tx.Seal(place.FieldPersonItem, item, plain)
			if err != nil {
				return err
			}
			if _, err := tx.Exec(`INSERT INTO person_items (id, request, store, mark, verdict, outcome, at, done_at, sealed) VALUES (?, ?, ?, ?, '', '', ?, 0, ?)
				ON CONFLICT (id) DO UPDATE SET sealed = CASE WHEN person_items.verdict = '' THEN excluded.sealed ELSE person_items.sealed END`,
				item, i, store, mark, millis(h.At), sealed); err != nil {
				return err
			}
		}
	}
	return nil
}
