// Package showcase is `ringfence demo`: a whole installation in one folder, with
// invented people and calls, on this machine only.
package showcase

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"ringfence/internal/app/cli"
	"ringfence/internal/app/config"
	"ringfence/internal/app/server"
	"ringfence/internal/app/storage"
	"ringfence/internal/app/upkeep"
	"ringfence/internal/base/fault"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/mail"
)

const demoUsage = `
ringfence demo shows everything on this machine only: a provider, a reseller and
a customer with a dozen calls that it collects, seals, transcribes and rates
while you watch. Drop a sound file into the folder it names and find it in the
list. Mail is not sent but shown on a page.

Usage: ringfence demo [flags]`

// shown is what the demo tells: a person reads it as text, a script as JSON.
type shown struct {
	URL        string        `json:"url"`
	DropFolder string        `json:"drop_folder"`
	Mailbox    string        `json:"mailbox"`
	People     []Person      `json:"people"`
	took       time.Duration // from the start of the program
}

// Person is somebody who can sign in at the demo.
type Person struct {
	Email    string `json:"email"`
	Password string `json:"password"`
	Role     string `json:"role"`
}

// Demo is `ringfence demo`.
func Demo(ctx context.Context, args []string, p cli.Process) error {
	began := time.Now()
	f := cli.Flags("demo", demoUsage, p)
	data := f.String("data", ".data/demo", "folder for everything the demo keeps; remove it to begin anew")
	listen := f.String("listen", "localhost:8443", "address and port, on this machine only; port 0 takes a free one")
	asJSON := f.Bool("json", false, "print one JSON object when ready, instead of text")
	private := f.String("allow-private", "", "hosts of your own network, as host:port and with commas between, that an identity provider or a speech engine may be at")
	level := f.String("log", "warn", "debug, info, warn or error: how much is logged on standard error")
	if err := cli.Parse(f, args); err != nil {
		return err
	}
	c, err := demoConfig(*data, *listen, *level, *private)
	if err != nil {
		return err
	}
	mailbox := &mail.Mailbox{}
	log := cli.NewLog(c.Log, p.Stderr)
	if err := demoKeys(ctx, c); err != nil {
		return err
	}
	s, err := server.New(ctx, c, log, server.Extras{Mailbox: mailbox})
	if err != nil {
		return err
	}
	defer s.Stop()
	seed := &seed{server: s, dir: *data}
	people, err := seed.sow(ctx)
	if err != nil {
		return err
	}
	if err := s.Start(ctx, server.Extras{Mailbox: mailbox}); err != nil {
		return err
	}
	seed.await(ctx)
	out := shown{URL: s.URL(), DropFolder: seed.drop(), Mailbox: s.URL() + "/mailbox", People: people, took: time.Since(began)}
	if err := out.print(p, *asJSON); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// demoConfig is a whole installation within one folder, with two places for
// keys and for objects, as a careful operator would have.
func demoConfig(data, listen, level, private string) (config.Config, error) {
	dir, err := filepath.Abs(data)
	if err != nil {
		return config.Config{}, fault.Wrap(err, fault.Invalid, "--data is no usable folder")
	}
	c := config.Default()
	c.Listen, c.Data = listen, filepath.Join(dir, "data")
	c.Keys = config.Keys{
		Root: filepath.Join(dir, "keys", "root.key"), Store: filepath.Join(dir, "keys", "first"), Mirror: filepath.Join(dir, "keys", "second"),
	}
	c.Objects.First.Folder, c.Objects.Second.Folder = filepath.Join(dir, "objects", "first"), filepath.Join(dir, "objects", "second")
	c.Watch = []string{filepath.Join(dir, "drop")}
	c.Log.Level = level
	c.Egress.AllowPrivate = strings.FieldsFunc(private, func(r rune) bool { return r == ',' || r == ' ' })
	c.SignIn.MailedCodeForAdministrators = true // the mailbox is on a page: its people sign in without any device
	if _, _, err := net.SplitHostPort(listen); err == nil && !c.Loopback() {
		return c, fault.New(fault.Invalid, "the demo shows its mail to anybody who can reach it: it listens on this machine only, for example --listen 127.0.0.1:8443")
	}
	if problems := c.Validate(); len(problems) > 0 {
		f := fault.New(fault.Invalid, "the demo cannot start like this")
		f.Details = problems
		return c, f
	}
	for _, d := range []string{c.Data, filepath.Dir(c.Keys.Root), filepath.Join(dir, "drop")} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return c, fault.Wrap(err, fault.Unavailable, "the demo's folder cannot be made")
		}
	}
	return c, nil
}

func (s shown) print(p cli.Process, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(p.Stdout).Encode(s)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n  Ringfence is ready (%.1f s):  %s\n\n", s.took.Seconds(), s.URL)
	for _, who := range s.People {
		fmt.Fprintf(&b, "  %-24s %-30s %s\n", strings.ReplaceAll(who.Role, "_", " "), who.Email, who.Password)
	}
	fmt.Fprintf(&b, "\n  Sign-in codes arrive at    %s\n  Drop a recording into      %s\n\n  Ctrl-C stops it. What was collected stays; remove the folder to begin anew.\n\n", s.Mailbox, s.DropFolder)
	_, err := fmt.Fprint(p.Stdout, b.String())
	return err
}

// remembered reads what an earlier start of the demo wrote.
func remembered(path string) (people []Person, err error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &people)
	}
	return people, fault.Wrap(err, fault.Unavailable, "the demo's people cannot be read; remove its folder to begin anew")
}

// demoKeys makes the demo's keys on its first start. Nobody is asked to keep a
// recovery copy of keys that lock away invented calls.
func demoKeys(ctx context.Context, c config.Config) error {
	root, err := upkeep.RootKey(c.Keys.Root)
	if err != nil {
		return err
	}
	where, err := storage.KeyStores(c)
	if err != nil {
		return err
	}
	return keyring.Init(ctx, keyring.Options{Root: root, Stores: where})
}
