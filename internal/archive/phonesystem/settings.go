package phonesystem

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/place"
)

// Migrations make the tables of this package in a customer's place.
func Migrations() place.Migrations {
	return place.Migrations{{Number: 670, Name: "telephone systems that are asked", SQL: `
-- Address, client and secret are sealed; so is where listing goes on.
CREATE TABLE phone_systems (
  source   {{id}}    PRIMARY KEY,
  settings {{bytes}} NOT NULL,
  state    {{bytes}},
  asked_at {{int}},
  fetched  {{int}}   NOT NULL,
  clock_ms {{int}}   NOT NULL
);

-- What is to be fetched, and what was: the name that the system gives it is blinded. What was fetched is remembered for a month.
CREATE TABLE phone_items (
  source  {{id}}    NOT NULL,
  token   {{bytes}} NOT NULL,
  seq     {{int}}   NOT NULL,
  at      {{int}}   NOT NULL,
  due_at  {{int}}   NOT NULL,
  tries   {{int}}   NOT NULL,
  done    {{int}}   NOT NULL,
  row     {{id}}    NOT NULL,
  sealed  {{bytes}},
  PRIMARY KEY (source, token)
);
CREATE INDEX phone_items_due ON phone_items (source, done, due_at, seq);
`}}
}

// Housekeeping are the tables that are written without an event: where asking goes on. Settings are changed with events.
var Housekeeping = []string{"phone_systems", "phone_items"}

// Settings say which system is asked, and with what.
type Settings struct {
	System   string      `json:"system"` // one of Systems
	Address  string      `json:"address"`
	ClientID string      `json:"client_id"`
	Secret   secret.Text `json:"-"`
	Since    time.Time   `json:"since"` // recordings from then on

	Kept string `json:"secret"` // Secret, sealed with the rest
}

func (set Settings) host() string {
	u, err := url.Parse(set.Address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// check finds all faults at once.
func (s *Service) check(set *Settings) error {
	bad := &fault.Error{Kind: fault.Invalid, Text: "the telephone system's settings are not valid"}
	wrong := func(path, text string) { bad.Details = append(bad.Details, fault.Detail{Path: path, Text: text}) }
	if !slices.Contains(Systems(), set.System) {
		wrong("system", "must be 3cx or yeastar")
	}
	set.Address = strings.TrimRight(strings.TrimSpace(set.Address), "/")
	u, err := url.Parse(set.Address)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		wrong("address", "must be the address of the telephone system's web page, for example https://pbx.example.com:5001")
	case u.Path != "" || u.RawQuery != "":
		wrong("address", "must end with the host and port: what comes after is known")
	default:
		if err := s.o.Egress.Admissible(set.Address + "/"); err != nil {
			f := fault.Of(err)
			text := f.Text
			if len(f.Details) > 0 {
				text = f.Details[0].Text
			}
			wrong("address", text)
		}
	}
	if set.ClientID == "" {
		wrong("client_id", "is missing: the telephone system shows it where its API is switched on")
	}
	if set.Secret.IsZero() {
		wrong("secret", "is missing: the telephone system shows it once, where its API is switched on")
	}
	if len(bad.Details) > 0 {
		return bad
	}
	return nil
}

type systemRow struct {
	Source   id.Source `db:"source"`
	Settings []byte    `db:"settings"`
	State    []byte    `db:"state"`
	Asked    *int64    `db:"asked_at"`
	Fetched  int64     `db:"fetched"`
	Clock    int64     `db:"clock_ms"`
}

// read gives the settings of a source, or fault.NotFound.
func read(tx *place.Tx, source id.Source) (set Settings, r systemRow, err error) {
	r, err = place.Row[systemRow](tx, `SELECT source, settings, state, asked_at, fetched, clock_ms FROM phone_systems WHERE source = ?`, source)
	if err != nil {
		return set, r, fault.Wrap(err, fault.KindOf(err), "no telephone system is set for this source")
	}
	plain, err := tx.Unseal(place.FieldSystem, source, r.Settings)
	if err == nil {
		err = json.Unmarshal(plain, &set)
	}
	set.Secret, set.Kept = secret.NewText(set.Kept), ""
	return set, r, err
}

// Set says which system is asked for a source, and begins to ask it. A secret that is not given stays what it was, unless the address
// changes: it must not be sent to another host.
func (s *Service) Set(ctx context.Context, p *place.Place, who actor.Actor, source id.Source, set Settings) error {
	src, err := s.o.Recordings.Source(ctx, p, source)
	if err != nil {
		return err
	}
	if src.Kind != recording.System {
		return fault.New(fault.Conflict, "this source does not ask a telephone system")
	}
	if err := s.complete(ctx, p, source, &set); err != nil {
		return err
	}
	if err := s.check(&set); err != nil {
		return err
	}
	err = p.Change(ctx, who, func(tx *place.Tx) error {
		if set.Since.IsZero() {
			set.Since = tx.At()
		}
		set.Kept = set.Secret.Reveal()
		plain, err := json.Marshal(set)
		if err != nil {
			return err
		}
		sealed, err := tx.Seal(place.FieldSystem, source, plain)
		if err != nil {
			return err
		}
		tx.Record(place.Event{Code: "system.set", Subject: source.String(), Facts: map[string]string{"system": set.System}, Personal: map[string]string{"address": set.Address}})
		tx.Notify("sources")
		if _, err := tx.Exec(`INSERT INTO phone_systems (source, settings, fetched, clock_ms) VALUES (?, ?, 0, 0)
			ON CONFLICT (source) DO UPDATE SET settings = excluded.settings`, source, sealed); err != nil {
			return err
		}
		return enqueue(tx, source, tx.At())
	})
	s.tokens.forget(source)
	return err
}

// complete takes what is not given from what is set, where it may be.
func (s *Service) complete(ctx context.Context, p *place.Place, source id.Source, set *Settings) error {
	if !set.Secret.IsZero() {
		return nil
	}
	err := p.View(ctx, func(tx *place.Tx) error {
		old, _, err := read(tx, source)
		if err == nil && old.host() == set.host() && old.ClientID == set.ClientID {
			set.Secret = old.Secret
		}
		return err
	})
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}

// Standing is how the asking of a system goes.
type Standing struct {
	Settings Settings // without the secret
	Set      bool
	AskedAt  *time.Time
	Waiting  int64 // recordings that are to be fetched
	Fetched  int64
	ClockOff time.Duration // by which the system's clock differs
}

// Standing gives the settings of a source, without the secret, and how it goes.
func (s *Service) Standing(ctx context.Context, p *place.Place, source id.Source) (out Standing, err error) {
	if _, err := s.o.Recordings.Source(ctx, p, source); err != nil {
		return out, err
	}
	err = p.View(ctx, func(tx *place.Tx) error {
		set, r, err := read(tx, source)
		if err != nil {
			return err
		}
		set.Secret = secret.Text{}
		out = Standing{Settings: set, Set: true, Fetched: r.Fetched, ClockOff: time.Duration(r.Clock) * time.Millisecond}
		if r.Asked != nil {
			t := time.UnixMilli(*r.Asked).UTC()
			out.AskedAt = &t
		}
		out.Waiting, err = place.Row[int64](tx, `SELECT count(*) FROM phone_items WHERE source = ? AND done = 0`, source)
		return err
	})
	if fault.Is(err, fault.NotFound) {
		return Standing{}, nil
	}
	return out, err
}
