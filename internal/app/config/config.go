// Package config is what an operator decides: one YAML file, read once at the
// start. Every fault of a file is reported, all at once, each with its path.
// Secrets are never written into the file; it names files that hold them.
package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"ringfence/internal/archive/upgrade"
	"ringfence/internal/base/fault"
)

// Config is the whole configuration. The `doc` tags become the comments of the
// sample file.
type Config struct {
	Listen         string         `yaml:"listen" doc:"Address and port for people, machines and collectors. Without TLS only a loopback address is accepted."`
	URL            string         `yaml:"url" doc:"How the outside reaches this server; it stands in mails and in collectors' settings."`
	TrustedProxies []string       `yaml:"trusted_proxies" doc:"Networks of reverse proxies whose X-Forwarded-For is believed, for example 10.0.0.0/8. Empty: nobody's."`
	TLS            TLS            `yaml:"tls" doc:"Certificate for any address but loopback: from files, which are read again when they change, or from an authority. TLS 1.2 and 1.3 with AEAD suites only."`
	Administration Administration `yaml:"administration" doc:"An address apart for those above customers, for example in a management network."`
	Data           string         `yaml:"data" doc:"Folder of the databases, of objects (unless they live elsewhere) and of uploads under way."`
	Database       Database       `yaml:"database" doc:"Without an entry: SQLite files, one per customer, in the data folder."`
	Keys           Keys           `yaml:"keys" doc:"The root key and the key stores. Keep them apart from the data: another disk, other backups."`
	Objects        Objects        `yaml:"objects" doc:"Where recordings lie, encrypted. With a second place, each object is written to both before anything counts as kept."`
	Watch          []string       `yaml:"watch" doc:"Folders of this server that customers may name as sources, with all below them. {customer} stands for the customer's id, for example /srv/recordings/{customer}; an entry without it is open to every customer."`
	SFTP           SFTP           `yaml:"sftp" doc:"A server by which telephone systems push files, each into a closed room of its own."`
	Mail           Mail           `yaml:"mail" doc:"How mail leaves. Needed for sign-in codes and invitations."`
	SignIn         SignIn         `yaml:"sign_in" doc:"How people sign in."`
	Egress         Egress         `yaml:"egress" doc:"What the guarded client for speech engines and the like may reach."`
	Releases       Releases       `yaml:"releases" doc:"Releases of the collector that this server holds for its boxes."`
	Speech         Speech         `yaml:"speech" doc:"Transcription on this host."`
	SIP            SIP            `yaml:"sip" doc:"Recording sessions that session border controllers and telephone systems send (SIPREC). Without an address none are taken."`
	Backup         Backup         `yaml:"backup" doc:"Copies of the installation elsewhere, encrypted, and proof every night that they can be restored."`
	Nightly        string         `yaml:"nightly" doc:"When recordings that are due are destroyed, local time of the server, HH:MM."`
	Metrics        Metrics        `yaml:"metrics" doc:"Figures for a monitoring system, as OpenMetrics under /metrics of an address of their own. Without one there are none."`
	Traces         Traces         `yaml:"traces" doc:"Traces for a collector of your own, by OTLP over HTTP. Without an endpoint none are made."`
	Log            Log            `yaml:"log" doc:"The log goes to standard error and holds no personal data."`
}

// TLS is the server's certificate.
type TLS struct {
	Certificate string `yaml:"certificate" doc:"PEM file with the certificate and its chain."`
	Key         string `yaml:"key" doc:"PEM file with the private key, mode 0600."`
	ACME        ACME   `yaml:"acme" doc:"Instead of files: an authority that gives certificates and renews them (RFC 8555)."`
}

// On reports whether the server speaks TLS itself.
func (t TLS) On() bool { return t.Certificate != "" || len(t.ACME.Hosts) > 0 }

// ACME is an authority that gives certificates by itself.
type ACME struct {
	Hosts     []string `yaml:"hosts" doc:"Names to get certificates for. Port 443 of each must lead to this server. Setting one agrees to the authority's terms."`
	Email     string   `yaml:"email" doc:"Where the authority writes when something is wrong."`
	Directory string   `yaml:"directory" doc:"Address of the authority. Without one: Let's Encrypt."`
	CAFile    string   `yaml:"ca_file" doc:"PEM file with the root that the authority's own address is verified by, for one inside your network."`
}

// Administration says where provider and resellers come in.
type Administration struct {
	Listen string `yaml:"listen" doc:"Address and port of its own for everything above customers. When set, provider and resellers can sign in and act there only; the public address does not know them."`
}

