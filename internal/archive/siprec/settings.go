package siprec

import (
	"context"
	"encoding/json"
	"net/netip"
	"path"
	"slices"
	"strings"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/place"
)

// Migrations make the tables of this package in a customer's place. A session
// stands there while its spool does: its key is erased with the row.
func Migrations() place.Migrations {
	return place.Migrations{{Number: 660, Name: "recording sessions", SQL: `
		CREATE TABLE siprec_sources (
			source {{id}} PRIMARY KEY,
			settings {{bytes}} NOT NULL,
			changed_at {{int}} NOT NULL
		);
		CREATE TABLE siprec_sessions (
			id {{id}} PRIMARY KEY,
			source {{id}} NOT NULL,
			spool {{id}} NOT NULL,
			key {{bytes}} NOT NULL,
			begun_at {{int}} NOT NULL
		);`}}
}

// Housekeeping are the tables that are written without an event: a recording
// has its own when it is archived.
var Housekeeping = []string{"siprec_sessions"}

// Settings are who may call a source, and how its calls are read. Of peers,
// certificates and digest, everything that is set must hold.
type Settings struct {
	Peers        []netip.Prefix // where requests may come from
	Certificates []string       // SHA-256 of client certificates, 64 hexadecimal digits each
	User         string         // of digest authentication; "" none
	Secret       secret.Text    // of that user; never given out again
	Ours         []string       // patterns of our side's numbers
	Encrypted    bool           // sound must come by SRTP
	MaxCalls     int            // at once
}

const (
	defaultCalls = 100
	maxCalls     = 5000
	maxPeers     = 64
)

// stored is the sealed form.
type stored struct {
	Peers        []netip.Prefix `json:"peers,omitempty"`
	Certificates []string       `json:"certificates,omitempty"`
	User         string         `json:"user,omitempty"`
	Secret       string         `json:"secret,omitempty"`
	Ours         []string       `json:"ours,omitempty"`
	Encrypted    bool           `json:"encrypted,omitempty"`
	MaxCalls     int            `json:"max_calls,omitempty"`
}

// Check brings settings into their one form and lists every fault.
func (s *Settings) Check() error {
	bad := &fault.Error{Kind: fault.Invalid, Text: "the settings are not valid"}
	wrong := func(path, text string) { bad.Details = append(bad.Details, fault.Detail{Path: path, Text: text}) }
	if len(s.Peers)+len(s.Certificates) == 0 && s.User == "" {
		wrong("peers", "say who may call: addresses, a client certificate, or a digest user")
	}
	if len(s.Peers) > maxPeers {
		wrong("peers", "at most 64 networks")
	}
	for i, p := range s.Peers {
		if p.Bits() < 8 && p.Addr().Is4() || p.Bits() < 32 && p.Addr().Is6() {
			wrong("peers", p.String()+" is half the world: name the addresses that really send")
		}
		s.Peers[i] = p.Masked()
	}
	for i, c := range s.Certificates {
		c = strings.ToLower(strings.ReplaceAll(c, ":", ""))
		if len(c) != 64 || strings.Trim(c, "0123456789abcdef") != "" {
			wrong("certificates", "want the SHA-256 fingerprint of each certificate: 64 hexadecimal digits")
		}
		s.Certificates[i] = c
	}
	switch {
	case s.User != "" && s.Secret.IsZero():
		wrong("secret", "give the digest user a secret")
	case s.User != "" && len(s.Secret.Reveal()) < 12:
		wrong("secret", "want at least 12 characters: it crosses the network as a hash that can be tried at leisure")
	case strings.ContainsAny(s.User, "\"\\\r\n") || len(s.User) > 100:
		wrong("user", "want at most 100 characters, without quotes")
	}
	if len(s.Ours) > maxPeers {
		wrong("ours", "at most 64 patterns")
	}
	for _, o := range s.Ours {
		if _, err := path.Match(o, "x"); err != nil || o == "" || len(o) > 200 {
			wrong("ours", "want patterns such as 2??, +4416149600* or *@pbx.example.com")
			break
		}
	}
	if s.MaxCalls == 0 {
		s.MaxCalls = defaultCalls
	}
	if s.MaxCalls < 1 || s.MaxCalls > maxCalls {
		wrong("max_calls", "want a number from 1 to 5000")
	}
	if len(bad.Details) > 0 {
		return bad
	}
	return nil
}

