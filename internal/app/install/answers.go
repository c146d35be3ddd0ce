package install

import (
	"context"
	"flag"
	"fmt"
	"net"
	"net/url"
	"os"
	"reflect"
	"strings"

	"ringfence/internal/app/config"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/form"
	"ringfence/internal/platform/mail"
)

// initAnswers are what `ringfence init` has to know. Each can be a flag, a key of
// the file of --answers, or be asked at a terminal; the name is the same. An
// empty one was not given. The `ask` tags are the questions, in their order.
type initAnswers struct {
	Admin        string `yaml:"admin" doc:"e-mail address of the first administrator of the provider" ask:"E-mail address of the first administrator"`
	AdminName    string `yaml:"admin-name" doc:"name of that person" ask:"Name of that person"`
	Provider     string `yaml:"provider" doc:"name of the organisation that runs this server" ask:"Name of the organisation that runs this server"`
	TLS          string `yaml:"tls" doc:"where the certificate comes from: files, acme (an authority gives it), proxy (one in front of this server has it) or loopback (this machine only, no TLS)" ask:"TLS: files, acme, proxy or loopback"`
	URL          string `yaml:"url" doc:"how the outside reaches the server, such as https://calls.example.com" ask:"Public address, such as https://calls.example.com"`
	Listen       string `yaml:"listen" doc:"address and port" ask:"Address and port to listen on"`
	Certificate  string `yaml:"certificate" doc:"PEM file with certificate and chain" ask:"PEM file with certificate and chain"`
	Key          string `yaml:"key" doc:"PEM file with the private key, mode 0600, of the server's user" ask:"PEM file with its private key"`
	ACMEEmail    string `yaml:"acme-email" doc:"where the authority writes when something is wrong" ask:"E-mail address for the authority's warnings"`
	ACMEAt       string `yaml:"acme-directory" doc:"address of the authority; without one: Let's Encrypt"`
	ACMECA       string `yaml:"acme-ca" doc:"PEM file with the root that the authority's own address is verified by"`
	Roots        string `yaml:"tls-ca" doc:"PEM file with the root of your own authority, if browsers trust the certificate only because you gave it to them"`
	SMTP         string `yaml:"smtp" doc:"server and port that take mail; sign-in codes and invitations are mailed" ask:"Mail server and port, such as smtp.example.com:465"`
	MailFrom     string `yaml:"mail-from" doc:"sender of mails" ask:"Sender of mails"`
	MailUser     string `yaml:"mail-user" doc:"user name at the mail server, if it asks for one" ask:"User name at the mail server (empty: none)"`
	MailPassword string `yaml:"mail-password-file" doc:"file of mode 0600 with the password for it" ask:"File with the password for it"`
	Data         string `yaml:"data" doc:"folder for databases and objects" ask:"Folder for databases and recordings"`
	Postgres     string `yaml:"postgres-file" doc:"file of mode 0600 with the PostgreSQL URL, instead of SQLite" ask:"File with the URL of a PostgreSQL database (empty: SQLite)"`
	RootKey      string `yaml:"root-key" doc:"file for the root key" ask:"File for the root key"`
	Keys         string `yaml:"keys" doc:"folder for the key stores, apart from the data" ask:"Folder for the keys, apart from the data"`
	Mirror       string `yaml:"mirror" doc:"second folder for the key stores, on another disk" ask:"Second folder for the keys, best on another disk (empty: none)"`
	Backup       string `yaml:"backup" doc:"where backups go: a folder on another machine's disk, sftp://user@host/folder, or later" ask:"Backups: a folder on another machine's disk, sftp://user@host/folder, or later"`
	BackupHost   string `yaml:"backup-host-key" doc:"with sftp: the host's public key, as ssh-keyscan prints it without the name; no other host is spoken to" ask:"The host's public key (ssh-keyscan, without the name)"`
	BackupSecret string `yaml:"backup-secret-file" doc:"with sftp: file of mode 0600 with the private key to sign in with" ask:"File with the private key to sign in with"`
	BackupKeys   string `yaml:"backup-keys" doc:"where copies of the keys go: a folder elsewhere than the backups; without one their second folder is their copy" ask:"Copies of the keys: a folder elsewhere than the backups (empty: their second folder is their copy)"`
	BackupKey    string `yaml:"backup-key" doc:"file for the key that backups are encrypted with" ask:"File for the key of the backups"`
	BackupCopy   string `yaml:"backup-recovery" doc:"as --recovery, for the key of the backups; without it the file of --recovery with .backup"`
	Recovery     string `yaml:"recovery" doc:"write the recovery copy to this new file and read it back from there, instead of asking for it; then move the file off this machine"`
	NoMailProof  string `yaml:"skip-mail-proof" doc:"reason why no test mail is sent; it is written into the configuration"`
	NoTLSProof   string `yaml:"skip-tls-proof" doc:"reason why the certificate is not tried; it is written into the configuration"`
}

