package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"ringfence/internal/app/config"
	"ringfence/internal/base/fault"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/mail"
)

const initUsage = `
ringfence init prepares this machine to be a server: it makes the root key, has
its recovery copy read back, makes the key stores, writes a configuration that
explains itself, and gives the first administrator a link to choose a password.
What is there already is kept: run it again after it was interrupted.

Usage: ringfence init --admin EMAIL [flags]`

func runInit(ctx context.Context, args []string, p Process) error {
	c := config.Default()
	f := flags("init", initUsage, p)
	path := f.String("config", "/etc/ringfence/ringfence.yaml", "the configuration to write, or the existing one to use")
	admin := f.String("admin", "", "e-mail address of the first administrator of the provider")
	name := f.String("provider", "Provider", "name of the organisation that runs this server")
	person := f.String("admin-name", "Administrator", "name of that person")
	recovery := f.String("recovery", "", "write the recovery copy to this new file and read it back from there, instead of asking for it; then move the file off this machine")
	f.StringVar(&c.Listen, "listen", c.Listen, "address and port")
	f.StringVar(&c.URL, "url", c.URL, "how the outside reaches the server")
	f.StringVar(&c.TLS.Certificate, "certificate", "", "PEM file with certificate and chain")
	f.StringVar(&c.TLS.Key, "key", "", "PEM file with the private key")
	f.StringVar(&c.Mail.SMTP, "smtp", "", "server and port that take mail; sign-in codes are mailed")
	f.StringVar(&c.Mail.From, "mail-from", "", "sender of mails")
	f.StringVar(&c.Data, "data", c.Data, "folder for databases and objects")
	f.StringVar(&c.Database.PostgresFile, "postgres-file", "", "file with the PostgreSQL URL, instead of SQLite")
	f.StringVar(&c.Keys.Root, "root-key", c.Keys.Root, "file for the root key")
	f.StringVar(&c.Keys.Store, "keys", c.Keys.Store, "folder for the key stores, apart from the data")
	f.StringVar(&c.Keys.Mirror, "mirror", "", "second folder for the key stores, on another disk")
	if err := parse(f, args); err != nil {
		return err
	}
	if *admin == "" {
		return usageError{errors.New("--admin is missing: whose mailbox gets the first link? -h explains")}
	}
	if _, err := mail.Address(*admin); err != nil {
		return usageError{fmt.Errorf("--admin %s is no e-mail address", *admin)}
	}
	c, err := settle(*path, c, p)
	if err != nil {
		return err
	}
	root, err := rootKey(c.Keys.Root)
	if err != nil {
		return err
	}
	if err := readBack(ctx, root, *recovery, p); err != nil {
		return err
	}
	where, err := keyStores(c)
	if err != nil {
		return err
	}
	if err := keyring.Init(ctx, keyring.Options{Root: root, Stores: where}); err != nil {
		return err
	}
	if err := writeConfig(*path, c); err != nil {
		return err
	}
	link, err := firstAdministrator(ctx, c, *name, *admin, *person)
	if err != nil {
		return err
	}
	told(c, *path, link, p)
	return nil
}

// told says what comes next.
func told(c config.Config, path, link string, p Process) {
	fmt.Fprintf(p.Stdout, "\nReady. Start the server:\n  ringfence serve --config %s\nthen open this link, once, within a week, and choose a password:\n  %s\n", path, link)
	if c.Mail.SMTP == "" {
		fmt.Fprintf(p.Stdout, "\nMail cannot leave yet, and nobody signs in without a mailed code: set mail.smtp and mail.from in\n%s before the start.\n", path)
	}
	if c.Keys.Mirror == "" && c.Keys.MirrorPostgresFile == "" {
		fmt.Fprintln(p.Stdout, "\nKeys have one place only: recordings can be collected, but their sources are kept until keys.mirror names a second.")
	}
}

// settle takes an existing configuration as it is, and checks a new one.
func settle(path string, c config.Config, p Process) (config.Config, error) {
	if _, err := os.Stat(path); err == nil {
		fmt.Fprintf(p.Stdout, "Taking the settings from %s, which is there already; to change them, edit it.\n", path)
		return config.Load(path)
	}
	if problems := c.Validate(); len(problems) > 0 {
		f := fault.New(fault.Invalid, "these settings do not fit together")
		f.Details = problems
		return c, f
	}
	return c, nil
}

// rootKey reads the root key or makes it.
func rootKey(path string) (keyring.Root, error) {
	if _, err := os.Lstat(path); err == nil {
		return keyring.LoadRoot(path)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return keyring.Root{}, fault.Wrap(err, fault.Unavailable, "the folder of the root key cannot be made")
	}
	return keyring.CreateRoot(path)
}

func writeConfig(path string, c config.Config) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fault.Wrap(err, fault.Unavailable, "the folder of the configuration cannot be made")
	}
	return fault.Wrap(os.WriteFile(path, config.Render(c), 0o644), fault.Unavailable, "the configuration cannot be written")
}
