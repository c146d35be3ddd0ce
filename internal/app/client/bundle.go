package client

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"ringfence/internal/app/cli"
	"ringfence/internal/app/remote"
	"ringfence/internal/base/disk"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/edge/httpapi"
	"ringfence/internal/trust/departure"
)

// Asker is the flags by which a command asks a running server.
type Asker struct{ flags apiFlags }

// Asking adds the flags that name a server, and who asks.
func Asking(f *flag.FlagSet, p cli.Process) Asker {
	return Asker{apiFlags{
		url:     f.String("url", p.Getenv("RINGFENCE_URL"), "the running `server`, for example https://calls.example.com"),
		token:   f.String("token-file", p.Getenv("RINGFENCE_TOKEN_FILE"), "with --url: `file` with an API token, mode 0600"),
		session: f.String("session-file", p.Getenv("RINGFENCE_SESSION_FILE"), "with --url: `file` that keeps a person's sign-in"),
		ca:      f.String("ca", "", "with --url: `file` with certificates (PEM) to believe besides the system's"),
	}}
}

// Named reports whether a server was named.
func (a Asker) Named() bool { return *a.flags.url != "" }

// Bundle has a running server make a customer's bundle and takes it away.
func (a Asker) Bundle(ctx context.Context, customer id.Customer, receiveKey, purpose, to string, p cli.Process) error {
	c, err := a.flags.client(p)
	if err != nil {
		return err
	}
	defer c.Close()
	t := taking{
		client: c, base: "/api/v1/customers/" + customer.String(), to: to, key: receiveKey, purpose: purpose, tell: Progress(p.Stderr),
		every: 2 * time.Second, patience: 10 * time.Minute, free: disk.Free, check: checkBundle,
	}
	if err := t.run(ctx); err != nil {
		return err
	}
	fmt.Fprintf(p.Stdout, "%s holds everything of %s, whole and as it was signed; only the receiving installation opens its keys\n", to, customer)
	return nil
}

// taking is a bundle that is on its way. What has come lies in a file beside the
// one that is to be; which export it is of, in another: run again after whatever
// interrupted it, it goes on where it stopped.
type taking struct {
	client   *remote.Client
	base     string // path of the customer
	to       string
	key      string
	purpose  string
	tell     func(what string, done, total int64)
	every    time.Duration // between two looks
	patience time.Duration // how long nothing may come
	free     func(dir string) (int64, error)
	check    func(ctx context.Context, file string) error
}

// roomBeside stays free on the disk when a bundle has come.
const roomBeside = 64 << 20

func (t *taking) run(ctx context.Context) error {
	order, err := t.order(ctx)
	if err != nil {
		return err
	}
	e, err := t.made(ctx, order)
	if err != nil {
		return err
	}
	if err := t.take(ctx, e); err != nil {
		return err
	}
	if err := t.check(ctx, t.part()); err != nil {
		if ctx.Err() != nil {
			return err // it was not looked at to its end
		}
		// Not what was signed: it is worth nothing, and must not be gone on with.
		return errors.Join(err, os.Remove(t.part()))
	}
	if err := os.Rename(t.part(), t.to); err != nil {
		return fault.Wrap(err, fault.Unavailable, "%s cannot be written", t.to)
	}
	return os.Remove(t.slip())
}

func (t *taking) part() string { return t.to + ".part" }
func (t *taking) slip() string { return t.to + ".order" }

// slip is the order of an earlier attempt.
type slip struct {
	Export string `json:"export"`
	For    string `json:"for"` // hash of whose bundle it is, and of the key that opens it
}

// order is the export of an earlier attempt, or a new one.
func (t *taking) order(ctx context.Context) (string, error) {
	sum := sha256.Sum256([]byte(t.base + "\x00" + t.key))
	mine := slip{For: hex.EncodeToString(sum[:])}
	b, err := os.ReadFile(t.slip())
	var old slip
	switch {
	case err == nil && json.Unmarshal(b, &old) == nil && old.Export != "":
		if old.For != mine.For {
			return "", fault.New(fault.Conflict, "%s was begun for another customer or another --key; remove %s and %s to begin anew, or name another file", t.to, t.slip(), t.part())
		}
		return old.Export, nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return "", fault.Wrap(err, fault.Invalid, "%s cannot be read", t.slip())
	}
	if err := os.Remove(t.part()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fault.Wrap(err, fault.Invalid, "%s is in the way", t.part())
	}
	var e httpapi.Export
	in := map[string]string{"receive_key": t.key, "purpose": t.purpose}
	if err := t.client.Ask(ctx, http.MethodPost, t.base+"/departure/exports", in, &e); err != nil {
		return "", err
	}
	mine.Export = e.ID
	if b, err = json.Marshal(mine); err == nil {
		err = os.WriteFile(t.slip(), b, 0o600)
	}
	return e.ID, fault.Wrap(err, fault.Unavailable, "%s cannot be written", t.slip())
}

