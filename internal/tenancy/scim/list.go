package scim

import (
	"context"
	"strings"

	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Lists. A filter that demands a userName, an externalId or an address is
// answered from a blind index; any other one has to open every record, which
// ten thousand people allow and a million would not.

// ListUsers is GET /Users.
func (s *Service) ListUsers(ctx context.Context, r Request) (a Answer, err error) {
	from, n, err := r.Query.window()
	if err != nil {
		return a, err
	}
	var f *filter
	if r.Query.Filter != "" {
		if f, err = parseFilter(r.Query.Filter, users); err != nil {
			return a, err
		}
	}
	err = r.Place.View(ctx, func(tx *place.Tx) error {
		total, page, err := pageUsers(tx, r.Base, f, from, n)
		if err != nil {
			return err
		}
		var ids []id.ScimUser
		for _, u := range page {
			ids = append(ids, u.id)
		}
		in, err := groupsOf(tx, r.Base, ids...)
		if err != nil {
			return err
		}
		var list []any
		for _, u := range page {
			list = append(list, pick(u.show(r.Base, in[u.id]), r.Query))
		}
		a, err = listAnswer(total, from, list)
		return err
	})
	return a, err
}

func pageUsers(tx *place.Tx, base string, f *filter, from, n int) (total int, page []*user, err error) {
	if f == nil {
		if total, err = place.Row[int](tx, `SELECT count(*) FROM scim_users`); err != nil {
			return 0, nil, err
		}
		rows, err := place.Rows[userRow](tx, userColumns+` ORDER BY id LIMIT ? OFFSET ?`, n, from)
		for _, r := range rows {
			u, err := r.open(tx)
			if err != nil {
				return 0, nil, err
			}
			page = append(page, u)
		}
		return total, page, err
	}
	rows, err := candidates(tx, f)
	if err != nil {
		return 0, nil, err
	}
	for _, r := range rows {
		u, err := r.open(tx)
		if err != nil {
			return 0, nil, err
		}
		in, err := groupsIfAsked(tx, base, f, u.id)
		if err != nil {
			return 0, nil, err
		}
		if !f.matches(u.show(base, in), users) {
			continue
		}
		if total >= from && len(page) < n {
			page = append(page, u)
		}
		total++
	}
	return total, page, nil
}

// groupsIfAsked spares reading groups for filters that do not look at them.
func groupsIfAsked(tx *place.Tx, base string, f *filter, u id.ScimUser) ([]object, error) {
	if !f.mentions("groups") {
		return nil, nil
	}
	in, err := groupsOf(tx, base, u)
	return in[u], err
}

func (f *filter) mentions(attr string) bool {
	if f.path.attr == attr {
		return true
	}
	for _, g := range f.of {
		if g.mentions(attr) {
			return true
		}
	}
	return false
}

// candidates are the users among whom the filter's can be.
func candidates(tx *place.Tx, f *filter) ([]userRow, error) {
	if name, ok := f.exactly(attrPath{attr: "userName"}); ok {
		blind, err := tx.Blind(place.FieldScimUserName, strings.ToLower(name))
		if err != nil {
			return nil, err
		}
		return place.Rows[userRow](tx, userColumns+` WHERE user_name = ?`, blind)
	}
	if external, ok := f.exactly(attrPath{attr: "externalId"}); ok {
		blind, err := tx.Blind(place.FieldScimExternal, external)
		if err != nil {
			return nil, err
		}
		return place.Rows[userRow](tx, userColumns+` WHERE external = ? ORDER BY id`, blind)
	}
	for _, path := range []attrPath{{attr: "emails"}, {"emails", "value"}} {
		email, ok := f.exactly(path)
		if !ok {
			continue
		}
		blind, err := tx.Blind(place.FieldScimEmail, strings.ToLower(email))
		if err != nil {
			return nil, err
		}
		return place.Rows[userRow](tx, userColumns+` WHERE id IN (SELECT usr FROM scim_emails WHERE email = ?) ORDER BY id`, blind)
	}
	if text, ok := f.exactly(attrPath{attr: "id"}); ok {
		i, err := id.Parse[id.ScimUser](text)
		if err != nil {
			return nil, nil
		}
		return place.Rows[userRow](tx, userColumns+` WHERE id = ?`, i)
	}
	return place.Rows[userRow](tx, userColumns+` ORDER BY id`)
}

// ListGroups is GET /Groups. A customer has dozens of groups, not thousands:
// every one is read.
func (s *Service) ListGroups(ctx context.Context, r Request) (a Answer, err error) {
	from, n, err := r.Query.window()
	if err != nil {
		return a, err
	}
	var f *filter
	if r.Query.Filter != "" {
		if f, err = parseFilter(r.Query.Filter, groups); err != nil {
			return a, err
		}
	}
	bare := r.Query.Attributes == "" && strings.Contains(strings.ToLower(r.Query.Excluded), "members") && (f == nil || !f.mentions("members"))
	err = r.Place.View(ctx, func(tx *place.Tx) error {
		rows, err := place.Rows[groupRow](tx, groupColumns+` ORDER BY id`)
		if err != nil {
			return err
		}
		total, list := 0, []any(nil)
		for _, row := range rows {
			g, err := row.open(tx)
			if err != nil {
				return err
			}
			var members []id.ScimUser
			if !bare {
				if members, err = membersOf(tx, g.id); err != nil {
					return err
				}
			}
			o := g.show(r.Base, members)
			if f != nil && !f.matches(o, groups) {
				continue
			}
			if total >= from && len(list) < n {
				list = append(list, pick(o, r.Query))
			}
			total++
		}
		a, err = listAnswer(total, from, list)
		return err
	})
	return a, err
}
