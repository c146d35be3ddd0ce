package scim

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
)

// Mapping says that a group, or a value of the attribute roles, is worth a role.
type Mapping struct {
	Group id.ScimGroup // zero: Value counts
	Value string
	Role  access.Role
}

// Settings is what a customer's administrator decides about pushed people.
type Settings struct {
	Mapping     []Mapping
	DefaultRole access.Role // for users whom the mapping gives nothing; empty: they are no members
	Invite      bool        // mail an invitation to new members; without, they sign in by single sign-on
	Domains     []string    // of addresses that may be pushed; none: all
}

// allows reports whether an address is of one of the domains.
func (s Settings) allows(email string) bool {
	_, domain, _ := strings.Cut(email, "@")
	return len(s.Domains) == 0 || slices.Contains(s.Domains, strings.ToLower(domain))
}

type settingsRow struct {
	DefaultRole string `db:"default_role"`
	Invite      bool   `db:"invite"`
	Domains     string `db:"domains"`
}

type mappingRow struct {
	Kind  string `db:"kind"`
	Value string `db:"value"`
	Role  string `db:"role"`
}

func readSettings(tx *place.Tx) (s Settings, err error) {
	r, err := place.Row[settingsRow](tx, `SELECT default_role, invite, domains FROM scim_settings WHERE one = 1`)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return s, err
	}
	s.DefaultRole, s.Invite, s.Domains = access.Role(r.DefaultRole), r.Invite, strings.Fields(r.Domains)
	rows, err := place.Rows[mappingRow](tx, `SELECT kind, value, role FROM scim_mapping ORDER BY kind, value, role`)
	for _, m := range rows {
		one := Mapping{Value: m.Value, Role: access.Role(m.Role)}
		if m.Kind == "group" {
			if one.Group, err = id.Parse[id.ScimGroup](m.Value); err != nil {
				return s, err
			}
			one.Value = ""
		}
		s.Mapping = append(s.Mapping, one)
	}
	return s, err
}

// GroupInfo is a pushed group as an administrator sees it.
type GroupInfo struct {
	ID      id.ScimGroup
	Name    string
	Members int
}

// Overview is what an identity provider has pushed so far.
type Overview struct {
	Settings Settings
	Groups   []GroupInfo // by name
	Users    int
	Active   int
	NoRole   int       // active, and worth no role: they are no members
	LastAt   time.Time // of the last change; zero: never
}

// Overview reads settings and figures.
func (s *Service) Overview(ctx context.Context, p *place.Place) (o Overview, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		if o.Settings, err = readSettings(tx); err != nil {
			return err
		}
		type figures struct {
			Users  int   `db:"users"`
			Active int   `db:"active"`
			NoRole int   `db:"no_role"`
			LastAt int64 `db:"last_at"`
		}
		f, err := place.Row[figures](tx, `SELECT count(*) AS users, coalesce(sum(active), 0) AS active,
			coalesce(sum(CASE WHEN active = 1 AND given = '' THEN 1 ELSE 0 END), 0) AS no_role, coalesce(max(modified_at), 0) AS last_at FROM scim_users`)
		if err != nil {
			return err
		}
		o.Users, o.Active, o.NoRole = f.Users, f.Active, f.NoRole
		if f.LastAt > 0 {
			o.LastAt = instant(f.LastAt)
		}
		o.Groups, err = groupInfos(tx)
		return err
	})
	return o, err
}

func groupInfos(tx *place.Tx) (out []GroupInfo, err error) {
	type count struct {
		Group id.ScimGroup `db:"grp"`
		N     int          `db:"n"`
	}
	counts, err := place.Rows[count](tx, `SELECT grp, count(*) AS n FROM scim_members GROUP BY grp`)
	if err != nil {
		return nil, err
	}
	n := map[id.ScimGroup]int{}
	for _, c := range counts {
		n[c.Group] = c.N
	}
	rows, err := place.Rows[groupRow](tx, groupColumns+` ORDER BY id`)
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		g, err := r.open(tx)
		if err != nil {
			return nil, err
		}
		out = append(out, GroupInfo{g.id, g.name(), n[g.id]})
	}
	slices.SortFunc(out, func(a, b GroupInfo) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	return out, nil
}

