package app_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"ringfence/internal/app/apptest"
	"ringfence/internal/app/server/servertest"
	"ringfence/internal/base/freeport"
)

// begin makes the installation with its customer, whose systems push, are
// collected from, and write into a folder.
func (d *soakDay) begin() {
	d.Helper()
	d.relay = apptest.NewRelayed(d.T, "")
	d.web = freeport.Address(d.T)
	own := freeport.Address(d.T)
	d.proxies["sftp"], d.proxies["http"] = newCutter(d.T, own), newCutter(d.T, d.web)
	calls := d.TempDir()
	_, told := servertest.Initialised(d, d.dir, "--listen", d.web, "--smtp", d.relay.Addr().String(), "--mail-from", "calls@example.com", "--skip-mail-proof", "a test")
	d.config = filepath.Join(d.dir, "etc", "ringfence.yaml")
	text, err := os.ReadFile(d.config)
	apptest.No(d, err)
	for from, to := range map[string]string{
		"\nwatch: []": fmt.Sprintf("\nwatch: [%q]", calls), "\nsftp:\n": fmt.Sprintf("\nsftp:\n  listen: %q\n  address: %q\n", own, d.proxies["sftp"].address()),
		"level: \"info\"": "level: \"warn\"",
	} {
		if !strings.Contains(string(text), from) {
			d.Fatalf("the configuration has no %q", from)
		}
		text = []byte(strings.Replace(string(text), from, to, 1))
	}
	apptest.No(d, os.WriteFile(d.config, text, 0o600))
	d.server = d.program("server", "serve", "--config", d.config)
	d.server.run()
	d.ready()
	d.folder, err = newTelephoneSystem(filepath.Join(calls, "a"))
	apptest.No(d, err)
	d.beside, err = newTelephoneSystem(filepath.Join(calls, "b"))
	apptest.No(d, err)
	d.populate(told)
	time.Sleep(time.Second) // whoever signed in just now lets go of the connections
	d.watched = d.watch()
}

// ready waits until the server answers.
func (d *soakDay) ready() {
	d.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		res, err := http.Get("http://" + d.web + "/healthz")
		if err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
	}
	d.Fatal("the server is not ready within a minute")
}

// populate makes the customer, two people, and the three sources.
func (d *soakDay) populate(told string) {
	d.Helper()
	come := func(text, email string) *apptest.Browser {
		link := apptest.WelcomeLink.FindStringSubmatch(text)
		if link == nil {
			d.Fatalf("no link in %q", text)
		}
		b := apptest.NewBrowser(d, "http://"+d.web)
		b.Must(204, "POST", "/api/v1/welcome", map[string]string{"token": link[1], "password": lifePassword}, nil)
		d.relay.Forget()
		b.SignIn(email, lifePassword, d.relay.Newest)
		return b
	}
	invited := func(email string) string {
		l := &lived{premises: &premises{TB: d}, relay: d.relay}
		return l.invited(email)
	}
	nora := come(told, "nora@example.com")
	nora.Enrol()
	var made struct{ ID string }
	nora.Must(201, "POST", "/api/v1/nodes/"+nora.Places()[0].ID+"/children", map[string]string{"kind": "customer", "name": "Oak & Ember", "admin_email": "cora@example.com", "admin_name": "Cora"}, &made)
	d.customer = made.ID
	d.cora = come(invited("cora@example.com"), "cora@example.com")
	base := "/api/v1/customers/" + d.customer
	d.cora.Must(200, "PUT", base+"/retention", map[string]any{"days": nil, "forever": true}, nil)
	d.cora.Must(200, "PUT", base+"/speech", map[string]string{"engine": "none"}, nil)
	d.cora.Must(201, "POST", base+"/members", map[string]any{"email": "sam@example.com", "name": "Sam", "roles": []string{"superuser"}}, nil)
	d.sam = come(invited("sam@example.com"), "sam@example.com")

	source := func(w way, more map[string]string) {
		for k, v := range map[string]string{"time_zone": "UTC", "country": "GB"} {
			more[k] = v
		}
		d.cora.Must(201, "POST", base+"/sources", more, &made)
		d.sources[w] = made.ID
	}
	source(bySFTP, map[string]string{"name": "Pushed", "kind": "drop", "profile": "generic", "pattern": "{started:20060102-150405}-{direction}-{caller}-{extension}-{id}"})
	source(byCollector, map[string]string{"name": "Collected", "kind": "collector", "profile": "asterisk"})
	source(byFolder, map[string]string{"name": "Folder", "kind": "folder", "profile": "asterisk", "folder": d.folder.sound, "logs": d.folder.logs})
	d.cora.Must(200, "PUT", base+"/coverage/settings", map[string]any{"keep_days": 90, "grace_minutes": map[string]int{d.sources[byCollector]: 2, d.sources[byFolder]: 2}}, nil)

	var device struct {
		Code string `json:"enrolment_code"`
	}
	d.cora.Must(201, "POST", base+"/devices", map[string]string{"name": "box", "source_id": d.sources[byCollector]}, &device)
	state := filepath.Join(d.dir, "box")
	enrol := d.program("enrolment", "collect", "enrol", "--server", "http://"+d.proxies["http"].address(), "--code", device.Code, "--state", state)
	enrol.run()
	enrol.wait()
	d.box = d.program("collector", "collect", "--state", state, "--from", d.beside.sound, "--logs", d.beside.logs, "--json")
	d.box.run()

	var secret struct {
		Secret string
		Source struct{ Login string }
	}
	d.cora.Must(200, "POST", base+"/sources/"+d.sources[bySFTP]+"/push/password", nil, &secret)
	d.login = pushLogin{secret.Source.Login, secret.Secret, d.proxies["sftp"].address()}
	for _, b := range []*apptest.Browser{nora, d.cora, d.sam} {
		b.HTTP.CloseIdleConnections()
	}
}