// Database says where places live when not in SQLite files.
type Database struct {
	PostgresFile string `yaml:"postgres_file" doc:"File that holds the PostgreSQL URL (postgres://user:password@host/db?sslmode=verify-full). Beyond loopback the server's certificate is verified, or nothing starts."`
}

// Keys says where keys live.
type Keys struct {
	Root               string `yaml:"root" doc:"The root key's file, mode 0600. 'ringfence init' makes it."`
	Store              string `yaml:"store" doc:"Folder of the customers' key stores."`
	Mirror             string `yaml:"mirror" doc:"Second folder, best on another disk. Without it sources may only be kept, never moved or deleted."`
	PostgresFile       string `yaml:"postgres_file" doc:"File with the URL of a PostgreSQL database for keys only, instead of the folder."`
	MirrorPostgresFile string `yaml:"mirror_postgres_file" doc:"File with the URL of a second one, instead of the mirror folder."`
}

// Objects says where sealed sound lives.
type Objects struct {
	First  Bucket `yaml:"first" doc:"The first place. Empty: the folder 'objects' in the data folder."`
	Second Bucket `yaml:"second" doc:"A second place, best in another region. Reading falls back to it."`
}

// Bucket is one place for objects: exactly one of its kinds.
type Bucket struct {
	Folder         string `yaml:"folder" doc:"A folder."`
	AzureContainer string `yaml:"azure_container" doc:"URL of an Azure Blob container, for example https://account.blob.core.windows.net/container."`
	S3Bucket       string `yaml:"s3_bucket" doc:"Name of an S3 bucket."`
	S3Endpoint     string `yaml:"s3_endpoint" doc:"Endpoint, if it is not Amazon's."`
	S3Region       string `yaml:"s3_region" doc:"Region."`
	SecretFile     string `yaml:"secret_file" doc:"File with the credentials: for Azure the account key; for S3 two lines, access key and secret key."`
}

// Mail is the way out for mail.
type Mail struct {
	SMTP         string `yaml:"smtp" doc:"Server and port; 465 is TLS from the start, other ports must offer STARTTLS."`
	From         string `yaml:"from" doc:"Sender."`
	User         string `yaml:"user" doc:"User name, if the server asks for one."`
	PasswordFile string `yaml:"password_file" doc:"File with the password."`
}

// SignIn is what the operator decides of signing in.
type SignIn struct {
	MailedCodeForAdministrators bool   `yaml:"mailed_code_for_administrators" doc:"true lets administrators of the provider and of resellers act with a mailed code as second factor. Else they set up an authenticator app or a passkey at their first sign-in; who reads their mail is then not in."`
	BreachedPasswords           string `yaml:"breached_passwords" doc:"File of stolen passwords: SHA-1 in capitals, ordered, one a line, as the downloader of Have I Been Pwned writes it. A password that stands in it is refused. Nothing leaves the server for it."`
}

// Egress limits the guarded client.
type Egress struct {
	AllowPrivate []string `yaml:"allow_private" doc:"Hosts (host:port) inside your own network that engines may run on, for example whisper.internal:8080."`
}

// Releases says what boxes can be upgraded to.
type Releases struct {
	Folder     string   `yaml:"folder" doc:"Folder of files such as ringfence-0.4.1-linux-amd64, each with its signature (.minisig) beside it. Empty: the folder 'releases' in the data folder."`
	PublicKeys []string `yaml:"public_keys" doc:"Public keys of minisign (the line that begins with RW) of whoever signs releases, beside the one that is built in. A box pins them when it is enrolled; a later change reaches no box that is enrolled already."`
}

// Speech bounds the built-in recogniser.
type Speech struct {
	Workers int `yaml:"workers" doc:"Recordings transcribed at the same time."`
}

// SIP is where recording sessions come in.
type SIP struct {
	Listen    string `yaml:"listen" doc:"Address and port for UDP and TCP, for example 10.0.0.5:5060."`
	TLSListen string `yaml:"tls_listen" doc:"Address and port for TLS, for example 0.0.0.0:5061, with the certificate of this server."`
	Plain     bool   `yaml:"plain" doc:"Say true to take calls unencrypted (listen) on another address than loopback: within a network of your own, as who reads it hears the calls."`
	Address   string `yaml:"address" doc:"Address that clients send sound to, where it is not the one they call, as behind NAT."`
	Ports     string `yaml:"ports" doc:"Range of UDP ports for sound. Keep it apart from net.ipv4.ip_local_port_range; a stream takes two."`
	MaxCalls  int    `yaml:"max_calls" doc:"Calls at once, of all customers together."`
}

// On reports whether recording sessions are taken.
func (s SIP) On() bool { return s.Listen != "" || s.TLSListen != "" }

