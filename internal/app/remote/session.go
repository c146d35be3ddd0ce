package remote

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"

	"ringfence/internal/base/fault"
)

// Session is a person's sign-in at a command line: the cookies of one server,
// in a file that only its owner may read. They are sent to no other server.
type Session struct {
	path   string
	Server string            `json:"server"`
	Values map[string]string `json:"cookies"`
}

// OpenSession reads the file, or begins a new one.
func OpenSession(path string) (*Session, error) {
	s := &Session{path: path, Values: map[string]string{}}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "--session-file cannot be read")
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fault.New(fault.Invalid, "others may read %s; run: chmod 600 %s", path, path)
	}
	b, err := os.ReadFile(path)
	if err == nil && len(b) > 0 {
		err = json.Unmarshal(b, s)
	}
	if s.Values == nil {
		s.Values = map[string]string{}
	}
	return s, fault.Wrap(err, fault.Invalid, "--session-file %s holds no session; remove it to sign in anew", path)
}

// belongsTo refuses another server than the one that gave the cookies.
func (s *Session) belongsTo(base *url.URL) error {
	origin := base.Scheme + "://" + base.Host
	if s.Server != "" && s.Server != origin {
		return fault.New(fault.Invalid, "--session-file %s belongs to %s, not to %s", s.path, s.Server, origin)
	}
	s.Server = origin
	return nil
}

func (s *Session) show(r *http.Request) {
	for name, v := range s.Values {
		r.AddCookie(&http.Cookie{Name: name, Value: v})
	}
}

// keep takes the cookies of an answer and writes the file if they changed.
func (s *Session) keep(cookies []*http.Cookie) error {
	changed := false
	for _, c := range cookies {
		if c.MaxAge < 0 || c.Value == "" {
			_, had := s.Values[c.Name]
			changed = changed || had
			delete(s.Values, c.Name)
		} else if s.Values[c.Name] != c.Value {
			s.Values[c.Name], changed = c.Value, true
		}
	}
	if !changed {
		return nil
	}
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(s.path), ".session-*") // CreateTemp makes it 0600
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "--session-file %s cannot be written", s.path)
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), s.path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return fault.Wrap(err, fault.Unavailable, "--session-file %s cannot be written", s.path)
}