// each calls do with every answer.
func (a *initAnswers) each(do func(name string, f reflect.StructField, value *string)) {
	v := reflect.ValueOf(a).Elem()
	for i := range v.NumField() {
		f := v.Type().Field(i)
		do(f.Tag.Get("yaml"), f, v.Field(i).Addr().Interface().(*string))
	}
}

// flags makes a flag of each answer.
func (a *initAnswers) flags(f *flag.FlagSet) {
	a.each(func(name string, s reflect.StructField, value *string) {
		f.StringVar(value, name, "", s.Tag.Get("doc"))
	})
}

// args are the flags that say the same.
func (a initAnswers) args() (list []string) {
	a.each(func(name string, _ reflect.StructField, value *string) {
		if *value != "" {
			list = append(list, "--"+name+"="+*value)
		}
	})
	return list
}

// read fills what flags left empty from a file.
func (a *initAnswers) read(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "--answers: the file cannot be read")
	}
	var from initAnswers
	problems, err := form.Read(text, &from)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "--answers %s is not YAML", file)
	}
	if len(problems) > 0 {
		f := fault.New(fault.Invalid, "--answers %s has %d fault(s)", file, len(problems))
		f.Details = problems
		return f
	}
	given := map[string]string{}
	from.each(func(name string, _ reflect.StructField, value *string) { given[name] = *value })
	a.each(func(name string, _ reflect.StructField, value *string) {
		if *value == "" {
			*value = given[name]
		}
	})
	return nil
}

// usual is what an answer is in an installed package unless somebody says
// otherwise; empty where only the operator can know.
func (a initAnswers) usual(name string) string {
	c := config.Default()
	switch name {
	case "admin-name":
		return "Administrator"
	case "provider":
		return "Provider"
	case "tls":
		return a.way()
	case "listen":
		if w := a.way(); w == "files" || w == "acme" {
			return "0.0.0.0:443"
		}
		return c.Listen
	case "acme-email":
		return a.Admin
	case "data":
		return c.Data
	case "root-key":
		return c.Keys.Root
	case "keys":
		return c.Keys.Store
	case "backup":
		return later
	case "backup-key":
		return c.Backup.Key
	}
	return ""
}

// later is the answer of who makes no backups yet.
const later = "later"

// backedUp reports whether backups go somewhere, and by SFTP.
func (a initAnswers) backedUp() (on, sftp bool) {
	return a.Backup != "" && a.Backup != later, strings.HasPrefix(a.Backup, "sftp://")
}

// backups are the settings that the answers mean. Recordings are copied too, as
// they have one place only at first.
func (a initAnswers) backups(c config.Backup) config.Backup {
	on, sftp := a.backedUp()
	if !on {
		return c
	}
	c.Objects, c.Key = true, a.BackupKey
	if c.Data.Folder = a.Backup; sftp {
		c.Data = config.Target{SFTP: a.Backup, SFTPHostKey: a.BackupHost, SecretFile: a.BackupSecret}
	}
	c.Keys.Folder = a.BackupKeys
	return c
}

// way is how TLS comes about: as was said, or as other answers leave no doubt.
func (a initAnswers) way() string {
	switch {
	case a.TLS != "":
		return a.TLS
	case a.Certificate != "" || a.Key != "":
		return "files"
	case a.ACMEEmail != "" || a.ACMEAt != "":
		return "acme"
	case a.Listen != "" && onLoopback(a.Listen) && strings.HasPrefix(a.URL, "https://"):
		return "proxy"
	case a.Listen != "" && onLoopback(a.Listen):
		return "loopback"
	}
	return ""
}

func onLoopback(address string) bool { return config.Config{Listen: address}.Loopback() }

// concerns reports whether an answer matters, given the others.
func (a initAnswers) concerns(name string) bool {
	switch name {
	case "certificate", "key":
		return a.way() == "files"
	case "acme-email":
		return a.way() == "acme"
	case "url":
		return a.way() != "loopback"
	case "smtp":
		return a.NoMailProof == ""
	case "mail-from", "mail-user":
		return a.SMTP != ""
	case "mail-password-file":
		return a.MailUser != ""
	case "backup-keys", "backup-key":
		on, _ := a.backedUp()
		return on
	case "backup-host-key", "backup-secret-file":
		_, sftp := a.backedUp()
		return sftp
	}
	return true
}

