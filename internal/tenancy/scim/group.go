package scim

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// group is a pushed group. It is worth something only where an administrator
// mapped it to a role.
type group struct {
	id       id.ScimGroup
	card     object // without members
	created  time.Time
	modified time.Time
}

type groupRow struct {
	ID         id.ScimGroup `db:"id"`
	Card       []byte       `db:"card"`
	CreatedAt  int64        `db:"created_at"`
	ModifiedAt int64        `db:"modified_at"`
}

const groupColumns = `SELECT id, card, created_at, modified_at FROM scim_groups`

// mostMembers bounds what one group holds: more people than any customer has.
const mostMembers = 20_000

func (r groupRow) open(tx *place.Tx) (*group, error) {
	plain, err := tx.Unseal(place.FieldScimGroup, r.ID, r.Card)
	if err != nil {
		return nil, err
	}
	g := &group{id: r.ID, created: instant(r.CreatedAt), modified: instant(r.ModifiedAt)}
	return g, json.Unmarshal(plain, &g.card)
}

func (g *group) name() string {
	s, _ := g.card["displayName"].(string)
	return strings.TrimSpace(s)
}

func readGroup(tx *place.Tx, text string) (*group, error) {
	i, err := id.Parse[id.ScimGroup](text)
	if err != nil {
		return nil, fault.New(fault.NotFound, "no such group")
	}
	r, err := place.Row[groupRow](tx, groupColumns+` WHERE id = ?`, i)
	if err != nil {
		return nil, err
	}
	return r.open(tx)
}

func membersOf(tx *place.Tx, g id.ScimGroup) ([]id.ScimUser, error) {
	return place.Rows[id.ScimUser](tx, `SELECT usr FROM scim_members WHERE grp = ? ORDER BY usr`, g)
}

func (t *turn) addGroup(sent object) (*group, error) {
	card, err := groups.normal(sent)
	if err != nil {
		return nil, err
	}
	g := &group{id: id.At[id.ScimGroup](t.tx.At()), created: t.tx.At()}
	return g, t.storeGroup(g, card, nil, "pushed-group.added")
}

func (t *turn) replaceGroup(text string, sent object) (*group, error) {
	g, err := readGroup(t.tx, text)
	if err != nil {
		return nil, err
	}
	card, err := groups.normal(sent)
	if err != nil {
		return nil, err
	}
	had, err := membersOf(t.tx, g.id)
	if err != nil {
		return nil, err
	}
	return g, t.storeGroup(g, card, had, "pushed-group.changed")
}

func (t *turn) patchGroup(text string, ops []operation) (*group, error) {
	g, err := readGroup(t.tx, text)
	if err != nil {
		return nil, err
	}
	had, err := membersOf(t.tx, g.id)
	if err != nil {
		return nil, err
	}
	list := make([]any, 0, len(had))
	for _, u := range had {
		list = append(list, object{"value": u.String()})
	}
	g.card["members"] = list
	if err := change(g.card, ops, groups); err != nil {
		return nil, err
	}
	return g, t.storeGroup(g, g.card, had, "pushed-group.changed")
}

// storeGroup writes a group and brings the memberships of everybody who came or
// went into line.
func (t *turn) storeGroup(g *group, card object, had []id.ScimUser, code string) error {
	want, err := t.sentMembers(card["members"], had)
	if err != nil {
		return err
	}
	delete(card, "members")
	g.card, g.modified = card, t.tx.At()
	if g.name() == "" || len(g.name()) > 500 {
		return refuse(400, "invalidValue", "displayName is missing or longer than 500 characters")
	}
	name, err := t.tx.Blind(place.FieldScimGroupName, strings.ToLower(g.name()))
	if err != nil {
		return err
	}
	taken, err := place.Row[int](t.tx, `SELECT count(*) FROM scim_groups WHERE name = ? AND id <> ?`, name, g.id)
	if err != nil {
		return err
	}
	if taken > 0 {
		return refuse(409, "uniqueness", "there is a group with this displayName already")
	}
	external, _ := card["externalId"].(string)
	blind, err := t.blindOrNil(external)
	if err != nil {
		return err
	}
	plain, err := json.Marshal(card)
	if err != nil {
		return err
	}
	sealed, err := t.tx.Seal(place.FieldScimGroup, g.id, plain)
	if err != nil {
		return err
	}
	_, err = t.tx.Exec(`INSERT INTO scim_groups (id, name, external, card, created_at, modified_at) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET name = excluded.name, external = excluded.external, card = excluded.card, modified_at = excluded.modified_at`,
		g.id, name, blind, sealed, g.created.UnixMilli(), g.modified.UnixMilli())
	if err != nil {
		return err
	}
	came, went := without(want, had), without(had, want)
	t.tx.Record(place.Event{
		Code: code, Subject: g.id.String(), Personal: map[string]string{"name": g.name()},
		Facts: map[string]string{"came": strconv.Itoa(len(came)), "went": strconv.Itoa(len(went))},
	})
	t.tx.Notify("provisioning")
	return t.regroup(g.id, came, went)
}

