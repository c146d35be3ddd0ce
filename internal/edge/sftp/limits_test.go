package sftp_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"ringfence/internal/archive/intake"
	"ringfence/internal/edge/sftp"
)

func TestLimits(t *testing.T) {
	w := newWorld(t, func(o *sftp.Options, i *intake.Options) { o.PerSource, i.Bytes = 2, 100_000 })
	a, _, err := w.connect()
	if err != nil {
		t.Fatal(err)
	}
	f, _ := a.Create("big.wav")
	_, err = f.Write(make([]byte, 150_000))
	if err == nil {
		err = f.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "wait for this source") {
		t.Errorf("more than there is room for: %v", err)
	}
	b, _, err := w.connect()
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if _, _, err := w.connect(); err == nil {
		t.Error("a third connection")
	}
	if n := w.server.Count(); n != 2 {
		t.Errorf("%d sessions", n)
	}
	// Old algorithms find no common ground.
	c := &ssh.ClientConfig{User: w.account.Login, HostKeyCallback: ssh.InsecureIgnoreHostKey(), Config: ssh.Config{KeyExchanges: []string{ssh.InsecureKeyExchangeDH14SHA1}}}
	if _, err := ssh.Dial("tcp", w.address, c); err == nil || !strings.Contains(err.Error(), "no common algorithm") {
		t.Error(err)
	}
}

// Strangers who take every place and say nothing keep nobody out for longer than
// a greeting may take: who comes then waits for a place.
func TestWhoComesWhenAllPlacesAreTakenWaits(t *testing.T) {
	w := newWorld(t, func(o *sftp.Options, _ *intake.Options) { o.Handshake = 10 * time.Second })
	strangers := func(n int) {
		for range n {
			c, err := net.Dial("tcp", w.address)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
		}
	}
	strangers(100)
	begin := time.Now()
	s, _, err := w.connect()
	if err != nil {
		t.Fatalf("turned away after %v: %v", time.Since(begin), err)
	}
	s.Close()

	strangers(110)
	begin = time.Now()
	w.server.Stop()
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("the server waits %v for who waits for it", took)
	}
}
