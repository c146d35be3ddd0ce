package install

import (
	"context"
	"errors"
	"log/slog"
	"regexp"

	"ringfence/internal/app/cli"
	"ringfence/internal/app/config"
	"ringfence/internal/app/server"
	"ringfence/internal/app/storage"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/platform/mail"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/identity"
	"ringfence/internal/tenancy/org"
)

var invitation = regexp.MustCompile(`https?://\S+/welcome#token=\S+`)

// invite makes the provider, if there is none, and invites its one first
// administrator. The link is taken out of the mail, which is sent as well if
// mail leaves: a server that is just being set up may have no way to send one. The
// first time it makes the folders that data lie in.
func (x *setup) invite(ctx context.Context, c config.Config, first bool) (link string, err error) {
	if _, err := mail.Address(x.a.Admin); err != nil {
		return "", cli.Misuse(errors.New("--admin is missing or no e-mail address: whose mailbox gets the first link?"))
	}
	s, err := storage.Open(ctx, c, first)
	if err != nil {
		return "", err
	}
	defer s.Close(slog.New(slog.DiscardHandler))
	who := actor.ForSystem("init")
	tree := org.New(s.Places, s.Keys)
	root, err := tree.Root(ctx)
	if fault.Is(err, fault.NotFound) {
		root, err = tree.CreateProvider(ctx, who, or(x.a.Provider, "Provider"))
	}
	if err != nil {
		return "", err
	}
	x.step("provider")
	outbox := &mail.Mailbox{}
	url := func() string { return server.PortalURL(c, nil) }
	people := identity.New(identity.Options{Store: s.Places, Mail: outbox, BaseURL: url})
	alone, err := people.NobodyElse(ctx, root.ID, access.ProviderAdmin, x.a.Admin)
	if err != nil {
		return "", err
	}
	if !alone {
		return "", fault.New(fault.Conflict, "somebody else is invited as the first administrator already; take the same --admin as before, or let that person invite others")
	}
	if _, err := people.InviteToNode(ctx, who, root.ID, root.Name, x.a.Admin, or(x.a.AdminName, "Administrator"), access.ProviderAdmin); err != nil {
		return "", err
	}
	for _, m := range outbox.Mails() {
		if link = invitation.FindString(m.Text); link != "" {
			x.post(ctx, c, m)
			return link, nil
		}
	}
	return "", fault.New(fault.Conflict, "%s has signed in here before: sign in, or use the link for forgotten passwords", x.a.Admin)
}

// post sends the invitation, too. The link is shown in any case.
func (x *setup) post(ctx context.Context, c config.Config, m mail.Message) {
	if c.Mail.SMTP == "" || x.a.NoMailProof != "" {
		return
	}
	relay, err := server.NewRelay(c.Mail)
	if err == nil {
		err = relay.Send(ctx, m)
	}
	if err != nil {
		x.say("The invitation could not be mailed: %v\n", err)
		return
	}
	x.say("The invitation was mailed to %s, too.\n", m.To)
}

func or(given, usual string) string {
	if given == "" {
		return usual
	}
	return given
}
