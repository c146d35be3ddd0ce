package scim

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Query is the parameters of a request, as they came.
type Query struct {
	Filter     string
	StartIndex string
	Count      string
	Attributes string
	Excluded   string
}

// Answer is what goes back: a status and JSON, or no body.
type Answer struct {
	Status   int
	Body     []byte
	Location string
}

// Request is one request past the gate.
type Request struct {
	Place *place.Place
	Who   actor.Actor
	Base  string // address of this customer's SCIM, without a slash at its end
	ID    string // of the resource, where the path names one
	Query Query
	Body  []byte
}

// Page sizes: what is asked for beyond is cut, as RFC 7644 §3.4.2.4 allows.
const (
	usualPage = 100
	mostPage  = 500
)

func answer(status int, o object) (Answer, error) {
	b, err := json.Marshal(o)
	return Answer{Status: status, Body: b}, err
}

// Failed is an error as an answer.
func Failed(err error) Answer {
	e := ErrorOf(err)
	b, _ := json.Marshal(e.body()) // texts only: cannot fail
	return Answer{Status: e.Status, Body: b}
}

// resource reads the body of a request.
func resource(body []byte) (object, error) {
	var o object
	if err := decode(body, &o); err != nil {
		return nil, err
	}
	if o == nil {
		return nil, refuse(400, "invalidSyntax", "the body is a JSON object")
	}
	return o, nil
}

// CreateUser is POST /Users.
func (s *Service) CreateUser(ctx context.Context, r Request) (Answer, error) {
	sent, err := resource(r.Body)
	if err != nil {
		return Answer{}, err
	}
	return s.withUser(ctx, r, http.StatusCreated, func(t *turn) (*user, error) { return t.addUser(sent) })
}

// ReplaceUser is PUT /Users/{id}.
func (s *Service) ReplaceUser(ctx context.Context, r Request) (Answer, error) {
	sent, err := resource(r.Body)
	if err != nil {
		return Answer{}, err
	}
	return s.withUser(ctx, r, http.StatusOK, func(t *turn) (*user, error) { return t.replaceUser(r.ID, sent) })
}

// PatchUser is PATCH /Users/{id}.
func (s *Service) PatchUser(ctx context.Context, r Request) (Answer, error) {
	ops, err := parsePatch(r.Body)
	if err != nil {
		return Answer{}, err
	}
	return s.withUser(ctx, r, http.StatusOK, func(t *turn) (*user, error) { return t.patchUser(r.ID, ops) })
}

// DeleteUser is DELETE /Users/{id}.
func (s *Service) DeleteUser(ctx context.Context, r Request) (Answer, error) {
	err := s.do(ctx, r.Place, r.Who, r.Base, func(t *turn) error { return t.removeUser(r.ID) })
	return Answer{Status: http.StatusNoContent}, err
}

// withUser runs what changes one user and answers with the user.
func (s *Service) withUser(ctx context.Context, r Request, status int, fn func(*turn) (*user, error)) (a Answer, err error) {
	var o object
	err = s.do(ctx, r.Place, r.Who, r.Base, func(t *turn) error {
		u, err := fn(t)
		if err != nil {
			return err
		}
		in, err := groupsOf(t.tx, r.Base, u.id)
		o = pick(u.show(r.Base, in[u.id]), r.Query)
		a.Location = r.Base + "/Users/" + u.id.String()
		return err
	})
	if err != nil {
		return Answer{}, err
	}
	location := a.Location
	a, err = answer(status, o)
	a.Location = location
	return a, err
}

// GetUser is GET /Users/{id}.
func (s *Service) GetUser(ctx context.Context, r Request) (a Answer, err error) {
	err = r.Place.View(ctx, func(tx *place.Tx) error {
		u, err := readUser(tx, r.ID)
		if err != nil {
			return err
		}
		in, err := groupsOf(tx, r.Base, u.id)
		if err != nil {
			return err
		}
		a, err = answer(http.StatusOK, pick(u.show(r.Base, in[u.id]), r.Query))
		return err
	})
	return a, err
}

// CreateGroup is POST /Groups.
func (s *Service) CreateGroup(ctx context.Context, r Request) (Answer, error) {
	sent, err := resource(r.Body)
	if err != nil {
		return Answer{}, err
	}
	return s.withGroup(ctx, r, http.StatusCreated, func(t *turn) (*group, error) { return t.addGroup(sent) })
}

// ReplaceGroup is PUT /Groups/{id}.
func (s *Service) ReplaceGroup(ctx context.Context, r Request) (Answer, error) {
	sent, err := resource(r.Body)
	if err != nil {
		return Answer{}, err
	}
	return s.withGroup(ctx, r, http.StatusOK, func(t *turn) (*group, error) { return t.replaceGroup(r.ID, sent) })
}

