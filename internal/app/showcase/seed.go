package showcase

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"ringfence/demo"
	"ringfence/internal/app/server"
	"ringfence/internal/archive/recording"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/insight/speech"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/identity"
	"ringfence/internal/tenancy/org"
)

// seed fills an empty demo with people and calls. The calls are put into the
// drop folder like anybody's; all else the program does to them itself.
type seed struct {
	server   *server.Server
	dir      string
	customer id.Customer
	calls    int // put into the drop folder by this start
}

var sower = actor.ForSystem("demo")

func (s *seed) drop() string { return filepath.Join(s.dir, "drop") }

// sow makes everything on the first start and nothing on a later one.
func (s *seed) sow(ctx context.Context) ([]Person, error) {
	abs, err := filepath.Abs(s.dir)
	if err != nil {
		return nil, err
	}
	s.dir = abs
	memory := filepath.Join(s.dir, "people.json")
	people, err := remembered(memory)
	if err != nil || people != nil {
		return people, err
	}
	if _, err := s.server.Tree.Root(ctx); !fault.Is(err, fault.NotFound) {
		return nil, fault.Wrap(err, fault.Conflict, "an earlier start of the demo was interrupted; remove its folder to begin anew")
	}
	people, err = s.people(ctx)
	if err == nil {
		err = s.settings(ctx)
	}
	if err == nil {
		err = s.conversations()
	}
	if err != nil {
		return nil, err
	}
	b, err := json.MarshalIndent(people, "", "  ")
	if err != nil {
		return nil, err
	}
	return people, fault.Wrap(os.WriteFile(memory, b, 0o600), fault.Unavailable, "the demo's folder cannot be written")
}

// people makes the tree and one person for each role.
func (s *seed) people(ctx context.Context) ([]Person, error) {
	provider, err := s.server.Tree.CreateProvider(ctx, sower, "Northgate Hosting")
	if err != nil {
		return nil, err
	}
	reseller, err := s.server.Tree.Create(ctx, sower, provider.ID, org.Reseller, "Bellweather Telecom")
	if err != nil {
		return nil, err
	}
	customer, err := s.server.Tree.Create(ctx, sower, reseller.ID, org.Customer, "Oak & Ember Furniture")
	if err != nil {
		return nil, err
	}
	s.customer = customer.ID
	p, err := s.server.Places.Place(ctx, customer.ID)
	if err != nil {
		return nil, err
	}
	var all []Person
	for _, who := range []struct {
		name  string
		role  access.Role
		node  id.Node
		grant identity.Grant
	}{
		{"Nora Vale", access.ProviderAdmin, provider.ID, identity.Grant{}},
		{"Rhys Calder", access.ResellerAdmin, reseller.ID, identity.Grant{}},
		{"Cora Lindqvist", access.CustomerAdmin, id.Node{}, identity.Grant{}},
		{"Sam Okafor", access.SuperUser, id.Node{}, identity.Grant{}},
		{"Fatima Noor", access.User, id.Node{}, identity.Grant{Extensions: []string{"204"}}},
	} {
		shown := Person{
			Email: strings.ReplaceAll(string(who.role), "_", "-") + "@demo.example", Password: passphrase(), Role: string(who.role),
		}
		person, err := s.server.People.Add(ctx, sower, shown.Email, who.name, secret.NewText(shown.Password))
		if err != nil {
			return nil, err
		}
		if who.node.IsZero() {
			who.grant.Roles = []access.Role{who.role}
			_, err = s.server.People.AddMember(ctx, p, sower, person.ID, who.grant)
		} else {
			err = s.server.People.GiveNodeRole(ctx, sower, who.node, who.role, person.ID)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, shown)
	}
	return all, nil
}

// settings are the choices that a customer makes before anything is captured.
func (s *seed) settings(ctx context.Context) error {
	p, err := s.place(ctx)
	if err != nil {
		return err
	}
	if err := s.server.Recordings.SetRetention(ctx, p, sower, 365); err != nil {
		return err
	}
	if _, err := s.server.Speech.Set(ctx, p, sower, speech.Change{Engine: speech.EngineBuiltin, Language: "en-GB"}); err != nil {
		return err
	}
	_, err = s.server.Recordings.AddSource(ctx, p, sower, recording.Source{
		Kind: recording.Folder, Profile: "generic", Name: "Drop folder", Folder: s.drop(), TimeZone: "Europe/London",
		Language: "en-GB", Country: "GB", After: recording.Keep,
	})
	return err
}

func (s *seed) place(ctx context.Context) (*place.Place, error) {
	return s.server.Places.Place(ctx, s.customer)
}

// conversations puts the sounds into the drop folder, each with what a
// telephone system knows of it beside it.
func (s *seed) conversations() error {
	all, err := demo.Conversations()
	if err != nil {
		return err
	}
	s.calls = len(all)
	now := time.Now()
	for i, c := range all {
		started := now.Add(-time.Duration(c.HoursAgo)*time.Hour - time.Duration(7*i)*time.Minute).Truncate(time.Second)
		about, err := json.MarshalIndent(map[string]any{
			"started_at": started.UTC(), "direction": c.Direction, "caller": c.Caller, "caller_name": c.CallerName,
			"dialled": c.Dialled, "queue": c.Queue, "extension": c.Extension, "agent_name": c.AgentName,
		}, "", "  ")
		if err != nil {
			return err
		}
		// The sound last: a file that is there is whole, with all that belongs to it.
		for _, f := range []struct {
			ext  string
			data []byte
		}{{".json", about}, {".wav", c.Sound}} {
			path := filepath.Join(s.drop(), c.Name+f.ext)
			if err := os.WriteFile(path, f.data, 0o600); err != nil {
				return fault.Wrap(err, fault.Unavailable, "the drop folder cannot be written")
			}
			if err := os.Chtimes(path, started, started); err != nil {
				return fault.Wrap(err, fault.Unavailable, "the drop folder cannot be written")
			}
		}
	}
	return nil
}

// await waits until this start's calls are captured, or for some seconds: who
// opens the page then finds them.
func (s *seed) await(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for s.calls > 0 {
		if p, err := s.place(ctx); err == nil {
			if u, err := s.server.Recordings.Usage(ctx, p); err == nil && int(u.Recordings) >= s.calls {
				return
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// passphrase is four groups of four letters: strong enough for anything, and
// short enough to type once.
func passphrase() string {
	t := strings.ToLower(rand.Text())
	return fmt.Sprintf("%s-%s-%s-%s", t[:4], t[4:8], t[8:12], t[12:16])
}
