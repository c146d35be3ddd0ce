package httpapi

import (
	"context"
	"strings"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/identity"
)

// Exposure is who could reach what of this customer.
type Exposure struct {
	Who []Reach `json:"who"`
}

// HostFacts is what the operator's configuration says about where things lie,
// in words for the page that tells a customer who could reach what.
type HostFacts struct {
	Operator  string // who runs the machine
	Database  string // "SQLite files on this machine", "PostgreSQL at …"
	Objects   string // "a folder on this machine", "Azure Blob …"
	KeyPlaces int    // in how many places keys are stored
	Mail      string // "kept on this machine", "handed to mail.example.com"
	Backups   BackupsTo
}

// BackupsTo says where backups go; empty: nowhere.
type BackupsTo struct{ Data, Keys, Log string }

func (s *Server) exposureRoutes() {
	const base = "/api/v1/customers/{customer}"
	add(s, route{gate: inCustomer(access.ExposureRead), method: get, path: base + "/exposure", id: "getExposure", summary: "Who could reach what, the host's operator included"}, s.getExposure)
	add(s, route{gate: inCustomer(access.UsageRead), method: get, path: base + "/usage", id: "getUsage", summary: "How much is stored"}, s.getUsage)
}

// getExposure says what is true of this customer now: members, machines, the
// nodes above, and those whom no software can keep out.
func (s *Server) getExposure(ctx context.Context, v *visit, _ *CustomerPath) (*body[Exposure], error) {
	members, err := s.deps.People.Members(ctx, v.place)
	if err != nil {
		return nil, err
	}
	tokens, err := s.deps.People.Tokens(ctx, v.place)
	if err != nil {
		return nil, err
	}
	out := Exposure{Who: append([]Reach{}, ofMembers(members)...)}
	for _, t := range tokens {
		if v.at.Before(t.Until) {
			out.Who = append(out.Who, ofToken(t))
		}
	}
	devices, err := s.deps.Collect.Devices(ctx, v.place)
	if err != nil {
		return nil, err
	}
	for _, d := range devices {
		if d.RevokedAt.IsZero() {
			out.Who = append(out.Who, Reach{
				Party:  "The collector “" + d.Name + "”",
				Can:    []string{"add recordings", "see the recordings that lie beside its telephone system anyway"},
				Cannot: []string{"open anything that was sent, be it stolen or not: it holds no key that opens"},
				How:    "signs with a key of its own; what it sends is sealed to your public key",
			})
		}
	}
	ways, err := s.ofWays(ctx, v)
	if err != nil {
		return nil, err
	}
	out.Who = append(append(out.Who, ways...), ofTree()...)
	engine, err := s.ofEngine(ctx, v)
	if err != nil {
		return nil, err
	}
	out.Who = append(out.Who, engine...)
	out.Who = append(out.Who, ofHost(s.deps.Host)...)
	return answer(out), nil
}

// ofMembers is one line for each role that somebody holds.
func ofMembers(members []identity.Member) []Reach {
	holders := map[access.Role][]string{}
	for _, m := range members {
		for _, r := range m.Roles {
			name := m.Name
			if (r == access.User || r == access.Agent) && len(m.Extensions) > 0 {
				name += " (" + strings.Join(m.Extensions, ", ") + ")"
			}
			holders[r] = append(holders[r], name)
		}
	}
	var out []Reach
	for _, line := range reaches {
		if names := holders[line.role]; len(names) > 0 {
			line.text.Party += ": " + strings.Join(names, "; ")
			line.text.How = "sign in as your sign-in rules ask; every opening leaves a receipt"
			out = append(out, line.text)
		}
	}
	return out
}

func ofToken(t identity.Token) Reach {
	var acts []string
	content := false
	for _, a := range t.Acts {
		acts = append(acts, string(a))
		content = content || access.Content(a)
	}
	r := Reach{Party: "The machine “" + t.Name + "”", Can: acts, How: "shows a token; it can do no more than the person who made it", Until: &t.Until}
	r.Cannot = []string{"change roles or make tokens"}
	if !content {
		r.Cannot = append(r.Cannot, "hear or read a recording")
	}
	return r
}

// ofTree is those above in the tree. Their pages show figures that this
// customer's place pushed up; the gate of a place does not look at their roles.
func ofTree() []Reach {
	cannot := []string{"see a recording, a transcript, a number or a name", "see your change log", "give themselves a role here"}
	return []Reach{{
		Party: "The reseller and the provider, signed in", Can: []string{"see how many recordings, bytes and minutes you have, and whether capture works"},
		Cannot: cannot, How: "figures that are pushed to them; their sign-in opens no page of yours",
	}}
}

// ofHost is those whom the program cannot keep out, said as it is.
func ofHost(h HostFacts) []Reach {
	operator := "Whoever administers the machine that runs Ringfence"
	if h.Operator != "" {
		operator += " (" + h.Operator + ")"
	}
	places := "one place"
	if h.KeyPlaces > 1 {
		places = "two places"
	}
	return []Reach{
		{
			Party:  operator,
			Can:    []string{"read the memory of the running program, and so everything that is being opened", "with the root key, the key stores and the objects together: open every recording, unseen by the change log"},
			Cannot: []string{"open what was destroyed: its keys are gone"},
			How:    "no software keeps out who controls the computer it runs on; this is a matter of contract and of who holds that account",
		},
		{
			Party:  "Whoever administers the storage of objects" + in(h.Objects),
			Can:    []string{"see how many objects there are, their sizes and times", "delete them, which is noticed"},
			Cannot: []string{"hear, read or alter a recording: all is sealed, and an altered byte is refused"},
			How:    "what lies there is ciphertext under meaningless names",
		},
		{
			Party:  "Whoever administers the database" + in(h.Database),
			Can:    []string{"see when calls were, how long, in which queue, how they were rated", "see which rows share a number, an extension or a word, not which", "see the names of organisations, and who has which role by id"},
			Cannot: []string{"see numbers, names, addresses, file names, words or sound", "sign in as somebody: passwords are hashed and sealed"},
			How:    "personal fields are sealed; exact search works on keyed hashes",
		},
		{
			Party:  "Whoever administers the key stores (" + places + ")",
			Can:    []string{"see how many keys there are", "delete them, which ends the recordings they open"},
			Cannot: []string{"open anything: every key there is wrapped under the root key, which is elsewhere"},
			How:    "keys are stored wrapped, apart from what they open",
		},
		{
			Party:  "Whoever carries mail" + in(h.Mail),
			Can:    []string{"read addresses and sign-in codes for the ten minutes in which they work"},
			Cannot: []string{"sign in with a code alone: it works only with the password, in the same browser"},
			How:    "codes and invitations go by mail",
		},
	}
}

func in(where string) string {
	if where == "" {
		return ""
	}
	return " (" + where + ")"
}

func (s *Server) getUsage(ctx context.Context, v *visit, _ *CustomerPath) (*body[Usage], error) {
	u, err := s.deps.Recordings.Usage(ctx, v.place)
	return answer(Usage{
		Recordings: u.Recordings, Bytes: u.Bytes, Minutes: recording.Minutes(u.Length), Waiting: u.Waiting, Unverified: u.Unverified,
		Attention: u.Attention, AsOf: s.now().UTC().Truncate(time.Second),
	}), err
}
