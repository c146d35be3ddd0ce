package blueprint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/insight/speech"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/identity"
	"ringfence/internal/tenancy/org"
)

// Recover carries out what was decided and not finished: after each Apply, and
// at the start. Every step looks at what is there and may be run again.
func (s *Service) Recover(ctx context.Context) error {
	return s.recover(ctx, id.Node{})
}

// recover carries out what is pending for one customer; the zero node stands for
// all, and then the trouble of one does not keep the others waiting.
func (s *Service) recover(ctx context.Context, only id.Node) error {
	if err := s.o.Tree.Recover(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	pending, err := s.o.Store.Registry().Pending(ctx, intentInside)
	if err != nil {
		return err
	}
	var failed error
	for _, in := range pending {
		var args insideArgs
		if err := json.Unmarshal(in.Args, &args); err != nil {
			return fmt.Errorf("arguments of the intent %s: %w", intentInside, err)
		}
		if only.IsZero() || args.Node == only {
			failed = errors.Join(failed, s.carry(ctx, in.ID, args))
		}
	}
	return failed
}

// carry takes the steps of one blueprint. What a step refuses ends it, and is
// told; what fails otherwise is tried again later.
func (s *Service) carry(ctx context.Context, in id.Intent, args insideArgs) error {
	var m stored
	var node org.Node
	err := s.o.Store.Registry().View(ctx, func(tx *place.Tx) (err error) {
		if node, err = org.Read(tx, args.Node); err != nil {
			return err
		}
		m, _, err = remembered(tx, args.Node)
		return err
	})
	if err != nil {
		return err
	}
	p, err := s.o.Store.Place(ctx, args.Node)
	if err != nil {
		return err
	}
	who := actor.ForSystem("blueprint")
	who.OnBehalf = args.Who
	w := &work{s: s, p: p, who: who, node: node, says: m.File}
	end := State{State: Done}
	switch err := w.run(ctx); {
	case err == nil:
		end.Note = strings.Join(w.notes, "; ")
	case fault.Is(err, fault.Internal), fault.Is(err, fault.Unavailable), ctx.Err() != nil:
		return err
	default:
		end.State, end.Note = Failed, w.at+": "+refusal(err)
	}
	s.o.Step("finish")
	return s.o.Store.Registry().Change(ctx, actor.ForSystem("blueprint"), func(tx *place.Tx) error {
		tx.Record(place.Event{Code: "blueprint.finished", Subject: args.Node.String(), Facts: map[string]string{"state": end.State}})
		if err := remember(tx, args.Node, m, end); err != nil {
			return err
		}
		return tx.Done(in)
	})
}

func refusal(err error) string {
	f := fault.Of(err)
	all := []string{f.Text}
	for _, d := range f.Details {
		all = append(all, d.Path+": "+d.Text)
	}
	return strings.Join(all, "; ")
}

// work is one blueprint being carried out in one place.
type work struct {
	s     *Service
	p     *place.Place
	who   actor.Actor
	node  org.Node
	says  inside
	at    string // the step that is being taken
	notes []string
}

// run takes the steps in an order in which people come last: who signs in finds
// everything set up.
func (w *work) run(ctx context.Context) error {
	settled := false
	err := w.p.View(ctx, func(tx *place.Tx) (err error) {
		settled, err = identity.Settled(tx)
		return err
	})
	if err != nil {
		return err
	}
	if settled {
		w.notes = append(w.notes, "the customer's administrators decide on the inside by now; it was left as it is")
		return nil
	}
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{{"retention", w.retention}, {"speech", w.speech}, {"sources", w.sources}, {"sign_in", w.signIn}, {"people", w.people}} {
		w.at = step.name
		w.s.o.Step(step.name)
		if err := step.do(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (w *work) retention(ctx context.Context) error {
	if w.says.Retention == nil {
		return nil
	}
	is, err := w.s.o.Recordings.Retention(ctx, w.p)
	if err != nil || is.Chosen && is.Days == w.says.Retention.period() {
		return err
	}
	return w.s.o.Retain(ctx, w.p, w.who, w.says.Retention.period())
}

func (w *work) speech(ctx context.Context) error {
	if w.says.Speech == nil {
		return nil
	}
	is, err := w.s.o.Speech.Settings(ctx, w.p)
	if err != nil || is.Engine == w.says.Speech.Engine && is.Language == w.says.Speech.Language && !is.SetAt.IsZero() {
		return err
	}
	_, err = w.s.o.Speech.Set(ctx, w.p, w.who, speech.Change{Engine: w.says.Speech.Engine, Language: w.says.Speech.Language})
	return err
}

// sources adds and changes by name; what the file does not name stays.
func (w *work) sources(ctx context.Context) error {
	have, err := w.s.o.Recordings.Sources(ctx, w.p)
	if err != nil {
		return err
	}
	for _, says := range w.says.Sources {
		want := says.source(w.node.ID)
		i := slices.IndexFunc(have, func(is recording.Source) bool { return is.Name == want.Name })
		if i < 0 {
			if _, err := w.s.o.Recordings.AddSource(ctx, w.p, w.who, want); err != nil {
				return err
			}
			continue
		}
		is := have[i]
		want.ID, want.State = is.ID, is.State
		want.Raw, want.QueueLanguages, want.Note, want.CreatedAt, want.LastCapturedAt = is.Raw, is.QueueLanguages, is.Note, is.CreatedAt, is.LastCapturedAt
		if is.Kind != want.Kind {
			return fault.New(fault.Conflict, "the source “%s” is a %s", is.Name, is.Kind)
		}
		if sameSource(is, want) {
			continue
		}
		if _, err := w.s.o.Recordings.ChangeSource(ctx, w.p, w.who, want); err != nil {
			return err
		}
	}
	return nil
}

func (s Source) source(c id.Customer) recording.Source {
	own := func(path string) string { return strings.ReplaceAll(path, "{customer}", c.String()) }
	return recording.Source{
		Name: s.Name, Kind: recording.SourceKind(s.Kind), Profile: s.Profile, Folder: own(s.Folder), Logs: own(s.Logs), Pattern: s.Pattern,
		TimeZone: s.TimeZone, Language: s.Language, Country: s.Country, After: recording.After(s.After), State: "active",
	}
}

// sameSource compares what a blueprint can say of a source.
func sameSource(a, b recording.Source) bool {
	return a.Profile == b.Profile && a.Folder == b.Folder && a.Logs == b.Logs && a.Pattern == b.Pattern && a.TimeZone == b.TimeZone &&
		a.Language == b.Language && a.Country == b.Country && a.After == b.After
}

func (w *work) signIn(ctx context.Context) error {
	if w.says.SignIn == nil {
		return nil
	}
	return w.s.o.People.SetFirstPolicy(ctx, w.p, w.who, identity.Factor(w.says.SignIn.Factor), w.says.SignIn.DeviceDays)
}

// people invites who is no member yet. A mail that does not leave must not undo
// what stands: whoever it was for is invited once more by hand.
func (w *work) people(ctx context.Context) error {
	members, err := w.s.o.People.Members(ctx, w.p)
	if err != nil {
		return err
	}
	unsent := 0
	for _, says := range w.says.People {
		if slices.ContainsFunc(members, func(m identity.Member) bool { return strings.EqualFold(m.Email, says.Email) }) {
			continue
		}
		w.s.o.Step("invite")
		g := identity.Grant{}
		for _, r := range says.Roles {
			g.Roles = append(g.Roles, access.Role(r))
		}
		_, err := w.s.o.People.Invite(ctx, w.p, w.who, w.node.Name, says.Email, says.Name, g)
		if fault.Is(err, fault.Unavailable) {
			unsent++
		} else if err != nil {
			return err
		}
	}
	if unsent > 0 {
		w.notes = append(w.notes, fmt.Sprintf("%d invitation(s) could not be mailed: invite once more", unsent))
	}
	return nil
}