// PortRange is the first and the last port for sound; zero if it cannot be read.
func (s SIP) PortRange() (low, high int) {
	if n, err := fmt.Sscanf(s.Ports, "%d-%d", &low, &high); err != nil || n != 2 {
		return 0, 0
	}
	return low, high
}

func (s SIP) validate(p *problems, tls bool) {
	for _, l := range []struct{ path, address string }{{"sip.listen", s.Listen}, {"sip.tls_listen", s.TLSListen}} {
		if l.address == "" {
			continue
		}
		if !ported(l.address) {
			p.add(l.path, "want address:port, for example 10.0.0.5:5060")
		}
	}
	if s.Listen != "" && !loopback(s.Listen) && !s.Plain {
		p.add("sip.plain", "%s is not a loopback address: say plain: true, or take calls by TLS alone", s.Listen)
	}
	if s.TLSListen != "" && !tls {
		p.add("sip.tls_listen", "needs a certificate: set tls")
	}
	if s.Address != "" {
		if _, err := netip.ParseAddr(s.Address); err != nil {
			p.add("sip.address", "want an IP address")
		}
	}
	if low, high := s.PortRange(); low < 1024 || high > 65535 || high-low < 3 {
		p.add("sip.ports", "want a range from 1024 to 65535, such as 16384-24575")
	}
	if s.MaxCalls < 1 || s.MaxCalls > 10000 {
		p.add("sip.max_calls", "want a number from 1 to 10000")
	}
}

// Log says what is logged.
type Log struct {
	Level  string `yaml:"level" doc:"debug, info, warn or error."`
	Format string `yaml:"format" doc:"text or json."`
}

// Default is what holds for all that a file leaves out.
func Default() Config {
	return Config{
		Listen:  "127.0.0.1:8443",
		Data:    "/var/lib/ringfence",
		Keys:    Keys{Root: "/etc/ringfence/root.key", Store: "/var/lib/ringfence-keys"},
		Speech:  Speech{Workers: 1},
		SIP:     SIP{Ports: "16384-24575", MaxCalls: 500},
		SFTP:    SFTP{Sessions: 500, WaitingGB: 20},
		Nightly: "02:30",
		Backup:  Backup{Key: "/etc/ringfence/backup.key", At: "01:15", Daily: 7, Weekly: 4, Monthly: 6, KeyCopies: 2, Drills: true},
		Traces:  Traces{Percent: 100},
		Log:     Log{Level: "info", Format: "text"},
	}
}

// FirstObjects is the first place of objects: the one that is named, or the usual.
func (c Config) FirstObjects() Bucket {
	if c.Objects.First == (Bucket{}) {
		return Bucket{Folder: filepath.Join(c.Data, "objects")}
	}
	return c.Objects.First
}

// Loopback reports whether the server listens on this machine only.
func (c Config) Loopback() bool {
	return loopback(c.Listen) && (c.Administration.Listen == "" || loopback(c.Administration.Listen))
}

func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// ported reports whether an address ends with a port that there is.
func ported(address string) bool {
	_, port, err := net.SplitHostPort(address)
	if err != nil || port == "" {
		return false
	}
	_, err = net.LookupPort("tcp", port)
	return err == nil
}

// Validate returns every fault of the values, each with its path.
func (c Config) Validate() []fault.Detail {
	var p problems
	if !ported(c.Listen) {
		p.add("listen", "want address:port, for example 127.0.0.1:8443")
	} else if !loopback(c.Listen) && !c.TLS.On() {
		p.add("tls.certificate", "%s is not a loopback address: set a certificate and key, or listen on 127.0.0.1 behind a proxy on this host", c.Listen)
	}
	c.validateAdministration(&p)
	c.TLS.validate(&p, c.URL)
	c.SFTP.validate(&p)
	if c.URL != "" {
		if u, err := url.Parse(c.URL); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			p.add("url", "want an address such as https://calls.example.com")
		}
	}
	for i, n := range c.TrustedProxies {
		if _, err := netip.ParsePrefix(n); err != nil {
			p.add(index("trusted_proxies", i), "want a network such as 10.0.0.0/8")
		}
	}
	p.folder("data", c.Data)
	p.need("keys.root", c.Keys.Root)
	if c.Keys.PostgresFile == "" {
		p.folder("keys.store", c.Keys.Store)
		if c.Keys.Mirror != "" && filepath.Clean(c.Keys.Mirror) == filepath.Clean(c.Keys.Store) {
			p.add("keys.mirror", "is the same folder as keys.store: a copy there is no second copy")
		}
	}
	if inside(c.Keys.Root, c.Data) {
		p.add("keys.root", "lies inside the data folder: whoever copies the data would have its key too")
	}
	for i, w := range c.Watch {
		p.folder(index("watch", i), w)
	}
	c.Objects.First.validate(&p, "objects.first", true)
	c.Objects.Second.validate(&p, "objects.second", true)
	c.Backup.validate(&p, c)
	if c.Mail.SMTP != "" {
		if !ported(c.Mail.SMTP) {
			p.add("mail.smtp", "want host:port, for example smtp.example.com:465")
		}
		p.need("mail.from", c.Mail.From)
	}
	for i, h := range c.Egress.AllowPrivate {
		if !ported(h) {
			p.add(index("egress.allow_private", i), "want host:port")
		}
	}
	if _, err := upgrade.ParseKeys(c.Releases.PublicKeys...); err != nil {
		p.add("releases.public_keys", "%v", err)
	}
	if c.Speech.Workers < 1 || c.Speech.Workers > 64 {
		p.add("speech.workers", "want a number from 1 to 64")
	}
	c.SIP.validate(&p, c.TLS.On())
	c.Metrics.validate(&p, c.TLS.On())
	c.Traces.validate(&p)
	if _, err := time.Parse("15:04", c.Nightly); err != nil {
		p.add("nightly", "want a time such as 02:30")
	}
	p.oneOf("log.level", c.Log.Level, "debug", "info", "warn", "error")
	p.oneOf("log.format", c.Log.Format, "text", "json")
	return p
}

