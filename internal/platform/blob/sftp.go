package blob

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/secret"
)

// SFTP is a folder of another machine, reached over SSH.
type SFTP struct {
	Address string      // sftp://user@host:port/path
	HostKey string      // the one public key that the host may have: "ssh-ed25519 AAAA…"
	Key     secret.Text // private key, PEM
}

// remote is a bucket in a folder of another machine. An object is written
// beside its name, synced where the other side can, and moved over. One
// connection serves all calls and is made anew after it broke.
type remote struct {
	addr   string
	root   string
	config *ssh.ClientConfig
	where  string

	mu     sync.Mutex
	client *sftp.Client
	conn   *ssh.Client
	made   map[string]bool // folders that are there
}

const (
	dialFor   = 20 * time.Second
	answerFor = time.Minute // a line that is silent for so long while something is under way is dead
)

func openSFTP(ctx context.Context, s SFTP) (Bucket, error) {
	u, err := url.Parse(s.Address)
	if err != nil || u.Scheme != "sftp" || u.Host == "" || u.User.Username() == "" || len(u.Path) < 2 {
		return nil, fault.Field("sftp", "is not an address such as sftp://user@host/path")
	}
	signer, err := ssh.ParsePrivateKey([]byte(s.Key.Reveal()))
	if err != nil {
		return nil, fault.Field("secret_file", "does not hold a private key for SSH without a pass phrase")
	}
	// Without the one key that is named, whoever sits between could take the
	// host's place, take the backups and give back others.
	host, _, _, _, err := ssh.ParseAuthorizedKey([]byte(s.HostKey))
	if err != nil {
		return nil, fault.Field("sftp_host_key", "is not a public key such as ssh-ed25519 AAAA…")
	}
	r := &remote{addr: u.Host, root: path.Clean(u.Path), where: "the SFTP folder " + u.Host + u.Path, made: map[string]bool{}}
	if u.Port() == "" {
		r.addr = net.JoinHostPort(u.Hostname(), "22")
	}
	r.config = &ssh.ClientConfig{
		User: u.User.Username(), Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, Timeout: dialFor,
		HostKeyCallback: ssh.FixedHostKey(host), HostKeyAlgorithms: algorithmsOf(host),
	}
	if _, err := r.connect(ctx); err != nil {
		return nil, err
	}
	return r, nil
}

// algorithmsOf asks for the kind of key that is named; RSA keys sign in two ways.
func algorithmsOf(k ssh.PublicKey) []string {
	if k.Type() == ssh.KeyAlgoRSA {
		return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
	}
	return []string{k.Type()}
}

func (r *remote) at(name string) string { return r.root + "/" + name }

// temp is where an object is written before it is whole. List leaves it out.
const temp = ".part-"

func (r *remote) Put(ctx context.Context, name string, from io.Reader) (size int64, err error) {
	if err := check(name); err != nil {
		return 0, err
	}
	c, err := r.connect(ctx)
	if err != nil {
		return 0, err
	}
	// The reader can be read once, so a broken connection is not tried again here.
	stop := context.AfterFunc(ctx, func() { r.drop(c) })
	defer stop()
	dir := path.Dir(r.at(name))
	if err := r.folder(c, dir); err != nil {
		return 0, r.lost(ctx, c, err)
	}
	part := dir + "/" + temp + rand.Text()
	f, err := c.OpenFile(part, os.O_CREATE|os.O_EXCL|os.O_WRONLY)
	if err != nil {
		return 0, r.lost(ctx, c, err)
	}
	src := &sourceReader{r: from}
	_, err = f.ReadFrom(src)
	if _, ok := c.HasExtension("fsync@openssh.com"); ok && err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = c.PosixRename(part, r.at(name))
	}
	if err != nil {
		_ = c.Remove(part) // a connection that broke leaves it; nothing reads it
	}
	switch {
	case src.err != nil:
		return 0, src.err
	case err != nil:
		return 0, r.lost(ctx, c, err)
	}
	return src.n, nil
}

// lost explains, and gives up a connection that may be broken.
func (r *remote) lost(ctx context.Context, c *sftp.Client, err error) error {
	if _, status := errors.AsType[*sftp.StatusError](err); !status && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
		r.drop(c)
	}
	return r.explain(ctx, err)
}

