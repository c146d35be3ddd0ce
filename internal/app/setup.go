package app

import (
	"context"
	"log/slog"
	"regexp"

	"ringfence/internal/app/config"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/mail"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/identity"
	"ringfence/internal/tenancy/org"
)

// demoKeys makes the demo's keys on its first start. Nobody is asked to keep a
// recovery copy of keys that lock away invented calls.
func demoKeys(ctx context.Context, c config.Config) error {
	root, err := rootKey(c.Keys.Root)
	if err != nil {
		return err
	}
	where, err := keyStores(c)
	if err != nil {
		return err
	}
	return keyring.Init(ctx, keyring.Options{Root: root, Stores: where})
}

var invitation = regexp.MustCompile(`https?://\S+/welcome#token=\S+`)

// firstAdministrator makes the provider, if there is none, and invites its
// first administrator. The link is taken out of the mail that would have been
// sent: a server that is just being set up may have no way to send one.
func firstAdministrator(ctx context.Context, c config.Config, provider, email, name string) (link string, err error) {
	s, err := openStores(ctx, c, true)
	if err != nil {
		return "", err
	}
	defer s.close(slog.New(slog.DiscardHandler))
	who := actor.ForSystem("init")
	tree := org.New(s.places, s.keys)
	root, err := tree.Root(ctx)
	if fault.Is(err, fault.NotFound) {
		root, err = tree.CreateProvider(ctx, who, provider)
	}
	if err != nil {
		return "", err
	}
	outbox := &mail.Mailbox{}
	url := (&server{cfg: c}).url
	people := identity.New(identity.Options{Store: s.places, Mail: outbox, BaseURL: url})
	if err := people.InviteToNode(ctx, who, root.ID, root.Name, access.ProviderAdmin, email, name); err != nil {
		return "", err
	}
	for _, m := range outbox.Mails() {
		if link = invitation.FindString(m.Text); link != "" {
			return link, nil
		}
	}
	return "", fault.New(fault.Conflict, "%s has signed in here before: sign in, or use the link for forgotten passwords", email)
}
