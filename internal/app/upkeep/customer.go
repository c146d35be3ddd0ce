package upkeep

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"ringfence/internal/app/check"
	"ringfence/internal/app/cli"
	"ringfence/internal/app/client"
	"ringfence/internal/app/config"
	"ringfence/internal/app/server"
	"ringfence/internal/app/storage"
	"ringfence/internal/archive/recording"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/disk"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/release"
	"ringfence/internal/insight/search"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/mail"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/identity"
	"ringfence/internal/tenancy/org"
	"ringfence/internal/tenancy/review"
	"ringfence/internal/trust/departure"
	"ringfence/internal/trust/parcel"
)

const customerUsage = `
ringfence customer moves a customer to another installation, with everything.

  receive-key              at the receiving installation: writes the key that the
                           bundle's keys are wrapped to
  export CUSTOMER          at the one that is left: has the running server (--url)
                           make the bundle and takes it away; cut off or killed,
                           run again it goes on where it stopped. Without --url it
                           writes the bundle itself, with the server stopped
  import BUNDLE            at the receiving installation, with the server stopped:
                           checks the bundle, takes it in under the same ids, and
                           holds the result against it

Usage: ringfence customer receive-key|export|import [ARGUMENT] --config FILE [flags]`

// Customer is `ringfence customer`.
func Customer(ctx context.Context, args []string, p cli.Process) error {
	f := cli.Flags("customer", customerUsage, p)
	path := f.String("config", cli.UsualConfig, "the configuration of this installation")
	to := f.String("to", "", "export, receive-key: the `file` to write")
	key := f.String("key", "", "export: `file` with the receiving installation's key")
	purpose := f.String("purpose", "", "export with --url: why; it stands in the customer's journal")
	asker := client.Asking(f, p)
	under := f.String("under", "", "import: the `node` that the customer comes under, org_…; left out: the provider")
	admin := f.String("admin", "", "import: `address` of the first administrator, who is invited")
	certificate := f.String("certificate", "", "import: `file` with the certificate of the installation that wrote the bundle (PEM)")
	what, arg := "", ""
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		what, args = args[0], args[1:]
	}
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		arg, args = args[0], args[1:]
	}
	if err := cli.Parse(f, args); err != nil {
		return err
	}
	if what != "receive-key" && what != "export" && what != "import" || what != "receive-key" && arg == "" {
		return cli.Misuse(errors.New("say receive-key, export CUSTOMER or import BUNDLE; -h explains"))
	}
	order := export{customer: arg, to: *to, keyFile: *key}
	if what == "export" && asker.Named() {
		return order.take(ctx, asker, *purpose, p)
	}
	c, err := config.Load(*path)
	if err != nil {
		return err
	}
	switch what {
	case "receive-key":
		return receiveKey(c, *to, p)
	case "export":
		return order.write(ctx, c, p)
	}
	return importCustomer(ctx, c, arrival{file: arg, under: *under, admin: *admin, certificate: *certificate}, p)
}

func receiveKey(c config.Config, to string, p cli.Process) error {
	root, err := keyring.LoadRoot(c.Keys.Root)
	if err != nil {
		return err
	}
	public, err := root.ReceiveKey()
	if err != nil {
		return err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: server.ReceiveBlock, Bytes: public})
	if to == "" {
		_, err = p.Stdout.Write(text)
		return err
	}
	return fault.Wrap(os.WriteFile(to, text, 0o600), fault.Invalid, "%s cannot be written", to)
}

// export is what the command was told of a bundle to write.
type export struct{ customer, to, keyFile string }

func (x export) read() (i id.Customer, text, key []byte, err error) {
	if i, err = id.Parse[id.Customer](x.customer); err != nil || x.to == "" || x.keyFile == "" {
		return i, nil, nil, cli.Misuse(errors.New("name the customer (org_…), the bundle to write (--to) and the receiver's key (--key)"))
	}
	if text, err = os.ReadFile(x.keyFile); err != nil {
		return i, nil, nil, fault.Wrap(err, fault.Invalid, "%s cannot be read", x.keyFile)
	}
	key, err = server.ReadReceiveKey(text)
	return i, text, key, err
}

