package pickup

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"path"
	"strings"
	"time"

	"github.com/jlaffaye/ftp"
	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"ringfence/internal/base/fault"
	"ringfence/internal/platform/egress"
)

// entry is a file or folder elsewhere.
type entry struct {
	name     string
	size     int64
	modified time.Time
	dir      bool
}

// remote is a connection to where files are fetched from. It serves one goroutine.
type remote interface {
	list(dir string) ([]entry, error)
	stat(name string) (entry, error)
	open(name string, offset int64) (io.ReadCloser, error)
	remove(name string) error
	rename(from, to string) error
	mkdir(name string) error
	Close() error
}

// unknownHost is the answer to a first connection, or to one whose other side
// has changed: a person has to confirm who it is.
type unknownHost struct{ shown, pinned string }

func (u *unknownHost) Error() string { return "the other side shows " + u.shown }

// asFault says what to do about it.
func (u *unknownHost) asFault() error {
	if u.pinned == "" {
		return fault.Wrap(u, fault.Conflict, "the other side is not confirmed yet: compare its fingerprint, %s, and confirm it", u.shown)
	}
	return fault.Wrap(u, fault.Conflict, "the other side shows another key than before (%s instead of %s); nothing is fetched until an administrator has found out why and confirmed it", u.shown, u.pinned)
}

// What a refused sign-in is called; Standing.Refused knows it by that.
const (
	notTaken         = "the other side does not take this user with this key or password"
	notTakenPassword = "the other side does not take this user with this password"
)

type dialer func(ctx context.Context, network, address string) (net.Conn, error)

const connectFor = 30 * time.Second

// connect opens a connection to a place whose identity is pinned.
func connect(ctx context.Context, dial dialer, set Settings) (remote, error) {
	ctx, cancel := context.WithTimeout(ctx, connectFor)
	defer cancel()
	switch set.Protocol {
	case SFTP:
		return connectSFTP(ctx, dial, set)
	case FTPS, FTPSImplicit:
		return connectFTPS(ctx, dial, set)
	}
	return nil, fault.Field("protocol", "must be sftp, ftps or ftps-implicit")
}

// sftpRemote speaks SFTP.
type sftpRemote struct {
	*sftp.Client
	conn *ssh.Client
}

func connectSFTP(ctx context.Context, dial dialer, set Settings) (remote, error) {
	raw, err := dial(ctx, "tcp", set.Host)
	if err != nil {
		return nil, err
	}
	_ = raw.SetDeadline(time.Now().Add(connectFor))
	var stranger *unknownHost
	conf := &ssh.ClientConfig{
		User: set.User, ClientVersion: "SSH-2.0-Ringfence",
		Config: ssh.Config{
			KeyExchanges: []string{ssh.KeyExchangeMLKEM768X25519, ssh.KeyExchangeCurve25519, "curve25519-sha256@libssh.org", ssh.KeyExchangeECDHP256, ssh.KeyExchangeECDHP384, ssh.KeyExchangeECDHP521},
			Ciphers:      []string{ssh.CipherAES128GCM, ssh.CipherAES256GCM, ssh.CipherChaCha20Poly1305, ssh.CipherAES128CTR, ssh.CipherAES256CTR},
			MACs:         []string{ssh.HMACSHA256ETM, ssh.HMACSHA512ETM},
		},
		HostKeyAlgorithms: []string{ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256},
		HostKeyCallback: func(_ string, _ net.Addr, k ssh.PublicKey) error {
			if shown := ssh.FingerprintSHA256(k); shown != set.Pin {
				stranger = &unknownHost{shown, set.Pin}
				return stranger
			}
			return nil
		},
	}
	if set.PrivateKey != "" {
		k, err := ssh.ParsePrivateKey([]byte(set.PrivateKey))
		if err != nil {
			raw.Close()
			return nil, err
		}
		conf.Auth = append(conf.Auth, ssh.PublicKeys(k))
	}
	if set.Password != "" {
		conf.Auth = append(conf.Auth, ssh.Password(set.Password), ssh.KeyboardInteractive(func(_, _ string, ask []string, _ []bool) ([]string, error) {
			answers := make([]string, len(ask))
			for i := range ask {
				answers[i] = set.Password
			}
			return answers, nil
		}))
	}
	c, channels, requests, err := ssh.NewClientConn(raw, set.Host, conf)
	if err != nil {
		raw.Close()
		if stranger != nil { // nothing of ours was sent: the key comes before the login
			return nil, stranger.asFault()
		}
		if strings.Contains(err.Error(), "unable to authenticate") {
			return nil, fault.Wrap(err, fault.Denied, notTaken)
		}
		return nil, fault.Wrap(err, fault.Unavailable, "no SFTP connection to %s: %s", hostOf(set.Host), plain(err))
	}
	_ = raw.SetDeadline(time.Time{})
	conn := ssh.NewClient(c, channels, requests)
	s, err := sftp.NewClient(conn)
	if err != nil {
		conn.Close()
		return nil, fault.Wrap(err, fault.Unavailable, "%s lets this user in but has no SFTP for it", hostOf(set.Host))
	}
	return &sftpRemote{s, conn}, nil
}

// Close ends the connection below first: the library would else wait for a peer
// that never ends its side.
func (r *sftpRemote) Close() error {
	err := ignoreClosed(r.conn.Close())
	_ = r.Client.Close() // it tells of the connection that was closed under it
	return err
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) || errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

