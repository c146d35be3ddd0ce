package server

import (
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/identity"
	"ringfence/internal/trust/approval"
)

// buildApprovals builds what lets acts wait for a second person. Who has such acts
// registers their kinds after it.
func (s *Server) buildApprovals() {
	s.approvals = approval.New(approval.Options{Mail: s.sender, URL: s.URL, Brand: s.Tree.LetterBrand, Log: s.log, Deciders: deciders})
}

// deciders are the members whose role carries an act at their customer.
func deciders(tx *place.Tx, act access.Act) (all []approval.Decider, err error) {
	members, err := identity.MembersIn(tx)
	c := tx.Place().Customer()
	for _, m := range members {
		for _, r := range m.Roles {
			if m.Joined && access.Allow([]access.Membership{{Role: r, At: c}}, act, access.Thing{Place: c}, tx.At()).Allowed {
				all = append(all, approval.Decider{Person: m.Person, Name: m.Name, Email: m.Email})
				break
			}
		}
	}
	return all, err
}