// take has a running server make the bundle, and takes it away.
func (x export) take(ctx context.Context, from client.Asker, purpose string, p cli.Process) error {
	i, text, _, err := x.read()
	if err != nil {
		return err
	}
	if purpose == "" {
		return cli.Misuse(errors.New("say why (--purpose): it stands in the customer's journal"))
	}
	return from.Bundle(ctx, i, string(text), purpose, x.to, p)
}

// write writes the bundle itself, with the server stopped.
func (x export) write(ctx context.Context, c config.Config, p cli.Process) error {
	i, _, key, err := x.read()
	if err != nil {
		return err
	}
	to := x.to
	s, err := storage.Open(ctx, c, false)
	if err != nil {
		return err
	}
	defer s.Close(slog.New(slog.DiscardHandler))
	pl, err := s.Places.Place(ctx, i)
	if err != nil {
		return err
	}
	tree := org.New(s.Places, s.Keys)
	node, err := tree.Node(ctx, i)
	if err != nil {
		return err
	}
	src := departure.Source{Place: pl, Keys: s.Keys, Objects: s.Objects, Name: node.Name, Program: release.String(), To: key, Sign: review.New(review.Options{Store: s.Places, Tree: tree}).SignText, Leave: parcel.Objects}
	need, err := departure.Estimate(ctx, src)
	if err != nil {
		return err
	}
	free, err := disk.Free(filepath.Dir(to))
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "how much is free beside %s cannot be seen", to)
	}
	if free < need {
		return fault.New(fault.Unavailable, "the bundle needs about %d MB, and there are %d MB free beside %s", need>>20, free>>20, to)
	}
	if err := server.HandedOver(ctx, pl, actor.ForSystem("customer-export"), key); err != nil {
		return err
	}
	return writeBundle(ctx, src, to, p)
}

// writeBundle writes beside the file and puts it in its place once it is whole.
func writeBundle(ctx context.Context, src departure.Source, to string, p cli.Process) error {
	part := to + ".part"
	f, err := os.OpenFile(part, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "%s cannot be written", part)
	}
	told := client.Progress(p.Stderr)
	box := departure.NewZipBox(f, time.Now(), func(done, total int64) { told("written", done, total) })
	err = departure.Write(ctx, src, box)
	if err = errors.Join(err, box.Close(), f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(part))
	}
	if err := os.Rename(part, to); err != nil {
		return err
	}
	fmt.Fprintf(p.Stdout, "%s holds everything of %s; only the receiving installation opens its keys\n", to, src.Name)
	return nil
}

type arrival struct{ file, under, admin, certificate string }

