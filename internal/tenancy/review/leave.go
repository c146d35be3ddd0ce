package review

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/mail"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/identity"
)

// Reach counts the recordings that somebody with these memberships could hear
// or see in the list; the archive knows.
type Reach func(ctx context.Context, p *place.Place, held []access.Membership) (int64, error)

// Leaver is one line of the report: what was reached before, and whether it is
// over.
type Leaver struct {
	Person     id.Person
	Name       string
	Email      string
	Roles      []access.Role
	Acts       []access.Act // what the roles allowed
	Extensions []string
	Recordings int64 // in reach; -1: not known
	Tokens     int   // of machines, made by this person
	Since      time.Time
	LastUsedAt time.Time
	LeftAt     time.Time // zero: a preview
}

// mostLeavers bounds one list.
const mostLeavers = 5000

// Leave takes people out of a customer, named by address: all of them in one
// Change, or nobody, with every fault listed. With dry it only says what they
// reach. It is fault.Conflict where no administrator would be left.
func (s *Service) Leave(ctx context.Context, p *place.Place, who actor.Actor, emails []string, dry bool) ([]Leaver, error) {
	if len(emails) == 0 || len(emails) > mostLeavers {
		return nil, fault.Field("emails", "name 1 to %d people", mostLeavers)
	}
	list, err := s.preview(ctx, p, emails)
	if err != nil || dry {
		return list, err
	}
	var persons []id.Person
	for _, l := range list {
		persons = append(persons, l.Person)
	}
	left, err := s.o.People.Leave(ctx, p, who, "leaver", persons...)
	if fault.Is(err, fault.NotFound) {
		return nil, fault.New(fault.Conflict, "somebody on this list was taken out meanwhile; nothing was done, look again")
	}
	if err != nil {
		return nil, err
	}
	for i := range list {
		// Read again: the confirmation is what is stored, not what was meant.
		held, err := s.o.People.Held(ctx, p, list[i].Person)
		if err != nil {
			return nil, err
		}
		if len(held) > 0 {
			return nil, fmt.Errorf("%v still holds roles after leaving", list[i].Person)
		}
		list[i].LeftAt, list[i].Tokens = s.o.Now().UTC(), len(left[i].Tokens)
	}
	return list, nil
}

// preview finds the people and what they reach.
func (s *Service) preview(ctx context.Context, p *place.Place, emails []string) ([]Leaver, error) {
	members, err := s.o.People.Members(ctx, p)
	if err != nil {
		return nil, err
	}
	found, err := match(members, emails)
	if err != nil {
		return nil, err
	}
	tokens, err := s.o.People.Tokens(ctx, p)
	if err != nil {
		return nil, err
	}
	var used map[id.Person]time.Time
	err = p.View(ctx, func(tx *place.Tx) error {
		used, err = lastUses(tx)
		return err
	})
	if err != nil {
		return nil, err
	}
	var out []Leaver
	for _, m := range found {
		l := Leaver{Person: m.Person, Name: m.Name, Email: m.Email, Roles: m.Roles, Extensions: m.Extensions, Recordings: -1, Since: m.Since, LastUsedAt: used[m.Person]}
		held, err := s.o.People.Held(ctx, p, m.Person)
		if err != nil {
			return nil, err
		}
		l.Acts = access.ActsAt(held, access.Thing{Place: p.Customer()}, s.o.Now())
		if s.o.Reach != nil {
			if l.Recordings, err = s.o.Reach(ctx, p, held); err != nil {
				return nil, err
			}
		}
		for _, t := range tokens {
			if t.Maker == m.Person && t.Until.After(s.o.Now()) {
				l.Tokens++
			}
		}
		out = append(out, l)
	}
	return out, nil
}

// match finds the member for each address, and lists every one that has none.
func match(members []identity.Member, emails []string) ([]identity.Member, error) {
	by := map[string]identity.Member{}
	admins := 0
	for _, m := range members {
		by[strings.ToLower(m.Email)] = m
		if slices.Contains(m.Roles, access.CustomerAdmin) {
			admins++
		}
	}
	f := fault.New(fault.Invalid, "the request is not valid")
	seen := map[id.Person]bool{}
	var out []identity.Member
	for i, e := range emails {
		path := fmt.Sprintf("emails[%d]", i)
		address, err := mail.Address(e)
		m, known := by[strings.ToLower(address)]
		switch {
		case err != nil:
			f.Details = append(f.Details, fault.Detail{Path: path, Text: "this is no e-mail address"})
		case !known:
			f.Details = append(f.Details, fault.Detail{Path: path, Text: "nobody here has this address"})
		case seen[m.Person]:
			f.Details = append(f.Details, fault.Detail{Path: path, Text: "stands here twice"})
		default:
			seen[m.Person] = true
			out = append(out, m)
			if slices.Contains(m.Roles, access.CustomerAdmin) {
				admins--
			}
		}
	}
	if admins == 0 && len(out) > 0 {
		f.Details = append(f.Details, fault.Detail{Path: "emails", Text: "with these people the last administrator would go; make somebody else an administrator first"})
	}
	if len(f.Details) > 0 {
		return nil, f
	}
	return out, nil
}

// Emails reads a CSV of leavers: a column named email (or e-mail, mail,
// userName), or a first column of addresses without a heading.
func Emails(r io.Reader) ([]string, error) {
	c := csv.NewReader(io.LimitReader(r, 4<<20))
	c.FieldsPerRecord, c.TrimLeadingSpace, c.LazyQuotes = -1, true, true
	column, first := 0, true
	var out []string
	for {
		row, err := c.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fault.Field("csv", "the file cannot be read as CSV: %v", err)
		}
		if first {
			first = false
			row[0] = strings.TrimPrefix(row[0], "\ufeff")
			if len(row) == 1 && strings.Count(row[0], ";") > 0 {
				return nil, fault.Field("csv", "separate columns by commas")
			}
			if i := slices.IndexFunc(row, isHeading); i >= 0 {
				column = i
				continue
			}
		}
		if column < len(row) {
			if e := strings.TrimSpace(row[column]); e != "" {
				out = append(out, e)
			}
		}
	}
	if len(out) == 0 {
		return nil, fault.Field("csv", "the file names nobody: want a column email")
	}
	return out, nil
}

func isHeading(s string) bool {
	return slices.Contains([]string{"email", "e-mail", "mail", "username", "email address"}, strings.ToLower(strings.TrimSpace(s)))
}
