package app_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ringfence/demo"
	"ringfence/internal/app/apptest"
	"ringfence/internal/app/webcert/webcerttest"
	"ringfence/internal/base/freeport"
	"ringfence/internal/platform/place/placetest"
)

// The whole life of an installation, without the demo: install, init, start,
// enrol a collector, capture, kill, start again, upgrade, back up, lose
// everything, restore, and hear the same recording.
//
// `make test` runs it with the test's own program in a folder. `make soak` gives
// it a Debian, the packages of this build and of one before, and runs it in
// there as an operator would.
const (
	lifeDebian = "RINGFENCE_LIFE_DEBIAN" // a root file system that debootstrap made
	lifeBefore = "RINGFENCE_LIFE_BEFORE" // folder with the packages of an earlier release
	lifeNow    = "RINGFENCE_LIFE_NOW"    // folder with the packages of this one
)

// premises is where Ringfence runs: a folder of this machine, or a Debian in one.
type premises struct {
	testing.TB
	debian   bool
	dir      string
	postgres bool // instead of SQLite
}

func newPremises(t testing.TB) *premises {
	t.Helper()
	m := &premises{TB: t, debian: os.Getenv(lifeDebian) != "", dir: t.TempDir()}
	if !m.debian {
		return m
	}
	m.dir = filepath.Join(m.dir, "root")
	m.sh("cp", "-a", os.Getenv(lifeDebian), m.dir)
	m.sh("mount", "-t", "proc", "proc", m.dir+"/proc")
	t.Cleanup(func() { m.sh("umount", m.dir+"/proc") })
	return m
}

// at is a path as the program sees it.
func (m *premises) at(path string) string {
	if m.debian {
		return path
	}
	return m.dir + path
}

// host is the same as the test sees it.
func (m *premises) host(path string) string { return m.dir + path }

func (m *premises) sh(name string, args ...string) string {
	m.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		m.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// install installs the newest package of that name in a folder.
func (m *premises) install(name, from string) {
	m.Helper()
	all, err := filepath.Glob(filepath.Join(from, name+"_*_amd64.deb"))
	if err != nil || len(all) != 1 {
		m.Fatalf("packages of %s in %s: %v %v", name, from, all, err)
	}
	m.sh("cp", all[0], m.host("/tmp/package.deb"))
	m.Log(m.sh("chroot", m.dir, "dpkg", "-i", "/tmp/package.deb"))
}

// command is the program with arguments, as a user of the machine.
func (m *premises) command(user string, args ...string) *exec.Cmd {
	if !m.debian {
		return exec.Command("ringfence", args...)
	}
	if user == "" {
		return exec.Command("chroot", append([]string{m.dir, "/usr/bin/ringfence"}, args...)...)
	}
	return exec.Command("chroot", append([]string{"--userspec=" + user + ":" + user, m.dir, "/usr/bin/ringfence"}, args...)...)
}

func (m *premises) run(user string, args ...string) string {
	m.Helper()
	out, err := m.command(user, args...).CombinedOutput()
	if err != nil {
		m.Fatalf("ringfence %v: %v\n%s", args, err, out)
	}
	return string(out)
}

func (m *premises) write(path, text string) {
	m.Helper()
	apptest.No(m, os.MkdirAll(filepath.Dir(m.host(path)), 0o755))
	apptest.No(m, os.WriteFile(m.host(path), []byte(text), 0o600))
}

// serve starts the server and waits until it is ready, as systemd does.
func (m *premises) serve(config string) *apptest.Child {
	m.Helper()
	c := &apptest.Child{TB: m.TB, Cmd: m.command("ringfence", "serve", "--config", m.at(config))}
	c.Cmd.Stderr = &c.Log
	apptest.No(m, c.Cmd.Start())
	m.Cleanup(func() {
		if !c.Done {
			c.Cmd.Process.Kill()
			c.Cmd.Wait()
		}
		if m.Failed() {
			m.Logf("log of the server:\n%s", apptest.Quiet.ReplaceAllString(c.Log.String(), ""))
		}
	})
	apptest.Eventually(m, 90*time.Second, "the server is ready", func() bool { return strings.Contains(c.Log.String(), "msg=ready") })
	return c
}

// In a Debian it is SQLite's: PostgreSQL would be another machine there.
func TestTheWholeLife(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) { wholeLife(t, false) })
	if os.Getenv(lifeDebian) == "" {
		t.Run("PostgreSQL", func(t *testing.T) { wholeLife(t, true) })
	}
}