func (r *sftpRemote) list(dir string) (all []entry, err error) {
	infos, err := r.ReadDir(dir)
	for _, i := range infos {
		if i.IsDir() || i.Mode().IsRegular() { // a link leads to where nobody has said
			all = append(all, entry{i.Name(), i.Size(), i.ModTime().UTC(), i.IsDir()})
		}
	}
	return all, err
}

func (r *sftpRemote) stat(name string) (entry, error) {
	i, err := r.Lstat(name)
	if err != nil {
		return entry{}, err
	}
	return entry{i.Name(), i.Size(), i.ModTime().UTC(), i.IsDir()}, nil
}

func (r *sftpRemote) open(name string, offset int64) (io.ReadCloser, error) {
	f, err := r.Open(name)
	if err != nil {
		return nil, err
	}
	if _, err := f.Seek(offset, io.SeekStart); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (r *sftpRemote) remove(name string) error     { return r.Remove(name) }
func (r *sftpRemote) rename(from, to string) error { return r.Rename(from, to) }

func (r *sftpRemote) mkdir(name string) error { return r.MkdirAll(name) }

// ftpRemote speaks FTP over TLS. Plain FTP is refused: it shows names, sound and
// password to whoever carries it.
type ftpRemote struct {
	c    *ftp.ServerConn
	host string
}

func connectFTPS(ctx context.Context, dial dialer, set Settings) (remote, error) {
	var stranger *unknownHost
	conf := &tls.Config{
		ServerName: hostOf(set.Host), MinVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(4),
		// Who the other side is says the pinned certificate, for control and data alike, and nothing else.
		InsecureSkipVerify: true,
		VerifyConnection: func(s tls.ConnectionState) error {
			sum := sha256.Sum256(s.PeerCertificates[0].Raw)
			if shown := "SHA256:" + hex.EncodeToString(sum[:]); shown != set.Pin {
				stranger = &unknownHost{shown, set.Pin}
				return stranger
			}
			return nil
		},
	}
	var control net.Conn
	by := func(network, address string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(context.Background(), connectFor)
		defer cancel()
		if control != nil {
			// The data connection goes where the control connection went, whatever the other side names.
			_, port, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			raw, err := egress.Beside(ctx, control, port)
			if err != nil {
				return nil, err
			}
			return tls.Client(raw, conf), nil
		}
		raw, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		if control = raw; set.Protocol == FTPS {
			return raw, nil // the library asks for TLS before it says who we are
		}
		return tls.Client(raw, conf), nil
	}
	options := []ftp.DialOption{ftp.DialWithDialFunc(by), ftp.DialWithShutTimeout(10 * time.Second)}
	if set.Protocol == FTPS {
		options = append(options, ftp.DialWithExplicitTLS(conf))
	} else {
		options = append(options, ftp.DialWithTLS(conf))
	}
	c, err := ftp.Dial(set.Host, options...)
	if err == nil {
		if err = c.Login(set.User, set.Password); err != nil {
			_ = c.Quit()
		}
	}
	switch reply, is := errors.AsType[*textproto.Error](err); {
	case err == nil:
		return &ftpRemote{c, set.Host}, nil
	case stranger != nil:
		return nil, stranger.asFault()
	case is && reply.Code == 530:
		return nil, fault.Wrap(err, fault.Denied, notTakenPassword)
	}
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return nil, f
	}
	return nil, fault.Wrap(err, fault.Unavailable, "no encrypted FTP connection to %s: %s", hostOf(set.Host), plain(err))
}

func (r *ftpRemote) Close() error { return r.c.Quit() }

func (r *ftpRemote) list(dir string) (all []entry, err error) {
	// Some servers answer for a folder that is not there as for an empty one.
	if err := r.c.ChangeDir(dir); err != nil {
		return nil, err
	}
	entries, err := r.c.List("")
	for _, e := range entries {
		if e.Name == "." || e.Name == ".." || strings.ContainsAny(e.Name, "/\r\n") || e.Type == ftp.EntryTypeLink {
			continue
		}
		all = append(all, entry{e.Name, int64(min(e.Size, 1<<62)), e.Time.UTC(), e.Type == ftp.EntryTypeFolder})
	}
	return all, err
}

func (r *ftpRemote) stat(name string) (entry, error) {
	size, err := r.c.FileSize(name)
	if err != nil {
		return entry{}, err
	}
	e := entry{name: path.Base(name), size: size}
	if at, err := r.c.GetTime(name); err == nil { // not all servers tell
		e.modified = at.UTC()
	}
	return e, nil
}

func (r *ftpRemote) open(name string, offset int64) (io.ReadCloser, error) {
	return r.c.RetrFrom(name, uint64(offset))
}

func (r *ftpRemote) remove(name string) error     { return r.c.Delete(name) }
func (r *ftpRemote) rename(from, to string) error { return r.c.Rename(from, to) }

func (r *ftpRemote) mkdir(name string) error {
	for i := range name {
		if i > 0 && name[i] == '/' {
			_ = r.c.MakeDir(name[:i]) // there already, most likely; the last one tells
		}
	}
	_ = r.c.MakeDir(name) // likewise; the move into it tells
	return nil
}

func hostOf(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return host
}

// plain is the innermost cause of an error: what a person can look up.
func plain(err error) string {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return fmt.Sprint(op.Err)
	}
	return err.Error()
}
