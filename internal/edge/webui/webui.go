// Package webui serves the portal: one page, its scripts and its styles, from
// the binary. It knows no session and no customer; what the page shows, it asks
// of the API.
//
// Every path that is no file is the same page, because the portal's router reads
// the address. /api is not the portal's: an unknown path there must stay an error
// that a program can tell from success, so it is refused here too.
package webui

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

// Policy is the Content-Security-Policy of the page. Nothing may be loaded from
// another origin, so a script that an attacker smuggled into a name or a
// transcript has nowhere to come from and nowhere to send to. Styles may be
// inline because the component library sets them so; scripts may not. The page
// cannot be framed: a click on "delete" cannot be stolen.
const Policy = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
	"media-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

const notBuilt = "The portal is not built into this binary: run `make build`.\n"

// Handler serves the portal from files.
type Handler struct {
	files fs.FS
	index []byte // nil: the portal is not built in
	tag   string
}

// New reads the page once; the files of a binary do not change while it runs.
func New(files fs.FS) *Handler {
	h := &Handler{files: files}
	page, err := fs.ReadFile(files, "index.html")
	if err != nil {
		return h
	}
	sum := sha256.Sum256(page)
	h.index, h.tag = page, `"`+hex.EncodeToString(sum[:8])+`"`
	return h
}

// Built says whether there is a portal in this binary.
func (h *Handler) Built() bool { return h.index != nil }

// ServeHTTP answers a file or the page. Only GET and HEAD exist here.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	head.Set("Content-Security-Policy", Policy)
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Referrer-Policy", "no-referrer")
	head.Set("Cross-Origin-Opener-Policy", "same-origin")
	head.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		head.Set("Allow", "GET, HEAD")
		http.Error(w, "only GET here", http.StatusMethodNotAllowed)
		return
	}
	name := strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/")
	switch {
	case name == "api" || strings.HasPrefix(name, "api/"):
		problem(w)
	case strings.HasPrefix(name, "assets/"):
		h.asset(w, r, name)
	case name != "" && name != "index.html" && h.isFile(name):
		head.Set("Cache-Control", "no-cache")
		http.ServeFileFS(w, r, h.files, name)
	default:
		h.page(w, r)
	}
}

// asset serves a file whose name holds a hash of its content, so a browser may
// keep it for ever. A missing one is a 404 and never the page: a script tag that
// got HTML after an upgrade would fail with a riddle instead of a status.
func (h *Handler) asset(w http.ResponseWriter, r *http.Request, name string) {
	if !h.isFile(name) {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	http.ServeFileFS(w, r, h.files, name)
}

// page answers index.html, which names the hashed assets and so must be asked
// for again each time.
func (h *Handler) page(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	if h.index == nil {
		head.Set("Content-Type", "text/plain; charset=utf-8")
		head.Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(notBuilt))
		return
	}
	head.Set("Content-Type", "text/html; charset=utf-8")
	head.Set("Cache-Control", "no-cache")
	head.Set("ETag", h.tag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(h.index))
}

func (h *Handler) isFile(name string) bool {
	if strings.HasPrefix(path.Base(name), ".") {
		return false
	}
	info, err := fs.Stat(h.files, name)
	return err == nil && info.Mode().IsRegular()
}

func problem(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNotFound)
	_, _ = w.Write([]byte(`{"title":"Not Found","status":404,"detail":"there is no such path in the API"}` + "\n"))
}