func wholeLife(t *testing.T, postgres bool) {
	m := newPremises(t)
	m.postgres = postgres
	if m.debian {
		m.install("ringfence", os.Getenv(lifeBefore))
		if _, err := os.Stat(m.host("/etc/ringfence/ringfence.yaml")); err == nil {
			t.Error("the package wrote a configuration")
		}
	}
	relay := apptest.NewRelayed(t, "")
	address := freeport.Address(t)
	link := m.initialise(relay, address)
	server := m.serve("/etc/ringfence/ringfence.yaml")
	life := &lived{premises: m, relay: relay, url: "https://" + address}
	life.populate(link)
	life.collect()
	first := life.heard()

	server.Killed()
	server = m.serve("/etc/ringfence/ringfence.yaml")
	if got := life.heard(); got != first {
		t.Error("after the power cut another recording is heard")
	}
	if m.debian {
		server = life.upgrade(server)
		if got := life.heard(); got != first {
			t.Error("after the upgrade another recording is heard")
		}
	}
	server.Stop()
	life.restore()
	if got := life.heard(); got != first {
		t.Error("after the restoration another recording is heard")
	}
	if m.debian {
		life.removed()
	}
}

// initialise runs init with a file of answers and gives what it said.
func (m *premises) initialise(relay *apptest.Relayed, address string) string {
	m.Helper()
	cert, key, _ := webcerttest.Certificate(m.TB.(*testing.T), m.TempDir())
	apptest.No(m, os.MkdirAll(m.host("/etc/ringfence"), 0o750))
	m.sh("cp", cert, key, m.host("/etc/ringfence/"))
	answers := fmt.Sprintf("admin: nora@example.com\nprovider: Example Voice\nlisten: %s\nurl: https://%s\ntls-ca: %s\ncertificate: %s\nkey: %s\nsmtp: %s\nmail-from: calls@example.com\nmirror: %s\nrecovery: %s\nbackup: %s\nbackup-keys: %s\n",
		address, address, m.at("/etc/ringfence/cert.pem"), m.at("/etc/ringfence/cert.pem"), m.at("/etc/ringfence/key.pem"), relay.Addr(), m.at("/var/lib/ringfence-mirror"), m.at("/etc/ringfence/copy.txt"), m.at("/var/lib/ringfence-backup"), m.at("/var/lib/ringfence-backup-keys"))
	args := []string{"init", "--answers", m.at("/answers.yaml")}
	if m.postgres {
		m.database()
		answers += "postgres-file: " + m.at(databaseFile) + "\n"
	}
	if m.debian { // the folders of the package, as its user
		m.sh("chroot", m.dir, "chown", "ringfence:ringfence", "/etc/ringfence/cert.pem", "/etc/ringfence/key.pem")
	} else {
		args = append(args, "--config", m.at("/etc/ringfence/ringfence.yaml"))
		answers += fmt.Sprintf("data: %s\nroot-key: %s\nkeys: %s\nbackup-key: %s\n", m.at("/var/lib/ringfence"), m.at("/etc/ringfence/root.key"), m.at("/var/lib/ringfence-keys"), m.at("/etc/ringfence/backup.key"))
	}
	m.write("/answers.yaml", answers)
	out := m.run("", args...)
	if !strings.Contains(out, "TLS works: 127.0.0.1") || !strings.Contains(out, "Mail works: ") {
		m.Error(out)
	}
	if again := m.run("", args...); !strings.Contains(again, "nothing was changed") {
		m.Error(again)
	}
	return out
}

const databaseFile = "/etc/ringfence/postgres.url"

// database gives the installation an empty database of its own.
func (m *premises) database() {
	m.Helper()
	m.write(databaseFile, placetest.Postgres(m.TB).Reveal())
}

// lived is what there is in an installation that lives.
type lived struct {
	*premises
	relay    *apptest.Relayed
	url      string
	customer string
	code     string // that enrols the collector
}

// browser trusts the installation's certificate.
func (l *lived) browser() *apptest.Browser {
	l.Helper()
	cert, err := os.ReadFile(l.host("/etc/ringfence/cert.pem"))
	apptest.No(l, err)
	b := apptest.NewBrowser(l.TB, l.url)
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(cert) {
		l.Fatal("no certificate")
	}
	b.HTTP.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	l.Cleanup(b.HTTP.CloseIdleConnections)
	return b
}

const lifePassword = "violet tractor mends nine kites"

// come follows the link of an invitation, chooses a password and signs in.
func (l *lived) come(text, email string) *apptest.Browser {
	l.Helper()
	link := apptest.WelcomeLink.FindStringSubmatch(text)
	if link == nil {
		l.Fatalf("no link in %q", text)
	}
	b := l.browser()
	b.Must(204, "POST", "/api/v1/welcome", map[string]string{"token": link[1], "password": lifePassword}, nil)
	l.signIn(b, email)
	return b
}

