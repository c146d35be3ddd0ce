package blob

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"strings"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"ringfence/internal/base/fault"
)

// connect gives the connection, or makes it.
func (r *remote) connect(ctx context.Context) (*sftp.Client, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.client != nil {
		return r.client, nil
	}
	d := net.Dialer{Timeout: dialFor, KeepAlive: 15 * time.Second}
	raw, err := d.DialContext(ctx, "tcp", r.addr)
	if err != nil {
		return nil, r.explain(ctx, err)
	}
	raw.SetDeadline(time.Now().Add(dialFor)) // of the handshake
	conn, channels, requests, err := ssh.NewClientConn(raw, r.addr, r.config)
	if err != nil {
		raw.Close()
		if strings.Contains(err.Error(), "host key") {
			return nil, fault.Wrap(err, fault.Unavailable, "%s does not have the host key that was named: nothing is sent to it; if its key was changed, set the new one", r.where)
		}
		return nil, fault.Wrap(err, fault.Unavailable, "%s does not let us in: check the user and whether it knows our public key", r.where)
	}
	raw.SetDeadline(time.Time{})
	r.conn = ssh.NewClient(conn, channels, requests)
	client, err := sftp.NewClient(r.conn, sftp.UseConcurrentWrites(true))
	if err != nil {
		r.conn.Close()
		return nil, r.explain(ctx, err)
	}
	info, err := client.Stat(r.root)
	if err == nil && !info.IsDir() {
		err = fs.ErrNotExist
	}
	if err != nil {
		client.Close()
		r.conn.Close()
		return nil, fault.Wrap(err, fault.Unavailable, "%s does not exist: create it, or correct the path", r.where)
	}
	r.client = client
	return client, nil
}

// drop gives a connection up that broke.
func (r *remote) drop(c *sftp.Client) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.client == c && c != nil {
		c.Close()
		r.conn.Close()
		r.client, r.made = nil, map[string]bool{}
	}
}

// do runs one act, once more if the connection broke before it. What waits for
// longer than the other side may take is cut, so that nothing waits for ever.
func (r *remote) do(ctx context.Context, fn func(*sftp.Client) error) error {
	for again := 0; ; again++ {
		c, err := r.connect(ctx)
		if err != nil {
			return err
		}
		err = fn(c)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !errors.Is(err, sftp.ErrSSHFxConnectionLost) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, net.ErrClosed) {
			return err
		}
		r.drop(c)
		if again == 1 {
			return r.explain(ctx, err)
		}
	}
}

func (r *remote) explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if f := fault.Of(err); f.Kind != fault.Internal {
		return err
	}
	return fault.Wrap(err, fault.Unavailable, "%s does not answer as it should: look at that machine, its disk and the network; it is tried again", r.where)
}
