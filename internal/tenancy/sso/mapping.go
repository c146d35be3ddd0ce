package sso

import (
	"slices"
	"strings"

	"ringfence/internal/tenancy/access"
)

// Rule gives a role to whoever has a value under a claim: a group, mostly.
type Rule struct {
	Claim string      `json:"claim"`
	Value string      `json:"value"` // "*": any value
	Role  access.Role `json:"role"`
}

// Mapping says what a provider's claims are worth here. Without rules it says
// nothing of roles: then administrators give them, as without a provider.
type Mapping struct {
	Rules      []Rule `json:"rules,omitempty"`
	Extensions string `json:"extensions,omitempty"` // claim that holds somebody's extensions; empty: administrators set them
}

// Given is what a mapping gives.
type Given struct {
	Roles      []access.Role
	Extensions []string
	Claimed    bool // extensions come from a claim, so those that were set before go
}

// Manages reports whether roles come from claims.
func (m Mapping) Manages() bool { return len(m.Rules) > 0 }

// Apply reads claims. Values are compared to the letter: a directory may hold
// groups that differ in case alone.
func (m Mapping) Apply(claims map[string][]string) Given {
	var g Given
	for _, r := range m.Rules {
		values := claims[r.Claim]
		if slices.Contains(values, r.Value) || r.Value == "*" && len(values) > 0 {
			g.Roles = append(g.Roles, r.Role)
		}
	}
	slices.Sort(g.Roles)
	g.Roles = slices.Compact(g.Roles)
	if m.Extensions == "" {
		return g
	}
	g.Claimed = true
	for _, v := range claims[m.Extensions] {
		for _, e := range strings.FieldsFunc(v, func(r rune) bool { return strings.ContainsRune(",; \t\r\n", r) }) {
			if len(e) <= 40 && len(g.Extensions) < 200 {
				g.Extensions = append(g.Extensions, e)
			}
		}
	}
	slices.Sort(g.Extensions)
	g.Extensions = slices.Compact(g.Extensions)
	return g
}
