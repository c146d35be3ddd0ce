package identity

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/directory"
)

// oldestScope is how far back an age may reach; more is no limit.
const oldestScope = 100 * 365 * 24 * time.Hour

// reach is the parts of a place that a member's roles reach.
type reach struct{ own, scope access.Part }

func (r reach) of(role access.Role) access.Part {
	switch role {
	case access.User, access.Agent:
		return r.own
	case access.Supervisor:
		return r.scope
	}
	return access.Part{}
}

// reachOf asks the directory, where a role reaches a part only.
func reachOf(tx *place.Tx, m Member) (r reach, err error) {
	if slices.Contains(m.Roles, access.User) || slices.Contains(m.Roles, access.Agent) {
		if r.own.Spans, err = directory.Own(tx, m.Person); err != nil {
			return r, err
		}
		for _, x := range m.old {
			r.own.Spans = append(r.own.Spans, access.Span{Extension: x})
		}
		r.own.MaxAge = m.Scope.MaxAge
	}
	if slices.Contains(m.Roles, access.Supervisor) {
		r.scope = access.Part{All: m.Scope.All, Queues: m.Scope.Queues, MaxAge: m.Scope.MaxAge}
		if r.scope.Spans, err = directory.OfTeams(tx, m.Scope.Teams); err != nil {
			return r, err
		}
		for _, x := range m.Scope.Extensions {
			r.scope.Spans = append(r.scope.Spans, access.Span{Extension: x})
		}
	}
	return r, nil
}

// onto is a member as the grant makes them.
func (g Grant) onto(m Member) Member {
	m.Roles = g.Roles
	if g.Extensions != nil {
		m.Extensions = g.Extensions
	}
	if g.Scope != nil {
		m.Scope = *g.Scope
	}
	return m
}

// storeGranted writes a member as a grant made them, and the directory with it.
func (s *Service) storeGranted(tx *place.Tx, m Member, g Grant) error {
	if err := storeMember(tx, m); err != nil || g.Extensions == nil {
		return err
	}
	return s.directory.Set(tx, m.Person, m.Name, m.Email, slices.Clone(g.Extensions))
}

// Directory is whose an extension was, at each customer.
func (s *Service) Directory() *directory.Service { return s.directory }

func (sc Scope) empty() bool {
	return !sc.All && len(sc.Queues)+len(sc.Teams)+len(sc.Extensions) == 0 && sc.MaxAge == 0
}

func (sc Scope) check() (Scope, error) {
	if sc.MaxAge < 0 || sc.MaxAge > oldestScope {
		return sc, fault.Field("scope.max_age_days", "want 0 (any age) to 36500")
	}
	for _, list := range []struct {
		field  string
		values *[]string
	}{{"scope.queues", &sc.Queues}, {"scope.teams", &sc.Teams}, {"scope.extensions", &sc.Extensions}} {
		var clean []string
		for _, v := range *list.values {
			if v = strings.TrimSpace(v); v == "" || len(v) > 100 {
				return sc, fault.Field(list.field, "each has 1 to 100 characters")
			}
			if list.field == "scope.extensions" {
				v = directory.Extension(v, "")
			}
			clean = append(clean, v)
		}
		slices.Sort(clean)
		*list.values = slices.Compact(clean)
	}
	return sc, nil
}

// within reports whether a scope reaches no more than another.
func (sc Scope) within(wide Scope) bool {
	subset := func(a, b []string) bool {
		return !slices.ContainsFunc(a, func(v string) bool { return !slices.Contains(b, v) })
	}
	if wide.MaxAge > 0 && (sc.MaxAge == 0 || sc.MaxAge > wide.MaxAge) {
		return false
	}
	return wide.All || !sc.All && subset(sc.Queues, wide.Queues) && subset(sc.Teams, wide.Teams) && subset(sc.Extensions, wide.Extensions)
}

// String is the scope in words, for the journal.
func (sc Scope) String() string {
	var parts []string
	if sc.All {
		parts = append(parts, "everything")
	}
	for name, list := range map[string][]string{"queues": sc.Queues, "teams": sc.Teams, "extensions": sc.Extensions} {
		if len(list) > 0 {
			parts = append(parts, name+" "+strings.Join(list, ", "))
		}
	}
	slices.Sort(parts)
	if sc.MaxAge > 0 {
		parts = append(parts, "not older than "+strconv.Itoa(int(sc.MaxAge/(24*time.Hour)))+" days")
	}
	return strings.Join(parts, "; ")
}

// roster is what the directory asks about members.
type roster struct{}

func (roster) Find(tx *place.Tx, email string) (id.Person, error) {
	blind, err := blindEmail(tx, place.FieldMemberEmail, email)
	if err != nil {
		return id.Person{}, err
	}
	p, err := place.Row[id.Person](tx, `SELECT person FROM members WHERE email_blind = ? AND roles <> ''`, blind)
	if fault.Is(err, fault.NotFound) {
		return id.Person{}, nil
	}
	return p, err
}

func (roster) Called(tx *place.Tx, p id.Person) (name, email string, err error) {
	r, err := place.Row[memberRow](tx, memberColumns+` WHERE person = ? AND roles <> ''`, p)
	if err != nil {
		return "", "", err
	}
	m, err := r.card(tx)
	return m.Name, m.Email, err
}

func (roster) Extensions(tx *place.Tx) (all []directory.Assignment, err error) {
	err = eachOld(tx, func(m Member) error {
		for _, x := range m.old {
			all = append(all, directory.Assignment{Extension: x, Person: m.Person, Name: m.Name, Email: m.Email})
		}
		return nil
	})
	return all, err
}

func (roster) Adopted(tx *place.Tx) error {
	return eachOld(tx, func(m Member) error {
		m.old = nil
		return storeMember(tx, m)
	})
}

func eachOld(tx *place.Tx, fn func(Member) error) error {
	rows, err := place.Rows[memberRow](tx, memberColumns+` WHERE roles <> '' ORDER BY since, person`)
	for _, r := range rows {
		m, err := r.card(tx)
		if err == nil && len(m.old) > 0 {
			err = fn(m)
		}
		if err != nil {
			return err
		}
	}
	return err
}
