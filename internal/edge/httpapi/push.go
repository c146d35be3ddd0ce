package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"ringfence/internal/archive/intake"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/entry"
	"ringfence/internal/tenancy/org"
)

// bringing lets through the token with which files of one source are pushed, and
// nobody else.
func bringing() gate { return gate{kind: brought, act: access.SourcePush} }

// PushedFile is what has come of a file.
type PushedFile struct {
	Name  string `json:"name"`
	Bytes int64  `json:"bytes" doc:"That are here: an upload that was cut goes on from there"`
	Whole bool   `json:"whole" doc:"true: it is durable and will be taken"`
}

// FilePath names a file of a source.
type FilePath struct {
	SourcePath
	Name string `path:"name" maxLength:"1000" doc:"The file's name; folders in it are written with %2F"`
}

// putFileInput is the upload of a file. Its body is not read into memory.
type putFileInput struct {
	FilePath
	Range  string `header:"Content-Range" maxLength:"100" doc:"bytes FIRST-LAST/ALL: goes on with an upload that was cut (RFC 9110 §14.4)"`
	Digest string `header:"Repr-Digest" maxLength:"200" doc:"sha-256=:BASE64: of the whole file (RFC 9530); what differs is not taken"`
	Time   string `header:"Last-Modified" maxLength:"40" doc:"The time that the file had"`
	body   io.Reader
	length int64
	idle   func()
}

// pushIdle is how long a sender may stand still.
const pushIdle = 2 * time.Minute

// Resolve implements huma.Resolver: it takes the body as it comes.
func (in *putFileInput) Resolve(hc huma.Context) []error {
	r, w := humago.Unwrap(hc)
	in.body, in.length = r.Body, r.ContentLength
	control := http.NewResponseController(w)
	in.idle = func() { _ = control.SetReadDeadline(time.Now().Add(pushIdle)) } // a server that cannot is a test's
	return nil
}

func (s *Server) pushRoutes() {
	const base = "/api/v1/customers/{customer}/sources/{source}/files/{name}"
	add(s, route{gate: bringing(), method: put, path: base, id: "putFile", limit: 1, summary: "Push a file, or go on with one: its body is the file. Needs the source's own token"}, s.putFile)
	add(s, route{gate: bringing(), method: get, path: base, id: "getFileState", summary: "How much of a file is here: where an upload that was cut goes on. Needs the source's own token"}, s.getFileState)
}

// enterPush is the gate of these routes. A person, or a machine with another
// sort of token, meets what is not there.
func (s *Server) enterPush(r *http.Request, v *visit) error {
	text, ok := bearer(r)
	if !ok {
		if err := s.signedIn(r, v); err != nil {
			return err
		}
		return errNothing
	}
	p, a, err := s.deps.Drops.ByToken(r.Context(), text)
	if err != nil {
		return err
	}
	c, bad := id.Parse[id.Customer](r.PathValue("customer"))
	src, worse := id.Parse[id.Source](r.PathValue("source"))
	if bad != nil || worse != nil || p.Customer() != c || a.Source != src {
		return errNothing
	}
	v.place, v.thing.Place, v.who = p, c, actor.Actor{Kind: actor.Device, ID: a.Login, From: v.address()}
	v.acts = []access.Act{access.SourcePush}
	var list entry.List
	err = p.View(r.Context(), func(tx *place.Tx) (err error) {
		list, err = entry.ReadList(tx, c)
		return err
	})
	if err == nil {
		err = s.admitted(r.Context(), v, entry.Where{Place: p, Node: c}, list, []entry.Surface{entry.Collectors})
	}
	if err == nil {
		err = org.Open(r.Context(), p)
	}
	if err == nil && s.deps.Taking != nil {
		err = s.deps.Taking(r.Context(), p, src)
	}
	return err
}

func (in FilePath) drop(ctx context.Context, s *Server, v *visit) (*intake.Drop, error) {
	src, err := id.Parse[id.Source](in.Source)
	if err != nil {
		return nil, errNothing
	}
	return s.deps.Drops.Drop(ctx, v.place, src)
}

func (s *Server) getFileState(ctx context.Context, v *visit, in *FilePath) (*body[PushedFile], error) {
	d, err := in.drop(ctx, s, v)
	if err != nil {
		return nil, err
	}
	w, err := d.Look(in.Name)
	if err != nil || w.IsDir() {
		return nil, fault.New(fault.NotFound, "nothing of this name waits: it was never sent, or was taken already")
	}
	return answer(PushedFile{in.Name, w.Size(), !w.Cut}), nil
}

