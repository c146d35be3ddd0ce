package supervisor_test

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"testing"
	"time"

	"ringfence/internal/platform/supervisor"
)

// systemd is a socket as systemd opens one.
func systemd(t *testing.T, watchdog string) (*net.UnixConn, *supervisor.Supervisor) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "notify")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	env := map[string]string{"NOTIFY_SOCKET": name, "WATCHDOG_USEC": watchdog}
	return c, supervisor.From(func(k string) string { return env[k] })
}

func heard(t *testing.T, c *net.UnixConn) string {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 200)
	n, err := c.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(b[:n])
}

func TestWhatIsSaid(t *testing.T) {
	c, s := systemd(t, "")
	s.Ready()
	s.Status("keeping 12 places\nREADY=0")
	s.Stopping()
	for _, want := range []string{"READY=1", "STATUS=keeping 12 places", "STOPPING=1"} {
		if got := heard(t, c); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	s.Watch(t.Context(), func(context.Context) error { t.Error("nobody watches"); return nil })
}

func TestOnlyTheLivingGiveASign(t *testing.T) {
	c, s := systemd(t, "20000") // 20 ms
	ctx, cancel := context.WithCancel(t.Context())
	asked := 0
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Watch(ctx, func(ctx context.Context) error {
			switch asked++; asked {
			case 1:
				return errors.New("the database does not answer")
			case 2:
				<-ctx.Done() // one that hangs
				return ctx.Err()
			}
			return nil
		})
	}()
	if got := heard(t, c); got != "WATCHDOG=1" {
		t.Error(got)
	}
	cancel()
	<-done
	if asked < 3 {
		t.Error("a sign was given by one that was not well")
	}
}

func TestWithoutASupervisor(t *testing.T) {
	s := supervisor.From(func(string) string { return "" })
	s.Ready()
	s.Watch(t.Context(), func(context.Context) error { t.Error("nobody watches"); return nil })
	gone := supervisor.From(func(k string) string { return "/nowhere" })
	gone.Ready() // must not fail or hang
}