func (t *turn) regroup(g id.ScimGroup, came, went []id.ScimUser) error {
	for _, u := range came {
		if _, err := t.tx.Exec(`INSERT INTO scim_members (grp, usr) VALUES (?, ?)`, g, u); err != nil {
			return err
		}
	}
	for _, u := range went {
		if _, err := t.tx.Exec(`DELETE FROM scim_members WHERE grp = ? AND usr = ?`, g, u); err != nil {
			return err
		}
	}
	// Those who came first: a group that hands over the last administrator's role is no loss.
	return t.syncAll(slices.Concat(came, went))
}

func (t *turn) syncAll(list []id.ScimUser) error {
	for _, i := range list {
		u, err := t.readUser(i.String())
		if err != nil {
			return err
		}
		if err := t.sync(u); err != nil {
			return err
		}
	}
	return nil
}

// sentMembers reads members; each must be a user here. Groups in groups are
// refused: identity providers send their members flat.
func (t *turn) sentMembers(v any, had []id.ScimUser) ([]id.ScimUser, error) {
	known := map[id.ScimUser]bool{}
	for _, u := range had {
		known[u] = true
	}
	seen := map[id.ScimUser]bool{}
	var out []id.ScimUser
	list := elements(v)
	if len(list) > mostMembers {
		return nil, refuse(400, "tooMany", "a group has at most %d members", mostMembers)
	}
	for i, e := range list {
		u, err := id.Parse[id.ScimUser](valueOf(e))
		if err == nil && !known[u] {
			_, err = place.Row[int64](t.tx, `SELECT created_at FROM scim_users WHERE id = ?`, u)
		}
		if err != nil && (fault.Is(err, fault.NotFound) || u.IsZero()) {
			return nil, refuse(400, "invalidValue", "members[%d] is no user here", i)
		}
		if err != nil {
			return nil, err
		}
		if !seen[u] {
			seen[u] = true
			out = append(out, u)
		}
	}
	return out, nil
}

func (t *turn) removeGroup(text string) error {
	g, err := readGroup(t.tx, text)
	if err != nil {
		return err
	}
	had, err := membersOf(t.tx, g.id)
	if err != nil {
		return err
	}
	t.tx.Record(place.Event{Code: "pushed-group.removed", Subject: g.id.String(), Facts: map[string]string{"went": strconv.Itoa(len(had))}, Personal: map[string]string{"name": g.name()}})
	t.tx.Notify("provisioning")
	if _, err := t.tx.Exec(`DELETE FROM scim_mapping WHERE kind = 'group' AND value = ?`, g.id.String()); err != nil {
		return err
	}
	if _, err := t.tx.Exec(`DELETE FROM scim_groups WHERE id = ?`, g.id); err != nil {
		return err
	}
	return t.regroup(g.id, nil, had)
}

// without is what stands in a and not in b.
func without(a, b []id.ScimUser) (out []id.ScimUser) {
	in := map[id.ScimUser]bool{}
	for _, u := range b {
		in[u] = true
	}
	for _, u := range a {
		if !in[u] {
			out = append(out, u)
		}
	}
	return out
}

// show is the group as it is answered.
func (g *group) show(base string, members []id.ScimUser) object {
	o := object{"schemas": []any{urnGroup}, "id": g.id.String()}
	for k, v := range g.card {
		o[k] = v
	}
	list := make([]any, 0, len(members))
	for _, u := range members {
		list = append(list, object{"value": u.String(), "type": "User", "$ref": base + "/Users/" + u.String()})
	}
	o["members"] = list
	o["meta"] = meta("Group", base+"/Groups/"+g.id.String(), g.created, g.modified)
	return o
}
