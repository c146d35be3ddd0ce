// Package install makes a machine a server, and changes it over to another
// release: questions, proofs that mail and TLS work, keys, configuration, the
// first administrator. Every step may be interrupted, and run again it goes on.
package install

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"ringfence/internal/app/cli"
	"ringfence/internal/app/config"
	"ringfence/internal/app/storage"
	"ringfence/internal/app/upkeep"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/release"
	"ringfence/internal/platform/keyring"
)

const initUsage = `
ringfence init prepares this machine to be a server. It asks at a terminal what
flags or --answers leave open, and guesses nothing where nobody can be asked.
It proves that mail leaves and that the certificate will be trusted, makes the
root key and has its recovery copy read back, makes the key stores, does the same
for backups if it is told where they go, writes a configuration that explains
itself, and gives the first administrator a link to choose a password. Every
fault is told at once, and nothing is made before they are gone. Run it again
after it was interrupted; run once more after it was finished, it changes nothing,
but with --new-link or --new-folders.

Usage: ringfence init [--admin EMAIL --url URL --smtp HOST:PORT ...] [--answers FILE]`

// setup is one run of `ringfence init`.
type setup struct {
	cli.Process
	step    func(name string) // after each step that stores something; tests end the process there
	in      *bufio.Reader
	path    string // of the configuration
	user    string // who runs the server; empty: who runs this
	newLink bool
	begin   bool // folders that are not there
	a       initAnswers
}

// Init is `ringfence init`.
func Init(ctx context.Context, args []string, p cli.Process) error {
	s := &setup{Process: p, step: func(string) {}}
	return s.run(ctx, args)
}

func (s *setup) run(ctx context.Context, args []string) error {
	s.in = bufio.NewReader(s.Stdin)
	f := cli.Flags("init", initUsage, s.Process)
	f.StringVar(&s.path, "config", cli.UsualConfig, "the configuration to write, or the existing one to use")
	file := f.String("answers", "", "file with answers: YAML, with the names of these flags as keys")
	f.StringVar(&s.user, "user", "", "user that will run the server; without it that of the package, if --config is the package's and root runs this")
	f.BoolVar(&s.newLink, "new-link", false, "make another link for the first administrator, who has lost theirs")
	f.BoolVar(&s.begin, "new-folders", false, "after it was finished: begin the folders for keys and recordings that the configuration names and that are not there, as on a new disk or for a second place; with SQLite while the server is stopped")
	s.a.flags(f)
	if err := cli.Parse(f, args); err != nil {
		return err
	}
	if *file != "" {
		if err := s.a.read(*file); err != nil {
			return err
		}
	}
	asks := cli.Terminal(s.Stdin) && !exists(s.path)
	for again := false; ; again = true {
		if asks {
			if err := s.a.ask(ctx, s.say, cli.Typist{In: s.in}.Line, again); err != nil {
				return errors.Join(cli.Misuse(errors.New("nothing was made; run init again")), ctx.Err())
			}
		}
		err := s.attempt(ctx)
		if code, ok := errors.AsType[cli.ExitCode](err); ok && code != doNotFit || err == nil || !ok && !unfit(err) {
			return err
		} else if !ok { // else the child has reported it
			cli.Report(s.Stderr, "init", err)
		}
		if !asks {
			return doNotFit
		}
		s.say("\nLet us look at the answers again; Enter keeps the one in brackets.\n")
	}
}

// doNotFit is the exit code for answers that are missing or wrong: whoever
// gave them can give others. Everything else ends with 1.
const doNotFit cli.ExitCode = 2

func unfit(err error) bool {
	return fault.Is(err, fault.Invalid) && !errors.Is(err, upkeep.ErrNotReadBack)
}

func (s *setup) say(format string, args ...any) { fmt.Fprintf(s.Stdout, format, args...) }

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// attempt goes through all steps as the user that will run the server, so that
// what it finds readable and writable is so for the server.
func (s *setup) attempt(ctx context.Context) error {
	who, err := s.runsAs()
	if err != nil {
		return err
	}
	if who != nil {
		return s.handOver(ctx, who)
	}
	c, err := s.settle()
	if err != nil {
		return err
	}
	done, err := storage.ReadRecord(c)
	if err != nil {
		return err
	}
	if !done.FinishedAt.IsZero() {
		return s.again(ctx, c, done)
	}
	if err := s.prove(ctx, c, &done); err != nil {
		return err
	}
	if err := s.keys(ctx, c); err != nil {
		return err
	}
	if err := s.backups(ctx, c); err != nil {
		return err
	}
	if err := s.writeConfig(c); err != nil {
		return err
	}
	s.step("configuration")
	link, err := s.invite(ctx, c, true)
	if err != nil {
		return err
	}
	s.step("administrator")
	done.FinishedAt, done.Release = time.Now().UTC(), release.Number()
	if err := done.Write(c); err != nil {
		return err
	}
	s.told(c, done, link)
	return nil
}

