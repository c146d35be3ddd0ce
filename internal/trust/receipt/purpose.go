package receipt

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
)

// Settings say who has to state a purpose before a recording or a transcript is
// opened, and which purposes there are.
type Settings struct {
	Roles    []access.Role `json:"roles"`    // that have to; whoever holds one of them for the act
	Support  bool          `json:"support"`  // whoever is here by support access has to
	Ready    []string      `json:"ready"`    // purposes to choose from
	Free     bool          `json:"free"`     // other words are taken too
	Remember bool          `json:"remember"` // the portal may keep a purpose until its reader signs out or closes it
}

// Ready are the purposes that a customer begins with.
func Ready() []string {
	return []string{"Quality check", "Complaint", "Training", "Dispute or legal claim", "Security incident"}
}

// Default is what counts until a customer chooses: nobody is asked.
func Default() Settings {
	return Settings{Roles: []access.Role{}, Ready: Ready(), Free: true, Remember: true}
}

const (
	mostReady   = 30
	longestText = 300
)

// Migrations make the table of this package in a customer's place.
func Migrations() place.Migrations {
	return place.Migrations{{Number: 980, Name: "purposes of openings", SQL: `
CREATE TABLE opening_purposes (
	one      {{int}} NOT NULL PRIMARY KEY CHECK (one = 1),
	settings {{text}} NOT NULL,
	at       {{int}} NOT NULL
);
`}}
}

// ReadSettings gives what the customer chose, or the default.
func ReadSettings(tx *place.Tx) (Settings, error) {
	text, err := place.Row[[]byte](tx, `SELECT settings FROM opening_purposes WHERE one = 1`)
	if fault.Is(err, fault.NotFound) {
		return Default(), nil
	}
	set := Settings{}
	if err == nil {
		err = json.Unmarshal(text, &set)
	}
	return set, err
}

// SetSettings chooses who has to say why. It counts from the next opening on.
func SetSettings(ctx context.Context, p *place.Place, who actor.Actor, set Settings) error {
	set, err := set.check()
	if err != nil {
		return err
	}
	text, err := json.Marshal(set)
	if err != nil {
		return err
	}
	return p.Change(ctx, who, func(tx *place.Tx) error {
		roles := make([]string, len(set.Roles))
		for i, r := range set.Roles {
			roles[i] = string(r)
		}
		tx.Record(place.Event{Code: "purpose.set", Facts: map[string]string{
			"roles": strings.Join(roles, " "), "support": yes(set.Support), "free": yes(set.Free), "remember": yes(set.Remember),
		}})
		tx.Notify("purposes")
		_, err := tx.Exec(`INSERT INTO opening_purposes (one, settings, at) VALUES (1, ?, ?)
			ON CONFLICT (one) DO UPDATE SET settings = excluded.settings, at = excluded.at`, string(text), tx.At().UnixMilli())
		return err
	})
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// check tidies settings and lists every fault in them.
func (set Settings) check() (Settings, error) {
	f := &fault.Error{Kind: fault.Invalid, Text: "the request is not valid"}
	add := func(path, text string) { f.Details = append(f.Details, fault.Detail{Path: path, Text: text}) }
	known := access.RolesAt("customer")
	for _, r := range set.Roles {
		if !slices.Contains(known, r) {
			add("roles", string(r)+" is no role at a customer")
		}
	}
	ready := []string{}
	for _, p := range set.Ready {
		if p = strings.Join(strings.Fields(p), " "); p != "" && !slices.Contains(ready, p) {
			ready = append(ready, p)
		}
		if len([]rune(p)) > longestText {
			add("ready", "a purpose has at most 300 characters")
		}
	}
	if len(ready) > mostReady {
		add("ready", "at most 30 purposes can be chosen from")
	}
	if len(ready) == 0 && !set.Free {
		add("ready", "name at least one purpose, or let people write their own: else nobody could open anything")
	}
	if len(f.Details) > 0 {
		return set, f
	}
	set.Ready = ready
	set.Roles = slices.Compact(slices.Sorted(slices.Values(set.Roles)))
	if set.Roles == nil {
		set.Roles = []access.Role{}
	}
	return set, nil
}

// Asked reports whether somebody with these memberships has to state a purpose.
func (set Settings) Asked(held []access.Membership) bool {
	return slices.ContainsFunc(held, func(m access.Membership) bool {
		return set.Support && !m.Grant.IsZero() || slices.Contains(set.Roles, m.Role)
	})
}

// Check refuses an opening whose purpose is missing or not one of those that the
// customer takes. It gives the purpose as it is recorded.
func (set Settings) Check(held []access.Membership, purpose string) (string, error) {
	purpose = strings.Join(strings.Fields(purpose), " ")
	if !set.Asked(held) {
		return purpose, nil
	}
	switch {
	case purpose == "":
		return "", fault.Field("purpose", "say what you open this for: your organisation asks it of your role, and it stands in the receipt")
	case !set.Free && !slices.Contains(set.Ready, purpose):
		return "", fault.Field("purpose", "must be one of the purposes that your organisation has named: %s", strings.Join(set.Ready, "; "))
	}
	return purpose, nil
}