func (r *remote) folder(c *sftp.Client, dir string) error {
	r.mu.Lock()
	made := r.made[dir]
	r.mu.Unlock()
	if made || dir == r.root {
		return nil
	}
	if err := c.MkdirAll(dir); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.made[dir] = true
	return nil
}

// remoteBatch needs no end, as a cloud's.
type remoteBatch struct {
	r    *remote
	made []string
}

func (r *remote) Batch() Batch { return &remoteBatch{r: r} }

func (b *remoteBatch) Put(ctx context.Context, name string, from io.Reader) (int64, error) {
	if slices.Contains(b.made, name) {
		return 0, putTwice(name)
	}
	n, err := b.r.Put(ctx, name, from)
	if err == nil {
		b.made = append(b.made, name)
	}
	return n, err
}

func (b *remoteBatch) Commit(ctx context.Context) error {
	b.made = nil
	return ctx.Err()
}

func (b *remoteBatch) Discard() {
	for _, name := range b.made {
		_ = b.r.Delete(context.Background(), name)
	}
	b.made = nil
}

func (r *remote) Open(ctx context.Context, name string) (Object, error) {
	if err := check(name); err != nil {
		return nil, err
	}
	o := &remoteObject{ctx: ctx, r: r, name: name}
	err := r.do(ctx, func(c *sftp.Client) error {
		f, err := c.Open(r.at(name))
		if err != nil {
			return err
		}
		info, err := f.Stat()
		if err == nil && !info.Mode().IsRegular() {
			err = fs.ErrNotExist
		}
		if err != nil {
			f.Close()
			return err
		}
		o.f, o.size = f, info.Size()
		o.stop = context.AfterFunc(ctx, func() { f.Close() })
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, notFound(name)
	}
	if err != nil {
		return nil, r.explain(ctx, err)
	}
	return o, nil
}

func (r *remote) Delete(ctx context.Context, name string) error {
	if err := check(name); err != nil {
		return err
	}
	err := r.do(ctx, func(c *sftp.Client) error { return c.Remove(r.at(name)) })
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return r.explain(ctx, err)
}

func (r *remote) List(ctx context.Context, prefix string, fn func(string, int64) error) error {
	if err := checkPrefix(prefix); err != nil {
		return err
	}
	type object struct {
		name string
		size int64
	}
	// In the order of whole names, which is not that of walking through folders.
	var all []object
	err := r.do(ctx, func(c *sftp.Client) error {
		all = all[:0]
		var walk func(dir string) error
		walk = func(dir string) error {
			infos, err := c.ReadDirContext(ctx, r.at(dir))
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil {
				return err
			}
			for _, i := range infos {
				name := path.Join(dir, i.Name())
				switch {
				case i.IsDir() && (strings.HasPrefix(name+"/", prefix) || strings.HasPrefix(prefix, name+"/")):
					if err := walk(name); err != nil {
						return err
					}
				case i.Mode().IsRegular() && strings.HasPrefix(name, prefix) && check(name) == nil:
					all = append(all, object{name, i.Size()})
				}
			}
			return nil
		}
		from := ""
		if i := strings.LastIndexByte(prefix, '/'); i >= 0 {
			from = prefix[:i]
		}
		return walk(from)
	})
	if err != nil {
		return r.explain(ctx, err)
	}
	slices.SortFunc(all, func(a, b object) int { return strings.Compare(a.name, b.name) })
	for _, o := range all {
		if err := fn(o.name, o.size); err != nil {
			return err
		}
	}
	return nil
}

func (r *remote) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.client == nil {
		return nil
	}
	err := r.client.Close()
	r.conn.Close() // closed with the client, mostly
	r.client = nil
	return err
}

type remoteObject struct {
	ctx  context.Context // of Open, as Bucket.Open says
	r    *remote
	name string
	f    *sftp.File
	size int64
	stop func() bool
}

func (o *remoteObject) Size() int64 { return o.size }

func (o *remoteObject) Close() error {
	o.stop()
	return o.f.Close()
}

func (o *remoteObject) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fault.New(fault.Invalid, "an offset cannot be negative")
	}
	if err := o.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := o.f.ReadAt(p, off)
	if err == nil || errors.Is(err, io.EOF) {
		return n, err
	}
	return n, o.r.explain(o.ctx, err)
}