// again is a run after everything was done.
func (s *setup) again(ctx context.Context, c config.Config, done storage.Record) error {
	if s.begin {
		if err := beginFolders(ctx, c); err != nil {
			return err
		}
		s.say("Every folder that %s names is there.\n", s.path)
		if !s.newLink {
			return nil
		}
	}
	if !s.newLink {
		s.say("Everything is in place since %s; nothing was changed.\nTo change settings edit %s. If the first link is lost: ringfence init --new-link --admin EMAIL\n", day(done.FinishedAt), s.path)
		return nil
	}
	link, err := s.invite(ctx, c, false)
	if err == nil {
		s.say("Another link, good once and for a week:\n  %s\n", link)
	}
	return err
}

// settle takes an existing configuration as it is, and makes a new one of the
// answers, with all their faults and those of the files that they name.
func (s *setup) settle() (config.Config, error) {
	if exists(s.path) {
		s.say("Taking the settings from %s, which is there already; to change them, edit it.\n", s.path)
		return config.Load(s.path)
	}
	c, problems := s.a.settle()
	problems = append(problems, s.files(c)...)
	if len(problems) > 0 {
		f := fault.New(fault.Invalid, "%d answer(s) are missing or do not fit; give them as flags, in --answers FILE, or at a terminal", len(problems))
		f.Details = problems
		return c, f
	}
	return c, nil
}

// files finds what is wrong with the files that the answers name.
func (s *setup) files(c config.Config) (list []fault.Detail) {
	for _, f := range []struct{ flag, path string }{
		{"--postgres-file", c.Database.PostgresFile}, {"--mail-password-file", c.Mail.PasswordFile}, {"--key", c.TLS.Key}, {"--backup-secret-file", c.Backup.Data.SecretFile},
	} {
		if f.path == "" {
			continue
		}
		if _, err := storage.SecretFile(f.flag, f.path); err != nil {
			list = append(list, detail(f.flag, err))
		}
	}
	for _, f := range []struct{ flag, path string }{{"--certificate", c.TLS.Certificate}, {"--acme-ca", c.TLS.ACME.CAFile}} {
		if _, err := os.ReadFile(f.path); f.path != "" && err != nil {
			list = append(list, detail(f.flag, err))
		}
	}
	return list
}

// detail puts a fault and its cause into one line beside others.
func detail(path string, err error) fault.Detail {
	f := fault.Of(err)
	text := strings.TrimPrefix(f.Text, path+": ")
	if f.Kind == fault.Internal {
		text = err.Error()
	} else if cause := errors.Unwrap(f); cause != nil {
		text += ": " + cause.Error()
	}
	return fault.Detail{Path: path, Text: text}
}

// prove tries TLS and mail, unless that was done or the operator said why not.
// The record of it is written at once: a mail is not sent twice.
func (s *setup) prove(ctx context.Context, c config.Config, done *storage.Record) error {
	var problems []fault.Detail
	try := func(p *storage.Proof, skipped string, do func() (storage.Proof, error)) {
		if skipped != "" {
			p.Skipped = skipped
		}
		if p.Skipped != "" || !p.At.IsZero() {
			return
		}
		got, err := do()
		switch {
		case ctx.Err() != nil:
		case err != nil && len(fault.Of(err).Details) > 0:
			problems = append(problems, fault.Of(err).Details...)
		case err != nil:
			problems = append(problems, detail("", err))
		}
		*p = got
	}
	try(&done.TLS, s.a.NoTLSProof, func() (storage.Proof, error) { return proveTLS(ctx, c, s.a.Roots) })
	try(&done.Mail, s.a.NoMailProof, func() (storage.Proof, error) { return proveMail(ctx, c, s.a.Admin) })
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if len(problems) > 0 {
		f := fault.New(fault.Invalid, "what was set does not work; nothing was made yet")
		f.Details = problems
		return f
	}
	s.proven(*done, c)
	err := done.Write(c)
	s.step("proofs")
	return err
}