func importCustomer(ctx context.Context, c config.Config, in arrival, p cli.Process) error {
	file, err := os.Open(in.file)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "%s cannot be read", in.file)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	b, err := departure.Open(file, info.Size())
	if err != nil {
		return err
	}
	if err := in.signer(b); err != nil {
		return err
	}
	if in.admin != "" { // before all is taken in, not after
		if in.admin, err = mail.Address(in.admin); err != nil {
			return cli.Misuse(errors.New("--admin wants an e-mail address"))
		}
		if c.Mail.SMTP == "" {
			return cli.Misuse(errors.New("nobody can be invited by --admin: this server has no way to send mail (mail.smtp). Leave --admin out, and invite from the page of the node above once it has"))
		}
	}
	if err := b.Check(ctx); err != nil {
		return err
	}
	root, err := keyring.LoadRoot(c.Keys.Root)
	if err != nil {
		return err
	}
	s, err := storage.Open(ctx, c, false)
	if err != nil {
		return err
	}
	defer s.Close(slog.New(slog.DiscardHandler))
	tree := org.New(s.Places, s.Keys)
	parent, err := in.parent(ctx, tree, b)
	if err != nil {
		return err
	}
	if err := takeIn(ctx, c, s, root, b); err != nil {
		return err
	}
	pl, err := s.Places.Place(ctx, b.ID)
	if err != nil {
		return err
	}
	opened, err := proven(ctx, s, pl)
	if err != nil {
		return err
	}
	err = s.Places.Registry().Change(ctx, actor.ForSystem("customer-import"), func(tx *place.Tx) error {
		return org.Receive(tx, parent.ID, b.ID, b.Name)
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(p.Stdout, "%s is here: %d recordings, %d entries in the journal, as the bundle says; %d opened and compared\n", b.Name, b.Rows["recordings"], b.Position, opened)
	return in.invite(ctx, c, s, tree, pl, b.Name, p)
}

// signer holds the bundle's signer against the certificate that was given.
func (in arrival) signer(b *departure.Bundle) error {
	if in.certificate == "" {
		return cli.Misuse(errors.New("name the certificate of the installation that wrote the bundle (--certificate); its portal offers it under Certificates"))
	}
	want, err := check.CertificateOf(in.certificate)
	if err == nil && !want.Equal(b.Signed.Certificate) {
		err = fault.New(fault.Denied, "the bundle was signed by another installation than the one of this certificate")
	}
	return err
}

func (in arrival) parent(ctx context.Context, tree *org.Service, b *departure.Bundle) (org.Node, error) {
	if _, err := tree.Node(ctx, b.ID); err == nil {
		return org.Node{}, fault.New(fault.Conflict, "this customer is here already")
	} else if !fault.Is(err, fault.NotFound) {
		return org.Node{}, err
	}
	if in.under == "" {
		return tree.Root(ctx)
	}
	n, err := id.Parse[id.Node](in.under)
	if err != nil {
		return org.Node{}, cli.Misuse(errors.New("--under wants an id such as org_06b3k…"))
	}
	return tree.Node(ctx, n)
}

// takeIn makes keys, objects and place. Cut off, it goes on when it is run again:
// the tree knows the customer only after the end.
func takeIn(ctx context.Context, c config.Config, s *storage.Stores, root keyring.Root, b *departure.Bundle) error {
	where, err := storage.KeyStores(c)
	if err != nil {
		return err
	}
	keys, err := b.Keys()
	if err != nil {
		return err
	}
	defer keys.Close()
	if err := keyring.Receive(ctx, keyring.Options{Root: root, Stores: where}, root, b.ID, keys); err != nil {
		return err
	}
	if err := s.Keys.CreateCustomer(ctx, b.ID); err != nil {
		return err
	}
	if _, err := b.PutObjects(ctx, s.Objects); err != nil {
		return err
	}
	if err := s.Places.Create(ctx, b.ID); err != nil {
		return err
	}
	if err := s.Places.Rebuild(ctx, b.ID, func(builder *place.Builder) error { return builder.Fill(ctx, b.ID, b.Fill) }); err != nil {
		return err
	}
	p, err := s.Places.Place(ctx, b.ID)
	if err == nil {
		err = b.Compare(ctx, p)
	}
	if err != nil {
		return err
	}
	dead, err := s.Keys.Buried(ctx, b.ID, time.Time{})
	if err != nil {
		return err
	}
	// What was destroyed while the bundle was written is destroyed here, too.
	r := recording.New(recording.Options{Store: s.Places, Keys: s.Keys, Objects: s.Objects})
	r.OnDestroy(search.Remove)
	_, err = storage.Purge(ctx, r, p, dead)
	return err
}

// proven opens a sample of what came.
func proven(ctx context.Context, s *storage.Stores, p *place.Place) (int, error) {
	r := recording.New(recording.Options{Store: s.Places, Keys: s.Keys, Objects: s.Objects})
	proof, err := r.Prove(ctx, p, p, s.Keys, s.Objects, 10)
	if err == nil && len(proof.Failed) > 0 {
		err = fault.New(fault.Internal, "recordings of the bundle do not open here: %s", strings.Join(proof.Failed, "; "))
	}
	return proof.Opened, err
}

func (in arrival) invite(ctx context.Context, c config.Config, s *storage.Stores, tree *org.Service, p *place.Place, name string, out cli.Process) error {
	if in.admin == "" {
		fmt.Fprintln(out.Stdout, "nobody is in yet: invite the first administrator from the page of the node above")
		return nil
	}
	relay, err := server.NewRelay(c.Mail)
	if err != nil {
		return err
	}
	people := identity.New(identity.Options{Store: s.Places, Mail: relay, BaseURL: func() string { return server.PortalURL(c, nil) }, Log: slog.New(slog.DiscardHandler), Brand: tree.LetterBrand})
	defer people.Stop()
	_, err = people.Invite(ctx, p, actor.ForSystem("customer-import"), name, in.admin, "Administrator", identity.Grant{Roles: []access.Role{access.CustomerAdmin}})
	if err == nil {
		fmt.Fprintf(out.Stdout, "%s was invited as administrator\n", in.admin)
	}
	return err
}
