package custody

import (
	"context"
	"encoding/json"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/transit"
	"ringfence/internal/trust/monitor"
)

// Settings are those of a customer's key server, without its secret.
type Settings struct {
	transit.Config
	Name  string
	SetAt time.Time
}

// kept is what is sealed.
type kept struct {
	Config transit.Config `json:"config"`
	Secret string         `json:"secret"`
}

type settingsRow struct {
	Name    string   `db:"name"`
	Version int64    `db:"version"`
	SetAt   int64    `db:"set_at"`
	Row     [16]byte `db:"row_id"`
	Sealed  []byte   `db:"sealed"`
}

type settings struct {
	Settings
	secret  secret.Text
	version int64
}

const settingsColumns = `SELECT name, version, set_at, row_id, sealed FROM key_servers_set`

func (r settingsRow) open(tx *place.Tx) (settings, error) {
	text, err := tx.Unseal(place.FieldKeyServer, r.Row, r.Sealed)
	if err != nil {
		return settings{}, err
	}
	var k kept
	if err := json.Unmarshal(text, &k); err != nil {
		return settings{}, err
	}
	return settings{Settings{k.Config, r.Name, from(r.SetAt)}, secret.NewText(k.Secret), r.Version}, nil
}

// readSettings reads those that were set last.
func readSettings(tx *place.Tx) (settings, error) {
	r, err := place.Row[settingsRow](tx, settingsColumns+` ORDER BY set_at DESC, name LIMIT 1`)
	if err != nil {
		return settings{}, err
	}
	return r.open(tx)
}

// SetServer keeps the settings of a key server. Nothing changes hands by that: it
// can be tried, and a rotation hands over. For the server and key that are in
// force it changes how they are reached. An empty secret keeps the one that was
// set for the same server and key.
func (s *Service) SetServer(ctx context.Context, p *place.Place, who actor.Actor, c transit.Config, text secret.Text) error {
	c, err := c.Settle()
	if err != nil {
		return err
	}
	name := c.Name()
	// The operator's limits are told before anything is kept.
	if _, err := transit.New(transit.Options{Config: c, Secret: text, Egress: s.o.Egress, Place: p}); err != nil {
		return err
	}
	return p.Change(ctx, who, func(tx *place.Tx) error {
		old, err := place.Row[settingsRow](tx, settingsColumns+` WHERE name = ?`, name)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		if text.IsZero() {
			if err != nil {
				return fault.Field("secret", "is needed to sign in there")
			}
			before, err := old.open(tx)
			if err != nil {
				return err
			}
			text = before.secret
		}
		b, err := json.Marshal(kept{c, text.Reveal()})
		if err != nil {
			return err
		}
		row := id.At[id.Rotation](tx.At())
		sealed, err := tx.Seal(place.FieldKeyServer, row, b)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(`INSERT INTO key_servers_set (name, version, set_at, row_id, sealed) VALUES (?, 1, ?, ?, ?)
			ON CONFLICT (name) DO UPDATE SET version = key_servers_set.version + 1, set_at = excluded.set_at, row_id = excluded.row_id, sealed = excluded.sealed`,
			name, tx.At().UnixMilli(), row, sealed); err != nil {
			return err
		}
		tx.Record(place.Event{Code: "key.server-set", Subject: p.Customer().String(), Facts: map[string]string{"server": name, "auth": c.Auth}})
		tx.Notify(Topic)
		return nil
	})
}

// Topic is the live topic that is woken when something about keys changes.
const Topic = "keys"

// Try asks the key server that is set, and tells what arrived. It changes nothing.
func (s *Service) Try(ctx context.Context, p *place.Place) (transit.Trial, error) {
	set, err := s.set(ctx, p, "")
	if err != nil {
		return transit.Trial{}, err
	}
	c, err := transit.New(transit.Options{Config: set.Config, Secret: set.secret, Egress: s.o.Egress, Place: p, Now: s.o.Now})
	if err != nil {
		return transit.Trial{}, err
	}
	return c.Try(ctx), nil
}

// set reads the settings of a key server by name; "": those that were set last.
func (s *Service) set(ctx context.Context, p *place.Place, name string) (set settings, err error) {
	err = p.View(ctx, func(tx *place.Tx) (err error) {
		if name == "" {
			set, err = readSettings(tx)
			return err
		}
		r, err := place.Row[settingsRow](tx, settingsColumns+` WHERE name = ?`, name)
		if err == nil {
			set, err = r.open(tx)
		}
		return err
	})
	if fault.Is(err, fault.NotFound) {
		if name == "" {
			return set, fault.New(fault.Conflict, "no key server is set yet")
		}
		return set, fault.New(fault.Unavailable, "the key of this customer is held by %s, whose settings are not here", name)
	}
	return set, err
}

// holder is how the keyring finds the key server of a customer.
func (s *Service) holder(ctx context.Context, c id.Customer, name string) (keyring.Holder, error) {
	p, err := s.o.Store.Place(ctx, c)
	if err != nil {
		return nil, err
	}
	set, err := s.set(ctx, p, name)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := clientKey{c, name, set.version}
	client := s.clients[key]
	if client == nil {
		client, err = transit.New(transit.Options{Config: set.Config, Secret: set.secret, Egress: s.o.Egress, Place: p, Now: s.o.Now})
		if err != nil {
			return nil, err
		}
		for old := range s.clients {
			if old.customer == c && old.name == name {
				delete(s.clients, old)
			}
		}
		s.clients[key] = client
	}
	return watched{client, s, p}, nil
}

// watched notes whether a key server lends, for the portal and the alert.
type watched struct {
	*transit.Client
	s *Service
	p *place.Place
}

var _ keyring.Holder = watched{}

// Unwrap implements keyring.Holder.
func (w watched) Unwrap(ctx context.Context, aad []byte, wrapped string) ([]byte, error) {
	out, err := w.Client.Unwrap(ctx, aad, wrapped)
	if ctx.Err() == nil || err == nil {
		w.s.noted(w.p, err)
	}
	return out, err
}

// noted keeps what a key server answered. What is told to people is told by Tick,
// outside of whatever is being opened at this moment.
func (s *Service) noted(p *place.Place, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.failing[p.Customer()] = ""
		return
	}
	f := fault.Of(err)
	text := f.Text
	if len(f.Details) > 0 {
		text = f.Details[0].Text
	}
	s.failing[p.Customer()] = text
}

// tell reports or ends the alert of a key server.
func (s *Service) tell(ctx context.Context, p *place.Place, problem string) error {
	if s.o.Monitor == nil {
		return nil
	}
	if problem == "" {
		return s.o.Monitor.Clear(ctx, monitor.In(p), monitor.KeyHolderFailing, "key")
	}
	return s.o.Monitor.Report(ctx, monitor.In(p), monitor.Condition{Kind: monitor.KeyHolderFailing, Subject: "key", Facts: map[string]string{"text": problem}})
}
