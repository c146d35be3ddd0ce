package app

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"ringfence/internal/app/config"
	"ringfence/internal/base/fault"
	"ringfence/internal/platform/keyring"
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
	recovery := f.String("recovery", "", "write the recovery copy to this file and read it back from there, instead of asking for it; then move the file off this machine")
	f.StringVar(&c.Listen, "listen", c.Listen, "address and port")
	f.StringVar(&c.URL, "url", c.URL, "how the outside reaches the server")
	f.StringVar(&c.TLS.Certificate, "certificate", "", "PEM file with certificate and chain")
	f.StringVar(&c.TLS.Key, "key", "", "PEM file with the private key")
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
	c, err := settle(*path, c)
	if err != nil {
		return err
	}
	root, err := rootKey(c.Keys.Root)
	if err != nil {
		return err
	}
	if err := readBack(root, *recovery, p); err != nil {
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
	link, err := firstAdministrator(ctx, c, *name, *admin)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.Stdout, "\nReady. Start the server:\n  ringfence serve --config %s\nthen open this link, once, within a day, and choose a password:\n  %s\n", *path, link)
	if c.Keys.Mirror == "" && c.Keys.MirrorPostgresFile == "" {
		fmt.Fprintln(p.Stdout, "\nKeys have one place only: recordings can be collected, but their sources are kept until keys.mirror names a second.")
	}
	return nil
}

// settle takes an existing configuration as it is, and checks a new one.
func settle(path string, c config.Config) (config.Config, error) {
	if _, err := os.Stat(path); err == nil {
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

// readBack ends only when the recovery copy was read back: a copy that nobody
// has read is a copy that nobody has.
func readBack(root keyring.Root, file string, p Process) error {
	if file != "" {
		if err := os.WriteFile(file, []byte(root.Recovery()+"\n"), 0o600); err != nil {
			return fault.Wrap(err, fault.Unavailable, "the recovery copy cannot be written")
		}
		b, err := os.ReadFile(file)
		if err != nil {
			return fault.Wrap(err, fault.Unavailable, "the recovery copy cannot be read back")
		}
		if copied, err := keyring.FromRecovery(string(b)); err != nil || !copied.Equal(root) {
			return fault.New(fault.Conflict, "what was read back from %s is not the recovery copy", file)
		}
		fmt.Fprintf(p.Stdout, "The recovery copy is in %s. Move it off this machine: whoever has it and the key stores can open everything.\n", file)
		return nil
	}
	fmt.Fprintf(p.Stdout, "Recovery copy of the root key. Write it down and keep it away from this machine:\nwithout it, a lost key file loses every recording.\n\n%s\n\n", root.Recovery())
	in := bufio.NewReader(p.Stdin)
	for range 3 {
		fmt.Fprint(p.Stdout, "Type it back (an empty line ends it): ")
		text, err := paragraph(in)
		if err != nil {
			return fault.Wrap(err, fault.Invalid, "the recovery copy was not read back; run init again, nothing is lost")
		}
		copied, err := keyring.FromRecovery(text)
		if err == nil && copied.Equal(root) {
			fmt.Fprintln(p.Stdout, "Right.")
			return nil
		}
		if err == nil {
			err = errors.New("that is another key")
		}
		fmt.Fprintf(p.Stdout, "Not right: %v\n", err)
	}
	return fault.New(fault.Invalid, "the recovery copy was not read back; run init again, nothing is lost")
}

// paragraph reads lines up to an empty one or the end of input.
func paragraph(in *bufio.Reader) (string, error) {
	var text strings.Builder
	for {
		line, err := in.ReadString('\n')
		text.WriteString(line)
		switch {
		case errors.Is(err, io.EOF) && strings.TrimSpace(text.String()) != "":
			return text.String(), nil
		case err != nil:
			return "", err
		case strings.TrimSpace(line) == "" && strings.TrimSpace(text.String()) != "":
			return text.String(), nil
		}
	}
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
