package approval

import (
	"encoding/json"
	"slices"
	"strings"

	"ringfence/internal/base/actor"
	"ringfence/internal/platform/place"
)

// grant is an event that gave somebody a role, or set up what gives roles.
type grant struct {
	At      int64  `db:"at"`
	Code    string `db:"code"`
	Kind    string `db:"actor_kind"`
	By      string `db:"actor_id"`
	Behalf  string `db:"on_behalf"`
	Subject string `db:"subject"`
	Facts   string `db:"facts"`
}

// tiedTo gives everybody who is tied to a person by roles that were given since a
// time (milliseconds): whom they made, who made them, and so on from there. Who
// set up an identity provider or provisioning made whom it brought afterwards.
func tiedTo(tx *place.Tx, person string, since int64) (map[string]bool, error) {
	all, err := place.Rows[grant](tx, `SELECT at, code, actor_kind, actor_id, on_behalf, subject, facts FROM events WHERE at >= ? AND code IN
		('member.invited', 'member.changed', 'member.resumed', 'idp.added', 'idp.changed', 'provisioning.set', 'provisioner.created') ORDER BY pos`, since)
	if err != nil {
		return nil, err
	}
	tied := map[string]bool{person: true}
	for grown := true; grown; {
		grown = false
		var setters []string // up to the grant that is looked at
		for _, g := range all {
			by := g.makers(setters)
			if !strings.HasPrefix(g.Code, "member.") {
				setters = append(setters, by...)
				continue
			}
			if !g.gained() {
				continue
			}
			group := append(slices.Clone(by), g.Subject)
			if !slices.ContainsFunc(group, func(p string) bool { return tied[p] }) {
				continue
			}
			for _, p := range group {
				grown = grown || !tied[p]
				tied[p] = true
			}
		}
	}
	return tied, nil
}

// makers are the persons behind an event; behind what came by itself stand those
// who set up what brought it.
func (g grant) makers(setters []string) []string {
	switch by := personOf(actor.Actor{Kind: actor.Kind(g.Kind), ID: g.By, OnBehalf: g.Behalf}); {
	case by != "":
		return []string{by}
	case strings.HasPrefix(g.Code, "member."):
		return setters
	}
	return nil
}

// gained reports whether it gave a role that was not held before: another
// extension makes nobody. What does not say is taken to have.
func (g grant) gained() bool {
	var facts struct{ Roles, Before string }
	if json.Unmarshal([]byte(g.Facts), &facts) != nil || facts.Roles == "" {
		return true
	}
	before := strings.Fields(facts.Before)
	return slices.ContainsFunc(strings.Fields(facts.Roles), func(r string) bool { return !slices.Contains(before, r) })
}