// ask puts the questions whose answers were not given; an empty answer takes
// what stands in brackets. After a fault all are put again, with the answers
// that were given in brackets.
func (a *initAnswers) ask(ctx context.Context, say func(format string, args ...any), hear func(context.Context) (string, error), again bool) (err error) {
	a.each(func(name string, f reflect.StructField, value *string) {
		question := f.Tag.Get("ask")
		if err != nil || question == "" || *value != "" && !again || !a.concerns(name) {
			return
		}
		usual := *value
		if usual == "" {
			usual = a.usual(name)
		}
		if usual != "" {
			question += " [" + usual + "]"
		}
		say("%s: ", question)
		var line string
		if line, err = hear(ctx); err == nil {
			if line = strings.TrimSpace(line); line == "" {
				line = usual
			}
			*value = line
		}
	})
	if err == nil && a.SMTP == "" && a.NoMailProof == "" {
		say("Nobody signs in without mail. Why is none set up yet? ")
		a.NoMailProof, err = hear(ctx)
		a.NoMailProof = strings.TrimSpace(a.NoMailProof)
	}
	return err
}

// settle fills what is usual and turns the answers into a configuration, with
// every fault of both. Nothing is guessed that only the operator can know.
func (a *initAnswers) settle() (config.Config, []fault.Detail) {
	a.TLS = a.way()
	a.each(func(name string, _ reflect.StructField, value *string) {
		if *value == "" && a.concerns(name) {
			*value = a.usual(name)
		}
	})
	c := config.Default()
	c.Listen, c.URL, c.Data = a.Listen, a.URL, a.Data
	c.Keys.Root, c.Keys.Store, c.Keys.Mirror = a.RootKey, a.Keys, a.Mirror
	c.Database.PostgresFile = a.Postgres
	c.Backup = a.backups(c.Backup)
	c.Mail = config.Mail{SMTP: a.SMTP, From: a.MailFrom, User: a.MailUser, PasswordFile: a.MailPassword}
	c.TLS.Certificate, c.TLS.Key = a.Certificate, a.Key
	switch a.TLS {
	case "acme":
		c.TLS.ACME = config.ACME{Email: a.ACMEEmail, Directory: a.ACMEAt, CAFile: a.ACMECA}
		if u, err := url.Parse(a.URL); err == nil && u.Hostname() != "" {
			c.TLS.ACME.Hosts = []string{u.Hostname()}
		}
	case "proxy":
		c.TrustedProxies = []string{"127.0.0.0/8", "::1/128"}
	}
	return c, append(a.faults(), c.Validate()...)
}

// faults are those of the answers themselves.
func (a initAnswers) faults() (list []fault.Detail) {
	add := func(name, format string, args ...any) {
		list = append(list, fault.Detail{Path: "--" + name, Text: fmt.Sprintf(format, args...)})
	}
	if _, err := mail.Address(a.Admin); a.Admin == "" {
		add("admin", "is missing: whose mailbox gets the first link?")
	} else if err != nil {
		add("admin", "%s is no e-mail address", a.Admin)
	}
	switch a.TLS {
	case "files":
		if a.Certificate+a.Key == "" { // one of them without the other is the configuration's fault
			add("certificate", "is missing: which file holds the certificate and its chain?")
			add("key", "is missing: which file holds its private key?")
		}
	case "acme", "proxy", "loopback":
	case "":
		add("tls", "is missing: files, acme, proxy or loopback?")
	default:
		add("tls", "%q is none of files, acme, proxy and loopback", a.TLS)
	}
	if a.TLS != "files" && a.Certificate+a.Key != "" {
		add("tls", "%s does not go with a certificate in a file", a.TLS)
	}
	public := a.TLS != "loopback" && a.TLS != "" && !onLoopback(a.Listen) || a.TLS == "proxy"
	switch u, err := url.Parse(a.URL); {
	case a.URL == "" && public:
		add("url", "is missing: under which address do people and collectors reach this server?")
	case public && (err != nil || u.Scheme != "https" || net.ParseIP(u.Hostname()) != nil && a.TLS == "acme"):
		add("url", "want an address such as https://calls.example.com")
	}
	if a.TLS == "proxy" && a.Listen != "" && !onLoopback(a.Listen) {
		add("listen", "%s: behind a proxy without TLS of its own the server listens on loopback, such as 127.0.0.1:8443", a.Listen)
	}
	if on, _ := a.backedUp(); !on && a.BackupKeys+a.BackupHost+a.BackupSecret != "" {
		add("backup", "is missing: where do the databases go?")
	}
	if a.SMTP == "" && a.NoMailProof == "" {
		add("smtp", "is missing: nobody signs in without mail. To set it up later, say why with --skip-mail-proof")
	}
	return list
}