// pushLogin is what the telephone system that pushes was given.
type pushLogin struct{ user, password, address string }

// pusher is one connection of the telephone system that pushes. It sends each
// file until the server has said that it has it.
func (d *soakDay) pusher() {
	one := &connection{login: d.login}
	defer one.close()
	for c := range d.sent {
		for attempt := 0; ; attempt++ {
			d.tried.Add(1)
			err := one.put(c, attempt)
			if err == nil {
				break
			}
			one.close()
			d.heard.add(err)
			if attempt > 2000 {
				d.Errorf("call %d cannot be pushed: %v", c.n, err)
				break
			}
			time.Sleep(min(2*time.Second, 50*time.Millisecond<<min(attempt, 6)))
		}
	}
}

// connection is an SFTP session, made anew when it is gone.
type connection struct {
	login pushLogin
	ssh   *ssh.Client
	sftp  *sftp.Client
}

func (o *connection) open() error {
	if o.sftp != nil {
		return nil
	}
	conn, err := net.DialTimeout("tcp", o.login.address, 5*time.Second)
	if err != nil {
		return err
	}
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second)) // of the greeting; a server that was killed says nothing
	c, chans, reqs, err := ssh.NewClientConn(conn, o.login.address, &ssh.ClientConfig{
		User: o.login.user, Auth: []ssh.AuthMethod{ssh.Password(o.login.password)}, HostKeyCallback: ssh.InsecureIgnoreHostKey(),
	})
	if err != nil {
		conn.Close()
		return err
	}
	_ = conn.SetDeadline(time.Time{})
	o.ssh = ssh.NewClient(c, chans, reqs)
	if o.sftp, err = sftp.NewClient(o.ssh, sftp.MaxPacketUnchecked(1024)); err != nil {
		o.close()
	}
	return err
}

func (o *connection) close() {
	if o.sftp != nil {
		o.sftp.Close()
	}
	if o.ssh != nil {
		o.ssh.Close()
	}
	o.ssh, o.sftp = nil, nil
}

// put sends a file with its time; every second attempt goes on where the one
// before was cut.
func (o *connection) put(c *soakCall, attempt int) error {
	if err := o.open(); err != nil {
		return err
	}
	b, from := c.content(), int64(0)
	flags := os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	if attempt%2 == 1 {
		if st, err := o.sftp.Stat(c.path); err == nil && st.Size() < int64(len(b)) {
			flags, from = os.O_WRONLY, st.Size()
		}
	}
	f, err := o.sftp.OpenFile(c.path, flags)
	if err != nil {
		return err
	}
	if from > 0 {
		if _, err := f.Seek(from, io.SeekStart); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	if _, err := f.Write(b[from:]); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := o.sftp.Chtimes(c.path, c.end, c.end); err != nil && !errors.Is(err, os.ErrNotExist) { // it may be taken already
		return err
	}
	return nil
}

// refusals are what those who push were told.
type refusals struct {
	mu   sync.Mutex
	said map[string]int
}

func (r *refusals) add(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	text := err.Error()
	if len(text) > 120 {
		text = text[:120]
	}
	r.said[text]++
}

func (r *refusals) count(word string) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for text, times := range r.said {
		if strings.Contains(text, word) {
			n += times
		}
	}
	return n
}

// cutter passes connections on, and tears them.
type cutter struct {
	net.Listener
	to string

	mu   sync.Mutex
	open map[net.Conn]bool
	torn int
}

func newCutter(t *testing.T, to string) *cutter {
	c := &cutter{Listener: apptest.Listener(t), to: to, open: map[net.Conn]bool{}}
	t.Cleanup(func() { c.Close(); c.cut() })
	go func() {
		for {
			conn, err := c.Accept()
			if err != nil {
				return
			}
			go c.pass(conn)
		}
	}()
	return c
}

func (c *cutter) address() string { return c.Addr().String() }

func (c *cutter) pass(from net.Conn) {
	defer from.Close()
	to, err := net.Dial("tcp", c.to)
	if err != nil {
		return
	}
	defer to.Close()
	c.mu.Lock()
	c.open[from], c.open[to] = true, true
	c.mu.Unlock()
	var both sync.WaitGroup
	for _, pair := range [][2]net.Conn{{from, to}, {to, from}} {
		both.Go(func() {
			_, _ = io.Copy(pair[0], pair[1]) // it ends when either side does, or when it is torn
			from.Close()
			to.Close()
		})
	}
	both.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, from)
	delete(c.open, to)
}

// cut tears all connections without a word to either side.
func (c *cutter) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn := range c.open {
		if t, ok := conn.(*net.TCPConn); ok {
			_ = t.SetLinger(0) // a reset instead of an orderly end
		}
		conn.Close()
	}
	c.torn += len(c.open) / 2
	clear(c.open)
}

func (c *cutter) cuts() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.torn
}