// PatchGroup is PATCH /Groups/{id}.
func (s *Service) PatchGroup(ctx context.Context, r Request) (Answer, error) {
	ops, err := parsePatch(r.Body)
	if err != nil {
		return Answer{}, err
	}
	return s.withGroup(ctx, r, http.StatusOK, func(t *turn) (*group, error) { return t.patchGroup(r.ID, ops) })
}

// DeleteGroup is DELETE /Groups/{id}.
func (s *Service) DeleteGroup(ctx context.Context, r Request) (Answer, error) {
	err := s.do(ctx, r.Place, r.Who, r.Base, func(t *turn) error { return t.removeGroup(r.ID) })
	return Answer{Status: http.StatusNoContent}, err
}

func (s *Service) withGroup(ctx context.Context, r Request, status int, fn func(*turn) (*group, error)) (a Answer, err error) {
	var o object
	var location string
	err = s.do(ctx, r.Place, r.Who, r.Base, func(t *turn) error {
		g, err := fn(t)
		if err != nil {
			return err
		}
		members, err := membersOf(t.tx, g.id)
		o = pick(g.show(r.Base, members), r.Query)
		location = r.Base + "/Groups/" + g.id.String()
		return err
	})
	if err != nil {
		return Answer{}, err
	}
	a, err = answer(status, o)
	a.Location = location
	return a, err
}

// GetGroup is GET /Groups/{id}.
func (s *Service) GetGroup(ctx context.Context, r Request) (a Answer, err error) {
	err = r.Place.View(ctx, func(tx *place.Tx) error {
		g, err := readGroup(tx, r.ID)
		if err != nil {
			return err
		}
		members, err := membersOf(tx, g.id)
		if err != nil {
			return err
		}
		a, err = answer(http.StatusOK, pick(g.show(r.Base, members), r.Query))
		return err
	})
	return a, err
}

// groupsOf gives the groups of users, as part of what is answered.
func groupsOf(tx *place.Tx, base string, list ...id.ScimUser) (map[id.ScimUser][]object, error) {
	type row struct {
		Group id.ScimGroup `db:"grp"`
		User  id.ScimUser  `db:"usr"`
	}
	out := map[id.ScimUser][]object{}
	if len(list) == 0 {
		return out, nil
	}
	rows, err := place.Rows[row](tx, `SELECT grp, usr FROM scim_members WHERE usr IN (?) ORDER BY usr, grp`, place.List(list))
	if err != nil {
		return nil, err
	}
	names := map[id.ScimGroup]string{}
	for _, r := range rows {
		if _, known := names[r.Group]; !known {
			g, err := readGroup(tx, r.Group.String())
			if err != nil {
				return nil, err
			}
			names[r.Group] = g.name()
		}
		out[r.User] = append(out[r.User], object{"value": r.Group.String(), "display": names[r.Group], "$ref": base + "/Groups/" + r.Group.String()})
	}
	return out, nil
}

// pick leaves of a resource what was asked for. id and schemas always stay.
func pick(o object, q Query) object {
	names := func(s string) (out []string) {
		for _, n := range strings.Split(s, ",") {
			n = users.bare(groups.bare(strings.TrimSpace(n)))
			n, _, _ = strings.Cut(n, ".")
			if n != "" {
				out = append(out, strings.ToLower(n))
			}
		}
		return out
	}
	want, not := names(q.Attributes), names(q.Excluded)
	for k := range o {
		low := strings.ToLower(k)
		if low == "id" || low == "schemas" {
			continue
		}
		if len(want) > 0 && !slices.Contains(want, low) || len(want) == 0 && slices.Contains(not, low) {
			delete(o, k)
		}
	}
	return o
}

// window reads where a page begins and how long it may be.
func (q Query) window() (from, n int, err error) {
	number := func(name, s string, usual int) (int, error) {
		if s == "" {
			return usual, nil
		}
		v, err := strconv.Atoi(s)
		if err != nil {
			return 0, refuse(400, "invalidValue", "%s is a number", name)
		}
		return v, nil
	}
	if from, err = number("startIndex", q.StartIndex, 1); err != nil {
		return 0, 0, err
	}
	n, err = number("count", q.Count, usualPage)
	return max(from, 1) - 1, min(max(n, 0), mostPage), err
}

func listAnswer(total, from int, list []any) (Answer, error) {
	if list == nil {
		list = []any{}
	}
	return answer(http.StatusOK, object{
		"schemas": []string{urnList}, "totalResults": total, "startIndex": from + 1, "itemsPerPage": len(list), "Resources": list,
	})
}