func (c Config) validateAdministration(p *problems) {
	switch l := c.Administration.Listen; {
	case l == "":
	case l == c.Listen && !strings.HasSuffix(l, ":0"):
		p.add("administration.listen", "is the same address as listen: nothing would be apart")
	default:
		if !ported(l) {
			p.add("administration.listen", "want address:port, for example 10.0.0.5:8444")
		} else if !loopback(l) && !c.TLS.On() {
			p.add("administration.listen", "%s is not a loopback address: it needs TLS as listen does", l)
		}
	}
}

func (t TLS) validate(p *problems, address string) {
	p.together("tls", "certificate", t.Certificate, "key", t.Key)
	a := t.ACME
	if len(a.Hosts) == 0 {
		if a.Email+a.Directory+a.CAFile != "" {
			p.add("tls.acme.hosts", "is missing: for which names does the authority give certificates?")
		}
		return
	}
	if t.Certificate != "" {
		p.add("tls.acme.hosts", "stands beside tls.certificate: take one of the two")
	}
	p.need("tls.acme.email", a.Email)
	for i, h := range a.Hosts {
		if _, err := netip.ParseAddr(h); err == nil || h != strings.ToLower(h) || !strings.Contains(h, ".") || strings.ContainsAny(h, "*/: ") {
			p.add(index("tls.acme.hosts", i), "want a name such as calls.example.com, in small letters")
		}
	}
	if u, err := url.Parse(address); address != "" && err == nil && !slices.Contains(a.Hosts, u.Hostname()) {
		p.add("tls.acme.hosts", "does not list %s, the host of url: nobody could open the portal", u.Hostname())
	}
	if u, err := url.Parse(a.Directory); a.Directory != "" && (err != nil || u.Scheme != "https" || u.Host == "") {
		p.add("tls.acme.directory", "want an https address, such as https://acme.example.com/directory")
	}
}

func (b Bucket) validate(p *problems, path string, mayBeEmpty bool) {
	kinds := 0
	for _, v := range []string{b.Folder, b.AzureContainer, b.S3Bucket} {
		if v != "" {
			kinds++
		}
	}
	switch {
	case kinds > 1:
		p.add(path, "set one of folder, azure_container and s3_bucket, not several")
	case kinds == 0 && (!mayBeEmpty || b != (Bucket{})):
		p.add(path, "set folder, azure_container or s3_bucket")
	case b.Folder != "":
		p.folder(path+".folder", b.Folder)
	default:
		if kinds == 1 {
			p.need(path+".secret_file", b.SecretFile)
		}
		if b.S3Bucket != "" {
			p.need(path+".s3_region", b.S3Region)
		}
	}
}

// MayWatch reports whether a customer may name a folder of this server as a
// source. Without this list, whoever administers one customer could have the
// server read any folder that it can.
func (c Config) MayWatch(customer, folder string) bool {
	for _, w := range c.Watch {
		if filepath.IsAbs(folder) && inside(folder, strings.ReplaceAll(w, "{customer}", customer)) {
			return true
		}
	}
	return false
}

func inside(path, folder string) bool {
	rel, err := filepath.Rel(folder, path)
	return path != "" && err == nil && rel != ".." && !strings.HasPrefix(rel, "../")
}