// Set stores settings and brings every pushed user's membership into line, all
// or nothing. It lists every fault; it is fault.Conflict where it would take the
// role from the last administrator.
func (s *Service) Set(ctx context.Context, p *place.Place, who actor.Actor, want Settings) error {
	want, err := want.check()
	if err != nil {
		return err
	}
	err = s.do(ctx, p, who, "", func(t *turn) error {
		if err := t.writeSettings(want); err != nil {
			return err
		}
		t.settings = want
		all, err := place.Rows[id.ScimUser](t.tx, `SELECT id FROM scim_users WHERE active = 1 ORDER BY id`)
		if err != nil {
			return err
		}
		return t.syncAll(all)
	})
	if e := ErrorOf(err); err != nil && e.Status == 409 {
		return fault.New(fault.Conflict, "this would take the role from the last administrator; make somebody else an administrator first")
	}
	return err
}

func (s Settings) check() (Settings, error) {
	f := fault.New(fault.Invalid, "the request is not valid")
	bad := func(path, text string, args ...any) {
		f.Details = append(f.Details, fault.Detail{Path: path, Text: fmt.Sprintf(text, args...)})
	}
	offered := access.RolesAt("customer")
	if s.DefaultRole != "" && (!slices.Contains(offered, s.DefaultRole) || s.DefaultRole == access.CustomerAdmin || s.DefaultRole == access.SuperUser) {
		bad("default_role", "the role for everybody else cannot be this one")
	}
	for i, m := range s.Mapping {
		if !slices.Contains(offered, m.Role) {
			bad(fmt.Sprintf("mapping[%d].role", i), "there is no role %q", m.Role)
		}
		if m.Group.IsZero() == (strings.TrimSpace(m.Value) == "") || len(m.Value) > 200 {
			bad(fmt.Sprintf("mapping[%d]", i), "name a group or a value, not both")
		}
	}
	var domains []string
	for i, d := range s.Domains {
		d = strings.ToLower(strings.TrimPrefix(strings.TrimSpace(d), "@"))
		if d == "" || len(d) > 253 || strings.ContainsAny(d, " \t@/\\") || !strings.Contains(d, ".") {
			bad(fmt.Sprintf("domains[%d]", i), "this is no domain")
		}
		domains = append(domains, d)
	}
	slices.Sort(domains)
	s.Domains = slices.Compact(domains)
	if len(f.Details) > 0 {
		return s, f
	}
	return s, nil
}

func (t *turn) writeSettings(s Settings) error {
	t.tx.Record(place.Event{Code: "provisioning.set", Facts: map[string]string{
		"mapping": describe(s.Mapping), "default": string(s.DefaultRole), "invite": yes(s.Invite), "domains": strings.Join(s.Domains, " "),
	}})
	t.tx.Notify("provisioning")
	if _, err := t.tx.Exec(`INSERT INTO scim_settings (one, default_role, invite, domains) VALUES (1, ?, ?, ?)
		ON CONFLICT (one) DO UPDATE SET default_role = excluded.default_role, invite = excluded.invite, domains = excluded.domains`,
		string(s.DefaultRole), s.Invite, strings.Join(s.Domains, " ")); err != nil {
		return err
	}
	if _, err := t.tx.Exec(`DELETE FROM scim_mapping`); err != nil {
		return err
	}
	for i, m := range s.Mapping {
		kind, value := "role", strings.TrimSpace(m.Value)
		if !m.Group.IsZero() {
			kind, value = "group", m.Group.String()
			if _, err := readGroup(t.tx, value); fault.Is(err, fault.NotFound) {
				return fault.Field(fmt.Sprintf("mapping[%d].group_id", i), "there is no such group")
			} else if err != nil {
				return err
			}
		}
		if _, err := t.tx.Exec(`INSERT INTO scim_mapping (kind, value, role) VALUES (?, ?, ?) ON CONFLICT (kind, value, role) DO NOTHING`, kind, value, string(m.Role)); err != nil {
			return err
		}
	}
	return nil
}

func describe(ms []Mapping) string {
	var out []string
	for _, m := range ms {
		name := m.Value
		if !m.Group.IsZero() {
			name = m.Group.String()
		}
		out = append(out, name+"="+string(m.Role))
	}
	return strings.Join(out, " ")
}