// Settings gives those of a source; fault.NotFound if it has none.
func (s *Service) Settings(ctx context.Context, p *place.Place, src id.Source) (set Settings, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		set, err = settingsIn(tx, src)
		return err
	})
	return set, err
}

func settingsIn(tx *place.Tx, src id.Source) (Settings, error) {
	closed, err := place.Row[[]byte](tx, `SELECT settings FROM siprec_sources WHERE source = ?`, src)
	if err != nil {
		return Settings{}, fault.Wrap(err, fault.KindOf(err), "it has not been set who may call this source")
	}
	plain, err := tx.Unseal(place.FieldSiprec, src, closed)
	if err != nil {
		return Settings{}, err
	}
	var st stored
	if err := json.Unmarshal(plain, &st); err != nil {
		return Settings{}, err
	}
	return Settings{st.Peers, st.Certificates, st.User, secret.NewText(st.Secret), st.Ours, st.Encrypted, st.MaxCalls}, nil
}

// Set writes the settings of a source. A secret that is not given stays as it
// is while its user does. It is fault.Invalid for an address that another
// customer's source takes calls from by the address alone: nobody could tell
// whose a call is, and one customer could have another's calls recorded.
func (s *Service) Set(ctx context.Context, p *place.Place, who actor.Actor, src id.Source, set Settings) (Settings, error) {
	source, err := s.o.Recordings.Source(ctx, p, src)
	if err != nil {
		return set, err
	}
	if source.Kind != recording.Siprec {
		return set, fault.New(fault.Conflict, "recordings of this source do not come by SIPREC")
	}
	if set, err = s.Check(ctx, p, src, set); err != nil {
		return set, err
	}
	if s.claimed(p.Customer(), set) {
		return set, fault.Field("peers", "another source of this installation takes calls from there: give this one a digest user or a client certificate as well")
	}
	err = p.Change(ctx, who, func(tx *place.Tx) error {
		plain, err := json.Marshal(stored{set.Peers, set.Certificates, set.User, set.Secret.Reveal(), set.Ours, set.Encrypted, set.MaxCalls})
		if err != nil {
			return err
		}
		closed, err := tx.Seal(place.FieldSiprec, src, plain)
		if err != nil {
			return err
		}
		tx.Record(place.Event{Code: "siprec.set", Subject: src.String(), Facts: map[string]string{"by": set.by(), "encrypted": yes(set.Encrypted)}})
		tx.Notify("sources")
		_, err = tx.Exec(`INSERT INTO siprec_sources (source, settings, changed_at) VALUES (?, ?, ?)
			ON CONFLICT (source) DO UPDATE SET settings = excluded.settings, changed_at = excluded.changed_at`, src, closed, tx.At().UnixMilli())
		return err
	})
	if err != nil {
		return set, err
	}
	return set, s.load(ctx, p.Customer())
}

// Check gives settings as Set would write them, with the secret that stays as it
// is, and every fault of them.
func (s *Service) Check(ctx context.Context, p *place.Place, src id.Source, set Settings) (Settings, error) {
	if old, err := s.Settings(ctx, p, src); err == nil && set.Secret.IsZero() && set.User == old.User {
		set.Secret = old.Secret
	}
	if set.User == "" {
		set.Secret = secret.Text{}
	}
	return set, set.Check()
}

// by names what a caller is known by, without telling it.
func (s Settings) by() string {
	var all []string
	for name, set := range map[string]bool{"address": len(s.Peers) > 0, "certificate": len(s.Certificates) > 0, "digest": s.User != ""} {
		if set {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// claimed reports whether another customer's source takes calls by nothing but
// an address that these settings name by nothing else either.
func (s *Service) claimed(c id.Customer, set Settings) bool {
	if len(set.Certificates) > 0 || set.User != "" {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for other, all := range s.bindings {
		for _, b := range all {
			if other != c && len(b.Certificates) == 0 && b.User == "" && overlap(b.Peers, set.Peers) {
				return true
			}
		}
	}
	return false
}

func overlap(a, b []netip.Prefix) bool {
	return slices.ContainsFunc(a, func(x netip.Prefix) bool {
		return slices.ContainsFunc(b, x.Overlaps)
	})
}
