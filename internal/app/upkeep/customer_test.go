package upkeep_test

import (
	"encoding/pem"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ringfence/internal/app/apptest"
	"ringfence/internal/app/cli"
	"ringfence/internal/app/config"
	"ringfence/internal/app/storage"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/tenancy/org"
	"ringfence/internal/tenancy/review"
)

// A customer moves to another installation by the command line alone: the bundle
// is taken in only with the certificate of the installation that wrote it, once,
// and its first administrator is invited to where the portal is. The one entry in
// its journal is that it was handed over.
func TestACustomerMoves(t *testing.T) {
	here, hereFile := settled(t, "")
	relay := apptest.NewRelayed(t, "")
	there, thereFile := settled(t, relay.Addr().String())
	customer := furnished(t, here)
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	operate(t, 0, "customer", "receive-key", "--config", thereFile, "--to", at("key"))
	operate(t, 0, "customer", "export", customer.String(), "--config", hereFile, "--key", at("key"), "--to", at("bundle"))
	writeCertificate(t, here, at("here.pem"))
	writeCertificate(t, there, at("there.pem"))

	if _, said := operate(t, 2, "customer", "import", at("bundle"), "--config", thereFile); !strings.Contains(said, "--certificate") {
		t.Errorf("without a certificate: %q", said)
	}
	if _, said := operate(t, 1, "customer", "import", at("bundle"), "--config", thereFile, "--certificate", at("there.pem")); !strings.Contains(said, "signed by another installation") {
		t.Errorf("with another installation's certificate: %q", said)
	}
	if _, said := operate(t, 2, "customer", "import", at("bundle"), "--config", thereFile, "--certificate", at("here.pem"), "--admin", "nobody"); !strings.Contains(said, "e-mail address") {
		t.Errorf("with an address that is none: %q", said)
	}
	if _, said := operate(t, 2, "customer", "import", at("bundle"), "--config", hereFile, "--certificate", at("here.pem"), "--admin", "cora@example.com"); !strings.Contains(said, "mail.smtp") {
		t.Errorf("without mail: %q", said)
	}
	take := []string{"customer", "import", at("bundle"), "--config", thereFile, "--certificate", at("here.pem"), "--admin", "cora@example.com"}
	if out, _ := operate(t, 0, take...); !strings.Contains(out, "Client is here: 0 recordings, 1 entries in the journal") || !strings.Contains(out, "cora@example.com was invited") {
		t.Errorf("it says %q", out)
	}
	if all := relay.Taken(); len(all) != 1 || all[0].To != "cora@example.com" || !strings.Contains(all[0].Text, "http://"+there.Listen+"/welcome#token=") {
		t.Errorf("the invitation: %+v", all)
	}
	if _, said := operate(t, 1, take...); !strings.Contains(said, "here already") {
		t.Errorf("a second time: %q", said)
	}
}

// settled is a machine whose keys and provider were made.
func settled(t *testing.T, relay string) (config.Config, string) {
	t.Helper()
	c, path := machine(t, t.TempDir())
	c.Backup = config.Default().Backup
	if relay != "" {
		c.Mail = config.Mail{SMTP: relay, From: "calls@example.com"}
	}
	apptest.No(t, os.WriteFile(path, config.Render(c), 0o600))
	root, err := keyring.CreateRoot(c.Keys.Root)
	apptest.No(t, err)
	apptest.No(t, keyring.Init(t.Context(), keyring.Options{Root: root, Stores: []keyring.Store{{Dir: c.Keys.Store}}}))
	if relay != "" {
		furnished(t, c)
	}
	return c, path
}

// writeCertificate is what the portal offers under Certificates.
func writeCertificate(t *testing.T, c config.Config, to string) {
	t.Helper()
	st, err := storage.Open(t.Context(), c, false)
	apptest.No(t, err)
	defer st.Close(cli.NewLog(c.Log, io.Discard))
	signs := review.New(review.Options{Store: st.Places, Tree: org.New(st.Places, st.Keys)})
	_, err = signs.SignText(t.Context(), []byte("x"))
	apptest.No(t, err)
	der, err := signs.Certificate(t.Context())
	apptest.No(t, err)
	apptest.No(t, os.WriteFile(to, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
}
