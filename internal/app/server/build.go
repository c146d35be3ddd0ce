package server

import (
	"context"
	"path/filepath"
	"time"

	"ringfence/internal/archive/capture"
	"ringfence/internal/archive/collect"
	"ringfence/internal/archive/compact"
	"ringfence/internal/archive/recording"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/edge/httpapi"
	"ringfence/internal/insight/search"
	"ringfence/internal/insight/speech"
	"ringfence/internal/platform/egress"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/live"
	"ringfence/internal/platform/mail"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/blueprint"
	"ringfence/internal/tenancy/entry"
	"ringfence/internal/tenancy/identity"
	"ringfence/internal/tenancy/org"
	"ringfence/internal/tenancy/review"
	"ringfence/internal/tenancy/scim"
	"ringfence/internal/tenancy/sso"
	"ringfence/internal/trust/approval"
	"ringfence/internal/trust/person"
	"ringfence/internal/trust/redaction"
)

func (s *Server) build(x Extras) error {
	if err := s.buildWatching(); err != nil {
		return err
	}
	if err := s.buildPeople(x); err != nil {
		return err
	}
	s.Recordings = recording.New(recording.Options{Store: s.Places, Keys: s.Keys, Objects: s.Objects, Log: s.log, Admit: s.mayCapture, Oldest: s.oldestBackup})
	s.Recordings.OnDestroy(search.Remove)
	s.reviews = review.New(review.Options{
		Store: s.Places, Tree: s.Tree, People: s.People, Mail: s.sender, URL: s.URL, Brand: s.Tree.LetterBrand, Reach: httpapi.InReach(s.Recordings, time.Now), Log: s.log,
	})
	s.buildApprovals()
	s.buildRedaction()
	s.Recordings.OnCapture(captured)
	s.Recordings.OnCapture(tellCaptured)
	s.Recordings.OnCapture(s.figureCapture)
	s.Recordings.OnDestroyed(tellDestroyed)
	s.buildPrivacy()
	s.buildMonitor()
	out, err := egress.New(egress.Options{Private: s.cfg.Egress.AllowPrivate, Sent: s.metrics.Egress})
	if err != nil {
		return err
	}
	s.sso = sso.New(sso.Options{Store: s.Places, People: s.People, Egress: out, BaseURL: s.URL, Log: s.log})
	s.pace = newPace()
	s.Speech = speech.New(speech.Options{
		Recordings: s.Recordings, Egress: out, Workers: s.cfg.Speech.Workers, Log: s.log, Admit: s.mayHear, Heard: s.pace.told(heardAndLooked(heard)), Objected: person.Objected,
	})
	s.blueprints = blueprint.New(blueprint.Options{
		Store: s.Places, Tree: s.Tree, People: s.People, Recordings: s.Recordings, Speech: s.Speech, Folder: s.mayWatch, Retain: s.privacy.SetAsSaid,
	})
	if err := s.buildEntrances(); err != nil {
		return err
	}
	s.buildDestruction()
	s.compact = compact.New(compact.Options{Recordings: s.Recordings, Log: s.log})
	s.buildImports()
	s.buildSystems(out)
	s.jobs = job.NewRunner(s.Places, map[string]job.Kind{
		recording.JobTranscribe: s.pace.measured(s.Speech.Kind()),
		compact.Job:             s.compact.Kind(),
		redaction.Job:           s.redaction.Kind(),
		approval.Job:            s.approvals.Kind(),
	}, s.runnerOptions(0))
	s.buildWebhooks(out)
	s.buildExports()
	s.buildDeparture()
	s.buildProofs()
	s.buildPersons()
	s.buildCustody()
	s.buildHealth()
	s.figures()
	return nil
}

// buildPeople builds the tree, who is in it, and how they are written to.
func (s *Server) buildPeople(x Extras) error {
	var sender mail.Sender = x.Mailbox
	if x.Mailbox == nil {
		relay, err := NewRelay(s.cfg.Mail)
		if err != nil {
			return err
		}
		sender = relay
	}
	s.outgoing = &outgoing{next: sender, none: x.Mailbox == nil && s.cfg.Mail.SMTP == ""}
	s.sender = s.outgoing
	s.hub = live.NewHub()
	s.Places.OnCommit(s.hub.Watch)
	s.Tree = org.New(s.Places, s.Keys)
	stolen, err := s.stolenPasswords()
	if err != nil {
		return err
	}
	s.People = identity.New(identity.Options{
		Store: s.Places, Mail: s.sender, BaseURL: s.URL, Log: s.log, Brand: s.Tree.LetterBrand, Seats: s.Tree.MoreSeats,
		Names: s.namesOf, Breached: stolen, MailedCodeForNodes: s.cfg.SignIn.MailedCodeForAdministrators,
	})
	s.scim = scim.New(scim.Options{Store: s.Places, People: s.People, Mail: s.sender, Name: s.nameOf, Brand: s.Tree.LetterBrand, Log: s.log})
	return nil
}

// buildEntrances builds the ways by which calls come in.
func (s *Server) buildEntrances() (err error) {
	if err := s.buildWays(); err != nil {
		return err
	}
	s.captures = capture.NewService(capture.ServiceOptions{Store: s.Places, Recordings: s.Recordings, Expect: s.coverage.Expect, Given: s.mayWatch, Drop: s.dropOf, Log: s.log})
	if err := s.buildSiprec(); err != nil {
		return err
	}
	s.entry = entry.New(nil)
	s.collectors, err = collect.NewServer(collect.ServerOptions{
		Store: s.Places, Keys: s.Keys, Recordings: s.Recordings, Staging: filepath.Join(s.cfg.Data, "uploads"), Log: s.log,
		Admits:  func(tx *place.Tx, from string) (bool, error) { return entry.AdmitsText(tx, entry.Collectors, from) },
		Refused: s.turnedAway, Expect: s.coverage.Expect, Releases: s.releases(),
	})
	return fault.Wrap(err, fault.Unavailable, "the folder for uploads cannot be opened")
}

// nameOf is what a customer or another node is called, for mails.
func (s *Server) nameOf(ctx context.Context, n id.Node) string {
	node, err := s.Tree.Node(ctx, n)
	if err != nil {
		return "your organisation"
	}
	return node.Name
}

// namesOf gives the names of nodes, which no password of theirs may rest on.
func (s *Server) namesOf(ctx context.Context, at []id.Node) (names []string) {
	for _, n := range at {
		if node, err := s.Tree.Node(ctx, n); err == nil {
			names = append(names, node.Name)
		}
	}
	return names
}

// stolenPasswords opens the operator's list, if there is one. It stays open as
// long as the program runs.
func (s *Server) stolenPasswords() (func(string) (bool, error), error) {
	if s.cfg.SignIn.BreachedPasswords == "" {
		return nil, nil
	}
	list, err := identity.OpenBreached(s.cfg.SignIn.BreachedPasswords)
	if err != nil {
		return nil, err
	}
	return list.Holds, nil
}