// signIn takes the code that comes now, not one of before.
func (l *lived) signIn(b *apptest.Browser, email string) {
	l.Helper()
	l.relay.Forget()
	b.SignIn(email, lifePassword, l.relay.Newest)
}

func (l *lived) invited(email string) (text string) {
	l.Helper()
	apptest.Eventually(l.TB, 10*time.Second, "a mail to "+email, func() bool {
		for _, m := range l.relay.Newest() {
			if m.To == email && apptest.WelcomeLink.MatchString(m.Text) {
				text = m.Text
				return true
			}
		}
		return false
	})
	return text
}

// populate makes a customer, its administrator, a source with a collector, and
// somebody who may listen.
func (l *lived) populate(link string) {
	l.Helper()
	nora := l.come(link, "nora@example.com")
	nora.Enrol()
	root := nora.Places()[0].ID
	var known struct {
		Release string
		Mail    struct{ Server string }
	}
	nora.Must(200, "GET", "/api/v1/nodes/"+root+"/installation", nil, &known)
	if known.Release == "" || known.Mail.Server != l.relay.Addr().String() {
		l.Errorf("the installation: %s", nora.Answer)
	}
	var made struct{ ID string }
	nora.Must(201, "POST", "/api/v1/nodes/"+root+"/children", map[string]string{"kind": "customer", "name": "Oak & Ember", "admin_email": "cora@example.com", "admin_name": "Cora"}, &made)
	l.customer = made.ID
	cora := l.come(l.invited("cora@example.com"), "cora@example.com")
	base := "/api/v1/customers/" + l.customer
	cora.Must(200, "PUT", base+"/retention", map[string]any{"days": 90}, nil)
	cora.Must(201, "POST", base+"/sources", map[string]string{"name": "PBX", "kind": "collector", "profile": "generic", "time_zone": "Europe/London", "country": "GB", "pattern": "{direction}-{caller}-{extension}"}, &made)
	var device struct {
		Code string `json:"enrolment_code"`
	}
	cora.Must(201, "POST", base+"/devices", map[string]string{"name": "box", "source_id": made.ID}, &device)
	l.code = device.Code
	cora.Must(201, "POST", base+"/members", map[string]any{"email": "sam@example.com", "name": "Sam", "roles": []string{"superuser"}}, nil)
	l.come(l.invited("sam@example.com"), "sam@example.com")
}

// collect enrols a collector on a machine of its own and brings one call.
func (l *lived) collect() {
	l.Helper()
	box := newPremises(l.TB)
	user := ""
	if box.debian {
		box.install("ringfence-collector", os.Getenv(lifeNow))
	}
	cert, err := os.ReadFile(l.host("/etc/ringfence/cert.pem"))
	apptest.No(l, err)
	box.write("/tmp/ca.pem", string(cert))
	state := "/var/lib/box"
	box.run(user, "collect", "enrol", "--server", l.url, "--code", l.code, "--state", box.at(state), "--ca", box.at("/tmp/ca.pem"))
	all, err := demo.Conversations()
	apptest.No(l, err)
	call := "/srv/calls/in-01614960152-204.wav"
	box.write(call, string(all[0].Sound))
	old := time.Now().Add(-time.Hour)
	apptest.No(l, os.Chtimes(box.host(call), old, old))
	box.run(user, "collect", "--state", box.at(state), "--from", box.at("/srv/calls"), "--once")
}

// heard is the hash of the one recording's sound.
func (l *lived) heard() (sum [32]byte) {
	l.Helper()
	sam := l.browser()
	l.signIn(sam, "sam@example.com")
	var list []apptest.Listed
	apptest.Eventually(l.TB, 30*time.Second, "the call is listed", func() bool {
		list = sam.List(l.customer, "number=01614960152")
		return len(list) == 1
	})
	var opened struct {
		SoundURL string `json:"sound_url"`
	}
	sam.Must(201, "POST", "/api/v1/customers/"+l.customer+"/recordings/"+list[0].ID+"/openings", map[string]string{"what": "listen"}, &opened)
	sam.Must(200, "GET", opened.SoundURL, nil, nil)
	if !strings.HasPrefix(sam.Answer, "RIFF") || len(sam.Answer) < 100_000 {
		l.Fatalf("%d bytes of sound: %.20q", len(sam.Answer), sam.Answer)
	}
	return sha256.Sum256([]byte(sam.Answer))
}