// putFile takes a file, or the rest of one. What was taken is durable when it is
// answered; a connection that is cut leaves what came, to go on from.
func (s *Server) putFile(ctx context.Context, v *visit, in *putFileInput) (*body[PushedFile], error) {
	d, err := in.drop(ctx, s, v)
	if err != nil {
		return nil, err
	}
	first, whole, err := in.span()
	if err != nil {
		return nil, err
	}
	want, err := digest(in.Digest)
	if err != nil {
		return nil, err
	}
	if want != nil {
		if got, size, err := hashed(d, in.Name); err == nil && size == whole && string(got) == string(want) {
			return answer(PushedFile{in.Name, size, true}), nil // it came before
		}
	}
	var w *intake.Writer
	if in.Range == "" {
		w, err = d.Create(in.Name)
	} else {
		w, err = d.Resume(in.Name, first)
	}
	if err != nil {
		return nil, err
	}
	if at, err := http.ParseTime(in.Time); err == nil {
		w.SetTime(at.UTC())
	}
	sum := sha256.New()
	if want != nil && first > 0 {
		if err := d.Brought(in.Name, first, sum); err != nil {
			return nil, errors.Join(err, w.Abort())
		}
	}
	return in.take(d, w, sum, want, whole)
}

// take copies the body and ends the upload as it deserves.
func (in *putFileInput) take(d *intake.Drop, w *intake.Writer, sum interface {
	io.Writer
	Sum([]byte) []byte
}, want []byte, whole int64,
) (*body[PushedFile], error) {
	buf := make([]byte, 64<<10)
	for {
		in.idle()
		n, err := in.body.Read(buf)
		if n > 0 {
			sum.Write(buf[:n])
			if _, werr := w.Write(buf[:n]); werr != nil {
				return nil, errors.Join(werr, w.Abort())
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fault.Wrap(errors.Join(err, w.Cut()), fault.Invalid, "the upload ended before its end; go on from where it is: ask with GET")
		}
	}
	switch {
	case whole >= 0 && w.Size() != whole:
		size := w.Size()
		if err := w.Cut(); err != nil {
			return nil, err
		}
		return nil, fault.New(fault.Conflict, "%d of %d bytes are here; go on from there", size, whole)
	case want != nil && string(sum.Sum(nil)) != string(want):
		if err := w.Abort(); err != nil {
			return nil, err
		}
		return nil, fault.Field("Repr-Digest", "what arrived is not what this digest was made of; send the file again")
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return answer(PushedFile{in.Name, w.Size(), true}), nil
}

// span is where the body begins in the file, and how large the whole is; -1
// where that is not said.
func (in *putFileInput) span() (first, whole int64, err error) {
	if in.Range == "" {
		return 0, in.length, nil
	}
	bad := fault.Field("Content-Range", "want bytes FIRST-LAST/ALL, for example bytes 1048576-2097151/2097152")
	text, ok := strings.CutPrefix(in.Range, "bytes ")
	span, all, ok2 := strings.Cut(text, "/")
	from, to, ok3 := strings.Cut(span, "-")
	first, err1 := strconv.ParseInt(from, 10, 63)
	last, err2 := strconv.ParseInt(to, 10, 63)
	whole, err3 := strconv.ParseInt(all, 10, 63)
	if !ok || !ok2 || !ok3 || errors.Join(err1, err2, err3) != nil || first < 0 || last < first || whole <= last {
		return 0, 0, bad
	}
	if in.length >= 0 && in.length != last-first+1 {
		return 0, 0, fault.Field("Content-Range", "the body has %d bytes; the range names %d", in.length, last-first+1)
	}
	return first, whole, nil
}

// digest reads the one digest that is understood (RFC 9530 §3).
func digest(text string) ([]byte, error) {
	if text == "" {
		return nil, nil
	}
	for _, one := range strings.Split(text, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(one), "=")
		if name != "sha-256" {
			continue
		}
		b, err := base64.StdEncoding.DecodeString(strings.Trim(value, ":"))
		if err == nil && len(b) == sha256.Size {
			return b, nil
		}
	}
	return nil, fault.Field("Repr-Digest", "want sha-256=:BASE64:")
}

// hashed is the digest of a file that waits whole.
func hashed(d *intake.Drop, name string) ([]byte, int64, error) {
	f, err := d.FS().Open(name)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, f)
	return sum.Sum(nil), n, err
}