// made waits until the server has made the bundle.
func (t *taking) made(ctx context.Context, order string) (e httpapi.Export, err error) {
	for since := time.Now(); ; {
		err := t.client.Ask(ctx, http.MethodGet, t.base+"/exports/"+order, nil, &e)
		switch {
		case t.passes(err, since) && ctx.Err() == nil:
		case fault.Is(err, fault.NotFound):
			return e, errors.Join(fault.New(fault.NotFound, "the export that was asked for before is not there any more; run this again for a new one"), os.Remove(t.slip()))
		case err != nil:
			return e, err
		case e.State == "ready":
			return e, nil
		case e.State != "making":
			return e, errors.Join(fault.New(fault.Gone, "the server could not make the bundle: %s; run this again to try anew", e.Reason), os.Remove(t.slip()))
		default:
			since = time.Now()
			t.tell("made", e.Done, e.Total)
		}
		if err := wait(ctx, t.every); err != nil {
			return e, err
		}
	}
}

// passes reports whether an error may be over by the next look: the server is away,
// or wants to be asked less often.
func (t *taking) passes(err error, since time.Time) bool {
	return (fault.Is(err, fault.Unavailable) || fault.Is(err, fault.Limited)) && time.Since(since) < t.patience
}

// take brings the rest of the file, over as many connections as it needs.
func (t *taking) take(ctx context.Context, e httpapi.Export) error {
	f, err := os.OpenFile(t.part(), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "%s cannot be written", t.part())
	}
	defer f.Close()
	at, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if at > e.Bytes {
		if at, err = 0, f.Truncate(0); err != nil {
			return err
		}
	}
	free, err := t.free(filepath.Dir(t.to))
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "how much is free beside %s cannot be seen", t.to)
	}
	if need := e.Bytes - at + roomBeside; free < need {
		return fault.New(fault.Unavailable, "the rest of the bundle needs %d MB, and there are %d MB free beside %s; what has come is kept: make room and run this again", need>>20, free>>20, t.to)
	}
	last := time.Now()
	for at < e.Bytes {
		n, err := t.some(ctx, e, f, at)
		if n > 0 {
			at, last = at+n, time.Now()
		}
		switch {
		case at == e.Bytes:
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && !t.passes(err, last):
			return err
		default:
			if err := wait(ctx, t.every); err != nil {
				return err
			}
		}
	}
	return f.Sync()
}

// some brings what one connection gives. Each opens the export anew: an opening
// lasts a while only, and each stands in the customer's journal.
func (t *taking) some(ctx context.Context, e httpapi.Export, f *os.File, at int64) (n int64, err error) {
	var o httpapi.ExportOpening
	if err := t.client.Ask(ctx, http.MethodPost, t.base+"/exports/"+e.ID+"/openings", nil, &o); err != nil {
		return 0, err
	}
	body, whole, err := t.client.From(ctx, o.DownloadURL, at)
	if err != nil {
		return 0, err
	}
	defer body.Close()
	if whole != e.Bytes {
		return 0, fault.New(fault.Conflict, "the server gives %d bytes, and said %d", whole, e.Bytes)
	}
	w := &counted{to: io.NewOffsetWriter(f, at), tell: func(n int64) { t.tell("taken", at+n, e.Bytes) }}
	_, err = io.Copy(w, io.LimitReader(body, e.Bytes-at))
	if w.failed != nil {
		return w.n, fault.Wrap(w.failed, fault.Invalid, "%s cannot be written; what has come is kept", t.part())
	}
	return w.n, fault.Wrap(err, fault.Unavailable, "the answer broke off")
}

// counted tells a disk that does not take what comes from a line that breaks.
type counted struct {
	to     io.Writer
	n      int64
	failed error
	tell   func(n int64)
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.to.Write(p)
	c.n += int64(n)
	c.failed = err
	c.tell(c.n)
	return n, err
}

// checkBundle holds each file of a bundle against its signed manifest.
func checkBundle(ctx context.Context, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	b, err := departure.Open(f, info.Size())
	if err != nil {
		return err
	}
	return b.Check(ctx)
}

// Progress writes a line for each twentieth that was done.
func Progress(w io.Writer) func(what string, done, total int64) {
	said := ""
	return func(what string, done, total int64) {
		if total <= 0 {
			return
		}
		line := fmt.Sprintf("%s: %d %% of %d MB", what, done*20/total*5, total>>20)
		if line != said {
			said = line
			fmt.Fprintln(w, line)
		}
	}
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