// upgrade installs this build's package over the one before. There is no systemd
// in here: one that notes what it is asked stands in for it, and the package has
// to have asked the new program before it asks for the restart.
func (l *lived) upgrade(server *apptest.Child) *apptest.Child {
	l.Helper()
	before := l.run("", "version")
	edited := l.host("/etc/ringfence/ringfence.yaml")
	text, err := os.ReadFile(edited)
	apptest.No(l, err)
	apptest.No(l, os.WriteFile(edited, append(text, "# a remark of the operator's\n"...), 0o644))
	l.write("/run/systemd/system/here", "")
	l.write("/usr/local/bin/systemctl", "#!/bin/sh\necho \"$@\" >>/tmp/systemctl.log\n")
	apptest.No(l, os.Chmod(l.host("/usr/local/bin/systemctl"), 0o755))
	l.refusedUpgrade()
	l.sh("chroot", l.dir, "dpkg", "--configure", "-a")
	asked, err := os.ReadFile(l.host("/tmp/systemctl.log"))
	if err != nil || !strings.Contains(string(asked), "daemon-reload\nis-active --quiet ringfence\nrestart ringfence") {
		l.Errorf("systemd was asked %q, %v", asked, err)
	}
	if now, err := os.ReadFile(edited); err != nil || !bytes.HasSuffix(now, []byte("operator's\n")) {
		l.Error("the upgrade touched the configuration", err)
	}
	if after := l.run("", "version"); after == before {
		l.Errorf("the version is still %s", after)
	}
	if _, err := os.Stat(l.host("/usr/lib/ringfence/previous")); err != nil {
		l.Error("the release before is not kept:", err)
	}
	server.Stop()
	return l.serve("/etc/ringfence/ringfence.yaml")
}

// refusedUpgrade: where the new program would not start, the one before stands in
// its place again, nothing is restarted, and the installation of the package
// says so. Put right, it is tried again.
func (l *lived) refusedUpgrade() {
	l.Helper()
	before := l.run("", "version")
	apptest.No(l, os.Chmod(l.host("/etc/ringfence/root.key"), 0o644))
	all, err := filepath.Glob(filepath.Join(os.Getenv(lifeNow), "ringfence_*_amd64.deb"))
	if err != nil || len(all) != 1 {
		l.Fatal(all, err)
	}
	l.sh("cp", all[0], l.host("/tmp/package.deb"))
	out, err := exec.Command("chroot", l.dir, "dpkg", "-i", "/tmp/package.deb").CombinedOutput()
	asked, _ := os.ReadFile(l.host("/tmp/systemctl.log"))
	if err == nil || !strings.Contains(string(out), "the one before goes on running") || strings.Contains(string(asked), "restart") || l.run("", "version") != before {
		l.Errorf("%v %s\n%s", err, asked, out)
	}
	apptest.No(l, os.Remove(l.host("/tmp/systemctl.log")))
	apptest.No(l, os.Chmod(l.host("/etc/ringfence/root.key"), 0o600))
}

// restore backs up, loses data and keys, and makes the installation anew.
func (l *lived) restore() {
	l.Helper()
	config := l.at("/etc/ringfence/ringfence.yaml")
	l.run("ringfence", "backup", "run", "--config", config)
	for _, dir := range []string{"/var/lib/ringfence", "/var/lib/ringfence-keys", "/var/lib/ringfence-mirror"} {
		apptest.No(l, os.Rename(l.host(dir), l.host(dir+".lost")))
		apptest.No(l, os.Mkdir(l.host(dir), 0o700))
		l.own(dir)
	}
	if l.postgres { // the one before is lost, as the folders are
		l.database()
	}
	l.run("ringfence", "restore", "--config", config)
	l.serve("/etc/ringfence/ringfence.yaml")
}

// own gives a folder to the service's user.
func (l *lived) own(dir string) {
	l.Helper()
	if l.debian {
		l.sh("chroot", l.dir, "chown", "ringfence:ringfence", dir)
	}
}

// removed: even a purge leaves keys, data and settings.
func (l *lived) removed() {
	l.Helper()
	out := l.sh("chroot", l.dir, "dpkg", "--purge", "ringfence")
	if !strings.Contains(out, "Nothing was deleted") {
		l.Error(out)
	}
	for _, kept := range []string{"/etc/ringfence/root.key", "/etc/ringfence/ringfence.yaml", "/var/lib/ringfence/places", "/var/lib/ringfence-keys/installation.db"} {
		if _, err := os.Stat(l.host(kept)); err != nil {
			l.Error("the purge took", kept, err)
		}
	}
}