// proven tells what the proofs found.
func (s *setup) proven(done storage.Record, c config.Config) {
	switch t := done.TLS; {
	case t.Skipped != "":
		s.say("TLS was not tried: %s\n", t.Skipped)
	case t.At.IsZero():
		s.say("This server can be reached from this machine only.\n")
	default:
		s.say("TLS works: %s, until %s, %d days.\n", t.What, day(t.Until), int(time.Until(t.Until).Hours()/24))
		if time.Until(t.Until) < soonEnds && len(c.TLS.ACME.Hosts) == 0 {
			s.say("That is soon: see to its renewal. The files are read again when they change.\n")
		}
	}
	switch m := done.Mail; {
	case m.Skipped != "":
		s.say("Mail was not tried: %s\n", m.Skipped)
	case !m.At.IsZero():
		s.say("Mail works: %s took a test message to %s.\n", m.What, s.a.Admin)
	}
}

// keys makes root key and key stores, and ends only when the recovery copy was
// read back.
func (s *setup) keys(ctx context.Context, c config.Config) error {
	root, err := upkeep.RootKey(c.Keys.Root)
	if err != nil {
		return err
	}
	s.step("root key")
	if err := upkeep.ReadBack(ctx, root, s.a.Recovery, s.in, s.Process); err != nil {
		return err
	}
	s.step("recovery copy")
	where, err := storage.KeyStores(c)
	if err != nil {
		return err
	}
	err = keyring.Init(ctx, keyring.Options{Root: root, Stores: where})
	s.step("key stores")
	return err
}

// backups makes the key of the backups, whose recovery copy is read back as the
// root key's, and opens the places they go to: one that cannot be reached is told
// now, not in the first night.
func (s *setup) backups(ctx context.Context, c config.Config) error {
	if !c.Backup.On() {
		return nil
	}
	copyTo := s.a.BackupCopy
	if copyTo == "" && s.a.Recovery != "" {
		copyTo = s.a.Recovery + ".backup"
	}
	if err := upkeep.MakeBackupKey(ctx, c, copyTo, s.in, s.Process); err != nil {
		return err
	}
	s.step("backup key")
	t, err := storage.OpenTargets(ctx, c, true)
	if err != nil {
		f := fault.Of(err)
		return fault.Wrap(err, fault.Invalid, "the place for backups does not work: %s", f.Text)
	}
	t.Close()
	s.step("backup targets")
	s.say("Backups go to %s: one when the server starts, then each day, and what changes each minute.\n", storage.DescribeTarget(c.Backup.Data))
	return nil
}

// writeConfig writes what was settled, with what was not proven beside it.
func (s *setup) writeConfig(c config.Config) error {
	if exists(s.path) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(s.path), 0o755); err != nil {
		return fault.Wrap(err, fault.Unavailable, "the folder of the configuration cannot be made")
	}
	remarks := map[string]string{}
	for key, reason := range map[string]string{"mail": s.a.NoMailProof, "tls": s.a.NoTLSProof} {
		if reason != "" {
			remarks[key] = "NOT PROVEN when this was written, on " + day(time.Now()) + ". The reason given: " + reason
		}
	}
	return storage.WriteWhole(s.path, config.RenderWith(c, remarks), 0o644)
}

// told says what comes next.
func (s *setup) told(c config.Config, done storage.Record, link string) {
	start := "ringfence serve --config " + s.path
	if exists("/run/systemd/system") && s.path == cli.UsualConfig {
		start = "systemctl enable --now ringfence"
	}
	s.say("\nReady. Start the server:\n  %s\nthen open this link, once, within a week, and choose a password:\n  %s\n", start, link)
	if c.Mail.SMTP == "" {
		s.say("\nMail cannot leave yet, and nobody signs in without a mailed code: set mail.smtp and mail.from in\n%s before the start.\n", s.path)
	}
	if c.Keys.Mirror == "" && c.Keys.MirrorPostgresFile == "" {
		s.say("\nKeys have one place only: recordings can be collected, but their sources are kept until keys.mirror names a second.\n")
	}
	if !c.Backup.On() {
		s.say("\nNo backups are made yet. Say where they go under backup: in %s, then run ringfence backup key.\n", s.path)
	}
	if done.TLS.Skipped != "" || done.Mail.Skipped != "" {
		s.say("\nWhat was not proven stands in %s, with the reason.\n", s.path)
	}
}
