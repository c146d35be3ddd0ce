package directory

import (
	"context"
	"slices"
	"strings"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Members is what the directory asks of those who know the members.
type Members interface {
	// Find gives the member with an address, within a transaction of the place;
	// zero where there is none.
	Find(tx *place.Tx, email string) (id.Person, error)
	// Called gives name and address of a member; fault.NotFound for others.
	Called(tx *place.Tx, p id.Person) (name, email string, err error)
	// Extensions are those kept with members from before there was a directory.
	Extensions(tx *place.Tx) ([]Assignment, error)
	// Adopted is told that they stand here now, and are kept there no more.
	Adopted(tx *place.Tx) error
}

// Service is the directory of every customer.
type Service struct{ members Members }

// New makes the service; places must have been opened with Migrations.
func New(m Members) *Service { return &Service{m} }

// Ask says which assignments are wanted. What is empty does not filter.
type Ask struct {
	Extension string
	Person    id.Person
	Team      string
	At        time.Time // those that hold at this instant
	Text      string    // in extension, name, address or team
	After     string    // id of the last one of the page before
	Limit     int       // 0: 100
}

// List gives a page of assignments by extension and time, and the id to go on
// after, if there is more.
func (s *Service) List(ctx context.Context, p *place.Place, ask Ask) (page []Assignment, next string, err error) {
	if ask.Limit <= 0 {
		ask.Limit = 100
	}
	err = p.View(ctx, func(tx *place.Tx) error {
		all, err := s.read(tx, ask)
		if err != nil {
			return err
		}
		page = all
		return nil
	})
	page = slices.DeleteFunc(page, func(a Assignment) bool { return !ask.fits(a) })
	if i := slices.IndexFunc(page, func(a Assignment) bool { return a.ID.String() == ask.After }); i >= 0 {
		page = page[i+1:]
	}
	if len(page) > ask.Limit {
		page = page[:ask.Limit]
		next = page[ask.Limit-1].ID.String()
	}
	return page, next, err
}

func (s *Service) read(tx *place.Tx, ask Ask) ([]Assignment, error) {
	if !ask.Person.IsZero() {
		return read(tx, `person = ?`, ask.Person)
	}
	return read(tx, `1 = 1`)
}

func (k Ask) fits(a Assignment) bool {
	if !k.At.IsZero() && !a.Current(k.At) || k.Team != "" && !strings.EqualFold(a.Team, k.Team) ||
		k.Extension != "" && a.Extension != Extension(k.Extension, "") {
		return false
	}
	text := strings.ToLower(k.Text)
	return text == "" || slices.ContainsFunc([]string{a.Extension, a.Name, a.Email, a.Team}, func(s string) bool {
		return strings.Contains(strings.ToLower(s), text)
	})
}

// Teams lists the names of all teams.
func (s *Service) Teams(ctx context.Context, p *place.Place) (teams []string, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		all, err := read(tx, `team IS NOT NULL`)
		for _, a := range all {
			if !slices.ContainsFunc(teams, func(t string) bool { return strings.EqualFold(t, a.Team) }) {
				teams = append(teams, a.Team)
			}
		}
		slices.Sort(teams)
		return err
	})
	return teams, err
}

// Add stores one assignment. Every fault is listed, an overlap too. An
// assignment to a member by id takes name and address from the member.
func (s *Service) Add(ctx context.Context, p *place.Place, who actor.Actor, a Assignment, country string) (Assignment, error) {
	err := p.Change(ctx, who, func(tx *place.Tx) error {
		if err := s.adopt(tx); err != nil {
			return err
		}
		if !a.Person.IsZero() {
			name, email, err := s.members.Called(tx, a.Person)
			if fault.Is(err, fault.NotFound) {
				return fault.Field("person_id", "is no member here")
			}
			if err != nil {
				return err
			}
			a.Name, a.Email = name, email
		}
		j, err := s.judge(tx, []draft{{Assignment: a}}, country)
		if err != nil {
			return err
		}
		if v := j[0]; v.State == Wrong {
			return &fault.Error{Kind: fault.Invalid, Text: "the request is not valid", Details: v.Faults}
		} else if v.State != Adds {
			return fault.Field("extension", "%s", clash(v.Assignment))
		}
		a, err = insert(tx, j[0].Assignment)
		tx.Notify("directory")
		return err
	})
	return a, err
}

// End ends an assignment; the calls until then stay theirs. One that has ended
// before is fault.Conflict.
func (s *Service) End(ctx context.Context, p *place.Place, who actor.Actor, i id.Assignment, at time.Time) (a Assignment, err error) {
	err = p.Change(ctx, who, func(tx *place.Tx) error {
		if at.IsZero() {
			at = tx.At()
		}
		if a, err = one(tx, i); err != nil {
			return err
		}
		if !a.To.IsZero() && !at.Before(a.To) {
			return fault.New(fault.Conflict, "this assignment ends before that anyway")
		}
		if at = whole(at); !before(a.From, at) {
			return fault.Field("at", "lies before the beginning; withdraw what was never true")
		}
		a.To = at
		return end(tx, a)
	})
	return a, err
}

func end(tx *place.Tx, a Assignment) error {
	tx.Record(a.event("directory.ended"))
	tx.Notify("directory")
	_, err := tx.Exec(`UPDATE directory SET to_at = ? WHERE id = ?`, a.To.UnixMilli(), a.ID)
	return err
}

// Withdraw removes an assignment that was never true: nobody reaches anything by
// it any more, also nothing from the past.
func (s *Service) Withdraw(ctx context.Context, p *place.Place, who actor.Actor, i id.Assignment) error {
	return p.Change(ctx, who, func(tx *place.Tx) error {
		a, err := one(tx, i)
		if err != nil {
			return err
		}
		tx.Record(a.event("directory.withdrawn"))
		tx.Notify("directory")
		_, err = tx.Exec(`DELETE FROM directory WHERE id = ?`, i)
		return err
	})
}

func one(tx *place.Tx, i id.Assignment) (Assignment, error) {
	r, err := place.Row[row](tx, columns+` WHERE id = ?`, i)
	if err != nil {
		return Assignment{}, err
	}
	return r.open(tx)
}

// adopt moves what members' own rows say of their extensions into the directory,
// once, before it is first written: without beginning, as they reached until
// now. What two members share is left as it is; it is not made anew.
func (s *Service) adopt(tx *place.Tx) error {
	n, err := tx.Exec(`INSERT INTO directory_adopted (one) VALUES (1) ON CONFLICT (one) DO NOTHING`)
	if err != nil || n == 0 {
		return err
	}
	old, err := s.members.Extensions(tx)
	for _, a := range old {
		if err == nil {
			_, err = insert(tx, a)
		}
	}
	if err != nil || len(old) == 0 {
		return err
	}
	return s.members.Adopted(tx)
}
